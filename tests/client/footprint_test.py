#!/usr/bin/env python3
"""What tenond and its courier take of a device's memory: anonymous, since code and libraries are the page cache's."""
import re
import subprocess
import time
import unittest
from pathlib import Path

import confinement_test
import install_cut_test

BIN = install_cut_test.BIN
MIB = 1 << 20
PIECE = 64 << 10


def anonymous_kib(pid):
    return int(re.search(r"RssAnon:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1))


class Looking:
    """A server's way out, that looks before every piece."""

    def __init__(self, out, server):
        self.out, self.server = out, server

    def write(self, data):
        for first in range(0, len(data), PIECE):
            self.server.look()
            self.out.write(data[first:first + PIECE])

    def __getattr__(self, name):
        return getattr(self.out, name)


class Watching(install_cut_test.Parts):
    def setup(self):
        super().setup()
        self.wfile = Looking(self.wfile, self.server)


class Footprint(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        install_cut_test.SEGMENT, install_cut_test.SEGMENTS = MIB, 24
        cls.cut = install_cut_test.Cut
        cls.cut.setUpClass()
        cls.addClassCleanup(cls.cut.doClassCleanups)
        cls.cut.device.server.RequestHandlerClass = Watching

    def wait_until_it_sleeps(self, daemon):
        deadline = time.monotonic() + 30
        while "nanosleep" not in Path(f"/proc/{daemon.pid}/wchan").read_text() and time.monotonic() < deadline:
            self.assertIsNone(daemon.poll())
            time.sleep(0.01)  # between two looks

    # The daemon installs, and then waits for its next check.
    def test_installing_takes_less_than_16_mebibytes_and_waiting_less_than_4(self):
        peaks = {"tenond": 0, "courier": 0, "connection": 0}
        daemon = subprocess.Popen([BIN / "tenond", "--config", self.cut.folder / "device.toml"], stderr=subprocess.PIPE, text=True)
        self.addCleanup(daemon.stderr.close)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.kill)

        def look():
            courier, = confinement_test.children_of(daemon.pid)
            connection, = confinement_test.children_of(courier)
            for name, pid in (("tenond", daemon.pid), ("courier", courier), ("connection", connection)):
                peaks[name] = max(peaks[name], anonymous_kib(pid))

        self.cut.device.server.look = look
        for line in daemon.stderr:
            if "a reboot is wanted" in line:
                break
        self.wait_until_it_sleeps(daemon)
        self.assertTrue(self.cut("is_armed").is_armed())
        courier, = confinement_test.children_of(daemon.pid)
        idle = {"tenond": anonymous_kib(daemon.pid), "courier": anonymous_kib(courier)}
        print(f"KiB of anonymous memory: installing {peaks}, waiting {idle}")
        self.assertLess(sum(peaks.values()), 16 << 10)
        self.assertGreater(min(peaks.values()), 0)
        self.assertLess(max(idle.values()), 4 << 10)


if __name__ == "__main__":
    unittest.main()
