#!/usr/bin/env python3
"""The unit that is shipped lets tenond do what it does, and nothing that would change the clock."""
import configparser
import ctypes
import os
import shutil
import subprocess
import unittest

import memory_test

SOURCE = os.environ.get("TENON_SOURCE_DIR", os.getcwd())
SCMP_ACT_KILL_PROCESS, SCMP_ACT_ALLOW = 0x80000000, 0x7FFF0000  # seccomp_init(3)


def calls_of(word):
    """What a word of SystemCallFilter= stands for."""
    if not word.startswith("@"):
        return {word}
    listed = subprocess.run(["systemd-analyze", "syscall-filter", word], check=True, capture_output=True, text=True)
    lines = [line.strip() for line in listed.stdout.splitlines()[1:]]
    return {call for line in lines if line and not line.startswith("#") for call in calls_of(line)}


def allow_only(calls):
    """As systemd does: a call that is not listed kills the process."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(SCMP_ACT_KILL_PROCESS)))
    for call in calls:
        number = library.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:
            library.seccomp_rule_add_array(rules, ctypes.c_uint32(SCMP_ACT_ALLOW), number, 0, None)
    if library.seccomp_load(rules) != 0:
        raise OSError("the filter cannot be loaded")


class Unit(unittest.TestCase):
    def setUp(self):
        unit = configparser.ConfigParser(strict=False, interpolation=None)
        unit.optionxform = str
        with open(os.path.join(SOURCE, "integration/systemd/tenond.service"), encoding="utf-8") as file:
            unit.read_file(file)
        self.service = unit["Service"]

    def test_a_check_makes_no_call_that_the_unit_forbids(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("systemd-analyze is not here: nothing says what the unit's groups of calls are")
        largest = memory_test.LargestMetadata
        largest.setUpClass()
        self.addCleanup(largest.doClassCleanups)
        largest("publish").publish(30_000)
        words = ["@default", *self.service["SystemCallFilter"].split()]
        calls = set().union(*map(calls_of, words))
        done = subprocess.run(
            [memory_test.device_cli_test.BIN / "tenon", "--config", largest.device.folder / "device.toml", "check"],
            preexec_fn=lambda: allow_only(calls), capture_output=True, text=True)
        self.assertIn("error: E_POLICY no trusted role lists demo/channels/stable.json", done.stderr, done.returncode)

    # Source: systemd.exec(5); ProtectClock= forbids what only reads the clock's state as well.
    def test_it_may_ask_whether_the_clock_is_synchronised(self):
        for call in ("adjtimex", "clock_adjtime", "clock_adjtime64"):  # adjtimex(3) is one of them, by the C library
            self.assertIn(call, self.service["SystemCallFilter"].split())
        self.assertNotIn("ProtectClock", self.service)

    def test_it_cannot_set_the_clock(self):
        capabilities = self.service["CapabilityBoundingSet"]
        self.assertFalse(capabilities.startswith("~"))
        self.assertNotIn("CAP_SYS_TIME", capabilities.split())
        self.assertEqual(self.service["NoNewPrivileges"], "yes")


if __name__ == "__main__":
    unittest.main()
