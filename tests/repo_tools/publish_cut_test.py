"""tenon-repo publish, ended at each system call that changes the file system once, or with that call failing, while
clients refresh: they see the old release or the new one, and publishing again completes.

TENON_BIN_DIR names the folder of tenon-repo, tenon-keyctl and refresh_loop, TENON_CUT_CALLS the library that cuts.
"""
import itertools
import json
import os
import shutil
import signal
import subprocess
import unittest

import repo_cli_test
from repo_cli_test import BIN, NOTHING, REPO

CUT_CALLS = os.environ.get("TENON_CUT_CALLS", "")
ENOUGH_REFRESHES = 10_000
STORAGE = 8


class Fleet:
    """The clients, from the first refresh on until the block ends."""

    def __init__(self, folder, repository="repo"):
        self.folder, self.repository = folder, repository

    def __enter__(self):
        self.loop = subprocess.Popen([os.path.join(BIN, "refresh_loop"), self.repository], cwd=self.folder, text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(self, *_):
        self.report = json.loads(self.loop.communicate(timeout=60)[0])


class Cut(repo_cli_test.Repo):
    def setUp(self):
        super().setUp()
        self.publish_one_and_stage_the_next()
        os.rename(self.path("repo"), self.path("before"))
        self.refreshes = 0
        self.seen = set()

    def publish(self, at, how="kill"):
        environment = {**os.environ, "LD_PRELOAD": CUT_CALLS, "CUT_AT": str(at), "CUT_HOW": how}
        return subprocess.run([REPO, "publish", "repo"], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)

    def restore(self):
        shutil.rmtree(self.path("repo"), ignore_errors=True)
        shutil.copytree(self.path("before"), self.path("repo"))

    def calls(self):
        self.restore()
        done = self.publish(0)
        self.assertEqual(done.returncode, 0, done.stderr)
        return int(done.stderr.split()[-1])

    def cut(self, at, how):
        """Publishes with a cut, then again without; gives what became of the first."""
        self.restore()
        with self.subTest(at=at, how=how):
            with Fleet(self.folder) as fleet:
                done = self.publish(at, how)
                again = self.repo("publish", "repo")
                self.assertIn(again.returncode, (0, NOTHING), again.stderr)
            self.assertEqual(fleet.report["error"], "")
            self.assertIn(fleet.report["seen"], (["1.0.0", "1.1.0"], ["1.1.0"]))
            self.refreshes += fleet.report["refreshes"]
            self.seen.update(fleet.report["seen"])
            self.assertEqual(self.installs(), ["1.1.0"])
            leftovers = [name for _, _, names in os.walk(self.path("repo", "public")) for name in names
                         if name.startswith(".")]
            self.assertEqual(leftovers, [])
        return done

    # Book: SRV-01, SRV-06
    def test_killed_or_refused_at_every_call(self):
        calls = self.calls()
        self.assertGreater(calls, 50)
        for at in range(1, calls + 1):
            self.assertEqual(self.cut(at, "kill").returncode, -signal.SIGKILL, at)
        for how in ("ENOSPC", "EIO"):
            failed = 0
            for at in range(1, calls + 1):
                done = self.cut(at, how)
                self.assertIn(done.returncode, (0, STORAGE), done.stderr)
                if done.returncode == STORAGE:
                    failed += 1
                    self.assertIn("error: E_STORAGE ", done.stderr)
            self.assertGreater(failed, calls / 2, how)
        print(f"{calls} calls, each cut in three ways; {self.refreshes} refreshes meanwhile, of {sorted(self.seen)}")
        again = itertools.cycle(range(1, calls + 1))
        while self.refreshes < ENOUGH_REFRESHES:
            self.cut(next(again), "kill")


if __name__ == "__main__":
    unittest.main()
