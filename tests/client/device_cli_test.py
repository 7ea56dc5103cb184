#!/usr/bin/env python3
"""tenond and tenon as processes: bad input gets a clear error, its exit status, and leaves everything as it was."""
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

SUPPORT = Path(__file__).resolve().parents[1] / "support"
sys.path.insert(0, str(SUPPORT))
from lab_root import sign_root

BIN = Path(os.environ["TENON_BIN_DIR"])
BOOT_STEP = SUPPORT / "boot_step.py"


class Liar(http.server.BaseHTTPRequestHandler):
    """Answers every request as its server was told."""

    def do_GET(self):
        status, body, announced = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if announced is None else announced))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class DeviceTest(unittest.TestCase):
    def setUp(self):
        self.temp = tempfile.TemporaryDirectory()
        self.addCleanup(self.temp.cleanup)
        self.folder = Path(self.temp.name)
        for name in ("data", "run", "keys"):
            (self.folder / name).mkdir()
        for group in "AB":
            (self.folder / f"slot-{group}.ext4").write_bytes(bytes(4096))
        env = self.folder / "uboot.env"
        (self.folder / "fw_env.config").write_text(f"{env} 0x0 0x4000\n{env} 0x4000 0x4000\n")
        self.call(sys.executable, BOOT_STEP, "--init", self.folder)
        (self.folder / "run/cmdline").write_text("tenon.slot=A\n")
        (self.folder / "run/boot_id").write_text("boot-1\n")
        (self.folder / "run/release").write_text("TENON_VERSION=1.0.0\nTENON_SEQUENCE=1\n")
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar)
        self.server.answer = (404, b"", None)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.write_config()

    def call(self, *words):
        return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True)

    def write_config(self, data="data"):
        f = self.folder
        (f / "device.toml").write_text(f"""
[device]
product = "demo"
hardware = "board"
channel = "stable"
data = "{f / data}"
release_file = "{f}/run/release"
[repository]
url = "http://127.0.0.1:{self.server.server_port}"
root = "{f}/1.root.json"
[network]
attempts = 1
[slots.A]
rootfs = "{f}/slot-A.ext4"
[slots.B]
rootfs = "{f}/slot-B.ext4"
[boot]
fw_env_config = "{f}/fw_env.config"
cmdline = "{f}/run/cmdline"
boot_id = "{f}/run/boot_id"
""")

    def make_root(self):
        f = self.folder
        (f / "passphrase").write_text("a passphrase for tests\n")
        (f / "passphrase").chmod(0o600)
        source = f"file:{f}/passphrase"

        def keyctl(*words):
            return self.call(BIN / "tenon-keyctl", "--home", f / "keyctl-home", *words).stdout

        for name in ("root", "targets", "online"):
            keyctl("key", "generate", "--name", name, "--out", f / "keys", "--passphrase-from", source)
        keyctl("root", "init", "--lab", "-o", f / "1.root.draft", "--expires-in", "30d", "--root-threshold", "1", "--root",
               f / "keys/root.tenon-key", "--targets", f / "keys/targets.tenon-key", "--snapshot",
               f / "keys/online.tenon-key", "--timestamp", f / "keys/online.tenon-key")
        sign_root(keyctl, f, [f / "keys/root.pem"], "--passphrase-from", source)

    def everything(self):
        return {path: path.read_bytes() for path in self.folder.rglob("*")
                if path.is_file() and path.name not in ("lock", "history.jsonl") and "records" not in path.parts}

    def tenon(self, *words, program="tenon"):
        return subprocess.run([str(BIN / program), "--config", str(self.folder / "device.toml"), *words],
                              capture_output=True, text=True)

    def refuses(self, status, code, *words):
        before = self.everything()
        result = self.tenon(*words)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertIn(code, result.stderr)
        self.assertEqual(self.everything(), before)
        return result

    def test_a_device_without_a_data_folder_says_what_to_do(self):
        self.make_root()
        self.write_config(data="nowhere")
        result = self.refuses(8, "E_STORAGE", "check")
        self.assertIn("hint:", result.stderr)
        self.assertFalse((self.folder / "nowhere").exists())

    def test_a_missing_configuration_is_a_usage_error(self):
        (self.folder / "device.toml").unlink()
        self.refuses(2, "E_USAGE", "status")

    def test_a_server_that_lies_or_fails_changes_nothing(self):
        self.make_root()
        html = b"<html>please log in</html>"
        for status, code, answer in [
                (6, "E_NET", (404, b"", None)),            # no timestamp
                (6, "E_NET", (500, b"", None)),
                (6, "E_NET", (403, b"", None)),
                (5, "E_PARSE", (200, html, None)),         # a captive portal
                (6, "E_NET", (200, b"{}", 1000)),          # a short file
                (5, "E_LIMIT", (200, bytes(600_000), None)),  # a long file
                (5, "E_PARSE", (200, b"", None))]:
            with self.subTest(answer=(answer[0], len(answer[1]))):
                self.server.answer = answer
                self.refuses(status, code, "check")

    def test_a_root_below_its_threshold_is_refused_before_any_request(self):
        self.make_root()
        path = self.folder / "1.root.json"
        root = json.loads(path.read_text())
        root["signatures"] = []
        path.write_text(json.dumps(root))
        self.refuses(5, "E_SIG", "check")

    def test_status_works_without_a_network_and_changes_nothing(self):
        self.make_root()
        before = self.everything()
        result = self.tenon("status", "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(json.loads(result.stdout)["groups"]["A"]["version"], "1.0.0")
        self.assertEqual(self.everything(), before)

    def test_a_trial_whose_daemon_cannot_work_asks_for_the_reboot_that_ends_it(self):
        (self.folder / "run/cmdline").write_text("tenon.slot=B\n")
        for name, value in [("BOOT_B_STATE", "trial"), ("BOOT_B_LEFT", "0"), ("BOOT_ORDER", "B A")]:
            self.call("fw_setenv", "-c", self.folder / "fw_env.config", name, value)
        result = self.tenon("--once", program="tenond")  # there is no 1.root.json in this image
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("the trial could not be confirmed", result.stderr)

    def test_a_trial_without_a_courier_could_never_be_updated_again_and_is_not_kept(self):
        self.make_root()
        (self.folder / "run/cmdline").write_text("tenon.slot=B\n")
        alone = self.folder / "alone"  # an image whose maker forgot the courier
        alone.mkdir()
        for program in ("tenond", "tenon"):
            shutil.copy(BIN / program, alone / program)

        def run(*words):
            return subprocess.run([str(word) for word in words], capture_output=True, text=True)
        for words, status in [((alone / "tenond", "--config", self.folder / "device.toml", "--once"), 0),
                              ((alone / "tenon", "--config", self.folder / "device.toml", "confirm"), 4)]:
            for name, value in [("BOOT_B_STATE", "trial"), ("BOOT_B_LEFT", "1"), ("BOOT_ORDER", "B A")]:
                self.call("fw_setenv", "-c", self.folder / "fw_env.config", name, value)
            done = run(*words)
            self.assertEqual(done.returncode, status, done.stderr)  # a reboot is wanted
            self.assertIn("courier: ", done.stdout + done.stderr)
            self.assertEqual(json.loads(self.tenon("status", "--json").stdout)["groups"]["B"]["state"], "trial")
        self.assertIn("boot.health", self.tenon("history").stdout)
        self.assertEqual(self.tenon("confirm").returncode, 0)  # with one it is kept

    def test_a_settled_system_whose_daemon_cannot_work_is_not_rebooted(self):
        result = self.tenon("--once", program="tenond")
        self.assertEqual(result.returncode, 8, result.stderr)


def device_of(test_class):
    """A device with a root, for all tests of a class."""
    device = DeviceTest("tenon")
    device.setUp()
    test_class.addClassCleanup(device.doCleanups)
    device.make_root()
    return device


if __name__ == "__main__":
    unittest.main()
