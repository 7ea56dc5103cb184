#!/usr/bin/env python3
"""tenond and tenon in the surroundings that an odd init, a service manager or a person may give them: closed descriptors, a folder
that is gone, masks, locales, little stack, few descriptors, signals. They install all the same, or say why not and have changed
nothing that counts."""
import os
import resource
import signal
import subprocess
import time
import unittest

import install_cut_test
from device_cli_test import BIN

STACK = 128 << 10


class Surroundings(install_cut_test.InstallTest):
    def started(self, program, *words, before=None, **options):
        return subprocess.Popen([BIN / program, "--config", self.folder / "device.toml", *words], preexec_fn=before,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options)

    def install(self, **options):
        process = self.started("tenon", "install", **options)
        error = process.communicate(timeout=120)[1]
        return process.returncode, error

    def wait_for(self, condition):
        until = time.monotonic() + 60
        while not condition():
            self.assertLess(time.monotonic(), until, "it does not come to that")

    def holds_the_image(self):
        image = self.images["1.1.0"]
        return (self.folder / "slot-B.ext4").read_bytes()[:len(image)] == image

    def installs(self, **options):
        status, error = self.install(**options)
        self.assertEqual(status, 0, error)
        self.assertTrue(self.holds_the_image())
        self.assertEqual((self.folder / "slot-A.ext4").read_bytes(), self.running)

    # What is printed must not land in the file that took the place of a closed descriptor: a slot, or the boot record.
    # Book: DEV-47
    def test_closed_descriptors_cost_no_slot_and_no_boot_record(self):
        for closed in ((0,), (1,), (2,), (0, 1, 2), (1, 2)):
            with self.subTest(closed=closed):
                self.restore()
                self.installs(before=lambda which=closed: [os.close(descriptor) for descriptor in which])
                status = subprocess.run([BIN / "tenon", "--config", self.folder / "device.toml", "status"], capture_output=True, text=True)
                self.assertIn("1.1.0", status.stdout)

    # Book: DEV-47
    def test_a_folder_that_is_gone_masks_and_locales_change_nothing(self):
        gone = self.folder / "gone"

        def leave():
            gone.mkdir()
            os.chdir(gone)
            gone.rmdir()

        self.installs(before=leave)
        for mask in (0o000, 0o077, 0o777):
            with self.subTest(mask=oct(mask)):
                self.restore()
                self.installs(before=lambda bits=mask: os.umask(bits))
        for locale in ("C", "tr_TR.UTF-8", "nowhere"):
            with self.subTest(locale=locale):
                self.restore()
                self.installs(env={"PATH": os.environ["PATH"], "LC_ALL": locale})

    # Book: DEV-47
    def test_little_stack_is_enough(self):
        self.installs(before=lambda: resource.setrlimit(resource.RLIMIT_STACK, (STACK, STACK)))

    # Book: DEV-27, DEV-44
    def test_too_few_descriptors_are_an_error_and_cost_nothing(self):
        outcomes = set()
        for most in (*range(4, 24), 32, 64):
            with self.subTest(most=most):
                self.restore()
                status, error = self.install(before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most)))
                outcomes.add(status == 0)
                self.assertGreaterEqual(status, 0, error)  # no signal
                self.assertTrue(status == 0 or "error" in error, (status, error))
                self.assertEqual((self.folder / "slot-A.ext4").read_bytes(), self.running)
                if status != 0:
                    self.installs()
        self.assertEqual(outcomes, {True, False})

    # What cannot be recorded is not begun.
    # Book: DEV-22
    def test_a_read_only_data_folder_is_an_error_before_anything_is_written(self):
        script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
        words = ["unshare", "--mount", "sh", "-ec", script, self.folder / "data"]
        if subprocess.run([*words, "true"], capture_output=True).returncode != 0:
            self.skipTest("nothing can be mounted here")
        slot = (self.folder / "slot-B.ext4").read_bytes()
        record = (self.folder / "uboot.env").read_bytes()
        for program, options in (("tenon", ["install"]), ("tenond", ["--once"])):
            done = subprocess.run([*words, BIN / program, "--config", self.folder / "device.toml", *options], capture_output=True, text=True)
            self.assertEqual(done.returncode, 8, done.stderr)
            self.assertIn("E_STORAGE", done.stderr)
        self.assertEqual((self.folder / "slot-B.ext4").read_bytes(), slot)
        self.assertEqual((self.folder / "uboot.env").read_bytes(), record)
        self.installs()

    # Book: DEV-41
    def test_a_signal_that_ends_tenond_ends_it_soon_and_costs_nothing(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            for moment in ("at once", "while it fetches the image", "when it waits for the next check"):
                with self.subTest(signal=number.name, moment=moment):
                    self.restore()
                    self.device.server.sent = 0
                    daemon = self.started("tenond")
                    if moment == "while it fetches the image":
                        self.wait_for(lambda: self.device.server.sent > 0)
                    if moment == "when it waits for the next check":
                        self.wait_for(lambda: "a reboot is wanted" in daemon.stderr.readline())
                    daemon.send_signal(number)
                    began = time.monotonic()
                    daemon.communicate(timeout=60)
                    self.assertLess(time.monotonic() - began, 5)
                    self.installs()

    # Book: DEV-41
    def test_a_reader_that_goes_away_ends_nothing(self):
        reader, writer = os.pipe()
        os.close(reader)
        process = subprocess.Popen([BIN / "tenon", "--config", self.folder / "device.toml", "install"], stdout=writer, stderr=writer)
        os.close(writer)
        self.assertEqual(process.wait(120), 0)
        self.assertTrue(self.holds_the_image())


if __name__ == "__main__":
    unittest.main()
