#!/usr/bin/env python3
"""Every program reckons in UTC, whatever TZ says and whatever the year."""
import calendar
import os
import re
import subprocess
import time
import unittest

import device_cli_test
from moved_clock import moved_clock

BIN = device_cli_test.BIN
ZONES = ["", "nonsense", ":/etc/passwd", "%s%n\x7f", "AAA-14", "BBB+12", "EST5EDT,M3.2.0,M11.1.0", "Europe/Berlin"]
MOMENTS = ["2031-03-09T06:59:59", "2031-11-02T05:30:00",   # clocks go forward and back in New York
           "2038-01-19T03:14:07", "2038-01-20T00:00:00",   # 2^31
           "2106-02-07T06:28:15"]                          # 2^32
HOUR, DAY = 3600, 86400


class TimeZone(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.device = device_cli_test.device_of(cls)  # its root is valid for 30 days
        text = (cls.device.folder / "1.root.json").read_text()
        cls.expires = cls.seconds(re.search(r'"expires": *"(.*?)Z"', text).group(1))

    @staticmethod
    def seconds(moment):
        return calendar.timegm(time.strptime(moment, "%Y-%m-%dT%H:%M:%S"))

    def at(self, seconds, zone, program, *words):
        return subprocess.run([*moved_clock(f"{seconds - int(time.time()):+d}"), str(BIN / program),
                               *map(str, words)], capture_output=True, text=True, cwd=self.device.folder,
                              env={"PATH": os.environ["PATH"], "TZ": zone})

    # Book: TIME-08, LOC-10
    def test_moves_no_expiry(self):
        config = ("--config", self.device.folder / "device.toml")
        for zone in ZONES:
            for program, words in [("tenon", ("check",)), ("tenond", ("--once",))]:
                with self.subTest(zone=zone, program=program):
                    before = self.at(self.expires - HOUR, zone, program, *config, *words)
                    self.assertIn("error: E_NET ", before.stderr)  # the root holds; no timestamp is there
                    after = self.at(self.expires + HOUR, zone, program, *config, *words)
                    self.assertIn("error: E_EXPIRED ", after.stderr)

    # Book: TIME-08, LOC-10
    def test_moves_no_expiry_of_a_publisher(self):
        for number, zone in enumerate(ZONES):
            with self.subTest(zone=zone):
                def init(seconds, name, zone=zone):
                    return self.at(seconds, zone, "tenon-repo", "init", name, "--lab", "--root", "1.root.json",
                                   "--product", "demo", "--releases-key", "keys/targets.tenon-key",
                                   "--releases-threshold", "1",
                                   "--rollout-key", "keys/online.tenon-key")
                self.assertEqual(init(self.expires - HOUR, f"before{number}").returncode, 0)
                self.assertIn("error: E_EXPIRED ", init(self.expires + HOUR, f"after{number}").stderr)

    # Book: TIME-08, LOC-10
    def test_is_not_in_what_is_signed(self):
        output = self.device.folder / "draft.json"
        for moment in MOMENTS:
            for zone in ZONES:
                with self.subTest(moment=moment, zone=zone):
                    output.unlink(missing_ok=True)
                    done = self.at(self.seconds(moment), zone, "tenon-keyctl", "root", "init", "--lab", "-o", output,
                                   "--expires-in", "1d", "--root-threshold", "1", "--root", "keys/root.tenon-key",
                                   "--targets", "keys/targets.tenon-key", "--snapshot", "keys/online.tenon-key",
                                   "--timestamp", "keys/online.tenon-key")
                    self.assertEqual(done.returncode, 0, done.stderr)
                    expires = re.search(r'"expires": *"(.*?)Z"', output.read_text()).group(1)
                    late = self.seconds(expires) - self.seconds(moment) - DAY
                    self.assertTrue(-2 <= late <= 60, expires)  # the seconds that the program took to start


if __name__ == "__main__":
    unittest.main()
