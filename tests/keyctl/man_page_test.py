"""docs/man/tenon-keyctl.1.scd: every command and option is there as --help has it, and the examples do what they say.

TENON_BIN_DIR and TENON_SOURCE_DIR name the folders of the programs and of the sources.
"""
import os
import re
import shlex
import subprocess
import tempfile
import unittest

from people import KEYCTL, Person, Typist

SOURCE = os.environ.get("TENON_SOURCE_DIR", os.getcwd())
PAGE = os.path.join(SOURCE, "docs/man/tenon-keyctl.1.scd")
LAB_POLICY = os.path.join(SOURCE, "policies/lab.toml")
OPTION = re.compile(r"--[a-z0-9][a-z0-9-]*")


def read_page():
    with open(PAGE, encoding="utf-8") as file:
        return file.read()


def help_of(*words):
    return subprocess.run([KEYCTL, *words, "--help"], capture_output=True, text=True, check=True).stdout


def commands(*words):
    """Every command with its --help, found as a reader finds them: from the help of those above it."""
    text = help_of(*words)
    below = text.partition("\nSubcommands:\n")[2].partition("\n\n")[0]
    names = re.findall(r"^  ([a-z][a-z-]*) ", below, re.M)
    if not names:
        yield " ".join(words), text
    for name in names:
        yield from commands(*words, name)


def options_of(help_text):
    """Options as they are declared; those in the explanations do not count."""
    declared = re.findall(r"^ {2,4}(-\S+)", help_text, re.M)
    return {option for one in declared for option in OPTION.findall(one)} - {"--help"}


class ManPage(unittest.TestCase):
    def setUp(self):
        self.sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^#)", read_page(), re.M | re.S))

    def test_has_every_command_and_option_and_no_other(self):
        known = dict(commands())
        self.assertGreater(len(known), 35)
        self.assertEqual(set(self.sections), set(known))
        for command, text in known.items():
            with self.subTest(command):
                self.assertEqual(set(re.findall(r"\*(--[a-z0-9-]+)\*", self.sections[command])), options_of(text))

    def test_explains_the_options_of_several_commands_once(self):
        several = read_page().partition("# OPTIONS OF SEVERAL COMMANDS")[2].partition("\n# ")[0]
        for section in self.sections.values():
            for option in OPTION.findall(section.partition("\nAlso ")[2]):
                self.assertIn(f"*{option}*", several)

    def test_is_a_man_page(self):
        made = subprocess.run(["scdoc"], input=read_page(), capture_output=True, text=True, check=False)
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertIn(".TH \"tenon-keyctl\" \"1\"", made.stdout)


class Examples(unittest.TestCase):
    def test_do_what_they_say(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        person = Person(folder.name, "everybody")
        with open(LAB_POLICY, encoding="utf-8") as file:
            person.write("policy.toml", file.read())
        papers = {}
        for line in re.findall(r"^\t(tenon-keyctl .*)$", read_page().partition("# EXAMPLES")[2], re.M):
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
