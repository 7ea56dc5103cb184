#!/usr/bin/env python3
"""The disk of the crash replay: what a cut may leave, and what it never takes."""
import random
import unittest

from disk import Call, Clean, Disk, Lost, Reordered, Torn, read_trace

OLD, NEW = b"o" * 8192, b"n" * 8192
SEEDS = range(200)


def write(path, data, offset=0, name="write"):
    return Call(name, path, offset=offset, length=len(data), data=data)


def sync(path):
    return Call("sync", path)


class DiskTest(unittest.TestCase):
    def disk(self, *calls):
        disk = Disk({"data": None, "data/file": OLD, "slot": OLD})
        for call in calls:
            disk.apply(call)
        return disk

    def states(self, disk, during=None):
        """Every state that some seed gives."""
        ways = [Clean(), Lost()]
        for seed in SEEDS:
            ways += [Reordered(seed), Torn(seed, seed)]
        return [disk.state(way, during) for way in ways]

    def test_what_was_flushed_is_never_lost(self):
        disk = self.disk(write("slot", NEW), sync("slot"))
        self.assertTrue(disk.is_settled())
        self.assertEqual({state["slot"] for state in self.states(disk)}, {NEW})

    def test_what_was_not_flushed_may_be_lost_or_there_or_torn_at_every_sector(self):
        found = {state["slot"] for state in self.states(self.disk(write("slot", NEW)))}
        self.assertLessEqual({OLD, NEW, NEW[:4096] + OLD[4096:], OLD[:4096] + NEW[4096:]}, found)
        self.assertTrue(any(content[512:1024] != content[:512] for content in found))
        self.assertTrue(any(0 in content for content in found), "flash that is erased first")

    def test_a_later_write_may_be_there_without_an_earlier_one(self):
        disk = self.disk(write("slot", NEW[:512]), write("slot", NEW[:512], 4096))
        found = {(state["slot"][:1], state["slot"][4096:4097]) for state in self.states(disk)}
        self.assertLessEqual({(b"o", b"n"), (b"n", b"o"), (b"o", b"o"), (b"n", b"n")}, found)

    def test_a_flush_of_one_file_says_nothing_of_another(self):
        disk = self.disk(write("slot", NEW), write("data/file", NEW), sync("data/file"))
        self.assertEqual({state["data/file"] for state in self.states(disk)}, {NEW})
        self.assertIn(OLD, {state["slot"] for state in self.states(disk)})

    def test_a_write_to_a_file_opened_with_dsync_is_there_and_takes_no_other_with_it(self):
        disk = self.disk(write("slot", b"x" * 512), write("slot", b"y" * 512, 0, "write_sync"))
        self.assertEqual({state["slot"][:512] for state in self.states(disk)}, {b"y" * 512})
        disk = self.disk(write("slot", b"x" * 512, 4096), write("slot", b"y" * 512, 0, "write_sync"))
        self.assertIn(OLD[:512], {state["slot"][4096:4608] for state in self.states(disk)})

    def test_a_rename_is_whole_or_not_there_until_its_folder_is_synced(self):
        calls = [Call("create", "data/.new"), write("data/.new", NEW), sync("data/.new"),
                 Call("rename", "data/.new", "data/file")]
        states = self.states(self.disk(*calls))
        self.assertEqual({state["data/file"] for state in states}, {OLD, NEW})
        self.assertFalse(any(state["data/file"] == NEW and "data/.new" in state for state in states))
        states = self.states(self.disk(*calls, sync("data")))
        self.assertEqual({state["data/file"] for state in states}, {NEW})

    def test_a_rename_may_be_there_before_the_data_of_its_file(self):
        calls = [Call("create", "data/.new"), write("data/.new", NEW), Call("rename", "data/.new", "data/file"),
                 sync("data")]
        self.assertIn(b"", {state["data/file"] for state in self.states(self.disk(*calls))})

    def test_a_new_name_may_be_lost_though_its_file_was_flushed(self):
        disk = self.disk(Call("create", "data/more"), write("data/more", NEW), sync("data/more"))
        self.assertIn(None, {state.get("data/more") for state in self.states(disk)})

    def test_syncfs_keeps_everything(self):
        disk = self.disk(Call("mkdir", "data/sub"), Call("create", "data/sub/one"), write("data/sub/one", NEW),
                         write("slot", NEW), Call("syncfs", ""))
        self.assertTrue(disk.is_settled())
        self.assertEqual(len({frozenset(state.items()) for state in self.states(disk)}), 1)

    def test_the_write_that_the_cut_falls_into_is_there_in_part(self):
        disk = self.disk()
        found = {state["slot"] for state in self.states(disk, write("slot", NEW))}
        self.assertIn(NEW[:4096] + OLD[4096:], found)
        self.assertEqual(disk.state(Clean())["slot"], OLD)

    def test_a_hole_reads_as_zeros_and_a_cut_file_ends_there(self):
        disk = self.disk(Call("punch", "slot", offset=4096, length=8192), Call("truncate", "data/file", length=100))
        self.assertEqual(disk.file("slot"), OLD[:4096] + bytes(4096))
        self.assertEqual(disk.file("data/file"), OLD[:100])

    def test_the_same_seed_gives_the_same_state(self):
        disk = self.disk(write("slot", random.Random(1).randbytes(8192)))
        self.assertEqual(disk.state(Torn("a", 5)), disk.state(Torn("a", 5)))

    def test_a_call_that_is_not_known_is_an_error(self):
        with self.assertRaises(ValueError):
            self.disk(Call("rename_by_flags", "slot", "slot"))

    def test_a_trace_is_read_back_as_it_was_written(self):
        trace = b"write\tslot\t\t512\t3\na\nbsync\tslot\t\t0\t0\nunlink\tgone (deleted)\t\t0\t0\n"
        self.assertEqual(read_trace(trace, "boot"), [Call("write", "slot", "", 512, 3, b"a\nb", "boot"),
                                                     Call("sync", "slot", "", 0, 0, b"", "boot")])


if __name__ == "__main__":
    unittest.main()
