#!/usr/bin/env python3
"""A device whose bootloader is GRUB: what `tenon` writes to its two blocks, ended at each system call that changes the file
system once, or with that call failing."""
import os
import shutil
import signal
import subprocess
import sys
import unittest
from pathlib import Path

import device_cli_test

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import grub_machine
from grub_machine import block, sealed, variables_of

BIN = device_cli_test.BIN
CUT_CALLS = os.environ.get("TENON_CUT_CALLS", "")
GOOD = {"BOOT_GENERATION": "8", "BOOT_ORDER": "A B", "BOOT_A_STATE": "good", "BOOT_A_LEFT": "0", "BOOT_B_STATE": "empty",
        "BOOT_B_LEFT": "0"}
TRIAL = {**GOOD, "BOOT_GENERATION": "9", "BOOT_ORDER": "B A", "BOOT_B_STATE": "trial", "BOOT_B_LEFT": "2"}
ROLLED_BACK = {**GOOD, "BOOT_GENERATION": "10", "BOOT_B_STATE": "bad"}


class GrubDevice(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.device = device_cli_test.device_of(cls)
        cls.folder = cls.device.folder
        config = cls.folder / "device.toml"
        cls.blocks = [cls.folder / "grubenv.a", cls.folder / "grubenv.b"]
        words = ", ".join(f'"{path}"' for path in cls.blocks)
        lines = config.read_text().splitlines()
        config.write_text("\n".join(f"grub_env = [{words}]" if line.startswith("fw_env") else line for line in lines))
        (cls.folder / "run/cmdline").write_text("BOOT_IMAGE=/boot/vmlinuz tenon.slot=B\n")

    def setUp(self):
        shutil.rmtree(self.folder / "data")
        (self.folder / "data").mkdir()
        self.put(sealed(GOOD), sealed(TRIAL))

    def put(self, first, second):
        for path, content in zip(self.blocks, (first, second)):
            path.write_bytes(content if isinstance(content, bytes) else block(content))

    def tenon(self, *words, at=None, how="kill"):
        environment = dict(os.environ)
        if at is not None:
            environment |= {"LD_PRELOAD": CUT_CALLS, "CUT_AT": str(at), "CUT_HOW": how}
        return subprocess.run([BIN / "tenon", "--config", self.folder / "device.toml", "-q", *words], text=True,
                              env=environment, capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False)

    def in_force(self):
        """As grub.cfg chooses, of blocks in which no try was taken."""
        found = [variables_of(path.read_bytes()) for path in self.blocks]
        whole = [one for one in found if one and "BOOT_SEAL" in one and sealed_again(one) == one]
        return max(whole, key=lambda one: int(one["BOOT_GENERATION"]))

    def test_status_tells_what_the_blocks_say(self):
        done = self.tenon("status")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, "B.*trial")

    # Book: DEV-01 DEV-58
    def test_killed_at_every_call_the_record_is_the_old_or_the_new(self):
        done = self.tenon("rollback", at=0)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.in_force(), sealed(ROLLED_BACK))
        calls = int(done.stderr.split()[-1])
        seen = set()
        for at in range(1, calls + 1):
            with self.subTest(at=at):
                self.setUp()
                self.assertEqual(self.tenon("rollback", at=at).returncode, -signal.SIGKILL)
                self.assertIn(self.in_force(), (sealed(TRIAL), sealed(ROLLED_BACK)))
                seen.add(self.in_force()["BOOT_GENERATION"])
                self.assertEqual([path.stat().st_size for path in self.blocks], [grub_machine.BLOCK_SIZE] * 2)
                again = self.tenon("rollback")  # on a record that is rolled back already there is nothing left to do
                self.assertIn(again.returncode, (0, 4), again.stderr)
                self.assertEqual(self.in_force(), sealed(ROLLED_BACK))
        self.assertEqual(seen, {"9", "10"})
        print(f"{calls} calls")

    # Book: DEV-20 DEV-24
    def test_with_any_call_refused_it_says_so_and_the_record_is_the_old_or_the_new(self):
        calls = int(self.tenon("rollback", at=0).stderr.split()[-1])
        for how in ("EIO", "ENOSPC"):
            refused = []
            for at in range(1, calls + 1):
                with self.subTest(at=at, how=how):
                    self.setUp()
                    done = self.tenon("rollback", at=at, how=how)
                    self.assertIn(done.returncode, (0, 8), done.stderr)
                    self.assertIn(self.in_force(), (sealed(TRIAL), sealed(ROLLED_BACK)))
                    if done.returncode == 0:
                        self.assertEqual(self.in_force(), sealed(ROLLED_BACK))
                    refused += [line for line in done.stderr.splitlines() if "E_HW" in line]
            self.assertTrue(any(str(path) in line for path in self.blocks for line in refused), refused)

    # Crash point 28. The repository cannot be reached: the record is for the device alone to make.
    # Book: DEV-58
    def test_with_both_blocks_damaged_the_record_is_made_anew_and_the_reason_stays(self):
        self.put(bytes(grub_machine.BLOCK_SIZE), b"\xff" * grub_machine.BLOCK_SIZE)
        self.assertEqual(self.tenon("status").returncode, 8)
        subprocess.run([BIN / "tenond", "--config", self.folder / "device.toml", "--once"], capture_output=True, timeout=60,
                       check=False)
        self.assertEqual(self.in_force(), sealed({**GOOD, "BOOT_GENERATION": "1", "BOOT_ORDER": "B A", "BOOT_A_STATE": "empty",
                                                  "BOOT_B_STATE": "good"}))
        done = self.tenon("status")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("the boot record was lost and is made anew", done.stdout)

    def test_a_bootloader_must_be_one(self):
        config = self.folder / "device.toml"
        before = config.read_text()
        self.addCleanup(config.write_text, before)
        config.write_text(before.replace("grub_env", 'fw_env_config = "/etc/fw_env.config"\ngrub_env'))
        done = self.tenon("status")
        self.assertEqual(done.returncode, 2)
        self.assertIn("a device has one bootloader", done.stderr)


def sealed_again(variables):
    return sealed({name: variables.get(name, "") for name in GOOD})


if __name__ == "__main__":
    unittest.main()
