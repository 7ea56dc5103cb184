"""author: TUF repositories written with python-tuf's metadata classes, in steps, as a web server would show each.

A written case is a folder: root.json (what a client is made with), case.json (what it must read at each step) and one
folder for each step with metadata/ and targets/.
"""
import hashlib
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.metadata import (DelegatedRole, Delegations, MetaFile, Metadata, Root, Snapshot, SuccinctRoles, TargetFile,
                              Targets, Timestamp)

EXPIRES = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=365)
TOP_LEVEL = ("root", "targets", "snapshot", "timestamp")


def ed25519():
    return CryptoSigner.generate_ed25519()


def rsa():
    return CryptoSigner.generate_rsa()


def p256():
    return CryptoSigner.generate_ecdsa()


def p384():
    return CryptoSigner.generate_ecdsa(scheme="ecdsa-sha2-nistp384")


def old_p256():
    """P-256 under the keytype that repositories had before specification 1.0.20: the scheme's name."""
    signer = p256()
    key = signer.public_key
    spelled = SSlibKey("", key.scheme, key.scheme, key.keyval)
    private = signer._private_key
    keyid = hashlib.sha256(json.dumps(spelled.to_dict(), sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return CryptoSigner(private, SSlibKey(keyid, key.scheme, key.scheme, key.keyval))


def ml_dsa():
    return CryptoSigner.generate_mldsa()


class Author:
    """One repository. Change it, then call step(): all that is new is signed and written to that step's folder."""

    def __init__(self, folder, title, make=ed25519, *, consistent_snapshot=True, pins=True, algorithms=("sha256",)):
        self.folder, self.title, self.pins, self.algorithms = Path(folder), title, pins, list(algorithms)
        self.folder.mkdir(parents=True)
        self.signers = {role: [make()] for role in TOP_LEVEL}
        self.root = Root(consistent_snapshot=consistent_snapshot, expires=EXPIRES)
        self.roles = {"targets": Targets(expires=EXPIRES)}
        self.bins = {}
        self.snapshot = Snapshot(expires=EXPIRES)
        self.timestamp = Timestamp(expires=EXPIRES)
        self.root.version = self.snapshot.version = self.timestamp.version = 0  # each is raised before it is written
        self.files, self.contents, self.steps = {}, {}, []
        self.changed = {"targets"}
        self.set_keys({})

    def set_keys(self, signers, threshold=1, unused=()):
        """Lists these signers' keys in root in place of those that were there; `unused` are listed beside them."""
        before = dict(self.signers)
        self.signers |= signers
        for role in TOP_LEVEL:
            names = [signer.public_key for signer in [*self.signers[role], *unused]]
            for keyid in list(self.root.roles[role].keyids):
                self.root.revoke_key(keyid, role)
            for key in names:
                self.root.add_key(key, role)
            self.root.roles[role].threshold = threshold
            if role == "targets" and "targets" in signers:
                self.changed.add("targets")
        self.write_root(before["root"] if self.root.version else [])

    def write_root(self, signers_before=()):
        self.root.version += 1
        signers = {signer.public_key.keyid: signer for signer in [*signers_before, *self.signers["root"]]}
        data = self._signed(self.root, signers.values())
        self.files[f"{self.root.version}.root.json"] = data
        if self.root.version == 1:
            (self.folder / "root.json").write_bytes(data)

    def add_target(self, role, path, content=None):
        content = content or f"{self.title}: {path}\n".encode()
        self.roles[role].targets[path] = TargetFile.from_data(path, content, self.algorithms)
        self.contents[path] = content
        self.changed.add(role)

    def delegate(self, parent, name, *, signers=None, threshold=1, terminating=False, paths=None, prefixes=None):
        """A role below a parent that is signed by these signers, or by a new Ed25519 key."""
        self.signers[name] = signers or [ed25519()]
        keys = {signer.public_key.keyid: signer.public_key for signer in self.signers[name]}
        delegations = self.roles[parent].delegations or Delegations({}, {})
        delegations.keys |= keys
        delegations.roles[name] = DelegatedRole(name, list(keys), threshold, terminating, paths, prefixes)
        self.roles[parent].delegations = delegations
        self.roles.setdefault(name, Targets(expires=EXPIRES))
        self.changed |= {parent, name}

    def delegate_to_succinct_bins(self, parent, prefix, bit_length):
        signer = ed25519()
        key = signer.public_key
        bins = SuccinctRoles([key.keyid], 1, bit_length, prefix)
        self.roles[parent].delegations = Delegations({key.keyid: key}, succinct_roles=bins)
        for name in bins.get_roles():
            self.signers[name], self.roles[name] = [signer], Targets(expires=EXPIRES)
            self.changed.add(name)
        self.changed.add(parent)
        return bins

    def step(self, name, wanted=None, *, refused=()):
        """wanted: target paths that a client must read, all by default; refused: those that it must not find."""
        for role in sorted(self.changed):
            self.roles[role].version += 1 if f"{role}.json" in self.snapshot.meta and self.steps else 0
            data = self._signed(self.roles[role], self.signers[role])
            self._keep(role, self.roles[role].version, data)
            self.snapshot.meta[f"{role}.json"] = self._pin(self.roles[role].version, data)
        self.changed = set()
        self.snapshot.version += 1
        data = self._signed(self.snapshot, self.signers["snapshot"])
        self._keep("snapshot", self.snapshot.version, data)
        self.timestamp.version += 1
        self.timestamp.snapshot_meta = self._pin(self.snapshot.version, data)
        self.files["timestamp.json"] = self._signed(self.timestamp, self.signers["timestamp"])
        self._write(name)
        paths = wanted if wanted is not None else sorted(set(self.contents) - set(refused))
        targets = {path: hashlib.sha256(self.contents[path]).hexdigest() for path in paths} | dict.fromkeys(refused)
        self.steps.append({"folder": name, "targets": targets})
        (self.folder / "case.json").write_text(json.dumps({"title": self.title, "steps": self.steps}))

    def refuse_step(self, name):
        """The last step is one that a client must refuse as a whole."""
        self.step(name, [])
        self.steps[-1]["refused"] = True
        (self.folder / "case.json").write_text(json.dumps({"title": self.title, "steps": self.steps}))

    @staticmethod
    def _signed(signed, signers):
        metadata = Metadata(signed)
        for signer in signers:
            metadata.sign(signer, append=True)
        return metadata.to_bytes()

    def _pin(self, version, data):
        return MetaFile.from_data(version, data, ["sha256"]) if self.pins else MetaFile(version)

    def _keep(self, role, version, data):
        self.files[f"{version}.{role}.json" if self.root.consistent_snapshot else f"{role}.json"] = data

    def _write(self, name):
        metadata, targets = self.folder / name / "metadata", self.folder / name / "targets"
        metadata.mkdir(parents=True)
        for file, data in self.files.items():
            (metadata / file).write_bytes(data)
        for path, content in self.contents.items():
            target = TargetFile.from_data(path, content, self.algorithms)
            for written in target.get_prefixed_paths() if self.root.consistent_snapshot else [path]:
                (targets / written).parent.mkdir(parents=True, exist_ok=True)
                (targets / written).write_bytes(content)
