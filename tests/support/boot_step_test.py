#!/usr/bin/env python3
"""What boot_step.py promises, also to the fw_printenv and fw_setenv of libubootenv.

Run it directly, or here: python3 -m unittest boot_step_test
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import boot_step
from boot_step import COPY_SIZE, Environment, encode, read_environment

PROGRAM = Path(boot_step.__file__)
WITH_SBIN = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")


def make_image(file, release):
    with tempfile.TemporaryDirectory() as tree:
        (Path(tree) / "etc").mkdir()
        (Path(tree) / "etc/tenon-release").write_text(release)
        command = ["mke2fs", "-q", "-t", "ext4", "-d", tree, file, "2M"]
        subprocess.run(command, check=True, capture_output=True, env=WITH_SBIN)


class DirectoryDevice(unittest.TestCase):
    """A device with version 1.0.0 in slot A and 1.1.0 in slot B."""

    @classmethod
    def setUpClass(cls):
        cls.images = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        make_image(cls.images / "slot-A.ext4", "TENON_PRODUCT=demo\nTENON_VERSION=1.0.0\n")
        make_image(cls.images / "slot-B.ext4", 'TENON_VERSION="1.1.0"\n')

    def setUp(self):
        self.device = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.file = self.device / "uboot.env"
        shutil.copytree(self.images, self.device, dirs_exist_ok=True)
        self.run_program("--init")

    def run_program(self, *options):
        return subprocess.run([sys.executable, PROGRAM, self.device, *options], capture_output=True, text=True)

    def boot(self):
        return json.loads(self.run_program("--json").stdout)

    def variables(self):
        return read_environment(self.file).variables

    def set_variables(self, **variables):
        environment = read_environment(self.file)
        environment.variables.update(variables)
        boot_step.write_environment(self.file, environment)

    def put_slot_b_on_trial(self, left):
        self.set_variables(BOOT_ORDER="B A", BOOT_B_STATE="trial", BOOT_B_LEFT=str(left))

    def corrupt(self, copy):
        image = bytearray(self.file.read_bytes())
        image[copy * COPY_SIZE + 100] ^= 1
        self.file.write_bytes(image)


class Slots(DirectoryDevice):
    def test_fresh_device_boots_slot_a(self):
        self.assertEqual(self.boot(), {"slot": "A", "state": "good", "left": 0, "version": "1.0.0"})

    def test_good_slot_is_never_counted_down(self):
        self.set_variables(BOOT_A_LEFT="3")
        before = self.file.read_bytes()
        self.boot()
        self.assertEqual(self.file.read_bytes(), before)

    def test_trial_slot_is_counted_down_and_boots(self):
        self.put_slot_b_on_trial(left=3)
        self.assertEqual(self.boot(), {"slot": "B", "state": "trial", "left": 2, "version": "1.1.0"})
        self.assertEqual(self.variables()["BOOT_B_LEFT"], "2")

    def test_trial_slot_is_counted_down_even_if_it_does_not_come_up(self):
        self.put_slot_b_on_trial(left=3)
        (self.device / "slot-B.ext4").write_bytes(bytes(4096))
        self.assertEqual(self.boot()["slot"], "A")
        self.assertEqual(self.variables()["BOOT_B_LEFT"], "2")

    def test_trial_slot_without_tries_left_gives_way_to_the_good_one(self):
        self.put_slot_b_on_trial(left=2)
        self.assertEqual([self.boot()["slot"] for _ in range(4)], ["B", "B", "A", "A"])

    def test_unreadable_count_of_tries_means_none_left(self):
        for left in ("", "-1", "x", "0x3", "\u00b2", "99"):
            with self.subTest(left=left):
                self.put_slot_b_on_trial(left)
                self.assertEqual(self.boot()["slot"], "A")

    def test_environment_that_says_nothing_of_slots_boots_slot_a(self):
        boot_step.write_environment(self.file, Environment({"serial#": "4711"}))
        boot_step.write_environment(self.file, Environment({"serial#": "4711"}, flags=2, copy=0))
        self.assertEqual(self.boot()["slot"], "A")

    def test_bad_empty_and_unknown_states_are_passed_over(self):
        for state in ("bad", "empty", "", "perfect"):
            with self.subTest(state=state):
                self.set_variables(BOOT_ORDER="B A", BOOT_B_STATE=state, BOOT_B_LEFT="3")
                self.assertEqual(self.boot()["slot"], "A")

    def test_slot_without_a_readable_image_is_passed_over(self):
        (self.device / "slot-A.ext4").unlink()
        self.set_variables(BOOT_B_STATE="good")
        self.assertEqual(self.boot()["slot"], "B")

    def test_without_a_bootable_slot_it_fails_and_says_so(self):
        self.boot()
        self.set_variables(BOOT_A_STATE="bad")
        result = self.run_program()
        self.assertEqual(result.returncode, 1)
        self.assertIn("no slot", result.stderr)
        self.assertEqual(list((self.device / "run").iterdir()), [])


class RunFolder(DirectoryDevice):
    def test_it_tells_what_booted(self):
        self.put_slot_b_on_trial(left=3)
        self.assertEqual(self.run_program().stdout, "booted slot B (trial, 2 tries left): version 1.1.0\n")
        run = self.device / "run"
        self.assertIn("tenon.slot=B", (run / "cmdline").read_text().split())
        self.assertEqual((run / "tenon-release").read_text(), 'TENON_VERSION="1.1.0"\n')

    def test_every_boot_has_another_id(self):
        ids = set()
        for _ in range(3):
            self.boot()
            ids.add((self.device / "run/boot_id").read_text())
        self.assertEqual(len(ids), 3)


class EnvironmentCopies(DirectoryDevice):
    def test_corrupt_copy_is_ignored(self):
        self.put_slot_b_on_trial(left=3)
        self.corrupt(read_environment(self.file).copy)
        self.assertEqual(self.boot()["slot"], "A")

    def test_without_a_valid_copy_slot_a_boots(self):
        self.put_slot_b_on_trial(left=3)
        self.corrupt(0)
        self.corrupt(1)
        self.assertEqual(self.boot()["slot"], "A")
        self.file.unlink()
        self.assertEqual(self.boot()["slot"], "A")

    def test_write_torn_anywhere_leaves_the_old_or_the_new_state(self):
        self.put_slot_b_on_trial(left=3)
        old = self.file.read_bytes()
        start = (1 - read_environment(self.file).copy) * COPY_SIZE
        self.boot()
        new = self.file.read_bytes()
        seen = set()
        for length in [*range(200), COPY_SIZE - 1, COPY_SIZE]:
            self.file.write_bytes(old[:start] + new[start : start + length] + old[start + length :])
            seen.add(self.variables()["BOOT_B_LEFT"])
        self.assertEqual(seen, {"3", "2"})

    def test_write_leaves_the_current_copy_alone(self):
        self.put_slot_b_on_trial(left=3)
        for _ in range(3):
            copy = read_environment(self.file).copy
            current = self.file.read_bytes()[copy * COPY_SIZE :][:COPY_SIZE]
            self.boot()
            self.assertEqual(self.file.read_bytes()[copy * COPY_SIZE :][:COPY_SIZE], current)

    def test_counter_of_writes_wraps_from_255_to_0(self):
        self.put_slot_b_on_trial(left=300)
        for left in range(299, 0, -1):
            environment = read_environment(self.file)
            environment.variables["BOOT_B_LEFT"] = str(left)
            boot_step.write_environment(self.file, environment)
            self.assertEqual(self.variables()["BOOT_B_LEFT"], str(left))

    def test_other_variables_survive(self):
        others = {"bootcmd": "run a; run b=c", "serial#": "4711", "note": "caf\u00e9"}
        self.set_variables(**others)
        self.put_slot_b_on_trial(left=3)
        self.boot()
        self.assertEqual(self.variables(), self.variables() | others)

    def test_environment_that_does_not_fit_is_not_written(self):
        before = self.file.read_bytes()
        with self.assertRaises(ValueError):
            self.set_variables(long="x" * COPY_SIZE)
        self.assertEqual(self.file.read_bytes(), before)


@unittest.skipUnless(
    shutil.which("fw_setenv") and os.access("/var/lock", os.W_OK), "needs libubootenv-tool and a lock in /var/lock"
)
class Libubootenv(DirectoryDevice):
    def setUp(self):
        super().setUp()
        self.config = self.device / "fw_env.config"
        self.config.write_text(f"{self.file} 0x0 0x4000\n{self.file} 0x4000 0x4000\n")

    def fw_printenv(self):
        output = subprocess.run(["fw_printenv", "-c", self.config], capture_output=True, text=True, check=True).stdout
        return dict(line.split("=", 1) for line in output.splitlines())

    def fw_setenv(self, **variables):
        script = "".join(f"{name}={value}\n" for name, value in variables.items())
        subprocess.run(["fw_setenv", "-c", self.config, "-s", "-"], input=script, text=True, check=True)

    def test_fw_printenv_reads_what_the_boot_step_writes(self):
        self.assertEqual(self.fw_printenv(), boot_step.FRESH)
        self.put_slot_b_on_trial(left=3)
        for left in ("2", "1", "0", "0"):
            self.boot()
            self.assertEqual(self.fw_printenv(), self.variables())
            self.assertEqual(self.fw_printenv()["BOOT_B_LEFT"], left)

    def test_the_boot_step_reads_what_fw_setenv_writes(self):
        self.fw_setenv(BOOT_ORDER="B A", BOOT_B_STATE="trial", BOOT_B_LEFT="2", extra="a=b c")
        self.assertEqual(self.boot()["left"], 1)
        self.fw_setenv(BOOT_B_STATE="good")
        self.assertEqual(self.boot(), {"slot": "B", "state": "good", "left": 1, "version": "1.1.0"})
        self.assertEqual(self.variables()["extra"], "a=b c")

    def test_both_agree_which_copy_is_current_for_every_pair_of_counters(self):
        for first, second in [(0, 1), (1, 0), (7, 7), (254, 255), (255, 254), (255, 0), (0, 255), (1, 255), (200, 3)]:
            with self.subTest(first=first, second=second):
                self.file.write_bytes(
                    encode(Environment({"winner": "first"}, first)) + encode(Environment({"winner": "second"}, second))
                )
                self.assertEqual(self.fw_printenv(), self.variables())

    def test_both_agree_when_they_write_in_turn_past_the_wrap(self):
        self.file.write_bytes(
            encode(Environment(boot_step.FRESH, 252)) + encode(Environment(boot_step.FRESH, 253))
        )
        for turn in range(0, 8, 2):
            self.fw_setenv(turn=turn)
            self.assertEqual(self.variables()["turn"], str(turn))
            self.set_variables(turn=str(turn + 1))
            self.assertEqual(self.fw_printenv()["turn"], str(turn + 1))

    def test_both_ignore_the_corrupt_copy(self):
        for copy in (0, 1):
            with self.subTest(copy=copy):
                self.run_program("--init")
                self.set_variables(turn="1")
                self.set_variables(turn="2")
                self.corrupt(copy)
                self.assertEqual(self.fw_printenv(), self.variables())


if __name__ == "__main__":
    unittest.main()
