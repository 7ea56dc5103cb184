"""docs/ceremonies.md: (a) to (f), every line of them, by people at terminals who know nothing but the page.

TENON_BIN_DIR and TENON_SOURCE_DIR name the folders of the programs and of the sources.
"""
import glob
import os
import re
import shlex
import shutil
import tempfile
import unittest

from people import BIN, Person, Typist

SOURCE = os.environ.get("TENON_SOURCE_DIR", os.getcwd())
BLOCK = re.compile(r"^```ceremony(-file (\S+) (\S+))?\n(.*?)^```$", re.M | re.S)


class Page(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.base = folder.name
        self.people = {}
        self.passphrases = {}
        self.statements = 0

    def person(self, name):
        if name not in self.people:
            self.people[name] = Person(self.base, name)
        return self.people[name]

    def command(self, name, line):
        """One command at a terminal: passphrases come from the paper, words to type from the screen."""
        line, _, wanted = line.partition(" # exit status ")
        words = [word for one in shlex.split(line) for word in self.expanded(name, one)]
        self.assertEqual(words[0], "tenon-keyctl", line)
        typist = Typist(self.person(name).folder, words[1:], self.passphrases.setdefault(name, []))
        status, seen = typist.run()
        self.assertEqual(status, int(wanted or 0), f"{name}$ {line}\n{seen}")

    def expanded(self, name, word):
        """What a shell makes of *.tenon-key."""
        return sorted(glob.glob(word, root_dir=self.person(name).folder)) if word.startswith("*.") else [word]

    def carry(self, giver, taker, file):
        self.person(giver).give(self.person(taker), file)

    def run_line(self, line, everybody):
        self.statements += 1
        names = everybody if line.startswith("each") or " -> each:" in line else [None]
        for name in names:
            one = line.replace("NAME", name or "NAME")
            if command := re.fullmatch(r"(\w+)\$ (.*)", one):
                self.command(name if command[1] == "each" else command[1], command[2])
            else:
                giver, taker, file = re.fullmatch(r"(\w+) -> (\w+): (\S+)", one).groups()
                self.carry(*(name if who == "each" else who for who in (giver, taker)), file)

    # Book: KEYT-25
    def test_all_ceremonies_are_completed_by_the_page_alone(self):
        with open(os.path.join(SOURCE, "docs/ceremonies.md"), encoding="utf-8") as file:
            page = file.read()
        self.assertEqual(len(re.findall("^```", page, re.M)), 2 * len(BLOCK.findall(page)), "a block that no test runs")
        end = 0
        for block in BLOCK.finditer(page):
            named = re.findall(r"(?:^|\s)((?:[a-z0-9]+,\s)*[a-z0-9]+):\s*$", page[end:block.start()])
            end = block.end()
            everybody = re.split(r",\s", named[-1]) if named else []
            if block[1]:
                self.person(block[2]).write(block[3], block[4])
                continue
            for line in block[4].splitlines():
                self.run_line(line, everybody)
        self.assertGreater(self.statements, 70)
        coordinator = self.person("coordinator")
        for version, signatures in ((2, 4), (3, 4), (4, 3), (5, 3)):
            root = coordinator.read_json(f"{version}.root.json")
            self.assertEqual((root["signed"]["version"], len(root["signatures"])), (version, signatures))
        self.assertEqual(len(coordinator.read_json("tools.json")["signatures"]), 2)


if __name__ == "__main__":
    unittest.main()
