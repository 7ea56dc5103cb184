"""tenon_repository: repositories made with tenon-keyctl and tenon-repo, as users make them.

TenonRepository has three stages. Stage first: one release. Stage second: one more, and the channel points to it. Stage rotated: root 2 lists a new key in
place of one of each role's, and targets, snapshot and timestamp are signed anew.
Root 2 is written here and signed with openssl, as others would make one.
TenonTeams has files that are no release: of a team below a team, and in bins.
"""
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/support"))
from lab_root import sign_root

RELEASES = "demo/releases"
STAGES = ("first", "second", "rotated")


def canonical(value):
    """OLPC canonical JSON of what a root holds: strings, integers, booleans, lists and objects."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{canonical(name)}:{canonical(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return json.dumps(value)


def change_a_byte(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


class TenonRepository:
    """The repository, made in a working folder."""

    def __init__(self, programs, work):
        self._begin(programs, work)
        self._release("1.0.0", 1, ["tara", "tom", "rita", "rob", "ci", "online"], "first")
        self._release("1.1.0", 2, ["rita", "rob", "ci", "online"], "second")
        self._rotate()

    def _begin(self, programs, work):
        self.programs, self.work = Path(programs), Path(work)
        (self.work / "keys").mkdir(parents=True)
        self.secret = self.work / "passphrase"
        self.secret.write_text("interop only: a real passphrase is typed, or generated\n")
        self.secret.chmod(0o600)
        self._make_first_root()
        self._tool("tenon-repo", "init", "repo", "--lab", "--root", "1.root.json", "--product", "demo", "--releases-key",
                   "keys/rita.tenon-key", "--releases-key", "keys/rob.tenon-key", "--releases-threshold", "2",
                   "--rollout-key", "keys/ci.tenon-key")

    def write_cases(self, out):
        """Cases as python-tuf/author.py tells: the life of one client, one that comes late, and a mirror that lies."""
        absent = {"demo/releases/9.9.9/release.json": None, "elsewhere.txt": None}
        steps = {stage: {"folder": stage, "targets": self._targets(stage) | absent} for stage in STAGES}
        self._write_case(out / "life", "a release, the next one, then keys and root rotated", list(steps.values()))
        self._write_case(out / "late", "met at root 1 when root 2 is current", [steps["rotated"]])
        liar = self._write_case(out / "liar", "a mirror that changes bytes", [steps["first"]], STAGES[:2])
        payload = next((liar / "first/targets/demo/releases/1.0.0").glob("*.zst"))
        change_a_byte(payload)
        steps["first"]["targets"]["demo/releases/1.0.0/rootfs.full.zst"] = None
        change_a_byte(liar / "second/metadata/2.snapshot.json")
        second = {"folder": "second", "targets": {}, "refused": True}
        self._note(liar, "a mirror that changes bytes", [steps["first"], second])

    def _write_case(self, folder, title, steps, stages=STAGES):
        folder.mkdir(parents=True)
        shutil.copyfile(self.work / "1.root.json", folder / "root.json")
        for stage in stages:
            shutil.copytree(self._public(stage), folder / stage)
        self._note(folder, title, steps)
        return folder

    @staticmethod
    def _note(folder, title, steps, needs=()):
        (folder / "case.json").write_text(json.dumps({"title": title, "steps": steps, "needs": list(needs)}))

    def _public(self, stage):
        """What a web server would show at a stage."""
        return self.work / "stages" / stage

    def _targets(self, stage):
        """Target path to sha256: the newest release and the channel at a stage. Files are named HASH.NAME."""
        public = self._public(stage) / "targets"
        release = public / RELEASES / ("1.0.0" if stage == "first" else "1.1.0")
        channel = max((public / "demo/channels").iterdir(), key=lambda file: json.loads(file.read_bytes())["serial"])
        files = {file: file.name.split(".", 1) for file in [*release.iterdir(), channel]}
        return {str(file.relative_to(public).with_name(name)): digest for file, (digest, name) in files.items()}

    def _run(self, *words):
        result = subprocess.run([str(word) for word in words], capture_output=True, cwd=self.work,
                                stdin=subprocess.DEVNULL)
        if result.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, words))} ended with {result.returncode}: {result.stderr.decode()}")
        return result.stdout

    def _tool(self, program, *words):
        return self._run(self.programs / program, *words)

    def _make_key(self, name, kind="ed25519"):
        self._tool("tenon-keyctl", "key", "generate", "--name", name, "--type", kind, "--out", "keys",
                   "--passphrase-from", f"file:{self.secret}")

    def _make_first_root(self):
        for name in ("alice", "carol", "tara", "tom", "rita", "ci", "online"):
            self._make_key(name)
        for name in ("bob", "rob"):
            self._make_key(name, "ecdsa-p256")
        draft = ["tenon-keyctl", "root", "init", "-o", "1.root.draft", "--expires-in", "365d", "--root-threshold", "2",
                 "--targets-threshold", "2"]
        for role, names in [("root", ["alice", "bob", "carol"]), ("targets", ["tara", "tom"]), ("snapshot", ["online"]),
                            ("timestamp", ["online"])]:
            for name in names:
                draft += [f"--{role}", f"keys/{name}.tenon-key"]
        self._tool(*draft)
        sign_root(lambda *words: self._tool("tenon-keyctl", "--home", "home", *words), self.work,
                  [self.work / f"keys/{name}.pem" for name in ("alice", "bob")], "--passphrase-from",
                  f"file:{self.secret}")

    def _sign_and_publish(self, names, stage):
        keys = [word for name in names for word in ("--key", f"keys/{name}.pem")]
        self._tool("tenon-repo", "sign", "repo", *keys, "--passphrase-from", f"file:{self.secret}")
        self._tool("tenon-repo", "publish", "repo")
        self._tool("tenon-repo", "verify", "repo", "--as-client", "--root", "1.root.json")
        shutil.copytree(self.work / "repo/public", self._public(stage))

    def _release(self, version, sequence, signers, stage):
        image = self.work / f"{version}.img"
        image.write_bytes(os.urandom(1 << 20) + bytes(1 << 20) + version.encode())
        self._tool("tenon-repo", "release", "add", "repo", "--product", "demo", "--version", version,
                   "--sequence", sequence, "--hardware", "demo-board", "--image", f"rootfs={image}")
        self._tool("tenon-repo", "channel", "set", "repo", "--product", "demo", "--channel", "stable",
                   "--release", version)
        self._sign_and_publish(signers, stage)

    def _public_key(self, name):
        key = json.loads((self.work / f"keys/{name}.tenon-key").read_text())
        return key["keyid"], key["key"]

    def _signature(self, name, message):
        """What the holder of a key would sign with: openssl, the encrypted key file and its passphrase."""
        file = self.work / "message"
        file.write_bytes(message)
        key = ["-inkey", f"keys/{name}.pem", "-passin", f"file:{self.secret}"]
        digest = [] if self._public_key(name)[1]["keytype"] == "ed25519" else ["-digest", "sha256"]
        return self._run("openssl", "pkeyutl", "-sign", "-rawin", "-in", file, *key, *digest).hex()

    def _rotate(self):
        """Root 2: new keys in place of three; signed by two keys that both roots list."""
        signed = json.loads((self.work / "1.root.json").read_text())["signed"]
        signed["version"] = 2
        for out, into in (("carol", "dave"), ("tom", "ted"), ("online", "online2")):
            self._make_key(into)
            (old, _), (new, key) = self._public_key(out), self._public_key(into)
            del signed["keys"][old]
            signed["keys"][new] = key
            for role in signed["roles"].values():
                role["keyids"] = [new if keyid == old else keyid for keyid in role["keyids"]]
        message = canonical(signed).encode()
        signatures = [{"keyid": self._public_key(name)[0], "sig": self._signature(name, message)}
                      for name in ("alice", "bob")]
        (self.work / "2.root.json").write_text(json.dumps({"signatures": signatures, "signed": signed}))
        self._tool("tenon-repo", "root", "add", "repo", "--root", "2.root.json")
        self._tool("tenon-repo", "renew", "repo", "--role", "targets")
        self._sign_and_publish(["tara", "ted", "online2"], "rotated")


class TenonTeams(TenonRepository):
    """A team below a team, and packages in bins: succinct ones (TAP 15), or listed with their prefixes of digests."""
    PACKAGES, BINS, CHANGED = 40, 16, 7

    def __init__(self, programs, work, listed):
        self._begin(programs, work)
        self.listed = listed
        self._delegate("apps", ["apps/*", "apps/audio/*"], ["rita", "rob"], 2)
        self._delegate("apps.audio", ["apps/audio/*"], ["ci"], 1, "--by", "apps")
        self._delegate("packages", ["package/*"], ["ci"], 1)
        self._tool("tenon-repo", "delegation", "bins", "repo", "--role", "packages", "--count", self.BINS, "--key-file",
                   "keys/online.tenon-key", *(["--listed"] if listed else []))
        self.content = {"apps/editor": b"an editor", "apps/audio/mixer": b"a mixer"}
        self.content |= {f"package/{number}.tar": str(number).encode() for number in range(self.PACKAGES)}
        self._add({"apps": "apps/editor", "apps.audio": "apps/audio/mixer"})
        self._publish_packages(["tara", "tom", "rita", "rob", "ci", "online"], "first")
        first = dict(self.content)
        self.content[f"package/{self.CHANGED}.tar"] = b"changed"
        self._publish_packages(["online"], "second")
        self.steps = {"first": first, "second": self.content}

    def write_cases(self, out):
        absent = {"package/none.tar": None, "apps/audio/none": None}
        steps = [{"folder": stage,
                  "targets": {path: hashlib.sha256(data).hexdigest() for path, data in content.items()} | absent}
                 for stage, content in self.steps.items()]
        name, title = ("listed-bins", "bins listed with prefixes") if self.listed else ("succinct-bins", "succinct bins")
        folder = self._write_case(out / name, title, steps, list(self.steps))
        self._note(folder, f"teams, and {title}", steps, ["path_hash_prefixes" if self.listed else "TAP 15"])

    def _delegate(self, role, paths, holders, threshold, *more):
        words = [word for path in paths for word in ("--path", path)]
        words += [word for name in holders for word in ("--key-file", f"keys/{name}.tenon-key")]
        self._tool("tenon-repo", "delegation", "add", "repo", "--role", role, *words, "--threshold", threshold, *more)

    def _add(self, roles):
        for role, path in roles.items():
            file = self.work / "files" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(self.content[path])
            self._tool("tenon-repo", "target", "add", "repo", "--role", role, "--from", file, "--prefix",
                       path[:path.rindex("/") + 1])

    def _publish_packages(self, signers, stage):
        folder = self.work / "files/package"
        folder.mkdir(parents=True, exist_ok=True)
        for path, data in self.content.items():
            if path.startswith("package/"):
                (self.work / "files" / path).write_bytes(data)
        self._tool("tenon-repo", "target", "add", "repo", "--role", "packages", "--from", folder, "--prefix", "package/")
        self._sign_and_publish(signers, stage)
