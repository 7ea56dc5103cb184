#!/usr/bin/env python3
"""The init script that is shipped, run by a real BusyBox that has nothing else: it starts tenond and its courier, restarts and
stops them, and they work together."""
import http.server
import os
import shutil
import subprocess
import threading
import unittest
from pathlib import Path

import device_cli_test

SCRIPTS = Path(os.environ.get("TENON_SOURCE_DIR", os.getcwd()), "integration/busybox")
NAMES = ("tenon-courier", "tenond")


class Counting(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.set()
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@unittest.skipIf(shutil.which("busybox") is None, "busybox is not here")
class Init(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.device = device_cli_test.device_of(cls)
        cls.folder = cls.device.folder
        tools = cls.folder / "bin"
        tools.mkdir()
        for word in ("sh", "start-stop-daemon", "mkdir", "sleep", "usleep", "cat", "readlink", "rm"):
            (tools / word).symlink_to(shutil.which("busybox"))
        cls.run_folder = cls.folder / "run-tenon"
        (cls.folder / "defaults").write_text(f"BIN={device_cli_test.BIN}\nCONFIG={cls.folder}/device.toml\n"
                                             f"RUN={cls.run_folder}\nLOG={cls.folder}/log\n")
        config = cls.folder / "device.toml"
        config.write_text(config.read_text() + f'[courier]\nsocket = "{cls.run_folder}/courier.sock"\n')
        cls.device.server.RequestHandlerClass = Counting
        cls.device.server.asked = threading.Event()

    def setUp(self):
        self.device.server.asked.clear()
        self.addCleanup(self.script, "stop")

    def script(self, word, name="S80tenon"):
        return subprocess.run([shutil.which("busybox"), "sh", SCRIPTS / name, word], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, check=False,
                              env={"PATH": str(self.folder / "bin"), "TENON_DEFAULTS": str(self.folder / "defaults")})

    def numbers(self):
        return [int((self.run_folder / f"{name}.pid").read_text()) for name in NAMES]

    def names(self):
        return [Path(f"/proc/{number}/comm").read_text().strip() for number in self.numbers()]

    def run_as(self, word):
        done = self.script(word)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(tuple(self.names()), NAMES, (self.folder / "log").read_text())

    def test_starts_both_and_they_work_together(self):
        self.run_as("start")
        self.assertTrue(self.device.server.asked.wait(30), (self.folder / "log").read_text())
        self.assertEqual(self.run_folder.stat().st_mode & 0o777, 0o755)
        self.assertEqual(self.script("status").stdout, "tenon-courier runs\ntenond runs\n")

    def test_starts_nothing_twice(self):
        self.run_as("start")
        before = self.numbers()
        again = self.script("start")
        self.assertEqual((again.returncode, again.stdout.count("runs already")), (0, 2))
        self.assertEqual(self.numbers(), before)

    def test_restarts_both(self):
        self.run_as("start")
        before = self.numbers()
        self.assertTrue(self.device.server.asked.wait(30))
        self.device.server.asked.clear()
        self.run_as("restart")
        self.assertEqual(set(before) & set(self.numbers()), set())
        self.assertTrue(self.device.server.asked.wait(30), "the new one asks through the new courier")

    def test_stops_both_and_says_so(self):
        self.run_as("start")
        numbers = self.numbers()
        done = self.script("stop")
        self.assertEqual((done.returncode, done.stdout), (0, "Stopping tenond: OK\nStopping tenon-courier: OK\n"))
        for number in numbers:
            self.assertFalse(os.path.exists(f"/proc/{number}/exe"))
        self.assertEqual(self.script("status").returncode, 3)
        self.assertEqual(self.script("stop").returncode, 0)

    def test_a_number_that_another_program_has_by_now_is_left_alone(self):
        self.run_folder.mkdir(mode=0o755, exist_ok=True)
        (self.run_folder / "tenond.pid").write_text(str(os.getpid()))
        self.assertIn("Stopping tenond: does not run\n", self.script("stop").stdout)

    def test_a_daemon_that_cannot_start_is_a_failure(self):
        config = self.folder / "device.toml"
        good = config.read_text()
        self.addCleanup(config.write_text, good)
        config.write_text("nonsense")
        done = self.script("start")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, "Starting tenon-courier: FAIL|tenon-courier does not listen")
        self.assertNotIn("tenond", done.stdout)

    def test_before_the_services_the_data_are_there_or_nothing_more_is_started(self):
        config, data, sleep = self.folder / "device.toml", self.folder / "app", self.folder / "bin/sleep"
        good = config.read_text()
        self.addCleanup(config.write_text, good)
        data.mkdir()
        config.write_text(good + f'[app_data]\nfolder = "{data}"\n')
        self.assertEqual(self.script("stop", "S05tenon").returncode, 0)
        self.assertEqual(list(data.iterdir()), [])
        done = self.script("start", "S05tenon")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(os.readlink(data / "current"), "1")

        cmdline, release = self.folder / "run/cmdline", self.folder / "run/release"
        for path, text in ((cmdline, "tenon.slot=B\n"), (release, "TENON_VERSION=2.0.0\nTENON_SEQUENCE=2\n")):
            self.addCleanup(path.write_text, path.read_text())
            path.write_text(text)
        environment = self.folder / "uboot.env"
        self.addCleanup(environment.write_bytes, environment.read_bytes())
        for words in (("BOOT_B_STATE", "trial"), ("BOOT_B_LEFT", "1"), ("BOOT_ORDER", "B A")):
            self.device.call("fw_setenv", "-c", self.folder / "fw_env.config", *words)
        config.write_text(config.read_text() + 'migrate = ["/bin/false"]\n')
        self.addCleanup(sleep.symlink_to, os.readlink(sleep))
        self.addCleanup(sleep.unlink)
        sleep.unlink()
        sleep.write_text(f"#!{self.folder}/bin/sh\necho waits for the reboot for $1 s >&2\n")
        sleep.chmod(0o755)
        done = self.script("start", "S05tenon")
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("/bin/false: exit status 1", done.stderr)
        self.assertIn("waits for the reboot for 3600 s", done.stderr)

    def test_says_what_it_takes(self):
        self.assertEqual(self.script("reload").returncode, 2)


if __name__ == "__main__":
    unittest.main()
