"""test_tags: what the tests say they test, from tags directly above them.

  // Book: ROOT-03, ROOT-08     (C++)          # Book: NET-05     (Python)
  // Spec: 5.3.4a                              # Spec: 6.2.1c
"""
import re
import subprocess
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEST = re.compile(r"^\s*(?:TEST|TEST_F|TEST_P|TYPED_TEST)\(\s*(\w+)\s*,\s*(\w+)|^\s*def (test_\w+)")
ABOVE = re.compile(r"^\s*(//|#|@)")  # what may stand between a tag and its test: comments and decorators


def files_of_tests():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "tests"], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout.split()
    return [path for path in sorted(listed) if path.endswith((".cc", ".py")) and (ROOT / path).is_file()]


def tests_by_tag(kind, is_id):
    """id -> ["Suite.Name  (file)"] for the tags of that kind ("Book", "Spec"). Ends the program at what is no tag."""
    tag = re.compile(rf"^\s*(?://|#) {kind}: (.+)$")
    found = defaultdict(list)
    for path in files_of_tests():
        waiting = []
        lines = (ROOT / path).read_text().splitlines()
        if not any(TEST.match(line) for line in lines):
            continue  # support: a citation there is no tag
        for number, line in enumerate(lines, 1):
            if listed := tag.match(line):
                ids = [one for one in re.split(r"[,\s]+", listed.group(1).strip()) if one]
                for wrong in [one for one in ids if not is_id(one)]:
                    raise SystemExit(f"error: {path}:{number}: {kind}: \"{wrong}\" is not known")
                waiting += ids
            elif test := TEST.match(line):
                name = f"{test.group(1)}.{test.group(2)}" if test.group(1) else test.group(3)
                for one in waiting:
                    found[one].append(f"{name}  ({path})")
                waiting = []
            elif waiting and not ABOVE.match(line):
                raise SystemExit(f"error: {path}:{number}: the tag \"{kind}\" above is not directly above a test")
    return found
