#!/usr/bin/env python3
"""tenon install when its calls do half of what they are asked for, are interrupted, or fail for want of memory or threads: the
image is whole or is not armed, the running slot stays as it is, and the next installation completes.

TENON_BIN_DIR names the folder of the programs, TENON_ODD_CALLS the library that makes the calls odd.
"""
import os
import random
import shutil
import signal
import subprocess
import time
import unittest

import install_cut_test
from device_cli_test import BIN

ODD_CALLS = os.environ.get("TENON_ODD_CALLS", "")
TRIES = int(os.environ.get("TENON_TEST_ALLOCATIONS", "40"))
SEED = int(os.environ.get("TENON_TEST_SEED", time.time()))


class OddCalls(install_cut_test.InstallTest):
    def install(self, how=None, at=0):
        environment = dict(os.environ)
        if how:
            environment |= {"LD_PRELOAD": ODD_CALLS, "ODD_HOW": how, "ODD_AT": str(at)}
        return subprocess.run([BIN / "tenon", "--config", self.folder / "device.toml", "-q", "install"], text=True,
                              env=environment, capture_output=True, stdin=subprocess.DEVNULL, timeout=120, check=False)

    def is_armed(self):
        return "BOOT_B_STATE=trial" in self.device.call("fw_printenv", "-c", self.folder / "fw_env.config").stdout

    def holds_the_image(self):
        image = self.images["1.1.0"]
        return (self.folder / "slot-B.ext4").read_bytes()[:len(image)] == image

    def installs(self, how=None):
        done = self.install(how)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(self.is_armed())
        self.assertTrue(self.holds_the_image())

    def has_lost_nothing(self):
        self.assertEqual((self.folder / "slot-A.ext4").read_bytes(), self.running)
        self.assertTrue(self.holds_the_image() or not self.is_armed())
        self.installs()

    def requests(self):
        done = self.install("memory")
        return int(done.stderr.split()[-1])

    def some_requests(self):
        requests = self.requests()
        self.assertGreater(requests, TRIES)
        return sorted(random.Random(SEED).sample(range(1, requests + 1), TRIES))

    # Book: DEV-09
    def test_calls_that_do_half_are_gone_on_with(self):
        self.installs("short")

    # Book: DEV-09
    def test_calls_that_are_interrupted_are_made_again(self):
        self.installs("interrupt")

    # Book: DEV-45
    def test_without_threads_nothing_is_armed(self):
        done = self.install("threads")
        self.assertNotEqual(done.returncode, 0)
        self.assertFalse(self.is_armed())
        self.has_lost_nothing()

    # Book: DEV-46
    def test_memory_that_runs_out_anywhere_costs_an_attempt_and_nothing_else(self):
        ends = {}
        for at in self.some_requests():
            with self.subTest(at=at, seed=SEED):
                self.restore()
                done = self.install("memory", at)
                # An exception that nobody caught, or libcrypto, which does not look while it starts.
                self.assertTrue(done.returncode >= 0 or -done.returncode in (signal.SIGABRT, signal.SIGSEGV), done)
                self.assertTrue(done.returncode != 0 or self.is_armed())
                self.has_lost_nothing()
                ends[done.returncode] = ends.get(done.returncode, 0) + 1
        print(f"ended with {ends}, seed {SEED}")

    # CVE-2016-1252: a verification that ran out of memory was taken for one that held.
    # Book: DEV-46
    def test_memory_that_runs_out_makes_no_false_image_and_no_false_signature_good(self):
        false = self.folder / "false"
        for what, pattern in (("image", "targets/**/*.full.zst"), ("signature", "metadata/timestamp.json")):
            shutil.rmtree(false, ignore_errors=True)
            self.copy(self.folder / "repo/public", false)
            found = list(false.glob(pattern))
            self.assertTrue(found)
            for file in found:
                content = bytearray(file.read_bytes())
                at = content.index(b'"sig"') + 12 if what == "signature" else len(content) // 2
                content[at] = ord("0") if content[at] != ord("0") else ord("1")
                file.write_bytes(content)
            self.device.server.folder = false
            self.addCleanup(setattr, self.device.server, "folder", self.folder / "repo/public")
            self.restore()
            for at in self.some_requests():
                with self.subTest(what=what, at=at, seed=SEED):
                    self.restore()
                    done = self.install("memory", at)
                    self.assertNotEqual(done.returncode, 0)
                    self.assertFalse(self.is_armed())


if __name__ == "__main__":
    unittest.main()
