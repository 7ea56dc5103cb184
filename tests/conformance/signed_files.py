"""A TUF repository in a dictionary, from URL path to bytes, signed with the openssl program: nothing of Tenon has a
hand in it, so what it says of names, canonical JSON and versions is another's word.
"""
import hashlib
import json
import os
import subprocess
from urllib.parse import quote


def canonical(value):
    """OLPC canonical JSON, for what occurs here: no control characters, no escapes but the two of JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class Key:
    """An Ed25519 key in a file of the folder."""

    def __init__(self, folder, name):
        self.file = os.path.join(folder, name + ".pem")
        self.call("genpkey", "-algorithm", "ed25519", "-out", self.file)
        public = self.call("pkey", "-in", self.file, "-pubout", "-outform", "DER")[-32:]
        self.public = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public.hex()}}
        self.keyid = hashlib.sha256(canonical(self.public)).hexdigest()

    def sign(self, data):
        with open(self.file + ".in", "wb") as file:
            file.write(data)
        signature = self.call("pkeyutl", "-sign", "-rawin", "-inkey", self.file, "-in", self.file + ".in")
        return {"keyid": self.keyid, "sig": signature.hex()}

    @staticmethod
    def call(*words):
        return subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60).stdout


class SignedFiles:
    """All top-level roles with one key each. Change .signed and .signers, then publish(); .files is what is served."""

    ROLES = ("root", "timestamp", "snapshot", "targets")

    def __init__(self, folder, expires="2100-01-01T00:00:00Z"):
        self.folder = folder
        self.expires = expires
        self.files = {}
        self.signers = {role: [Key(folder, role)] for role in self.ROLES}
        self.signed = {role: self.header(role) for role in self.ROLES}
        self.signed["targets"]["targets"] = {}
        self.signed["snapshot"]["meta"] = {}
        self.signed["timestamp"]["meta"] = {}
        self.signed["root"].update(consistent_snapshot=True, keys={}, roles={})
        for role in self.ROLES:
            self.set_keys(role, self.signers[role])
        self.publish(*self.ROLES)

    def header(self, kind):
        return {"_type": kind, "spec_version": "1.0.34", "version": 0, "expires": self.expires}

    def set_keys(self, role, keys):
        """The keys that root lists for a role, and that sign it."""
        self.signers[role] = keys
        self.signed["root"]["keys"].update({key.keyid: key.public for key in keys})
        self.signed["root"]["roles"][role] = {"keyids": [key.keyid for key in keys], "threshold": 1}

    def publish(self, *roles):
        """The next version of these roles, each pinned by the one above it if that is published as well."""
        for role in sorted(roles, key=lambda role: {"snapshot": 1, "timestamp": 2}.get(role, 0)):
            self.publish_as(role, self.signed[role]["version"] + 1)

    def publish_as(self, role, version):
        signed = self.signed[role]
        signed["version"] = version
        data = canonical(signed)
        file = canonical({"signatures": [key.sign(data) for key in self.signers[role]], "signed": signed}) + b"\n"
        name = quote(role, safe="") + ".json"
        self.files["/metadata/" + (name if role == "timestamp" else f"{version}.{name}")] = file
        if role == "snapshot":
            self.signed["timestamp"]["meta"]["snapshot.json"] = {"version": version}
        elif role not in ("root", "timestamp"):
            self.signed["snapshot"]["meta"][role + ".json"] = {"version": version}
        return file

    def delegate(self, role, paths, delegator="targets"):
        """A new role with a key of its own, and nothing in it."""
        key = Key(self.folder, f"delegated-{len(self.signed)}")
        self.signers[role] = [key]
        self.signed[role] = self.header("targets") | {"targets": {}}
        delegations = self.signed[delegator].setdefault("delegations", {"keys": {}, "roles": []})
        delegations["keys"][key.keyid] = key.public
        delegations["roles"].append({"name": role, "keyids": [key.keyid], "threshold": 1, "paths": paths,
                                     "terminating": False})

    def add_target(self, path, content, role="targets", url_path=None):
        """Lists content in a role and serves it, below url_path when that is not the path itself."""
        digest = hashlib.sha256(content).hexdigest()
        self.signed[role]["targets"][path] = {"length": len(content), "hashes": {"sha256": digest}}
        folder, slash, name = (url_path or path).rpartition("/")
        self.files[f"/targets/{folder}{slash}{digest}.{name}"] = content
