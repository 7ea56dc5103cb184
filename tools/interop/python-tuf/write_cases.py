"""write_cases OUT: the repositories of python-tuf that our client must read, a folder each (author.py tells of it)."""
import sys
from pathlib import Path

from author import TOP_LEVEL, Author, ed25519, ml_dsa, old_p256, p256, p384, rsa


def delegations(out):
    repository = Author(out / "delegations", "delegations three deep, one terminating")
    repository.add_target("targets", "top.txt")
    repository.delegate("targets", "one", paths=["one/*", "one/*/*", "one/*/*/*"])
    repository.delegate("one", "two", paths=["one/two/*", "one/two/*/*"])
    repository.delegate("two", "three", paths=["one/two/three/*"], signers=[p256()])
    repository.delegate("targets", "closed", paths=["closed/*"], terminating=True)
    repository.delegate("targets", "behind", paths=["closed/*", "open/*"])
    repository.add_target("one", "one/a.txt")
    repository.add_target("two", "one/two/b.txt")
    repository.add_target("three", "one/two/three/c.txt")
    repository.add_target("closed", "closed/d.txt")
    repository.add_target("behind", "closed/behind.txt")
    repository.add_target("behind", "open/e.txt")
    repository.add_target("three", "one/f.txt")  # its delegation says one/two/three/* only
    repository.step("first", refused=["closed/behind.txt", "one/f.txt", "absent.txt"])


def hash_bins(out):
    repository = Author(out / "hash-bins", "16 bins by path_hash_prefixes, two prefixes each")
    holder = ed25519()
    for bin_number in range(16):
        prefixes = [f"{bin_number:x}{low}" for low in "01234567"] + [f"{bin_number:x}{low}" for low in "89abcdef"]
        repository.delegate("targets", f"bin-{bin_number:x}", signers=[holder], prefixes=prefixes)
    roles = repository.roles["targets"].delegations.roles
    for number in range(40):
        path = f"package/{number}.tar"
        name = next(name for name, role in roles.items() if role.is_delegated_path(path))
        repository.add_target(name, path)
    repository.step("first", [f"package/{number}.tar" for number in range(0, 40, 5)], refused=["package/99.tar"])


def succinct_bins(out):
    for bit_length in (4, 10):
        repository = Author(out / f"succinct-bins-{bit_length}", f"succinct roles (TAP 15), {2 ** bit_length} bins")
        bins = repository.delegate_to_succinct_bins("targets", "bin", bit_length)
        for number in range(40):
            path = f"package/{number}.tar"
            repository.add_target(bins.get_role_for_target(path), path)
        repository.step("first", [f"package/{number}.tar" for number in range(0, 40, 5)], refused=["package/99.tar"])


def key_kinds(out):
    kinds = {"ed25519": ed25519, "rsa-pss": rsa, "ecdsa-p256": p256, "ecdsa-p384": p384, "ecdsa-old-keytype": old_p256}
    for name, make in kinds.items():
        repository = Author(out / name, f"{name} keys in all roles", make)
        repository.add_target("targets", "top.txt")
        repository.delegate("targets", "deep", signers=[make()], paths=["deep/*"])
        repository.add_target("deep", "deep/a.txt")
        repository.step("first")


def unknown_keys(out):
    repository = Author(out / "ml-dsa", "ML-DSA keys beside others that meet the threshold")
    strangers = {role: [*repository.signers[role], ml_dsa()] for role in TOP_LEVEL}
    repository.set_keys(strangers)
    repository.add_target("targets", "top.txt")
    repository.delegate("targets", "deep", signers=[ml_dsa(), ed25519()], paths=["deep/*"])
    repository.add_target("deep", "deep/a.txt")
    repository.step("first")


def thresholds(out):
    repository = Author(out / "thresholds", "two of three keys, of three kinds, in all roles")
    repository.set_keys({role: [rsa(), p256()] for role in TOP_LEVEL}, threshold=2, unused=[ed25519()])
    repository.add_target("targets", "top.txt")
    repository.delegate("targets", "deep", signers=[p384(), ed25519()], threshold=2, paths=["deep/*"])
    repository.add_target("deep", "deep/a.txt")
    repository.step("first")

    repository = Author(out / "threshold-missed", "a delegated role and then the timestamp signed by one key of two")
    repository.add_target("targets", "top.txt")
    repository.delegate("targets", "deep", signers=[ed25519(), ed25519()], threshold=2, paths=["deep/*"])
    repository.add_target("deep", "deep/a.txt")
    repository.signers["deep"].pop()
    repository.step("first", refused=["deep/a.txt"])
    repository.set_keys({role: [ed25519(), ed25519()] for role in TOP_LEVEL}, threshold=2)
    repository.signers["timestamp"].pop()
    repository.refuse_step("second")


def rotations(out):
    repository = Author(out / "root-rotated", "a root that was rotated three times, met at version 1")
    repository.add_target("targets", "top.txt")
    for make in (p256, rsa, ed25519):
        repository.set_keys({"root": [make(), make()]}, threshold=1)
    repository.step("first")

    repository = Author(out / "keys-rotated", "all keys rotated between two visits of one client")
    repository.add_target("targets", "top.txt")
    repository.delegate("targets", "deep", paths=["deep/*"])
    repository.add_target("deep", "deep/a.txt")
    repository.step("first")
    repository.set_keys({role: [p256()] for role in TOP_LEVEL})
    repository.delegate("targets", "deep", signers=[p256()], paths=["deep/*"])
    repository.add_target("deep", "deep/b.txt")
    repository.step("second")
    repository.set_keys({"snapshot": [ed25519()], "timestamp": [ed25519()]})
    repository.snapshot.version = repository.timestamp.version = 0  # fast-forward recovery: new keys, versions from 1
    repository.step("third")


def formats(out):
    repository = Author(out / "no-pins", "a snapshot that lists versions only", pins=False)
    repository.add_target("targets", "top.txt")
    repository.step("first")
    repository.add_target("targets", "next.txt")
    repository.step("second")

    repository = Author(out / "inconsistent", "no consistent snapshots", consistent_snapshot=False)
    repository.add_target("targets", "folder/top.txt")
    repository.delegate("targets", "deep", paths=["deep/*"])
    repository.add_target("deep", "deep/a.txt")
    repository.step("first")

    repository = Author(out / "sha512", "targets listed by sha512 alone", algorithms=["sha512"])
    repository.add_target("targets", "top.txt")
    repository.step("first")

    repository = Author(out / "names", "role names with a space and letters beyond ASCII")
    for name in ("team one", "équipe"):
        repository.delegate("targets", name, paths=[f"{len(name)}/*"])
        repository.add_target(name, f"{len(name)}/a.txt")
    repository.step("first")


def main():
    out = Path(sys.argv[1])
    for write in (delegations, hash_bins, succinct_bins, key_kinds, unknown_keys, thresholds, rotations, formats):
        write(out)


if __name__ == "__main__":
    main()
