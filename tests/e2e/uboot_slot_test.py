#!/usr/bin/env python3
"""integration/boot/uboot/boot.cmd in a real U-Boot: which slot it starts, and what it leaves in the environment.

No Linux starts here: the power goes when U-Boot has said which slot it boots. The environment is written and read from
outside, by this project's stand-in for a boot loader and by libubootenv, which have to agree each time."""
import subprocess
import sys
import tempfile
import time
import unittest
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import boot_step
import uboot_machine
from boot_step import Environment, encode
from uboot_machine import Machine, environment_in_force, read_copies, write_copies

NOBODY = "no slot boots"
RECORD = {"BOOT_GENERATION": "7", "BOOT_CHECK": "89abcdef"}
# What others keep beside the record: names that the script or U-Boot use too, and characters that a shell would take.
OTHERS = {"serial#": "4711", "note": "a=b; reset && ${x} 'q' caf\u00e9", "bootcmd": "reset", "tenon_work": "0",
          "tenon_slot": "A", "stdout": "pl011@9000000", "baudrate": "115200"}


def record(order="A B", a="good", b="empty", a_left="0", b_left="0"):
    return {**RECORD, "BOOT_ORDER": order, "BOOT_A_STATE": a, "BOOT_A_LEFT": a_left, "BOOT_B_STATE": b, "BOOT_B_LEFT": b_left}


def trial(left):
    return record("B A", "good", "trial", b_left=left)


def damaged(copy):
    return copy[:200] + bytes([copy[200] ^ 1]) + copy[201:]


class Board(unittest.TestCase):
    board = {}

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.firmware, cls.disk = cls.folder / "flash.img", cls.folder / "disk.img"
        uboot_machine.make_firmware(cls.firmware)
        uboot_machine.make_disk(cls.disk, [1, 1, 1], cls.board)
        cls.fw_env_config = cls.folder / "fw_env.config"
        cls.fw_env_config.write_text("".join(f"{cls.disk} {place:#x} {boot_step.COPY_SIZE:#x}\n"
                                             for place in uboot_machine.COPIES))

    def setUp(self):
        write_copies(self.disk, bytes(boot_step.COPY_SIZE), bytes(boot_step.COPY_SIZE))

    def put(self, variables, older=None):
        """Makes variables the record in force, in copy 1, as the third write; copy 0 holds older ones."""
        write_copies(self.disk, encode(Environment(older or record(), 1)), encode(Environment(variables, 2)))

    def power_on(self, firmware=None, **options):
        """Starts, cuts the power when a slot was chosen, and returns its letter, or NOBODY."""
        with Machine(firmware or self.firmware, self.disk, **options) as machine:
            said = machine.wait_for(f"Tenon: (?:booting slot (?P<slot>[AB])|{NOBODY})")
            self.took = machine.seconds()
            machine.cut()
        self.said = machine.said
        print(f"{self.took:5.2f} s  {said.group(0).strip()}", flush=True)
        return said.group("slot") or NOBODY

    def variables(self):
        """The variables in force, about which both readers agree."""
        found = environment_in_force(self.disk).variables
        printed = subprocess.run(["fw_printenv", "-c", self.fw_env_config], check=True, capture_output=True).stdout
        self.assertEqual(dict(line.split("=", 1) for line in printed.decode("latin-1").splitlines()), found)
        return found

    def boots_and_writes_nothing(self, slot, **options):
        before = read_copies(self.disk)
        self.assertEqual(self.power_on(**options), slot, self.said)
        self.assertEqual(read_copies(self.disk), before)


class GoodSlots(Board):
    def test_a_factory_without_an_environment_boots_a(self):
        self.boots_and_writes_nothing("A")

    def test_an_environment_that_says_nothing_of_slots_boots_a(self):
        self.put({"serial#": "4711"})
        self.boots_and_writes_nothing("A")

    def test_a_good_slot_boots_and_is_not_counted_down(self):
        self.put(record(a_left="3"))
        self.boots_and_writes_nothing("A")
        self.put(record("B A", "good", "good", b_left="3"))
        self.boots_and_writes_nothing("B")

    def test_bad_empty_and_unknown_slots_are_passed_over(self):
        for state in ("bad", "empty", "good; reset"):
            with self.subTest(state=state):
                self.put(record("B A", "good", state, b_left="3"))
                self.boots_and_writes_nothing("A")
        self.put(record("A B", "bad", "good"))
        self.boots_and_writes_nothing("B")

    # Book: DEV-65
    def test_without_a_slot_that_may_boot_it_waits_and_changes_nothing(self):
        self.put(record("A B", "bad", "bad", "3", "3"))
        self.boots_and_writes_nothing(NOBODY)

    def test_an_order_that_nobody_understands_is_the_first_one(self):
        for order in ("", "C A"):
            with self.subTest(order=order):
                self.put(record(order, "good", "good"))
                self.boots_and_writes_nothing("A")


class Trials(Board):
    def test_a_try_is_taken_before_the_slot_boots_and_all_else_stays(self):
        self.put({**OTHERS, **trial("3")})
        before = read_copies(self.disk)
        self.assertEqual(self.power_on(), "B", self.said)
        after = read_copies(self.disk)
        self.assertEqual(after[1], before[1], "the copy in force was written over")
        self.assertEqual(environment_in_force(self.disk).copy, 0)
        self.assertEqual(after[0][4], 3, "the count of writes")
        self.assertEqual(self.variables(), {**OTHERS, **trial("2")})

    # The power goes each time as soon as the slot is named, before anything of it was read.
    # Book: DEV-64
    def test_each_power_cut_costs_a_try_and_after_the_last_the_good_slot_boots(self):
        self.put(trial("2"))
        self.assertEqual([self.power_on() for _ in range(3)], ["B", "B", "A"])
        self.assertEqual(self.variables(), trial("0"))

    def test_a_slot_on_trial_can_be_a_too(self):
        self.put(record("A B", "trial", "good", a_left="9"))
        self.assertEqual(self.power_on(), "A", self.said)
        self.assertEqual(self.variables()["BOOT_A_LEFT"], "8")

    def test_tries_that_are_no_digit_are_none(self):
        for left in ("0", "", "x", "99", "3; reset"):
            with self.subTest(left=left):
                self.put(trial(left))
                self.boots_and_writes_nothing("A")

    def test_the_count_of_writes_goes_from_255_to_0(self):
        write_copies(self.disk, encode(Environment(trial("3"), 255)), encode(Environment(record(), 254)))
        self.assertEqual(self.power_on(), "B", self.said)
        self.assertEqual(read_copies(self.disk)[1][4], 0)
        self.assertEqual(self.variables(), trial("2"))

    def test_a_slot_that_cannot_be_loaded_gives_way_to_the_next(self):
        self.put(trial("3"))
        with Machine(self.firmware, self.disk) as machine:
            machine.wait_for("Tenon: booting slot B")
            machine.wait_for("Tenon: slot B cannot be loaded")
            machine.wait_for("Tenon: booting slot A")
        self.assertEqual(self.variables(), trial("2"))

    def test_a_trial_whose_try_cannot_be_written_down_does_not_boot(self):
        self.put(trial("3"))
        self.boots_and_writes_nothing("A", disk_options="format=raw,readonly=on")
        self.assertIn("its try cannot be counted", self.said)


# Nothing can be loaded in any partition here, so that one start of the machine goes through the whole list, and a reset goes on.
class LastResort(Board):
    board = {"tenon_pause": "1", "tenon_partition_recovery": "5"}
    NOTE = uboot_machine.ENVIRONMENT + 0x40 * uboot_machine.SECTOR
    NOTE_SIZE = 0x200

    def setUp(self):
        super().setUp()
        self.write_note(b"")

    def write_note(self, note):
        data = note.ljust(self.NOTE_SIZE - 4, b"\0")
        with open(self.disk, "r+b") as disk:
            disk.seek(self.NOTE)
            disk.write(zlib.crc32(data).to_bytes(4, "little") + data)

    def read_note(self):
        with open(self.disk, "rb") as disk:
            disk.seek(self.NOTE)
            return disk.read(self.NOTE_SIZE)

    def starts(self, machine):
        """What one last resort goes through, and how long it paused before."""
        told = machine.wait_for(f"Tenon: {NOBODY}; the last resort in 1 s:(?P<list>[ a-zA-Z]*)")
        began = machine.seconds()
        words = told.group("list").split()
        for number, word in enumerate(words):
            machine.wait_for(f"Tenon: booting slot {word} \\(last resort\\)")
            if number == 0:
                self.assertGreater(machine.seconds() - began, 0.9)
        return words

    def passes(self, *lists, **options):
        """The lists that the machine goes through, one after the other, by itself."""
        before = read_copies(self.disk)
        with Machine(self.firmware, self.disk, **options) as machine:
            for words in lists:
                self.assertEqual(self.starts(machine), words)
        self.assertEqual(read_copies(self.disk), before)

    # Crash point 28.
    # Book: DEV-65
    def test_of_two_bad_slots_each_is_started_and_then_the_recovery_system(self):
        self.put(record("B A", "bad", "bad"))
        self.passes(["B", "A", "recovery"], ["B", "A", "recovery"])
        self.assertIn(b"tenon_last=7-recovery\0", self.read_note())

    # Book: DEV-65
    def test_what_does_not_come_up_gives_way_to_the_next(self):
        self.put(record("B A", "bad", "bad"))
        for last, words in (("7-B", ["A", "recovery", "B"]), ("7-A", ["recovery", "B", "A"]), ("7-recovery", ["B", "A", "recovery"]),
                            ("6-B", ["B", "A", "recovery"]), ("7-B; reset", ["B", "A", "recovery"])):
            with self.subTest(last=last):
                self.write_note(f"tenon_last={last}".encode() + b"\0\0")
                self.passes(words)

    # Book: DEV-65
    def test_the_order_is_good_bad_trial_and_never_empty(self):
        for variables, words in ((record("B A", "bad", "trial"), ["A", "B"]), (record("B A", "trial", "bad"), ["B", "A"]),
                                 (record("A B", "bad", "good"), ["B", "A"]), (record("A B", "empty", "bad"), ["B"]),
                                 (record("A B", "empty", "empty"), [])):
            with self.subTest(words=words):
                self.put(variables)
                self.write_note(b"")
                self.passes([*words, "recovery"])

    # Book: DEV-58 DEV-65
    def test_with_both_copies_damaged_b_has_its_turn_when_a_cannot_be_loaded(self):
        self.passes(["A", "B", "recovery"])

    def test_a_note_that_cannot_be_written_begins_the_list_anew(self):
        self.put(record("A B", "bad", "bad"))
        self.passes(["A", "B", "recovery"], ["A", "B", "recovery"], disk_options="format=raw,readonly=on")


class Copies(Board):
    def test_of_two_whole_copies_the_later_one_counts(self):
        a, b = record("A B", "good", "good"), record("B A", "good", "good")
        for first, second, slot in [(2, 1, "A"), (7, 7, "A"), (255, 0, "B"), (0, 255, "A"), (1, 255, "B")]:
            with self.subTest(first=first, second=second):
                write_copies(self.disk, encode(Environment(a, first)), encode(Environment(b, second)))
                self.boots_and_writes_nothing(slot)
                self.variables()  # libubootenv agrees

    def test_with_one_copy_damaged_the_other_counts(self):
        a, b = encode(Environment(record("A B", "good", "good"), 1)), encode(Environment(record("B A", "good", "good"), 2))
        write_copies(self.disk, a, damaged(b))
        self.boots_and_writes_nothing("A")
        write_copies(self.disk, damaged(encode(Environment(record("A B", "good", "good"), 3))), b)
        self.boots_and_writes_nothing("B")

    # What a power cut in the middle of a write leaves.
    def test_a_try_is_counted_over_the_damaged_copy(self):
        write_copies(self.disk, encode(Environment(trial("3"), 5)), damaged(encode(Environment(trial("2"), 6))))
        self.assertEqual(self.power_on(), "B", self.said)
        self.assertEqual([copy[4] for copy in read_copies(self.disk)], [5, 6])
        self.assertEqual(self.variables(), trial("2"))

    def test_with_both_copies_damaged_a_boots(self):
        b = record("B A", "bad", "good")
        write_copies(self.disk, damaged(encode(Environment(b, 1))), damaged(encode(Environment(b, 2))))
        self.boots_and_writes_nothing("A")


class Neighbours(Board):
    def test_what_fw_setenv_writes_is_what_u_boot_reads(self):
        self.put(record())
        script = "".join(f"{name}={value}\n" for name, value in trial("2").items())
        subprocess.run(["fw_setenv", "-c", self.fw_env_config, "-s", "-"], input=script, text=True, check=True)
        self.assertEqual(self.power_on(), "B", self.said)
        self.assertEqual(self.variables(), trial("1"))

    def test_distro_boot_finds_the_script_by_itself(self):
        blank = self.folder / "blank.img"
        with open(blank, "wb") as flash:
            flash.truncate(64 << 20)
        self.put(record("B A", "good", "good"))
        self.boots_and_writes_nothing("B", firmware=blank)


if __name__ == "__main__":
    if lacking := uboot_machine.missing():
        print("skipped:", lacking)
        sys.exit(77)
    began = time.monotonic()
    program = unittest.main(exit=False, verbosity=2)
    print(f"{time.monotonic() - began:.1f} s in all")
    sys.exit(not program.result.wasSuccessful())
