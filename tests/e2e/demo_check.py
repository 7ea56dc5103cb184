#!/usr/bin/env python3
"""Runs the demo on small images: as it is, it keeps every promise; with one broken on purpose, it must say so and fail.

  demo_check.py [PROMISE]      the programs are in TENON_BIN_DIR
"""
import os
import re
import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).resolve().parents[2] / "tools/demo"


def main():
    promise = sys.argv[1] if len(sys.argv) > 1 else None
    command = [sys.executable, str(DEMO), "--small", "--bin", os.environ["TENON_BIN_DIR"]]
    result = subprocess.run(command + (["--break", promise] if promise else []), capture_output=True, text=True)
    verdicts = dict(reversed(line) for line in re.findall(r"^(kept|BROKEN) +(\w+) ", result.stdout, re.MULTILINE))
    first_broken = next((name for name, verdict in verdicts.items() if verdict == "BROKEN"), None)
    as_it_should = first_broken == promise and result.returncode == (1 if promise else 0) and len(verdicts) == 10
    if not as_it_should:
        print(result.stdout + result.stderr)
        print(f"first broken: {first_broken}, expected: {promise}; exit status {result.returncode}")
    return 0 if as_it_should else 1


if __name__ == "__main__":
    sys.exit(main())
