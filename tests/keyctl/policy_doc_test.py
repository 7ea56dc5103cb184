"""docs/policy.md: every command in it does what the page says, in the order of the page.

TENON_BIN_DIR and TENON_SOURCE_DIR name the folders of the programs and of the sources.
"""
import os
import re
import subprocess
import tempfile
import unittest

SOURCE = os.environ.get("TENON_SOURCE_DIR", os.getcwd())
BIN = os.path.abspath(os.environ.get("TENON_BIN_DIR", "build/dev/bin"))
INSTALLED = "/usr/share/tenon/policies"
MADE_BEFORE = """
(umask 077; echo correct horse battery staple > passphrase)
for name in alice bob online; do
  tenon-keyctl -q key generate --name $name --passphrase-from file:passphrase
done
tenon-keyctl -q root init -o 1.root.json --expires-in 365d --root-threshold 2 --root alice.tenon-key --root bob.tenon-key \
  --targets alice.tenon-key --snapshot online.tenon-key --timestamp online.tenon-key
"""


def blocks():
    """The shell blocks of the page, with the exit status that each one promises."""
    with open(os.path.join(SOURCE, "docs/policy.md"), encoding="utf-8") as file:
        page = file.read()
    for status, text in re.findall(r"^```sh(?: exit=(\d+))?\n(.*?)^```$", page, re.M | re.S):
        yield int(status or 0), text.replace(INSTALLED, os.path.join(SOURCE, "policies"))


class PolicyPage(unittest.TestCase):
    def test_every_command_does_what_the_page_says(self):
        with tempfile.TemporaryDirectory() as folder:
            run = [(0, MADE_BEFORE), *blocks()]
            self.assertGreater(len(run), 5)
            for status, text in run:
                done = subprocess.run(
                    ["bash", "-euo", "pipefail", "-c", text], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
                    text=True, timeout=120, check=False, env={**os.environ, "PATH": BIN + ":" + os.environ["PATH"]})
                self.assertEqual(done.returncode, status, text + done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
