#!/usr/bin/env python3
"""integration/boot/grub/grub.cfg in a real GRUB: which slot it starts, what it tells the kernel, and what it leaves in the
two blocks.

A slot counts as started when its kernel has told its command line; then the power goes. The blocks are written and read from
outside."""
import functools
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import grub_machine
from grub_machine import BLOCK_SIZE, Machine, block, sealed, variables_of

NOBODY = "no slot boots"
SECTOR = 512
CHOICE = f"Tenon: (?:{NOBODY})|tenon.slot=(?P<slot>[AB])"


def record(order="A B", a="good", b="empty", a_left="0", b_left="0", generation=7):
    return sealed({"BOOT_GENERATION": str(generation), "BOOT_ORDER": order, "BOOT_A_STATE": a, "BOOT_A_LEFT": a_left,
                   "BOOT_B_STATE": b, "BOOT_B_LEFT": b_left})


def trial(left, generation=7):
    return record("B A", "good", "trial", b_left=left, generation=generation)


def damaged(image):
    at = image.index(b"BOOT_ORDER=") + len("BOOT_ORDER=")
    return image[:at] + bytes([image[at] ^ 3]) + image[at + 1:]  # A is B


@functools.cache
def disk_for(folder, kind):
    """A disk and the places of its blocks, made once for all that want this kind."""
    disk = folder / f"{kind}.img"
    quick = {"tenon_pause": "1"}
    with_recovery = {**quick, "tenon_partition_recovery": "${tenon_disk},gpt5"}
    options = {"ext4": {}, "fat": {"boot_type": "fat"}, "only-a": {"board": quick}, "recovery": {"board": with_recovery},
               "no-note": {"board": {**quick, "tenon_note": "(${root})/tenon/nothing"}}}
    places, slots = grub_machine.make_disk(disk, [grub_machine.SLOT_MIB] * 3, **options[kind])
    kernel = grub_machine.make_kernel()
    for number, slot in enumerate(slots):
        grub_machine.put_slot(disk, slot, None if kind == "only-a" and number == 1 else kernel)
    return disk, places


class Board(unittest.TestCase):
    kind = "ext4"

    @classmethod
    def setUpClass(cls):
        cls.folder = FOLDER
        cls.disk, cls.places = disk_for(cls.folder, cls.kind)

    def put(self, first, second):
        with open(self.disk, "r+b") as disk:
            for place, content in zip(self.places, (first, second)):
                image = block(content) if isinstance(content, dict) else content
                assert len(image) == BLOCK_SIZE
                disk.seek(place)
                disk.write(image)

    def blocks(self):
        with open(self.disk, "rb") as disk:
            return [disk.seek(place) and disk.read(BLOCK_SIZE) for place in self.places]

    def power_on(self, **options):
        """Starts, cuts the power when a slot was started, and returns its letter, or NOBODY."""
        with Machine(self.disk, **options) as machine:
            said = machine.wait_for(CHOICE)
            took = machine.seconds()
        self.said = machine.said
        print(f"{took:5.2f} s  {said.group(0).strip()}", flush=True)
        return said.group("slot") or NOBODY

    def boots_and_writes_nothing(self, slot, **options):
        before = self.blocks()
        self.assertEqual(self.power_on(**options), slot, self.said)
        self.assertEqual(self.blocks(), before)


class GoodSlots(Board):
    def test_a_factory_with_blank_blocks_boots_a(self):
        self.put(block(), block({"saved_entry": "0"}))
        self.boots_and_writes_nothing("A")

    def test_a_good_slot_boots_and_is_not_counted_down(self):
        self.put(block(), record(a_left="3"))
        self.boots_and_writes_nothing("A")
        self.put(record("B A", "good", "good", b_left="3"), block())
        self.boots_and_writes_nothing("B")

    # The kernel gets the root by its partition's id, and the slot, once.
    def test_the_kernel_is_told_its_root_and_its_slot(self):
        for number, slot in ((3, "A"), (4, "B")):
            self.put(record(f"{slot} A", "good", "good"), record("A B" if slot == "A" else "B A", "good", "good", generation=8))
            self.boots_and_writes_nothing(slot)
            line = self.said.strip().splitlines()[-1]
            self.assertEqual(line, f"BOOT_IMAGE=(hd0,gpt{number})/boot/vmlinuz rootwait ro panic=1 "
                             f"root=PARTUUID={grub_machine.partition_id(self.disk, number)} tenon.slot={slot}")

    def test_bad_empty_and_unknown_slots_are_passed_over(self):
        for state in ("bad", "empty", "good; reboot"):
            with self.subTest(state=state):
                self.put(block(), record("B A", "good", state, b_left="3"))
                self.boots_and_writes_nothing("A")
        self.put(block(), record("A B", "bad", "good"))
        self.boots_and_writes_nothing("B")

    # Book: DEV-65
    def test_without_a_slot_that_may_boot_it_waits_and_changes_nothing(self):
        self.put(block(), record("A B", "bad", "bad", "3", "3"))
        before = self.blocks()
        with Machine(self.disk) as machine:
            machine.wait_for(NOBODY + "; the last resort in 30 s: A B")
        self.assertEqual(self.blocks(), before)

    def test_an_order_that_nobody_understands_is_the_first_one(self):
        self.put(block(), record("${tenon_slots}", "good", "good"))
        self.boots_and_writes_nothing("A")


class Trials(Board):
    def test_a_try_is_taken_before_the_slot_boots_and_all_else_stays(self):
        self.put(trial("3"), record(generation=6))
        before = self.blocks()
        self.assertEqual(self.power_on(), "B", self.said)
        after = self.blocks()
        self.assertEqual(after[0], before[0], "the block in force was written over")
        self.assertEqual(variables_of(after[1]), trial("2"))
        self.assertLess(len(after[1].rstrip(b"#")), SECTOR)

    # The first update of a factory: the other block has none of the variables yet.
    def test_a_try_is_taken_in_a_blank_block_too(self):
        self.put(trial("3"), block())
        self.assertEqual(self.power_on(), "B", self.said)
        self.assertEqual(variables_of(self.blocks()[1]), trial("2"))

    # The power goes each time before anything of the slot was read.
    # Book: DEV-64
    def test_each_power_cut_costs_a_try_and_after_the_last_the_good_slot_boots(self):
        self.put(record(generation=6), trial("2"))
        self.assertEqual([self.power_on() for _ in range(3)], ["B", "B", "A"])
        self.assertEqual([variables_of(one) for one in self.blocks()], [trial("1"), trial("0")])

    def test_a_slot_on_trial_can_be_a_too(self):
        self.put(record("A B", "trial", "good", a_left="9"), record(generation=6))
        self.assertEqual(self.power_on(), "A", self.said)
        self.assertEqual(variables_of(self.blocks()[1])["BOOT_A_LEFT"], "8")

    def test_tries_that_are_no_digit_are_none(self):
        for left in ("0", "", "99", "* 3; reboot"):
            with self.subTest(left=left):
                self.put(record(generation=6), trial(left))
                self.boots_and_writes_nothing("A")

    def test_a_trial_whose_try_cannot_be_written_down_does_not_boot(self):
        self.put(record(generation=6), trial("3"))
        self.boots_and_writes_nothing("A", disk_options="format=raw,readonly=on")
        self.assertIn("its try cannot be counted", self.said)

    # GRUB cannot make a block out of something that is none: the one in force must not be risked for it.
    def test_a_trial_whose_other_block_is_beyond_writing_does_not_boot(self):
        for other in (bytes(BLOCK_SIZE), block()[:BLOCK_SIZE // 2] + bytes(BLOCK_SIZE // 2)):
            self.put(other, trial("3"))
            self.boots_and_writes_nothing("A")
            self.assertIn("its try cannot be counted", self.said)


class UnloadableSlots(Board):
    kind = "only-a"

    def test_a_slot_that_cannot_be_loaded_gives_way_to_the_next(self):
        self.put(trial("3"), record(generation=6))
        with Machine(self.disk) as machine:
            machine.wait_for("Tenon: booting slot B")
            machine.wait_for("Tenon: slot B cannot be loaded")
            machine.wait_for("Tenon: booting slot A")
            machine.wait_for("tenon.slot=A")
        self.assertEqual(variables_of(self.blocks()[1]), trial("2"))

    # A fallback that was lost to the disk: the trial that used up its tries is better than nothing.
    # Book: DEV-65
    def test_a_slot_that_failed_is_started_when_the_good_one_cannot_be_loaded(self):
        self.put(record("B A", "bad", "good"), block())
        with Machine(self.disk) as machine:
            machine.wait_for("Tenon: slot B cannot be loaded")
            machine.wait_for(NOBODY)
            waited = machine.seconds()
            machine.wait_for("tenon.slot=A tenon.last_resort")
            self.assertGreater(machine.seconds() - waited, 1)
        self.put(record("A B", "trial", "good"), block())
        with Machine(self.disk) as machine:
            machine.wait_for("tenon.slot=A tenon.last_resort")

    # Book: DEV-64 DEV-65
    def test_when_nothing_can_be_loaded_it_starts_anew_after_the_pause(self):
        self.put(record("B A", "empty", "good"), block())
        with Machine(self.disk) as machine:
            machine.wait_for(NOBODY)
            waited = machine.seconds()
            machine.wait_for("Tenon: block a is whole")
            self.assertGreater(machine.seconds() - waited, 1)


# Neither dead nor in a loop without a pause: what once booted is started, then the recovery system, and what does not come up
# gives way to the next. The power goes each time when a kernel was started.
class LastResort(Board):
    kind = "recovery"

    def start(self):
        with Machine(self.disk) as machine:
            started = machine.wait_for("tenon.slot=(?P<slot>[a-zA-Z]+)(?P<how>.*)")
        self.said = machine.said
        return started.group("slot"), started.group("how").strip(), NOBODY in machine.said

    def setUp(self):
        self.put(block(), block())
        self.assertEqual(self.start(), ("A", "", False))  # and nothing is noted any more

    # Crash point 28.
    # Book: DEV-65
    def test_of_two_bad_slots_each_is_started_and_then_the_recovery_system(self):
        self.put(record("B A", "bad", "bad"), record("A B", "bad", "bad", generation=6))
        before = self.blocks()
        self.assertEqual([self.start() for _ in range(4)],
                         [(slot, "tenon.last_resort", True) for slot in ("B", "A", "recovery", "B")])
        self.assertEqual(self.blocks(), before)

    # Book: DEV-65
    def test_an_empty_slot_is_never_started(self):
        self.put(record("B A", "bad", "empty"), block())
        self.assertEqual([self.start()[0] for _ in range(3)], ["A", "recovery", "A"])
        self.put(record("A B", "empty", "empty"), block())
        self.assertEqual([self.start()[0] for _ in range(2)], ["recovery", "recovery"])

    # Book: DEV-65
    def test_what_was_confirmed_is_started_before_what_failed_and_that_before_what_never_ran(self):
        self.put(record("B A", "bad", "trial"), block())
        self.assertEqual([self.start()[0] for _ in range(2)], ["A", "B"])

    # Crash point 28: A is started at once, as ever; only when it makes no record is B tried.
    # Book: DEV-58 DEV-65
    def test_without_a_whole_block_b_follows_when_a_does_not_come_up(self):
        lost = damaged(block(record("B A", "bad", "good")))
        self.put(lost, lost)
        self.assertEqual([self.start() for _ in range(4)],
                         [("A", "", False), ("B", "", True), ("recovery", "", True), ("A", "", True)])
        self.put(record("B A", "empty", "good"), lost)  # made anew
        self.assertEqual(self.start(), ("B", "", False))
        self.put(lost, lost)
        self.assertEqual(self.start(), ("A", "", False))


class LastResortWithoutANote(Board):
    kind = "no-note"

    def test_begins_anew_each_time(self):
        self.put(record("A B", "bad", "bad"), block())
        for _ in range(2):
            with Machine(self.disk) as machine:
                machine.wait_for(NOBODY)
                machine.wait_for("tenon.slot=A tenon.last_resort")


class Blocks(Board):
    def test_of_two_whole_blocks_the_later_one_counts(self):
        a, b = record("A B", "good", "good"), record("B A", "good", "good")
        for first, second, slot in [(2, 1, "A"), (9, 10, "B"), (10, 9, "A"), (999999998, 999999999, "B")]:
            with self.subTest(first=first, second=second):
                self.put(sealed({**a, "BOOT_GENERATION": str(first)}), sealed({**b, "BOOT_GENERATION": str(second)}))
                self.boots_and_writes_nothing(slot)

    def test_with_one_block_damaged_the_other_counts(self):
        a, b = block(record("A B", "good", "good", generation=1)), block(record("B A", "good", "good", generation=2))
        self.put(a, damaged(b))
        self.boots_and_writes_nothing("A")
        self.put(damaged(block(record("A B", "good", "good", generation=3))), b)
        self.boots_and_writes_nothing("B")
        self.put(bytes(BLOCK_SIZE), b)
        self.boots_and_writes_nothing("B")

    # What a power cut in the middle of a write leaves: the first sector is of the one record and the second of the other, or
    # within a sector, on media that can tear one.
    # Book: DEV-58
    def test_a_try_is_counted_over_a_torn_block(self):
        old, new = block(trial("3", 5)), block(trial("2", 5))
        for cut in (old.index(b"BOOT_B_LEFT"), old.index(b"BOOT_SEAL") + 10, old.index(b"BOOT_SEAL") + 25):
            with self.subTest(cut=cut):
                self.put(old, block(record(generation=4))[:cut] + new[cut:])
                self.assertEqual(self.power_on(), "B", self.said)
                self.assertIn("b is damaged, in force: a", self.said)
                self.assertEqual(self.blocks()[0], old)
                self.assertEqual(variables_of(self.blocks()[1])["BOOT_SEAL"], trial("2", 5)["BOOT_SEAL"])

    def test_with_both_blocks_damaged_a_boots(self):
        b = block(record("B A", "bad", "good"))
        for first, second in ((damaged(b), damaged(b)), (bytes(BLOCK_SIZE), b"\xff" * BLOCK_SIZE)):
            self.put(block(), block())
            self.boots_and_writes_nothing("A")  # no loss before this one
            self.put(first, second)
            self.boots_and_writes_nothing("A")

    def test_nothing_else_in_a_block_is_obeyed(self):
        others = {"root": "hd9", "prefix": "(hd9)/x", "tenon_pause": "0", "tenon_current": "b", "tenon_slots": "B",
                  "tenon_kernel": "/nothing", "check_signatures": "enforce", "BOOT_A_STATE_": "bad"}
        self.put({**others, **record()}, {**others, **trial("0", 6)})
        self.boots_and_writes_nothing("A")


# The file system of an EFI system partition.
class Fat(Board):
    kind = "fat"

    def test_a_try_is_taken_on_fat_and_the_file_system_stays_whole(self):
        self.put(record(generation=6), trial("2"))
        self.assertEqual([self.power_on() for _ in range(3)], ["B", "B", "A"])
        self.assertEqual([variables_of(one) for one in self.blocks()], [trial("1"), trial("0")])
        copy = self.folder / "grubenv.b"
        subprocess.run(["mcopy", "-n", "-i", f"{self.disk}@@{grub_machine.BOOT}", "::/tenon/grubenv.b", copy], check=True)
        self.assertEqual(copy.read_bytes(), self.blocks()[1])


class Neighbours(Board):
    def test_what_grub_editenv_writes_is_what_grub_reads(self):
        files = [self.folder / "grubenv.a", self.folder / "grubenv.b"]
        for file in files:
            subprocess.run(["grub-editenv", file, "create"], check=True)
        words = [f"{name}={value}" for name, value in trial("2").items()]
        subprocess.run(["grub-editenv", files[0], "set", *words], check=True)
        self.put(*(file.read_bytes() for file in files))
        self.assertEqual(self.power_on(), "B", self.said)
        self.assertEqual(variables_of(self.blocks()[1]), trial("1"))


if __name__ == "__main__":
    if lacking := grub_machine.missing():
        print("skipped:", lacking)
        sys.exit(77)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        FOLDER = Path(name)
        program = unittest.main(exit=False, verbosity=2)
    print(f"{time.monotonic() - began:.1f} s in all")
    sys.exit(not program.result.wasSuccessful())
