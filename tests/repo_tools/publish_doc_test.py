"""docs/publish-a-release.md: every command of the page, in its order, in a repository that was made before.

TENON_BIN_DIR and TENON_SOURCE_DIR name the folders of the programs and of the sources.
"""
import os
import re
import shlex
import unittest

import repo_cli_test

SOURCE = os.environ.get("TENON_SOURCE_DIR", os.getcwd())
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.M | re.S)


class Page(repo_cli_test.Repo):
    def test_every_command_does_what_the_page_says(self):
        with open(os.path.join(SOURCE, "docs/publish-a-release.md"), encoding="utf-8") as file:
            page = file.read()
        blocks = BLOCK.findall(page)
        self.assertEqual(len(re.findall("^```", page, re.M)), 2 * len(blocks), "a block that no test runs")
        self.init()
        self.repo(*self.sign("targets"))  # the delegations; whoever holds targets signs them once
        os.rename(self.path("rootfs.img"), self.path("rootfs.ext4"))
        outputs = {}
        for line in "".join(blocks).splitlines():
            command, _, status = line.removeprefix("$ ").partition(" # exit status ")
            words = shlex.split(command)
            self.assertEqual(words[0], "tenon-repo", line)
            done = self.repo(*words[1:])
            self.assertEqual(done.returncode, int(status or 0), f"{line}\n{done.stdout}{done.stderr}")
            outputs[line] = done.stdout
        text = "".join(outputs.values())
        self.assertIn("demo-board: 1.0.0 (sequence 1) is for 5% of the devices so far", text)
        self.assertIn("demo-board: 1.0.0 (sequence 1) is to be installed", text)
        self.assertIn("stable  1.0.0, serial", text)


if __name__ == "__main__":
    unittest.main()
