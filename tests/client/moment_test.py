#!/usr/bin/env python3
"""tenond and tenon as processes, in and out of the maintenance window, over a link that is metered or not, and while a person
wants to wait. The device's clock is moved; a window is said by how far it is from now."""
import ctypes
import datetime
import json
import os
import signal
import struct
import subprocess
import time
import unittest

import install_cut_test
from device_cli_test import BIN
from moved_clock import moved_clock, trusted_clock

DONE, USAGE, NOTHING_TO_DO = 0, 2, 3
NOW = datetime.datetime.now(datetime.timezone.utc)


def moment(minutes):
    return NOW + datetime.timedelta(minutes=minutes)


def follows_others():
    """Whether the kernel says so of this machine's clock."""
    timex = ctypes.create_string_buffer(512)
    ctypes.CDLL(None).adjtimex(timex)
    [status] = struct.unpack_from("i", timex, 5 * struct.calcsize("l"))
    return not status & 0x40  # STA_UNSYNC


def window(opens, closes):
    """The line of the configuration, for a window so many minutes from now."""
    return f'window = "{moment(opens):%H:%M}-{moment(closes):%H:%M}"\n'


class MomentTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.of = install_cut_test.Cut
        cls.addClassCleanup(cls.of.doClassCleanups)
        cls.of.setUpClass()
        cls.folder = cls.of.folder
        cls.config = cls.folder / "device.toml"
        cls.plain = cls.config.read_text()

    def setUp(self):
        for name in self.of.kept:
            self.of.copy(self.of.before / name, self.folder / name)

    def configure(self, *lines):
        self.config.write_text(self.plain + "[check]\n" + "".join(lines))

    def run_on(self, clock, program, *words, environment=None):
        return subprocess.run([*clock, str(BIN / program), "--config", str(self.config), *words], text=True, check=False,
                              capture_output=True, timeout=60, env=environment)

    def tenond(self, minutes=0, clock=trusted_clock):
        return self.run_on(clock(f"{60 * minutes:+d}"), "tenond", "--once")

    def tenon(self, *words, minutes=0):
        return self.run_on(trusted_clock(f"{60 * minutes:+d}"), "tenon", *words)

    def told(self, *words, minutes=0):
        return json.loads(self.tenon(*words, "--json", minutes=minutes).stdout)

    def is_armed(self):
        return self.told("status")["groups"]["B"]["state"] == "trial"

    def slot_holds_it(self):
        image = self.of.images["1.1.0"]
        return (self.folder / "slot-B.ext4").read_bytes()[:len(image)] == image

    def test_an_update_is_written_before_the_window_and_armed_in_it(self):
        self.configure(window(60, 120))
        done = self.tenond()
        self.assertEqual(done.returncode, NOTHING_TO_DO, done.stderr)
        self.assertRegex(done.stderr, "waits for the maintenance window, which opens 20..-..-..T..:..:00Z")
        self.assertTrue(self.slot_holds_it())
        self.assertFalse(self.is_armed())
        status = self.told("status")
        self.assertEqual(status["update"]["state"], "staged")
        self.assertFalse(status["window"]["is_open"])
        self.assertRegex(self.tenon("status").stdout, "window     ..:..-..:.. UTC, opens 20")
        self.assertIn("the maintenance window opens 20", self.tenon("explain").stdout)
        check = self.told("check")
        self.assertEqual((check["verdict"], check["reason"], check["until"]), ("hold", "window", status["window"]["opens"]))
        self.assertIn("policy.window", self.tenon("history").stdout)

        self.of.device.server.sent = 0
        done = self.tenond(minutes=61)
        self.assertEqual(done.returncode, DONE, done.stderr)
        self.assertEqual(self.of.device.server.sent, 0, "nothing is fetched twice")
        self.assertTrue(self.is_armed())

        done = self.tenond(minutes=125)
        self.assertEqual(done.returncode, NOTHING_TO_DO, "armed, but not rebooted outside of the window")
        self.assertTrue(self.is_armed())

    # Book: TIME-04
    def test_a_window_stays_closed_while_the_clock_is_not_to_be_trusted(self):
        self.configure(window(-30, 30))
        if follows_others():
            self.skipTest("the clock of this machine follows others")
        done = self.tenond(clock=moved_clock)
        self.assertEqual(done.returncode, NOTHING_TO_DO, done.stderr)
        self.assertIn("the clock is not to be trusted", done.stderr)
        self.assertFalse(self.is_armed())
        self.assertEqual(self.tenond().returncode, DONE)

    def test_a_person_puts_an_update_off_and_takes_it_all_the_same(self):
        self.configure()
        deferred = self.tenon("defer", "3d")
        self.assertEqual(deferred.returncode, DONE, deferred.stderr)
        self.assertIn("updates wait until 20", deferred.stdout)
        done = self.tenond()
        self.assertEqual(done.returncode, NOTHING_TO_DO, done.stderr)
        self.assertTrue(self.slot_holds_it())
        until = self.told("status")["deferred_until"]
        self.assertAlmostEqual(datetime.datetime.fromisoformat(until.replace("Z", "+00:00")).timestamp(),
                               NOW.timestamp() + 3 * 86400, delta=300)
        check = self.tenon("check")
        self.assertEqual(check.returncode, NOTHING_TO_DO)
        about = until[:14] + r"\d\d:\d\dZ"  # what is left is counted in whole seconds
        self.assertRegex(check.stdout, f"waits until {about}, as a person asked")
        self.assertEqual(self.told("check")["reason"], "deferred")
        self.assertRegex(self.tenon("status").stdout, f"deferred   until {about}")
        self.assertIn("tenon defer --clear", self.tenon("explain").stdout)
        self.assertRegex(self.tenon("history").stdout, f"user.deferred: updates wait until {about}")
        self.assertEqual(self.tenon("install").returncode, NOTHING_TO_DO)
        now = self.tenon("install", "--now")
        self.assertEqual(now.returncode, DONE, now.stderr)
        self.assertIn("armed: reboot to try it", now.stdout)
        self.assertIn("user.now: a person wants it now, although", self.tenon("history").stdout)
        again = self.tenon("defer", "1h")
        self.assertIn("1.1.0 is armed and stays so", again.stdout)
        self.assertEqual(self.tenond().returncode, NOTHING_TO_DO, "the daemon does not reboot yet")
        self.assertTrue(self.is_armed())
        self.assertEqual(self.tenon("defer", "--clear").stdout, "updates wait for nobody any more\n")
        self.assertIn("user.resumed", self.tenon("history").stdout)
        self.assertEqual(self.tenond().returncode, DONE)

    # Book: TIME-05, TIME-06
    def test_a_deferral_ends_whatever_becomes_of_the_clock(self):
        self.configure()
        self.assertEqual(self.tenon("defer", "2h").returncode, DONE)
        self.assertIsNotNone(self.told("status", minutes=119)["deferred_until"])
        self.assertIsNone(self.told("status", minutes=121)["deferred_until"])
        self.assertEqual(self.tenon("defer", "2h", minutes=60 * 24 * 3650).returncode, DONE)  # it was ten years ahead
        until = self.told("status")["deferred_until"]
        self.assertLess(datetime.datetime.fromisoformat(until.replace("Z", "+00:00")).timestamp(),
                        NOW.timestamp() + 2 * 3600 + 300)

    def test_words_that_make_no_sense_defer_nothing(self):
        self.configure()
        before = self.of.device.everything()
        for words in ([], ["3"], ["3x"], ["31d"], ["0d"], ["-3d"], ["--", "-3d"], ["99999999999999999999d"], ["3d", "--clear"],
                      ["3d", "4d"], ["--clear=no"], [""]):
            with self.subTest(words=words):
                done = self.tenon("defer", *words)
                self.assertEqual(done.returncode, USAGE, done.stderr)
        self.assertEqual(self.tenon("defer", "31d").stderr.count("hint:"), 1)
        self.assertIsNone(self.told("status")["deferred_until"])
        self.assertEqual(self.of.device.everything(), before)

    # Book: DEV-01
    def test_a_deferral_is_there_or_not_wherever_tenon_is_killed(self):
        self.configure()
        count = self.cut(0, "kill").stderr.split()[-1]
        outcomes = set()
        for at in range(1, int(count) + 1):
            self.setUp()
            with self.subTest(at=at):
                self.assertEqual(self.cut(at, "kill").returncode, -signal.SIGKILL)
                status = self.run_on([], "tenon", "status", "--json")  # by the clock of the program that was killed
                outcomes.add(json.loads(status.stdout)["deferred_until"] is not None)
                self.assertEqual(self.tenon("defer", "--clear").returncode, DONE)
                self.assertIsNone(self.told("status")["deferred_until"])
        self.assertEqual(outcomes, {False, True})
        self.assertEqual(self.tenond().returncode, DONE)

    def cut(self, at, how):
        environment = os.environ | {"LD_PRELOAD": install_cut_test.CUT_CALLS, "CUT_AT": str(at), "CUT_HOW": how}
        return self.run_on([], "tenon", "defer", "3d", environment=environment)

    # Book: NET-24
    def test_a_metered_link_carries_no_image_but_by_a_person_or_in_a_bundle(self):
        before = (self.folder / "slot-B.ext4").read_bytes()
        self.configure('metered = ["/bin/true"]\n')
        done = self.tenond()
        self.assertEqual(done.returncode, NOTHING_TO_DO, done.stderr)
        self.assertIn("waits for a link that is not metered", done.stderr)
        self.assertEqual((self.folder / "slot-B.ext4").read_bytes(), before)
        self.assertEqual(self.told("check")["reason"], "metered")
        bundle = self.folder / "update.tar"
        if not bundle.exists():
            self.of.repo("export", "repo", "--out", bundle)
        self.assertEqual(self.tenon("check", "--from", bundle).returncode, DONE)
        self.assertEqual(self.tenon("install", "--now").returncode, DONE)
        self.assertTrue(self.is_armed())

    def test_a_link_that_is_not_metered_or_cannot_be_told_is_used(self):
        for command, warns in (('["/bin/false"]', False), ('["/nowhere/is-metered"]', True), ('["sh", "-c", "exit 7"]', True),
                               ('["sh", "-c", "kill -9 $$"]', True)):
            self.setUp()
            with self.subTest(command=command):
                self.configure(f"metered = {command}\n")
                done = self.tenond()
                self.assertEqual(done.returncode, DONE, done.stderr)
                self.assertEqual("whether the link is metered cannot be told" in done.stderr, warns, done.stderr)

    def test_tenond_wakes_when_the_window_opens(self):
        faster = 300  # times: a minute is a fifth of a second
        rebooted = self.folder / "rebooted"
        text = self.plain + "[check]\ninterval_minutes = 600\n" + window(20, 1220)
        self.config.write_text(text.replace("[boot]\n", f'[boot]\nreboot = ["touch", "{rebooted}"]\n'))
        daemon = subprocess.Popen([*trusted_clock(f"+0 x{faster}"), str(BIN / "tenond"), "--config", str(self.config)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.kill)
        until = time.monotonic() + 60
        while not rebooted.exists() and time.monotonic() < until:
            time.sleep(0.1)
        daemon.kill()
        daemon.wait()
        self.assertTrue(rebooted.exists())
        rebooted.unlink()
        [armed] = [event for event in self.told("history")["events"] if event["kind"] == "armed"]
        at = datetime.datetime.fromisoformat(armed["at"].replace("Z", "+00:00"))
        self.assertGreaterEqual(at, moment(20).replace(second=0, microsecond=0))
        self.assertLess(at, moment(300), "and not an interval later")


if __name__ == "__main__":
    unittest.main()
