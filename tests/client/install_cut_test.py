#!/usr/bin/env python3
"""tenon install, ended at each system call that changes the file system once, or with that call failing: the running slot
stays as it is, nothing unfinished is armed, and the next installation completes.

TENON_BIN_DIR names the folder of the programs, TENON_CUT_CALLS the library that cuts.
"""
import http.server
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import device_cli_test

BIN = device_cli_test.BIN
CUT_CALLS = os.environ.get("TENON_CUT_CALLS", "")
SEGMENT = 64 << 10
SEGMENTS = 16
STORAGE = 8


def image_of(seed):
    """Segments of content that does not compress; the sixth to ninth are zeros, and the last is short."""
    image = bytearray(random.Random(seed).randbytes(SEGMENTS * SEGMENT + 777))
    image[5 * SEGMENT:9 * SEGMENT] = bytes(4 * SEGMENT)
    return bytes(image)


class Parts(http.server.BaseHTTPRequestHandler):
    """Serves a folder, whole or from an offset on."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.server.folder / self.path.lstrip("/").replace("%2F", "/")
        if not path.is_file():
            self.send_response(404)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        content = path.read_bytes()
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        first = int(wanted[1]) if wanted else 0
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        if path.name.endswith(".full.zst"):
            self.server.sent += len(content) - first
        self.wfile.write(content[first:])

    def log_message(self, *_):
        pass


class InstallTest(unittest.TestCase):
    """A device in front of a repository with 1.1.0, as if new before each test."""

    @classmethod
    def setUpClass(cls):
        if os.access("/dev/shm", os.W_OK):
            tempfile.tempdir = "/dev/shm"  # what is tested is which calls were made, and a disk is slow
        cls.device = device_cli_test.device_of(cls)
        cls.folder = cls.device.folder
        cls.images = {version: image_of(version) for version in ("1.1.0", "1.2.0")}
        cls.repo("init", "repo", "--lab", "--root", "1.root.json", "--product", "demo", "--releases-key",
                 "keys/targets.tenon-key", "--releases-threshold", "1", "--rollout-key", "keys/online.tenon-key")
        cls.publish("1.1.0")
        cls.device.server.RequestHandlerClass = Parts
        cls.device.server.folder = cls.folder / "repo/public"
        cls.device.server.sent = 0
        cls.device.server.handle_error = lambda *_: None  # clients that were killed
        (cls.folder / "slot-A.ext4").write_bytes(random.Random("A").randbytes(4096))
        (cls.folder / "slot-B.ext4").write_bytes(random.Random("B").randbytes(30 * SEGMENT))
        cls.running = (cls.folder / "slot-A.ext4").read_bytes()
        cls.kept = ["data", "slot-B.ext4", "uboot.env"]
        cls.before = cls.folder / "before"
        cls.before.mkdir()
        for name in cls.kept:
            cls.copy(cls.folder / name, cls.before / name)

    @staticmethod
    def copy(source, target):
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)

    @classmethod
    def repo(cls, *words):
        subprocess.run([BIN / "tenon-repo", *words], cwd=cls.folder, check=True, capture_output=True, text=True)

    @classmethod
    def publish(cls, version):
        (cls.folder / "image").write_bytes(cls.images[version])
        cls.repo("release", "add", "repo", "--product", "demo", "--version", version, "--hardware", "board", "--image",
                 "rootfs=image", "--segment-size", str(SEGMENT))
        cls.repo("channel", "set", "repo", "--product", "demo", "--channel", "stable", "--release", version)
        keys = [word for name in ("root", "targets", "online") for word in ("--key", f"keys/{name}.pem")]
        cls.repo("sign", "repo", *keys, "--passphrase-from", "file:passphrase")
        cls.repo("publish", "repo")

    def setUp(self):
        self.restore()

    def restore(self):
        for name in self.kept:
            self.copy(self.before / name, self.folder / name)


class Cut(InstallTest):
    def install(self, at=None, how="kill"):
        environment = dict(os.environ)
        if at is not None:
            environment |= {"LD_PRELOAD": CUT_CALLS, "CUT_AT": str(at), "CUT_HOW": how}
        self.device.server.sent = 0
        return subprocess.run([BIN / "tenon", "--config", self.folder / "device.toml", "-q", "install"], text=True,
                              env=environment, capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False)

    def is_armed(self):
        printed = self.device.call("fw_printenv", "-c", self.folder / "fw_env.config").stdout
        return "BOOT_B_STATE=trial" in printed

    def slot(self):
        return (self.folder / "slot-B.ext4").read_bytes()

    def calls(self):
        done = self.install(0)
        self.assertEqual(done.returncode, 0, done.stderr)
        return int(done.stderr.split()[-1])

    def cut(self, at, how, version="1.1.0"):
        """An installation with a cut, then one without; gives what became of the first."""
        self.restore()
        with self.subTest(at=at, how=how):
            done = self.install(at, how)
            image = self.images[version]
            self.assertEqual((self.folder / "slot-A.ext4").read_bytes(), self.running)
            if self.is_armed():
                self.assertEqual(self.slot()[:len(image)], image)
            again = self.install()
            self.assertEqual(again.returncode, 0, again.stderr)
            self.assertTrue(self.is_armed())
            self.assertEqual(self.slot()[:len(image)], image)
            self.assertEqual(self.slot()[len(image):], (self.before / "slot-B.ext4").read_bytes()[len(image):])
        return done

    # Book: DEV-01
    def test_killed_at_every_call(self):
        calls = self.calls()
        self.assertGreater(calls, SEGMENTS)
        sent = []
        for at in range(1, calls + 1):
            self.assertEqual(self.cut(at, "kill").returncode, -signal.SIGKILL, at)
            sent.append(self.device.server.sent)
        self.assertEqual(sent[0], max(sent))
        self.assertEqual(min(sent), 0)  # all was there already
        print(f"{calls} calls")

    # Book: DEV-20, DEV-24, DEV-27
    def test_refused_at_every_call(self):
        calls = self.calls()
        for first, step, how in ((1, 4, "ENOSPC"), (3, 4, "EDQUOT"), (2, 2, "EIO")):
            failed = 0
            for at in range(first, calls + 1, step):
                done = self.cut(at, how)
                self.assertIn(done.returncode, (0, STORAGE), done.stderr)
                if done.returncode == STORAGE:
                    failed += 1
                    self.assertRegex(done.stderr, "error: E_(STORAGE|HW) ")
            self.assertGreater(failed, calls / step / 2, how)

    # What is half written is of a release that is not wanted any more.
    def test_killed_anywhere_and_the_release_superseded_meanwhile(self):
        calls = self.calls()
        self.copy(self.folder / "repo/public", self.folder / "old")
        self.publish("1.2.0")
        self.copy(self.folder / "repo/public", self.folder / "new")
        for at in range(1, calls + 1, 4):
            with self.subTest(at=at):
                self.restore()
                self.device.server.folder = self.folder / "old"
                self.install(at)
                self.device.server.folder = self.folder / "new"
                done = self.install()
                self.assertEqual(done.returncode, 0, done.stderr)
                image = self.images["1.2.0"]
                self.assertEqual(self.slot()[:len(image)], image)
        self.device.server.folder = self.folder / "old"


if __name__ == "__main__":
    unittest.main()
