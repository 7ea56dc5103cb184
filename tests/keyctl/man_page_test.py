"""docs/man/tenon-keyctl.1.scd: every command and option is there as --help has it, and the examples do what they say.

TENON_BIN_DIR and TENON_SOURCE_DIR name the folders of the programs and of the sources.
"""
import os
import shlex
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import man_page
from people import Person, Typist

LAB_POLICY = os.path.join(man_page.SOURCE, "policies/lab.toml")


class Page(man_page.ManPage):
    PROGRAM = "tenon-keyctl"


class Examples(unittest.TestCase):
    def test_do_what_they_say(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        person = Person(folder.name, "everybody")
        with open(LAB_POLICY, encoding="utf-8") as file:
            person.write("policy.toml", file.read())
        papers = {}
        for line in man_page.examples("tenon-keyctl"):
            for name in self.who_types(line):
                words = shlex.split(line.replace("alice", name) if len(self.who_types(line)) > 1 else line)
                status, seen = Typist(person.folder, words[1:], papers.setdefault(name, [])).run()
                self.assertEqual(status, 0, f"{line}\n{seen}")
        self.assertEqual(len(person.read_json("1.root.json")["signatures"]), 2)

    @staticmethod
    def who_types(line):
        """The page gives what alice types; the others type the same with their names."""
        if "key generate" in line:
            return ["alice", "bob", "carol", "online"]
        return ["alice", "bob"] if "request sign" in line else ["alice"]


if __name__ == "__main__":
    unittest.main()
