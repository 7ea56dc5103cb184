#!/usr/bin/env python3
"""tenond asks again after its interval, and not sooner, whatever a failing server says: hours in seconds, with the
daemon's clock made to run faster."""
import subprocess
import time
import unittest

import device_cli_test
from moved_clock import moved_clock

FASTER = 1200  # times: the interval of 20 minutes is a second
SECONDS = 6
ATTEMPTS = 4  # the requests of a cycle that fails, with pauses between them


class FailingServer(device_cli_test.Liar):
    def do_GET(self):
        self.server.requests += 1
        self.send_response(self.server.status)
        if self.server.retry_after is not None:
            self.send_header("Retry-After", self.server.retry_after)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Polling(unittest.TestCase):
    # Book: RES-08
    def test_is_no_faster_than_the_interval_whatever_the_server_says(self):
        answers = [(503, None), (503, "0"), (503, "-1"), (429, "999999999")]
        devices = [self.start(*answer) for answer in answers]
        time.sleep(SECONDS)
        for (status, retry_after), (device, daemon, began) in zip(answers, devices):
            with self.subTest(status=status, retry_after=retry_after):
                requests, seconds = device.server.requests, time.monotonic() - began
                self.assertIsNone(daemon.poll(), "the daemon goes on")
                # There is a cycle at the start, and one for what the clocks blur.
                self.assertLessEqual(requests, ATTEMPTS * (seconds + 2))
                self.assertGreaterEqual(requests, 2)

    def start(self, status, retry_after):
        device = device_cli_test.DeviceTest("tenon")
        device.setUp()
        self.addCleanup(device.doCleanups)
        device.make_root()
        device.server.RequestHandlerClass = FailingServer
        device.server.status, device.server.retry_after, device.server.requests = status, retry_after, 0
        config = device.folder / "device.toml"
        text = config.read_text().replace("attempts = 1", f"attempts = {ATTEMPTS}")
        config.write_text(text + "[check]\ninterval_minutes = 20\n")
        began = time.monotonic()
        daemon = subprocess.Popen([*moved_clock(f"+0 x{FASTER}"), str(device_cli_test.BIN / "tenond"), "--quiet",
                                   "--config", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  start_new_session=True)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.kill)
        return device, daemon, began


if __name__ == "__main__":
    unittest.main()
