#!/usr/bin/env python3
"""`tenon mark-bad` on a device whose bootloader is U-Boot: what it writes, ended at each system call that changes the file system
once, or with that call failing."""
import json
import os
import shutil
import signal
import subprocess
import sys
import unittest

import device_cli_test
from device_cli_test import BIN, SUPPORT

sys.path.insert(0, str(SUPPORT))
import boot_step

CUT_CALLS = os.environ.get("TENON_CUT_CALLS", "")
REBOOT_WANTED, REFUSED, NETWORK, TRY_AGAIN = 0, 4, 6, 75
REASON = "the till does not open"
KEPT = ("data", "uboot.env")


class MarkBad(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """A device that has confirmed 1.1.0 in B; 1.0.0 is in A."""
        cls.device = device_cli_test.device_of(cls)
        cls.folder = cls.device.folder
        cls.start(cls, "B", "1.1.0", 2)
        for name, value in [("BOOT_B_STATE", "trial"), ("BOOT_B_LEFT", "1"), ("BOOT_ORDER", "B A")]:
            cls.device.call("fw_setenv", "-c", cls.folder / "fw_env.config", name, value)
        done = cls.device.tenon("confirm")
        assert done.returncode == 0, done.stderr
        (cls.folder / "before").mkdir()
        cls.copy(cls, cls.folder, cls.folder / "before")
        cls.good = cls.record(cls)

    def copy(self, source, target):
        for name in KEPT:
            if (source / name).is_dir():
                shutil.rmtree(target / name, ignore_errors=True)
                shutil.copytree(source / name, target / name)
            else:
                shutil.copy(source / name, target / name)

    def setUp(self):
        self.copy(self.folder / "before", self.folder)
        self.start("B", "1.1.0", 2)

    def start(self, group, version, sequence):
        (self.folder / "run/cmdline").write_text(f"tenon.slot={group}\n")
        (self.folder / "run/boot_id").write_text(f"boot-{group}\n")
        (self.folder / "run/release").write_text(f"TENON_VERSION={version}\nTENON_SEQUENCE={sequence}\n")

    def record(self):
        variables = boot_step.read_environment(self.folder / "uboot.env").variables
        return {name: variables[name] for name in ("BOOT_ORDER", "BOOT_A_STATE", "BOOT_B_STATE")}

    def mark(self, at=None, how="kill"):
        environment = dict(os.environ)
        if at is not None:
            environment |= {"LD_PRELOAD": CUT_CALLS, "CUT_AT": str(at), "CUT_HOW": how}
        return subprocess.run([BIN / "tenon", "--config", self.folder / "device.toml", "-q", "mark-bad", "--reason", REASON],
                              text=True, env=environment, capture_output=True, timeout=60, check=False)

    def is_left(self):
        return self.record() == {"BOOT_ORDER": "A B", "BOOT_A_STATE": "good", "BOOT_B_STATE": "bad"}

    def status(self):
        return json.loads(self.device.tenon("status", "--json").stdout)

    def ends_well(self):
        """A starts, knows why, and its floor is the one of B."""
        self.assertTrue(self.is_left(), self.record())
        self.start("A", "1.0.0", 1)
        self.assertEqual(self.device.tenon("--once", program="tenond").returncode, NETWORK)
        status = self.status()
        self.assertIn(REASON, status["last_result"])
        self.assertEqual(status["update"]["state"], "idle")
        self.assertEqual(status["floors"]["confirmed_sequence"], 2)

    def test_the_next_boot_starts_the_release_before_it(self):
        done = self.device.tenon("mark-bad", "--reason", REASON)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("reboot", done.stdout)
        self.assertIn("withdraw 1.1.0", done.stderr)  # this device lost what it knew of its images
        self.assertEqual(self.device.tenon("mark-bad").returncode, TRY_AGAIN)
        self.assertEqual(self.device.tenon("--once", program="tenond").returncode, REBOOT_WANTED)
        self.ends_well()
        done = self.device.tenon("mark-bad")
        self.assertEqual(done.returncode, REFUSED)
        self.assertIn("slot group B is bad: there is nothing to go back to", done.stderr)
        self.assertIn("hint: ", done.stderr)
        history = self.device.tenon("history").stdout
        self.assertRegex(history, "unhealthy  1.1.0  user.bad: .*till")
        self.assertRegex(history, "rolled_back  1.1.0  user.bad: .*till")

    # Book: DEV-01 DEV-58
    def test_killed_at_every_call_it_is_left_whole_or_not_at_all(self):
        done = self.mark(at=0)
        self.assertEqual(done.returncode, 0, done.stderr)
        calls = int(done.stderr.split()[-1])
        seen = set()
        for at in range(1, calls + 1):
            with self.subTest(at=at):
                self.setUp()
                self.assertEqual(self.mark(at=at).returncode, -signal.SIGKILL)
                self.assertIn(self.is_left() or self.record(), (True, self.good))
                ended = self.device.tenon("--once", program="tenond").returncode
                self.assertEqual(ended, REBOOT_WANTED if self.is_left() else NETWORK)
                seen.add(ended)
                if not self.is_left():
                    self.assertEqual(self.mark().returncode, 0)
                self.ends_well()
        self.assertEqual(seen, {REBOOT_WANTED, NETWORK})
        print(f"{calls} calls")

    # Book: DEV-20 DEV-24
    def test_with_any_call_refused_it_says_so_and_can_be_asked_again(self):
        calls = int(self.mark(at=0).stderr.split()[-1])
        for at in range(1, calls + 1):
            with self.subTest(at=at):
                self.setUp()
                done = self.mark(at=at, how="EIO")
                self.assertIn(done.returncode, (0, 8), done.stderr)
                if done.returncode == 0:
                    self.assertTrue(self.is_left())
                elif not self.is_left():
                    self.assertIn(self.mark().returncode, (0, TRY_AGAIN))
                self.ends_well()


if __name__ == "__main__":
    unittest.main()
