#!/usr/bin/env python3
"""tenon-repo and tenon-keyctl without standard input, output or error: what they print lands in no file that they open."""
import os
import random
import subprocess
import unittest
from pathlib import Path

import repo_cli_test
from repo_cli_test import BIN, REPO

CLOSED = ((2,), (0, 2), (0, 1, 2))


class ClosedStreams(repo_cli_test.Repo):
    def run_without(self, closed, *words):
        return subprocess.run([str(word) for word in words], cwd=self.folder, timeout=280, check=False,
                              preexec_fn=lambda: [os.close(descriptor) for descriptor in closed]).returncode

    # Book: DEV-47
    def test_damage_no_payload_and_no_lock(self):
        self.init()
        Path(self.path("image")).write_bytes(random.Random(1).randbytes(40 << 20))  # enough for lines of progress
        for number, closed in enumerate(CLOSED, 1):
            with self.subTest(closed=closed):
                self.assertEqual(self.run_without(closed, REPO, *self.add(f"1.{number}.0", number, image="image")), 0)
                self.assertEqual(Path(self.path("repo/.lock")).read_bytes(), b"")

    # Book: DEV-47
    def test_damage_no_key(self):
        for number, closed in enumerate(CLOSED):
            with self.subTest(closed=closed):
                name = f"k{number}"
                self.assertEqual(self.run_without(closed, Path(BIN, "tenon-keyctl"), "--home", "home", "key", "generate", "--name", name,
                                                  "--type", "ed25519", "--passphrase-from", "file:pw"), 0)
                key = Path(self.path(name + ".pem")).read_text()
                self.assertRegex(key, r"\A-----BEGIN ENCRYPTED PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+-----END ENCRYPTED PRIVATE KEY-----\n\Z")


if __name__ == "__main__":
    unittest.main()
