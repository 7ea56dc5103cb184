#!/usr/bin/env python3
"""Every program believes the clock that faketime shows it, as the tests of others need, and judges expiry by it."""
import subprocess
import unittest

import device_cli_test
from moved_clock import moved_clock

BIN = device_cli_test.BIN


class Faketime(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.device = device_cli_test.device_of(cls)  # its root is valid for 30 days

    def at(self, moment, program, *words):
        return subprocess.run([*moved_clock(moment), str(BIN / program), *map(str, words)], capture_output=True,
                              text=True, cwd=self.device.folder)

    def expect(self, code, result):
        self.assertIn("error: " + code + " ", result.stderr)

    # Book: TIME-10, TIME-02
    def test_moves_the_clock_of_tenon_and_tenond(self):
        for program, words in [("tenon", ["check"]), ("tenond", ["--once"])]:
            config = ["--config", self.device.folder / "device.toml"]
            with self.subTest(program=program):
                self.expect("E_NET", self.at("+29d", program, *config, *words))  # the root holds; no timestamp is there
                self.expect("E_EXPIRED", self.at("+31d", program, *config, *words))
                self.expect("E_EXPIRED", self.at("+20y", program, *config, *words))
                self.expect("E_NET", self.at("+0", program, *config, *words))  # nothing stayed of the jump

    # Book: TIME-10
    def test_moves_the_clock_of_tenon_repo(self):
        def init(moment, name):
            return self.at(moment, "tenon-repo", "init", name, "--lab", "--root", "1.root.json", "--product", "demo",
                           "--releases-key", "keys/targets.tenon-key", "--releases-threshold", "1", "--rollout-key",
                           "keys/online.tenon-key")
        self.expect("E_EXPIRED", init("+31d", "late"))
        self.assertFalse((self.device.folder / "late").exists())
        result = init("+29d", "in-time")
        self.assertEqual(result.returncode, 0, result.stderr)

    # Book: TIME-10
    def test_moves_the_clock_of_tenon_keyctl(self):
        result = self.at("@2031-05-06 07:08:09", "tenon-keyctl", "root", "init", "--lab", "-o", "future.json",
                         "--expires-in", "1d", "--root-threshold", "1", "--root", "keys/root.tenon-key", "--targets",
                         "keys/targets.tenon-key", "--snapshot", "keys/online.tenon-key", "--timestamp",
                         "keys/online.tenon-key")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("2031-05-0", (self.device.folder / "future.json").read_text())


if __name__ == "__main__":
    unittest.main()
