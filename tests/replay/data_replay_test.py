#!/usr/bin/env python3
"""The power is cut at every call of a migration of the application's data, and of the way back from it, with all that a disk may
lose: the link leads to whole data, and both to the new and to the old ones there is a way.

TENON_BIN_DIR names the folder of the programs, TENON_RECORD_CALLS the library that records.
"""
import shutil
import sys
import unittest
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "client"))
import app_data_test
from disk import Clean, Disk, Lost, Reordered, Torn, digest_of, read_folder, read_trace

KEPT = ["app", "data", "uboot.env"]
SEEDS = 8


def ways(at):
    yield from (Clean(), Lost())
    for seed in range(SEEDS):
        yield Reordered(f"{at} {seed}")
        yield Torn(f"{at} {seed}", seed)


def below(state, folder):
    return {path.removeprefix(folder): content for path, content in state.items() if path.startswith(folder)}


class DataReplay(app_data_test.WithData):
    def load(self, state):
        for name in KEPT:
            path = self.folder / name
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        for path, content in state.items():
            if content is None:
                (self.folder / path).mkdir()
            elif isinstance(content, str):
                (self.folder / path).symlink_to(content)
            else:
                (self.folder / path).write_bytes(content)

    def state(self):
        return read_folder(self.folder, KEPT)

    def recording(self, trace):
        return {"LD_PRELOAD": app_data_test.RECORD_CALLS, "RECORD_FOLDER": str(self.folder), "RECORD_TO": str(trace)}

    def record(self, start):
        """The calls of one start, those of its command among them."""
        trace = self.folder / "trace"
        trace.unlink(missing_ok=True)
        start()
        before = self.state()
        self.check(0, environment=self.recording(trace))
        disk = Disk(before)
        calls = [call for call in read_trace(trace.read_bytes(), "") if call.path.split("/")[0] in {"", *KEPT}]
        for call in calls:
            disk.apply(call)
        self.assertTrue(disk.state(Clean()) == self.state(), "the trace lacks something")
        return before, calls

    def migrate_command(self):
        variables = " ".join(f"{name}={value}" for name, value in self.recording(self.folder / "trace").items())
        return f'{variables} exec /bin/sh -c "echo two >> $TENON_DATA/form; mkdir $TENON_DATA/new; echo x > $TENON_DATA/new/x"'

    def start_migration(self):
        self.start_trial(self.migrate_command())

    def whole(self, state):
        """The edition that the link leads to; it must be whole."""
        link = state["app/current"]
        self.assertIn(link, self.editions)
        self.assertTrue(below(state, f"app/{link}/") == self.editions[link], f"edition {link} is not whole")
        return link

    def replay(self, before, calls):
        """From each state that a cut may leave, on and back."""
        tried, links = set(), set()
        for at in range(len(calls) + 1):
            for number, way in enumerate(ways(at)):
                disk = Disk(before)
                for call in calls[:at]:
                    disk.apply(call)
                state = disk.state(way, calls[at] if at < len(calls) and calls[at].data else None)
                digest = digest_of(state)
                if digest in tried:
                    continue
                tried.add(digest)
                with self.subTest(at=at, call=calls[at] if at < len(calls) else None, way=number):
                    links.add(self.whole(state))
                    for start, link in ((lambda: self.start_trial(self.migrate_command()), "2"), (self.start_fallback, "1")):
                        self.load(state)
                        start()
                        self.check(0)
                        after = self.state()
                        self.assertEqual(self.whole(after), link)
                        self.assertNotIn("app/.unfinished", after)
                        if link == "1":
                            self.assertNotIn("app/2", after)
        print(f"{len(calls)} calls, {len(tried)} states")
        return links

    # Book: DEV-01, DEV-02
    def test_a_migration_and_the_way_back_are_cut_anywhere(self):
        (self.data / "1/second-name").unlink()  # a state knows of no hard links
        (self.data / "1/inner/big").write_bytes(bytes(range(256)) * 40)
        before, calls = self.record(self.start_migration)
        self.editions = {"1": below(before, "app/1/"), "2": below(self.state(), "app/2/")}
        self.assertEqual(self.editions["2"]["form"], b"one\ntwo\n")
        migrated = self.state()
        self.assertEqual(self.replay(before, calls), {"1", "2"})
        self.load(migrated)
        before, calls = self.record(self.start_fallback)
        self.assertEqual(self.replay(before, calls), {"1", "2"})


del app_data_test.WithData

if __name__ == "__main__":
    unittest.main()
