#!/usr/bin/env python3
"""The power is cut at calls of recorded updates, in every way that storage has to lose data: a verified image boots,
the device goes on by itself, no floor falls. And tenonds with one bug each, which this must catch.

TENON_BIN_DIR and TENON_RECORD_CALLS: see replayed_device.py. TENON_SEEDED_BUGS is the folder of the tenonds with bugs.
./dev soak runs all of it.
"""
import os
import re
import unittest
from pathlib import Path

from crash_replay import Replay, record_life, record_lives, report
from points import CUTS, POINTS, cuts_of
from replayed_device import BIN, ReplayedDevice

SEEDED_BUGS = Path(os.environ["TENON_SEEDED_BUGS"])
UPDATE_STRIDE = {"clean": 1, "lost": 1, "killed": 4, "reordered": 2, "torn": 2, "rotten": 4, "emptied": 8}
OTHER_STRIDE = {"clean": 8, "lost": 8, "killed": 16, "reordered": 16, "torn": 8, "rotten": 16, "emptied": 32}


class CrashReplay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.device = cls.enterClassContext(ReplayedDevice())
        cls.lives = record_lives(cls.device)
        cls.base = cls.lives["update"].before

    def replay(self, lives, stride):
        """The lives share most of their calls: each is cut at others of them."""
        replay = Replay(self.device)
        for shift, life in enumerate(lives):
            for cut in cuts_of(life):
                ways = [way for way, every in stride.items() if (cut.at + shift) % every == 0]
                replay.cut(cut, ways, range(cut.at, cut.at + 1), again=ways if cut.at % 8 == 0 else ())
        return replay

    # Book: DEV-01, DEV-04, DEV-05, DEV-06
    def test_an_update_is_cut_at_every_call(self):
        replay = self.replay([self.lives["update"]], UPDATE_STRIDE)
        report(replay)
        self.assertEqual(replay.problems, [])
        for point, (_, tested) in POINTS.items():
            if tested.startswith(CUTS) and point not in (21, 27):
                self.assertGreater(sum(replay.tried[point].values()), 0, f"point {point} is not among the cuts")

    # Book: DEV-01, DEV-02
    def test_deltas_local_content_first_updates_recoveries_roll_backs_and_changes_of_mind_are_cut(self):
        for name, said in (("delta", "taking rootfs.from-"), ("local", "taking rootfs.blocks"),
                           ("resumed", "going on at segment")):
            self.assertIn(said, self.lives[name].notes[0])
        replay = self.replay([life for life in self.lives.values() if life.name != "update"], OTHER_STRIDE)
        report(replay)
        self.assertEqual(replay.problems, [])

    def test_the_document_says_who_tests_each_point(self):
        text = (Path(__file__).resolve().parents[2] / "docs/crash-replay.md").read_text()
        for point, (what, tested) in POINTS.items():
            self.assertIn(f"| {point} | {what} | {tested} |", text)
            for name in re.findall(r"\w+_test\b", tested):
                self.assertTrue(any((Path(__file__).resolve().parents[1]).rglob(f"{name}.*")), name)

    # Book: DEV-25
    def test_a_sector_that_the_medium_damages_is_noticed_before_anything_is_armed(self):
        for write in range(1, 4):
            with self.subTest(write=write):
                self.device.begin("update", self.base)
                self.device.record_tenond("install", "next", 8, rot=f"slot-A.ext4,{write},300")
                self.assertIn("read back is not what was written", self.device.life.notes[-1])
                self.device.record_tenond("install", "next", 0)
                self.device.record_boot()
                self.device.record_tenond("trial", "next", 3)
                self.assertEqual(self.device.running(), "1.2.0")

    def bug_is_caught(self, name, way, problem):
        self.device.tenond_program = SEEDED_BUGS / f"tenond_{name}"
        self.addCleanup(setattr, self.device, "tenond_program", BIN / "tenond")
        life = record_life(self.device, "update", self.base)
        replay = Replay(self.device)
        for cut in cuts_of(life):
            replay.cut(cut, [way], range(1), again=())
            if replay.problems:
                print(f"caught: {replay.problems[0]}")
                return self.assertRegex(replay.problems[0], problem)
        self.fail(f"nobody noticed {name} in {replay.states} states")

    def test_a_tenond_that_does_not_flush_the_slot_is_caught(self):
        self.bug_is_caught("unflushed", "lost", "started group A, which holds ")

    def test_a_tenond_that_arms_what_it_did_not_read_back_is_caught(self):
        self.bug_is_caught("unread", "rotten", "started group A, which holds ")

    def test_a_tenond_that_raises_the_floor_before_the_commit_is_caught(self):
        self.bug_is_caught("early_floor", "clean", "only 2 is confirmed")


if __name__ == "__main__":
    unittest.main()
