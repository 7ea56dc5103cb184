"""python_tuf_writer: what bench/repo has python-tuf do, with the library's own ways of writing metadata.

  python_tuf_writer.py first FOLDER MANIFEST BITS    a repository with the targets of the manifest in 2^BITS succinct bins
  python_tuf_writer.py change FOLDER MANIFEST BITS   one more publication of it, in which the manifest's targets changed

A key is made for the first and kept beside the metadata, as the second needs it.
"""
import sys
from datetime import datetime, timezone
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (Delegations, Metadata, MetaFile, Root, Snapshot, SuccinctRoles, TargetFile, Targets,
                              Timestamp)
from tuf.api.serialization.json import JSONSerializer

EXPIRES = datetime(2099, 1, 1, tzinfo=timezone.utc)
COMPACT = JSONSerializer(compact=True)


def targets_of(manifest):
    with open(manifest) as lines:
        for line in lines:
            digest, length, path = line.rstrip("\n").split(" ", 2)
            yield path, TargetFile(int(length), {"sha256": digest}, path)


def sign_and_write(metadata, signer, file):
    """Gives what a snapshot says of the file."""
    metadata.sign(signer)
    data = metadata.to_bytes(COMPACT)
    file.write_bytes(data)
    return MetaFile(metadata.signed.version, len(data), {"sha256": MetaFile.from_data(1, data, ["sha256"]).hashes["sha256"]})


def finish(folder, signer, snapshot, timestamp):
    pin = sign_and_write(Metadata(snapshot), signer, folder / f"{snapshot.version}.snapshot.json")
    timestamp.snapshot_meta = pin
    sign_and_write(Metadata(timestamp), signer, folder / "timestamp.json")


def first(folder, manifest, bits):
    folder.mkdir(parents=True)
    key = Ed25519PrivateKey.generate()
    (folder / "key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    signer = CryptoSigner(key)
    root = Root(expires=EXPIRES, consistent_snapshot=True)
    for role in ("root", "targets", "snapshot", "timestamp"):
        root.add_key(signer.public_key, role)
    sign_and_write(Metadata(root), signer, folder / "1.root.json")
    bins = SuccinctRoles([], 1, bits, "apps")
    top = Targets(expires=EXPIRES)
    top.delegations = Delegations({}, succinct_roles=bins)
    top.add_key(signer.public_key)
    lists = {name: {} for name in bins.get_roles()}
    for path, target in targets_of(manifest):
        lists[bins.get_role_for_target(path)][path] = target
    snapshot = Snapshot(expires=EXPIRES)
    for name, listed in lists.items():
        one = Metadata(Targets(expires=EXPIRES, targets=listed))
        snapshot.meta[f"{name}.json"] = sign_and_write(one, signer, folder / f"1.{name}.json")
    snapshot.meta["targets.json"] = sign_and_write(Metadata(top), signer, folder / "1.targets.json")
    finish(folder, signer, snapshot, Timestamp(expires=EXPIRES))


def change(folder, manifest, _):
    key = load_pem_private_key((folder / "key").read_bytes(), None)
    signer = CryptoSigner(key)
    timestamp = Metadata[Timestamp].from_file(str(folder / "timestamp.json")).signed
    version = timestamp.snapshot_meta.version
    snapshot = Metadata[Snapshot].from_file(str(folder / f"{version}.snapshot.json")).signed
    top = Metadata[Targets].from_file(str(folder / f"{snapshot.meta['targets.json'].version}.targets.json")).signed
    bins = top.delegations.succinct_roles
    for path, target in targets_of(manifest):
        name = bins.get_role_for_target(path)
        old = snapshot.meta[f"{name}.json"].version
        role = Metadata[Targets].from_file(str(folder / f"{old}.{name}.json"))
        role.signed.targets[path] = target
        role.signed.version += 1
        snapshot.meta[f"{name}.json"] = sign_and_write(role, signer, folder / f"{old + 1}.{name}.json")
    snapshot.version += 1
    timestamp.version += 1
    finish(folder, signer, snapshot, timestamp)


if __name__ == "__main__":
    {"first": first, "change": change}[sys.argv[1]](Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
