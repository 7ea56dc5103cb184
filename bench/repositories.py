"""repositories: what the benchmark's clients read. Written once, kept in the cache: JSON made here, signed by openssl.

plain       four roles, Ed25519, one target of 10 MiB
bins-pins   16,384 succinct bins (TAP 15) of 139 targets, length and sha256 of each in the snapshot
bins        the same, versions alone
flat-N      one targets file that lists N targets
"""
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

SPECIFICATION = "1.0.31"
EXPIRES = "2099-01-01T00:00:00Z"
BIG = 10 << 20
BINS, BIT_LENGTH, TARGETS_PER_BIN = 16_384, 14, 139
FLAT = (1, 10_000, 100_000, 1_000_000)
READ = "package/0000000.tar"  # what is read of repositories that list many
CONTENT = b"what one package holds\n"


def canonical(value):
    """Canonical for what is here: no control character and no backslash in any string."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Key:
    def __init__(self, folder):
        self.file = folder / "key.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.file], check=True)
        public = subprocess.run(["openssl", "pkey", "-in", self.file, "-pubout", "-outform", "DER"],
                                check=True, capture_output=True)
        self.json = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public.stdout[-32:].hex()}}
        self.keyid = sha256(canonical(self.json))

    def sign(self, signed):
        """The bytes of a file with one signature."""
        message = self.file.with_name("message")
        data = canonical(signed)
        message.write_bytes(data)
        signature = subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-in", message, "-inkey", self.file],
                                   check=True, capture_output=True).stdout.hex()
        message.unlink()
        return b'{"signatures":%s,"signed":%s}' % (canonical([{"keyid": self.keyid, "sig": signature}]), data)


class Folder:
    """A repository that is being written: one key a role."""

    def __init__(self, folder, work):
        self.folder = folder
        (folder / "metadata").mkdir(parents=True)
        self.keys = {}
        for role in ("root", "targets", "snapshot", "timestamp", "bin"):
            (work / role).mkdir(parents=True, exist_ok=True)
            self.keys[role] = Key(work / role)

    def _write(self, name, kind, role, content):
        header = {"_type": kind, "spec_version": SPECIFICATION, "version": 1, "expires": EXPIRES}
        data = self.keys[role].sign(header | content)
        (self.folder / "metadata" / name).write_bytes(data)
        return data

    def add_content(self, path, content):
        file = self.folder / "targets" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.with_name(f"{sha256(content)}.{file.name}").write_bytes(content)

    def write_targets(self, content, role="targets", key="targets"):
        return self._write(f"1.{role}.json", "targets", key, {"targets": {}} | content)

    def finish(self, meta):
        """Writes snapshot, timestamp and root; meta is that of the snapshot."""
        roles = ("root", "targets", "snapshot", "timestamp")
        snapshot = self._write("1.snapshot.json", "snapshot", "snapshot", {"meta": meta})
        self._write("timestamp.json", "timestamp", "timestamp", {"meta": {"snapshot.json": pin(snapshot)}})
        self._write("1.root.json", "root", "root", {
            "consistent_snapshot": True, "keys": {self.keys[role].keyid: self.keys[role].json for role in roles},
            "roles": {role: {"keyids": [self.keys[role].keyid], "threshold": 1} for role in roles}})


def pin(data):
    return {"version": 1, "length": len(data), "hashes": {"sha256": sha256(data)}}


def entry(content):
    return {"length": len(content), "hashes": {"sha256": sha256(content)}}


def write_plain(repository):
    content = os.urandom(BIG)
    repository.add_content("firmware.img", content)
    targets = repository.write_targets({"targets": {"firmware.img": entry(content)}})
    repository.finish({"targets.json": pin(targets)})


def write_flat(count):
    def write(repository):
        repository.add_content(READ, CONTENT)
        listed = {f"package/{number:07}.tar": entry(b"%d" % number) for number in range(count)}
        targets = repository.write_targets({"targets": listed | {READ: entry(CONTENT)}})
        repository.finish({"targets.json": pin(targets)})
    return write


def write_bins(pins):
    """Only the bin that is read is written: nobody asks for the others, and the snapshot is as large as with them."""
    def write(repository):
        key = repository.keys["bin"]
        number = int.from_bytes(hashlib.sha256(READ.encode()).digest()[:4], "big") >> (32 - BIT_LENGTH)
        name = f"bin-{number:04x}"
        repository.add_content(READ, CONTENT)
        listed = {f"package/other-{number}.tar": entry(b"%d" % number) for number in range(TARGETS_PER_BIN - 1)}
        data = repository.write_targets({"targets": listed | {READ: entry(CONTENT)}}, name, "bin")
        targets = repository.write_targets({"delegations": {"keys": {key.keyid: key.json}, "succinct_roles": {
            "keyids": [key.keyid], "threshold": 1, "bit_length": BIT_LENGTH, "name_prefix": "bin"}}})
        meta = {f"bin-{number:04x}.json": pin(b"%d" % number) | {"length": len(data)} for number in range(BINS)}
        meta[f"{name}.json"] = pin(data)
        if not pins:
            meta = {file: {"version": 1} for file in meta}
        repository.finish(meta | {"targets.json": pin(targets)})
    return write


WRITERS = {"plain": write_plain, "bins-pins": write_bins(True), "bins": write_bins(False)} | {
    f"flat-{count}": write_flat(count) for count in FLAT}


def prepare(cache):
    """The folder with all repositories, written now unless this version of this file has done so."""
    digest = sha256(Path(__file__).read_bytes())[:12]
    folder = cache / f"repositories-{digest}"
    if not folder.exists():
        new = cache / f"new-{os.getpid()}"
        for name, write in WRITERS.items():
            write(Folder(new / name, new / "keys" / name))
        shutil.rmtree(new / "keys")
        new.rename(folder)
    return folder
