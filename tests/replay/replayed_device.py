"""replayed_device: a device made of files, whose power can be cut anywhere: real tenond, real libubootenv, a model of
the boot script (tests/support/boot_step.py), and a repository that publishes one release after the other.

TENON_BIN_DIR names the folder of the programs, TENON_RECORD_CALLS the library that records.
"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "client"), str(TESTS / "support")]
import boot_step
import device_cli_test
from disk import Call, Clean, Disk, read_folder, read_trace
from install_cut_test import Parts

BIN = device_cli_test.BIN
RECORD_CALLS = os.environ.get("TENON_RECORD_CALLS", "")
SEGMENT, BLOCK = 64 << 10, 4096
SLOT_BYTES = 5 * SEGMENT
KEPT = ["data", "slot-A.ext4", "slot-B.ext4", "uboot.env"]
ENVIRONMENT = "uboot.env"
MARK_BAD = "mark-bad"
REBOOT, SETTLED = 0, 3  # what tenond --once ends with
MOST_BOOTS = 12
TRIES = 3
CYCLES = 3  # of a daemon that fails: it asks again after its interval

# What the repository offers, one publication after the other: channel -> release.
PUBLICATIONS = {
    "first": {"stable": "1.1.0"},
    "next": {"stable": "1.2.0", "delta": "1.2.1", "local": "1.2.2", "recalled": "1.2.0"},
    "later": {"stable": "1.3.0", "recalled": "1.1.0"},
    "last": {"stable": "1.4.0", "delta": "1.4.0", "local": "1.4.0", "recalled": "1.4.0"},
}
LAST = "1.4.0"
NO_DELTAS = ["--delta-budget", "0"]
PAYLOADS = {"1.2.1": ["--base", "rootfs=1.1.0.img"], "1.2.2": ["--local", *NO_DELTAS]}


def image_of(version, base=None):
    """Four segments and a short one. Without a base they do not compress; else the second is zeros, the third that of
    the base, and between zeros, so that it is a group of blocks that devices have; the fourth has moved."""
    image = bytearray(random.Random(version).randbytes(4 * SEGMENT + 777))
    if base:
        image[SEGMENT:2 * SEGMENT] = bytes(SEGMENT)
        image[2 * SEGMENT:3 * SEGMENT] = base[2 * SEGMENT:3 * SEGMENT]
        image[3 * SEGMENT:3 * SEGMENT + BLOCK] = bytes(BLOCK)
        image[3 * SEGMENT + BLOCK + 5:4 * SEGMENT] = base[3 * SEGMENT + BLOCK:4 * SEGMENT - 5]
    return bytes(image)


@dataclass(frozen=True)
class Scene:
    """What is around a device while it makes its calls: what is served, and what the system knows of its boot."""

    publication: str
    boot: tuple  # (name, content) of the files in run/


@dataclass
class Life:
    """A recorded part of a device's life, and what a cut in it may meet."""

    name: str
    channel: str = "stable"
    unhealthy: frozenset = frozenset()  # releases whose health check fails
    left: str = ""  # a release that is confirmed, and marked bad then: what it raised stays
    running_before: str = ""
    before: dict = field(default_factory=dict)  # the state it begins with
    after: dict = field(default_factory=dict)
    calls: list = field(default_factory=list)
    scenes: list = field(default_factory=list)  # the one of each call
    notes: list = field(default_factory=list)  # what tenond said

    def newest(self, publication):
        return PUBLICATIONS[publication][self.channel]

    def may_start(self):
        """The releases that may be started: the one that ran before, and those of the channel."""
        return {self.running_before, *(channels.get(self.channel) for channels in PUBLICATIONS.values())}


class Server(Parts):
    disable_nagle_algorithm = True  # or each answer waits for an acknowledgement between its header and its body


class Unverified(Exception):
    """The boot script chose a group that does not hold what may be started, whole."""


class ReplayedDevice:
    """Use it in a with statement. Thread: one."""

    def __init__(self):
        self.tenond_program = BIN / "tenond"
        self.runs = 0

    def __enter__(self):
        if os.access("/dev/shm", os.W_OK):
            tempfile.tempdir = "/dev/shm"
        self.device = device_cli_test.DeviceTest("tenon")
        self.device.setUp()
        self.folder = self.device.folder
        self.run_folder = self.folder / "run"
        self.device.make_root()
        self.server = self.device.server
        self.server.RequestHandlerClass = Server
        self.server.sent = 0
        self.server.handle_error = lambda *_: None  # clients that were killed
        self.publish()
        self.follow("stable")
        self.make_factory_device()
        return self

    def __exit__(self, *_):
        self.device.doCleanups()

    # --- the repository

    def repo(self, *words):
        subprocess.run([BIN / "tenon-repo", *words], cwd=self.folder, check=True, capture_output=True, text=True)

    def publish(self):
        versions = ["1.0.0", "1.1.0", "1.2.0", "1.2.1", "1.2.2", "1.3.0", LAST]
        self.images = {}
        for version in versions:
            self.images[version] = image_of(version, self.images.get("1.1.0") or self.images.get("1.0.0"))
            (self.folder / f"{version}.img").write_bytes(self.images[version])
        self.sequences = {version: number for number, version in enumerate(versions, 1)}
        self.repo("init", "repo", "--lab", "--root", "1.root.json", "--product", "demo", "--releases-key",
                  "keys/targets.tenon-key", "--releases-threshold", "1", "--rollout-key", "keys/online.tenon-key")
        added = set()
        for name, channels in PUBLICATIONS.items():
            for version in sorted(set(channels.values()) - added):
                self.repo("release", "add", "repo", "--product", "demo", "--version", version, "--sequence",
                          str(self.sequences[version]), "--hardware", "board", "--image", f"rootfs={version}.img",
                          "--segment-size", str(SEGMENT), "--compression-level", "1",
                          *PAYLOADS.get(version, NO_DELTAS))
                added.add(version)
            for channel, version in channels.items():
                self.repo("channel", "set", "repo", "--product", "demo", "--channel", channel, "--release", version)
            keys = [word for key in ("targets", "online") for word in ("--key", f"keys/{key}.pem")]
            self.repo("sign", "repo", *keys, "--passphrase-from", "file:passphrase")
            self.repo("publish", "repo")
            shutil.copytree(self.folder / "repo/public", self.folder / "served" / name)

    def serve(self, publication):
        self.server.folder = self.folder / "served" / publication

    # --- the device

    def follow(self, channel):
        self.device.write_config()
        config = self.folder / "device.toml"
        text = config.read_text().replace('channel = "stable"', f'channel = "{channel}"')
        text = text.replace("run/release", "run/tenon-release")
        health = '[[health]]\nname = "fit"\ncommand = ["/bin/sh", "-c", "test ! -e ' + f'{self.run_folder}/sick"]\n'
        config.write_text(text + health)

    def make_factory_device(self):
        (self.folder / "slot-A.ext4").write_bytes(self.images["1.0.0"].ljust(SLOT_BYTES, b"\xff"))
        (self.folder / "slot-B.ext4").write_bytes(bytes(SLOT_BYTES))
        boot_step.init(self.folder)
        self.factory = self.state()

    def state(self):
        return read_folder(self.folder, KEPT)

    def load(self, state):
        for name in KEPT:
            path = self.folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        for path, content in state.items():
            if content is None:
                (self.folder / path).mkdir()
            else:
                (self.folder / path).write_bytes(content)

    def whole_release(self, content):
        """The version of the image that a slot's bytes begin with, whole; None if there is none."""
        return next((version for version, image in self.images.items() if content.startswith(image)), None)

    def release_of(self, slot_file):
        version = self.whole_release(slot_file.read_bytes())
        if version not in self.may_start:
            raise Unverified(f"group {slot_file.stem[-1]}, which holds {version or 'no whole image'}")
        return f"TENON_VERSION={version}\nTENON_SEQUENCE={self.sequences[version]}\n"

    def power_on(self, life):
        """One start of the boot script. Gives the version that runs, or None if no group boots. Raises Unverified when
        it chose what may not be started: that start ends in a panic."""
        self.may_start = life.may_start()
        booted = boot_step.boot(self.folder, self.release_of)
        if booted is None:
            return None
        version = boot_step.version_of(booted[3])
        (self.run_folder / "sick").unlink(missing_ok=True)
        if version in life.unhealthy:
            (self.run_folder / "sick").touch()
        return version

    def running(self):
        """The version in the slot of the group that runs."""
        group = (self.run_folder / "cmdline").read_text().split("tenon.slot=")[1].strip()
        return self.whole_release((self.folder / f"slot-{group}.ext4").read_bytes())

    def good_versions(self):
        """The versions that the boot record calls GOOD."""
        variables = boot_step.read_environment(self.folder / ENVIRONMENT).variables
        good = [group for group in "AB" if variables.get(f"BOOT_{group}_STATE") == "good"]
        return [self.whole_release((self.folder / f"slot-{group}.ext4").read_bytes()) for group in good]

    def call(self, program, *words, environment=None):
        self.runs += 1
        return subprocess.run([program, "--config", self.folder / "device.toml", *words], text=True,
                              env={**os.environ, **(environment or {})}, capture_output=True, stdin=subprocess.DEVNULL,
                              timeout=60, check=False)

    def tenond(self, environment=None):
        return self.call(self.tenond_program, "--once", environment=environment)

    def status(self):
        done = self.call(BIN / "tenon", "status", "--json")
        return json.loads(done.stdout) if done.returncode == 0 else {"floors": None, "error": done.stderr}

    def boot_files(self):
        return tuple((path.name, path.read_bytes()) for path in sorted(self.run_folder.iterdir()) if path.is_file())

    def load_boot(self, files):
        for path in self.run_folder.iterdir():
            path.unlink()
        for name, content in files:
            (self.run_folder / name).write_bytes(content)

    # --- recording

    def begin(self, name, before, channel="stable", unhealthy=frozenset(), left=""):
        self.load(before)
        self.follow(channel)
        self.life = Life(name, channel, unhealthy, left, "1.0.0" if before is self.factory else "1.1.0", before)
        self.power_on(self.life)

    def record_tenond(self, what, publication, expected, rot=""):
        """Runs tenond, or `tenon mark-bad` for what is called so, and adds its calls to the life. Its clock hurries, so that
        there are checkpoints on the way."""
        self.serve(publication)
        trace = self.folder / "trace"
        trace.unlink(missing_ok=True)
        recording = {"LD_PRELOAD": RECORD_CALLS, "RECORD_FOLDER": str(self.folder), "RECORD_TO": str(trace),
                     "RECORD_HURRY": "4", "RECORD_ROT": rot}
        done = self.call(BIN / "tenon", what, environment=recording) if what == MARK_BAD else self.tenond(recording)
        if done.returncode != expected:
            raise RuntimeError(f"{self.life.name}: {what} ended with {done.returncode}: {done.stderr}")
        calls = [call for call in read_trace(trace.read_bytes(), what) if call.path.split("/")[0] in {"", *KEPT}]
        self.add(calls, Scene(publication, self.boot_files()))
        self.life.notes.append(done.stderr)

    def record_boot(self):
        """A boot; the one write of the boot script is a call like others."""
        before = (self.folder / ENVIRONMENT).read_bytes()
        scene = Scene(self.life.scenes[-1].publication, self.boot_files())
        self.power_on(self.life)
        after = (self.folder / ENVIRONMENT).read_bytes()
        for copy in (0, 1):
            offset = copy * boot_step.COPY_SIZE
            content = after[offset:offset + boot_step.COPY_SIZE]
            if content != before[offset:offset + boot_step.COPY_SIZE]:
                self.add([Call("write", ENVIRONMENT, "", offset, len(content), content, "boot"),
                          Call("sync", ENVIRONMENT, what="boot")], scene)

    def add(self, calls, scene):
        self.life.calls += calls
        self.life.scenes += [scene] * len(calls)

    def end(self):
        """The life that was recorded. What its calls make of the state before must be what is on the disk now."""
        life, self.life = self.life, None
        disk = Disk(life.before)
        for call in life.calls:
            disk.apply(call)
        life.after = self.state()
        replayed = disk.state(Clean())
        wrong = [path for path in {**replayed, **life.after} if replayed.get(path, b"") != life.after.get(path, b"")]
        if wrong:
            raise RuntimeError(f"{life.name}: the trace lacks something of {wrong}")
        return life
