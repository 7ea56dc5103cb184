"""man_page: holds a page of docs/man against --help of its program.

  class Page(man_page.ManPage):
      PROGRAM = "tenon-repo"

TENON_BIN_DIR and TENON_SOURCE_DIR name the folders of the programs and of the sources.
"""
import os
import re
import subprocess
import unittest

BIN = os.environ.get("TENON_BIN_DIR", "build/dev/bin")
SOURCE = os.environ.get("TENON_SOURCE_DIR", os.getcwd())
OPTION = re.compile(r"--[a-z0-9][a-z0-9-]*")
# As --help declares an option or an argument: its names, what may stand for its value, and what it is, maybe on the next line.
DECLARED = re.compile(r"^ {2,4}(?P<names>-\S+|[a-z][a-z-]*)(?: (?:TEXT|INT|UINT)(?::\S+?)?(?: in \[[^]]*\])?(?:=(?P<default>\S+))?)?"
                      r"(?: \.\.\.)?(?P<required> REQUIRED)?(?: (?:Needs|Excludes): \S+)?(?: +|\n {30,})(?P<words>.*)$", re.M)
ENTRY = re.compile(r"^(\*-.*|_[A-Z-]+_)\n\t(.*(?:\n\t.*)*)", re.M)


def read_page(program):
    with open(os.path.join(SOURCE, f"docs/man/{program}.1.scd"), encoding="utf-8") as file:
        return file.read()


def chapter(page, title):
    return page.partition(f"\n# {title}\n")[2].partition("\n# ")[0]


def examples(program):
    """The commands of EXAMPLES, in their order."""
    return re.findall(rf"^\t({program} .*)$", chapter(read_page(program), "EXAMPLES"), re.M)


def plain(text):
    """Without what sets words apart in scdoc, and a capital at the beginning of a sentence."""
    return " ".join(re.sub(r"[\\*_]", "", text).lower().split())


def named(head):
    """What an entry, or the words of --help before an explanation, are about."""
    return set(OPTION.findall(head)) or {head.strip("_").lower()}


def entries(section):
    return {name: plain(text) for head, text in ENTRY.findall(section) for name in named(head)}


def declared(help_text):
    """Each option and argument as --help has it; those in the explanations do not count."""
    return {name: found for found in DECLARED.finditer(help_text) for name in named(found["names"]) - {"--help"}}


def named_after_also(section):
    return set(OPTION.findall(section.partition("\nAlso ")[2]))


def help_of(*words):
    return subprocess.run([os.path.join(BIN, words[0]), *words[1:], "--help"], capture_output=True, text=True, check=True).stdout


def commands(program, *words):
    """Every command with its --help, found as a reader finds them: from the help of those above it."""
    text = help_of(program, *words)
    below = text.partition("\nSubcommands:\n")[2].partition("\n\n")[0]
    names = re.findall(r"^  ([a-z][a-z-]*) ", below, re.M)
    if not names:
        yield " ".join(words), text
    for name in names:
        yield from commands(program, *words, name)


class ManPage(unittest.TestCase):
    """Every command and option is there as --help has it, and no other."""
    PROGRAM = None

    @classmethod
    def setUpClass(cls):
        cls.page = read_page(cls.PROGRAM)
        cls.sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", chapter(cls.page, "COMMANDS"), re.M | re.S))
        cls.several = entries(chapter(cls.page, "OPTIONS OF SEVERAL COMMANDS"))
        cls.known = dict(commands(cls.PROGRAM))

    def test_has_every_command_and_option_and_no_other(self):
        self.assertGreater(len(self.known), 35)
        self.assertEqual(list(self.sections), list(self.known))
        for command, text in self.known.items():
            with self.subTest(command):
                options = {name for name in declared(text) if name.startswith("--")}
                self.assertEqual(set(re.findall(r"\*(--[a-z0-9-]+)\*", self.sections[command])), options)

    def test_has_the_words_of_the_help(self):
        elsewhere = {}
        for command, text in self.known.items():
            with self.subTest(command):
                self.assertTrue(plain(self.sections[command]).startswith(plain(text.partition("\n")[0]) + "."))
            own = entries(self.sections[command])
            for name, option in declared(text).items():
                with self.subTest(f"{command} {name}"):
                    if name in own:
                        self.assert_explains(own[name], name, option)
                    else:
                        self.assertIn(name, self.several)
                        elsewhere.setdefault(name, {})[option["words"]] = option
        for name, options in elsewhere.items():
            with self.subTest(name):
                if len(options) == 1:  # where each command has words of its own, the page has what is common to them
                    self.assert_explains(self.several[name], name, *options.values())

    def assert_explains(self, entry, name, option):
        self.assertIn(plain(option["words"]), entry)
        if name.startswith("--"):
            self.assertEqual(entry.endswith(" required."), option["required"] is not None, entry)
        if option["default"] not in (None, "."):
            self.assertIn(f"(default {plain(option['default'])})", entry)

    def test_explains_the_options_of_several_commands_once(self):
        used = set()
        for section in self.sections.values():
            also = named_after_also(section)
            self.assertLessEqual(also, set(self.several))
            self.assertFalse(also & set(entries(section)))
            used |= also
        everywhere = set(declared(help_of(self.PROGRAM))) | {"folder"}
        self.assertEqual(set(self.several) - everywhere, used - everywhere)

    def test_is_a_man_page(self):
        made = subprocess.run(["scdoc"], input=self.page, capture_output=True, text=True, check=False)
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertIn(f".TH \"{self.PROGRAM}\" \"1\"", made.stdout)
