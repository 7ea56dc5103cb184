"""docs/publish-a-release.md and docs/delegations.md: every command of a page, in its order, in a repository that was made
before.

TENON_BIN_DIR and TENON_SOURCE_DIR name the folders of the programs and of the sources.
"""
import os
import re
import shlex
import unittest

import repo_cli_test

SOURCE = os.environ.get("TENON_SOURCE_DIR", os.getcwd())
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.M | re.S)


class RunsAPage(repo_cli_test.Repo):
    def run_page(self, name, instead=()):
        """What the page's commands print, all together; words to put in place of others come in pairs."""
        with open(os.path.join(SOURCE, "docs", name), encoding="utf-8") as file:
            page = file.read()
        blocks = BLOCK.findall(page)
        self.assertEqual(len(re.findall("^```", page, re.M)), 2 * len(blocks), "a block that no test runs")
        text = ""
        for line in "".join(blocks).splitlines():
            command, _, status = line.removeprefix("$ ").partition(" # exit status ")
            words = [dict(instead).get(word, word) for word in shlex.split(command)]
            self.assertEqual(words[0], "tenon-repo", line)
            done = self.repo(*words[1:])
            self.assertEqual(done.returncode, int(status or 0), f"{line}\n{done.stdout}{done.stderr}")
            text += done.stdout
        return text


class Page(RunsAPage):
    def test_publish_a_release_does_what_it_says(self):
        self.init()
        self.repo(*self.sign("targets"))  # the delegations; whoever holds targets signs them once
        os.rename(self.path("rootfs.img"), self.path("rootfs.ext4"))
        self.image("factory.ext4", 2)
        self.image("next.ext4", 3)
        text = self.run_page("publish-a-release.md")
        self.assertIn("demo-board: 1.0.0 (sequence 1) is for 5% of the devices so far", text)
        self.assertIn("demo-board: 1.0.0 (sequence 1) is to be installed", text)
        self.assertIn("stable  1.0.0, serial", text)
        self.assertIn("demo-board@1.0.0: 1.9.0 (sequence 2, bridge to 2.0.0) is to be installed", text)
        self.assertIn("  rootfs from factory.ext4: a delta of ", text)
        self.assertIn("  rootfs from 2.0.0: a delta of ", text)

    def test_delegations_does_what_it_says(self):
        self.init()
        self.repo(*self.sign("targets", "alice", "bob", "ci", "online"))
        self.repo("publish", "repo")
        os.mkdir(self.path("team"))
        for name in ("editor.tar", "player.tar"):
            with open(self.path("team", name), "w", encoding="utf-8") as file:
                file.write(name)
        with open(self.path("list.txt"), "w", encoding="utf-8") as file:
            for number in range(40):
                file.write(f"{number:064x} {number} maps/{number}.tar\n")
        text = self.run_page("delegations.md")
        self.assertIn("  apps  apps/*, 1 of 2 keys, terminating", text)
        self.assertIn("signed by  apps,", text)
        self.assertIn("0 targets added, 0 replaced, 0 removed, 40 as they were", text)
        self.assertIn("maps-0 .. maps-f", text)
        self.assertIn("note: snapshot goes on to list it", text)


if __name__ == "__main__":
    unittest.main()
