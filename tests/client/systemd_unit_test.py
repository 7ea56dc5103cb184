#!/usr/bin/env python3
"""The units that are shipped let tenond and its courier do what they do, each its half and nothing that would change the clock."""
import configparser
import ctypes
import os
import re
import shutil
import socket
import subprocess
import time
import unittest
from pathlib import Path

import device_cli_test
import memory_test

UNITS = Path(os.environ.get("TENON_SOURCE_DIR", os.getcwd()), "integration/systemd")
ADDING = {"SystemCallFilter", "DeviceAllow"}
# What a courier does before it is where systemd would have put it: it makes its socket, and becomes its user.
BEFORE_THE_COURIER = {"unlink", "bind", "listen", "umask", "setgroups", "setresgid", "setresuid", "capset"}
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


def service(name):
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    # A key that stands twice adds to what stands before it; the parser would keep the last alone.
    lines, seen = [], {}
    for line in (UNITS / name).read_text().splitlines():
        key, is_setting, value = line.partition("=")
        if is_setting and key in ADDING and key in seen:
            lines[seen[key]] += " " + value
        else:
            seen[key] = len(lines)
            lines.append(line)
    unit.read_string("\n".join(lines))
    return unit["Service"]


def calls_allowed(unit):
    """All that SystemCallFilter= lists, but for the words behind a "~", which are taken away again."""
    allowed, taken, is_taken = set(calls_of("@default")), set(), False
    for word in unit["SystemCallFilter"].split():
        is_taken |= word.startswith("~")
        (taken if is_taken else allowed).update(calls_of(word.lstrip("~")))
    return allowed - (taken - set(calls_of("@default")))


@unittest.skipIf(shutil.which("systemd-analyze") is None, "systemd-analyze is not here")
class WithSystemd(unittest.TestCase):
    def test_tenond_and_its_courier_make_no_call_that_their_units_forbid(self):
        largest = memory_test.LargestMetadata
        largest.setUpClass()
        self.addCleanup(largest.doClassCleanups)
        largest("publish").publish(30_000)
        device = largest.device
        config, path = device.folder / "device.toml", device.folder / "courier.sock"
        config.write_text(config.read_text() + f'[courier]\nsocket = "{path}"\nuser = "nobody"\n')
        of_courier, of_tenond = (calls_allowed(service(name)) for name in ("tenon-courier.service", "tenond.service"))
        courier = subprocess.Popen([device_cli_test.BIN / "tenon-courier", "--config", config], stderr=subprocess.PIPE,
                                   text=True, preexec_fn=lambda: allow_only(of_courier | BEFORE_THE_COURIER))
        self.addCleanup(courier.stderr.close)
        self.addCleanup(courier.wait)
        self.addCleanup(courier.kill)
        deadline = time.monotonic() + 30
        while not self.listens(path) and courier.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)  # between two looks
        done = subprocess.run([device_cli_test.BIN / "tenon", "--config", config, "check"], capture_output=True, text=True,
                              preexec_fn=lambda: allow_only(of_tenond))
        self.assertEqual(done.stderr.count("error: E_POLICY no trusted role lists demo/channels/stable.json"), 1,
                         (done.stderr, done.returncode, courier.poll()))
        self.assertNotIn("warning", done.stderr)
        self.assertIsNone(courier.poll())

    @staticmethod
    def listens(path):
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(path)) == 0

    def exposure(self, name):
        said = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", UNITS / name], check=True,
                              capture_output=True, text=True).stdout
        return float(re.search(r"Overall exposure level for \S+: ([0-9.]+) ", said).group(1))

    def test_the_device_unit_is_exposed_to_3_0_at_the_most(self):
        self.assertLessEqual(self.exposure("tenond.service"), 3.0)

    def test_the_unit_before_the_services_is_exposed_to_3_0_at_the_most(self):
        self.assertLessEqual(self.exposure("tenon-before-services.service"), 3.0)

    def test_the_unit_before_the_services_lets_a_tree_be_copied(self):
        allowed = calls_allowed(service("tenon-before-services.service"))
        self.assertLessEqual({"copy_file_range", "fchown", "fchownat", "fchmodat", "fsetxattr", "flistxattr", "fgetxattr", "syncfs",
                              "symlinkat", "readlinkat", "mknodat", "mkdirat", "linkat", "utimensat", "renameat"}, allowed)

    def test_the_courier_unit_is_exposed_to_less_than_1_5(self):
        self.assertLess(self.exposure("tenon-courier.service"), 1.5)


class Units(unittest.TestCase):
    def setUp(self):
        self.tenond, self.courier = service("tenond.service"), service("tenon-courier.service")

    # Source: systemd.exec(5); ProtectClock= forbids what only reads the clock's state as well.
    def test_tenond_may_ask_whether_the_clock_is_synchronised(self):
        for call in ("adjtimex", "clock_adjtime", "clock_adjtime64"):  # adjtimex(3) is one of them, by the C library
            self.assertIn(call, self.tenond["SystemCallFilter"].split())
        self.assertNotIn("ProtectClock", self.tenond)

    def test_neither_can_set_the_clock_or_gain_rights(self):
        self.assertEqual(self.tenond["CapabilityBoundingSet"].split(), ["CAP_DAC_OVERRIDE", "CAP_SYS_BOOT"])
        self.assertEqual(self.courier["CapabilityBoundingSet"], "")
        for unit in (self.tenond, self.courier):
            self.assertEqual(unit["NoNewPrivileges"], "yes")

    def test_who_writes_has_no_network_and_who_has_the_network_writes_nothing(self):
        self.assertEqual((self.tenond["RestrictAddressFamilies"], self.tenond["PrivateNetwork"]), ("AF_UNIX", "yes"))
        self.assertNotIn("ReadWritePaths", self.courier)
        self.assertEqual((self.courier["ProtectSystem"], self.courier["DynamicUser"], self.courier["PrivateDevices"]),
                         ("strict", "yes", "yes"))
        self.assertNotIn("DeviceAllow", self.courier)


if __name__ == "__main__":
    unittest.main()
