#!/usr/bin/env python3
"""tenond at its control socket, as a process: what `tenon` says is the daemon's answer; who may not act is refused; a bundle is handed
over as an open file; and any program that speaks varlink is served."""
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import time
import unittest

import device_cli_test
from device_cli_test import BIN

NOBODY = 65534
REFUSED = 4


class ControlTest(unittest.TestCase):
    def setUp(self):
        self.device = device_cli_test.device_of(type(self))
        self.folder = self.device.folder
        self.socket = self.folder / "control/control.sock"
        self.socket.parent.mkdir()
        config = self.folder / "device.toml"
        config.write_text(config.read_text() + f'[control]\nsocket = "{self.socket}"\n')
        self.log = open(self.folder / "log", "w+")
        self.addCleanup(self.log.close)
        self.daemon = subprocess.Popen([BIN / "tenond", "--config", config], stderr=self.log)
        self.addCleanup(self.daemon.wait)
        self.addCleanup(self.daemon.kill)
        self.wait_for_socket()

    def wait_for_socket(self):
        until = time.monotonic() + 20
        while not self.socket.exists() and time.monotonic() < until:
            time.sleep(0.02)
        self.assertTrue(self.socket.exists())

    def tenon(self, *words, ahead=()):
        return subprocess.run([*ahead, str(BIN / "tenon"), "--config", str(self.folder / "device.toml"), *words],
                              capture_output=True, text=True)

    def ask(self, method, parameters=None, **flags):
        with socket.socket(socket.AF_UNIX) as stream:
            stream.connect(str(self.socket))
            stream.sendall(json.dumps({"method": method, "parameters": parameters or {}, **flags}).encode() + b"\0")
            return [json.loads(reply) for reply in self.replies(stream)]

    @staticmethod
    def replies(stream):
        held = b""
        while True:
            piece = stream.recv(4096)
            if not piece:
                return
            held += piece
            while b"\0" in held:
                reply, held = held.split(b"\0", 1)
                yield reply
                if not json.loads(reply).get("continues"):
                    return

    def defer(self, parameters):
        """The answer, when the daemon's own cycle is over."""
        until = time.monotonic() + 20
        while time.monotonic() < until:
            [reply] = self.ask("org.tenon.Update.Defer", parameters)
            if reply.get("parameters", {}).get("code") != "E_BUSY":
                return reply
            time.sleep(0.05)
        self.fail("the daemon is busy for ever")

    def test_answers_as_the_program_alone_does(self):
        status = self.tenon("status", "--json")
        self.assertEqual(status.returncode, 0, status.stderr)
        self.assertEqual(json.loads(status.stdout)["groups"]["A"]["version"], "1.0.0")
        check = self.tenon("check")
        self.assertIn(check.returncode, (6, 75), check.stderr)  # the server of this test has nothing; or the daemon asks it just now
        self.assertIn("E_", check.stderr)
        [info] = self.ask("org.varlink.service.GetInfo")
        self.assertEqual(info["parameters"]["product"], "tenond")
        [description] = self.ask("org.varlink.service.GetInterfaceDescription", {"interface": "org.tenon.Update"})
        for method in ("Status", "Check", "Plan", "Install", "Confirm", "Rollback", "MarkBad", "Defer", "Monitor"):
            self.assertIn(f"method {method}(", description["parameters"]["description"])

        watcher = subprocess.Popen([BIN / "tenon", "--config", self.folder / "device.toml", "watch"], stderr=subprocess.PIPE, text=True)
        self.addCleanup(watcher.stderr.close)
        self.addCleanup(watcher.wait)
        self.addCleanup(watcher.kill)
        (self.folder / "run/release").unlink()  # every check warns of it
        for _ in range(500):  # until the watcher is in
            self.tenon("check")
            if select.select([watcher.stderr], [], [], 0)[0]:
                break
        else:
            self.fail("the watcher hears nothing")
        self.assertIn("the running image says nothing of itself", watcher.stderr.readline())

        # DEV-43: a killed daemon leaves its socket; then the program acts alone, and the next daemon takes the place
        self.daemon.send_signal(signal.SIGKILL)
        self.daemon.wait()
        self.assertTrue(self.socket.exists())
        self.assertEqual(self.tenon("status").returncode, 0)
        self.assertIn("no daemon answers", self.tenon("watch").stderr)
        self.assertIn("net.failed", self.tenon("history").stdout)
        self.assertIn("what to do" if "decision" in self.tenon("explain").stdout else "failure", self.tenon("explain").stdout)

    # Book: LOC-08
    def test_lets_everybody_look_and_only_root_and_the_group_act(self):
        if os.getuid() != 0:
            self.skipTest("only root can become somebody else")
        self.folder.chmod(0o755)
        public = self.folder / "public"
        public.mkdir()
        shutil.copy(BIN / "tenon", public / "tenon")
        nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}

        def as_nobody(*words):
            return subprocess.run([public / "tenon", "--config", self.folder / "device.toml", *words], capture_output=True,
                                  text=True, **nobody)
        self.assertEqual(as_nobody("status").returncode, 0, as_nobody("status").stderr)
        for words in ("check", "plan", "install", "install --now", "confirm", "rollback", "mark-bad", "defer 1d", "defer --clear"):
            done = as_nobody(*words.split())
            self.assertEqual(done.returncode, REFUSED, done.stderr)
            self.assertIn("only root and members of the device's control group", done.stderr)
        self.defer({"seconds": 86400})
        self.assertIsNotNone(json.loads(as_nobody("status", "--json").stdout)["deferred_until"])
        for parameters in ({"seconds": -1}, {"seconds": 31 * 86400}, {"seconds": "1d"}, {"seconds": None}, {}, {"until": 1}):
            self.assertEqual(self.defer(parameters)["parameters"]["code"], "E_USAGE", parameters)
        self.assertIsNotNone(json.loads(as_nobody("status", "--json").stdout)["deferred_until"])
        self.assertIsNone(self.defer({"seconds": 0})["parameters"]["until"])
        before = self.tenon("rollback")
        self.assertIn("there is no trial to roll back", before.stderr)


if __name__ == "__main__":
    unittest.main()
