"""docs/ceremonies.md: (a) and (b), every line of them, by people at terminals who know nothing but the page.

TENON_BIN_DIR and TENON_SOURCE_DIR name the folders of the programs and of the sources.
"""
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
        words = shlex.split(line)
        self.assertEqual(words[0], "tenon-keyctl", line)
        typist = Typist(self.person(name).folder, words[1:], self.passphrases.setdefault(name, []))
        status, seen = typist.run()
        self.assertEqual(status, 0, f"{name}$ {line}\n{seen}")

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
    def test_ceremonies_a_and_b_are_completed_by_the_page_alone(self):
        with open(os.path.join(SOURCE, "docs/ceremonies.md"), encoding="utf-8") as file:
            page = file.read()
        end = 0
        for block in BLOCK.finditer(page):
            named = re.findall(r"(?:^|\s)((?:[a-z]+, )*[a-z]+):\s*$", page[end:block.start()])
            end = block.end()
            everybody = named[-1].split(", ") if named else []
            if block[1]:
                self.person(block[2]).write(block[3], block[4])
                continue
            for line in block[4].splitlines():
                self.run_line(line, everybody)
        self.assertGreater(self.statements, 25)
        root = self.person("coordinator").read_json("2.root.json")
        self.assertEqual(root["signed"]["version"], 2)
        self.assertEqual(len(root["signatures"]), 4)


if __name__ == "__main__":
    unittest.main()
