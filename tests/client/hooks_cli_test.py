#!/usr/bin/env python3
"""Hooks of a real device: what fails, hangs or shouts when a release is staged keeps it from being armed, with the reason; and wherever
the power is cut around a hook, it is run again and what is armed is the image.

TENON_BIN_DIR names the folder of the programs, TENON_CUT_CALLS the library that cuts.
"""
import signal
import unittest

import install_cut_test

REFUSED, STORAGE = 4, 8


class Hooks(install_cut_test.Cut):
    # Its own tests are those of the class that it is made of.
    test_killed_at_every_call = test_refused_at_every_call = test_killed_anywhere_and_the_release_superseded_meanwhile = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.config = (cls.folder / "device.toml").read_text()
        cls.told = cls.folder / "told"
        cls.told_staged = "staged 1.1.0 B\n"

    def hook(self, script, more=""):
        self.told.unlink(missing_ok=True)
        (self.folder / "device.toml").write_text(
            f"{self.config}\n[[hook]]\nwhen = 'staged'\ncommand = ['/bin/sh', '-c', '''{script}''']\n{more}")

    def tell(self):
        self.hook(f'echo "$TENON_HOOK $TENON_VERSION $TENON_SLOT_GROUP" >> {self.told}')

    def test_a_hook_is_told_of_the_release_before_it_is_armed(self):
        self.hook(f'echo "$TENON_HOOK $TENON_VERSION $TENON_SLOT_GROUP" >> {self.told}; '
                  f'fw_printenv -c {self.folder}/fw_env.config BOOT_B_STATE >> {self.told}')
        self.assertEqual(self.install().returncode, 0)
        self.assertTrue(self.is_armed())
        self.assertEqual(self.told.read_text(), self.told_staged + "BOOT_B_STATE=empty\n")

    # Book: UPT-08
    def test_a_hook_that_fails_hangs_or_shouts_arms_nothing_and_gives_the_reason(self):
        for script, more, reason in [("echo no key >&2; exit 3", "", "exit status 3: no key"),
                                     ("sleep 1000 & wait", "timeout_seconds = 1\n", "did not end within 1000 ms"),
                                     ("head -c 1048576 /dev/urandom; exit 1", "", "exit status 1: "),
                                     (r'printf "<< image\n\033[2J"; exit 1', "", r"<< image \x1b[2J")]:
            with self.subTest(script=script):
                self.restore()
                self.hook(script, more)
                done = self.install()
                self.assertEqual(done.returncode, REFUSED, done.stderr)
                self.assertIn(reason, done.stderr)
                self.assertNotIn("\x1b", done.stderr)
                self.assertLess(len(done.stderr), 4000)
                self.assertFalse(self.is_armed())
                self.hook("exit 0")
                self.assertEqual(self.install().returncode, 0)
                self.assertTrue(self.is_armed())
                self.assertEqual(self.device.server.sent, 0)  # nothing was fetched again

    def test_what_a_hook_writes_to_the_slot_is_not_armed(self):
        self.hook(f"printf x | dd of={self.folder}/slot-B.ext4 bs=1 seek=70000 conv=notrunc 2>/dev/null")
        done = self.install()
        self.assertEqual(done.returncode, STORAGE, done.stderr)
        self.assertIn('after the hook "staged"', done.stderr)
        self.assertFalse(self.is_armed())
        self.hook("exit 0")
        self.assertEqual(self.install().returncode, 0)
        self.assertEqual(self.slot()[:len(self.images["1.1.0"])], self.images["1.1.0"])

    # Book: DEV-01
    def test_killed_at_every_call_around_a_hook_it_runs_again_and_is_told_the_same(self):
        self.tell()
        calls = self.calls()
        again = set()
        for at in range(max(1, calls - 14), calls + 1):  # the last of the image's, the hook's, and those that arm
            self.told.unlink(missing_ok=True)
            self.assertEqual(self.cut(at, "kill").returncode, -signal.SIGKILL, at)
            times = self.told.read_text().count("\n")
            self.assertEqual(self.told.read_text(), self.told_staged * times)
            again.add(times)
        self.assertEqual(again, {1, 2})


del install_cut_test.Cut  # or its tests would run here too

if __name__ == "__main__":
    unittest.main()
