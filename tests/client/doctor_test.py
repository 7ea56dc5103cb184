#!/usr/bin/env python3
"""`tenon doctor`: all is well on a device that is, and each check finds what it is for, when that is damaged."""
import datetime
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import unittest
from pathlib import Path

import device_cli_test
from device_cli_test import BIN, SUPPORT

sys.path.insert(0, str(SUPPORT))
import grub_machine
from grub_machine import block, sealed

DEVICE = 8
MIB = 1 << 20


def metadata(expires):
    return json.dumps({"signed": {"_type": "any", "expires": expires.strftime("%Y-%m-%dT%H:%M:%SZ")}, "signatures": []})


class DoctorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = device_cli_test.device_of(cls)
        cls.root = (cls.made.folder / "1.root.json").read_bytes()

    def setUp(self):
        """A device that is well, anew for each test."""
        self.folder = self.made.folder
        self.config = self.folder / "device.toml"
        for name in ("data", "run", "metadata"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        (self.folder / "data/metadata").mkdir(parents=True)
        (self.folder / "run").mkdir()
        (self.folder / "run/cmdline").write_text("tenon.slot=A\n")
        (self.folder / "run/boot_id").write_text("boot-1\n")
        (self.folder / "run/id").write_text("device-1\n")
        (self.folder / "run/release").write_text("TENON_VERSION=1.0.0\nTENON_SEQUENCE=1\n")
        for group in "AB":
            (self.folder / f"slot-{group}.ext4").write_bytes(bytes(MIB))
        self.made.call(sys.executable, device_cli_test.BOOT_STEP, "--init", self.folder)
        self.now = datetime.datetime.now(datetime.timezone.utc)
        self.store("timestamp.json", self.now + datetime.timedelta(days=5))
        self.made.write_config()
        health = '[[health]]\nname = "fit"\ncommand = ["/bin/true"]\n'
        text = self.config.read_text().replace("[repository]", f'id_file = "{self.folder}/run/id"\n[repository]')
        self.config.write_text(text + health)
        (self.folder / "1.root.json").write_bytes(self.root)

    def store(self, name, expires):
        (self.folder / "data/metadata" / name).write_text(metadata(expires))

    def change(self, old, new):
        text = self.config.read_text()
        self.assertIn(old, text)
        self.config.write_text(text.replace(old, new))

    def set_boot(self, **variables):
        for name, value in variables.items():
            self.made.call("fw_setenv", "-c", self.folder / "fw_env.config", name, value)

    def doctor(self, program="tenon"):
        done = subprocess.run([BIN / program, "--config", self.config, "doctor", "--json"], capture_output=True, text=True)
        answer = json.loads(done.stdout)
        self.assertEqual(done.returncode, DEVICE if answer["problems"] else 0, done.stderr)
        self.assertEqual(answer["problems"], sum(one["grade"] == "problem" for one in answer["checks"]))
        self.assertEqual(answer["warnings"], sum(one["grade"] == "warning" for one in answer["checks"]))
        for one in answer["checks"]:
            self.assertEqual(bool(one["advice"]), one["grade"] != "ok", one)
        return answer["checks"]

    def finds(self, check, grade, text):
        """It finds that, and nothing else that was not there before."""
        wrong = [one for one in self.doctor() if one["grade"] != "ok"]
        self.assertEqual([(one["check"], one["grade"]) for one in wrong], [(check, grade)], wrong)
        self.assertIn(text, wrong[0]["text"])

    def damage(self, path, offset):
        content = bytearray(path.read_bytes())
        content[offset] ^= 1
        path.write_bytes(content)

    def test_a_device_that_is_well_is_told_so(self):
        checks = self.doctor()
        self.assertEqual([one for one in checks if one["grade"] != "ok"], [])
        self.assertEqual({one["check"] for one in checks},
                         {"configuration", "release_file", "data_folder", "floors", "journal", "checkpoint", "stamps", "deferral", "root",
                          "metadata", "clock", "boot_record", "running", "fallback", "boot_script", "slot_rootfs",
                          "device_id", "courier", "health", "reboot", "control"})
        done = self.made.tenon("doctor")
        self.assertEqual(done.returncode, 0)
        self.assertTrue(done.stdout.endswith("problems: 0, warnings: 0\n"), done.stdout)

    def test_it_changes_nothing(self):
        before = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        self.doctor()
        self.assertEqual({path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}, before)

    def test_a_data_folder_that_is_not_there(self):
        shutil.rmtree(self.folder / "data")
        self.finds("data_folder", "problem", "is not there")

    def test_a_data_folder_that_is_full_or_cannot_be_written(self):
        if os.getuid() != 0:
            self.skipTest("only root mounts")
        mount = ["unshare", "--mount", "sh", "-ec"]
        for options, text in (("size=64k", "MiB left"), ("ro", "read-only")):
            script = f'mount -t tmpfs -o {options},mode=700 none "$0"; exec "$1" --config "$2" doctor'
            done = subprocess.run([*mount, script, self.folder / "data", BIN / "tenon", self.config], capture_output=True, text=True)
            if "mount" in done.stderr or "unshare" in done.stderr:
                self.skipTest(done.stderr)
            self.assertEqual(done.returncode, DEVICE, done.stdout + done.stderr)
            line = next(line for line in done.stdout.splitlines() if line.startswith("problem"))
            self.assertRegex(line, f"data_folder: .*{text}")

    # Book: DEV-23
    def test_a_damaged_copy_of_a_record_and_both(self):
        self.made.tenon("check")  # fails, and writes floors
        floors = self.folder / "data/records/floors"
        whole = floors.read_bytes()[:4096]
        self.assertEqual(whole[:4], b"TNRC")
        for name, grade in (("floors", "problem"), ("journal", "warning"), ("checkpoint", "warning"), ("stamps", "warning")):
            with self.subTest(name=name):
                path = self.folder / "data/records" / name
                path.write_bytes(b"x" * 4096 + whole)
                self.finds(name, "warning", "one copy is damaged")
                path.write_bytes(b"x" * 8192)
                self.finds(name, grade, "no copy is whole")
                path.unlink()

    def test_a_root_that_is_missing_not_signed_or_about_to_end(self):
        path = self.folder / "1.root.json"
        path.unlink()
        self.finds("root", "problem", "1.root.json")
        root = json.loads(self.root)
        path.write_text(json.dumps({**root, "signatures": []}))
        self.finds("root", "problem", "1.root.json")
        path.write_bytes(self.root)
        self.store("2.root.json", self.now + datetime.timedelta(days=3))
        self.finds("root", "warning", "2.root.json is valid for ")
        self.store("2.root.json", self.now - datetime.timedelta(days=3))
        self.finds("root", "problem", "2.root.json expired")

    def test_metadata_that_are_absent_unreadable_or_expired(self):
        path = self.folder / "data/metadata/timestamp.json"
        path.unlink()
        self.finds("metadata", "warning", "nothing is stored yet")
        path.write_text("{")
        self.finds("metadata", "warning", "cannot be read")
        self.store("timestamp.json", self.now - datetime.timedelta(days=1))
        self.finds("metadata", "problem", "timestamp.json expired")
        self.store("timestamp.json", self.now + datetime.timedelta(days=1))
        self.store("rollout.demo.json", self.now - datetime.timedelta(days=1))
        self.finds("metadata", "problem", "rollout.demo.json expired")

    def test_a_clock_that_is_behind(self):
        later = self.now + datetime.timedelta(days=2)
        (self.folder / "run/release").write_text(
            f"TENON_VERSION=1.0.0\nTENON_SEQUENCE=1\nTENON_BUILD_TIME={later:%Y-%m-%dT%H:%M:%SZ}\n")
        self.finds("clock", "problem", "or later")

    def test_a_release_file_that_says_nothing(self):
        (self.folder / "run/release").write_text("TENON_VERSION=1.0.0\n")
        self.finds("release_file", "warning", "lacks")
        (self.folder / "run/release").unlink()
        self.finds("release_file", "warning", "release")

    # Book: DEV-58
    def test_a_boot_record_with_a_damaged_copy_and_without_a_whole_one(self):
        environment = self.folder / "uboot.env"
        self.damage(environment, 100)
        self.finds("boot_record", "warning", "is damaged, the other one is in force")
        self.damage(environment, 100)
        self.damage(environment, 0x4000 + 100)
        self.finds("boot_record", "warning", "at 16384")
        self.damage(environment, 100)
        self.finds("boot_record", "problem", "neither copy is whole")

    def test_grubs_blocks_with_a_damaged_one(self):
        record = sealed({"BOOT_GENERATION": "7", "BOOT_ORDER": "A B", "BOOT_A_STATE": "good", "BOOT_A_LEFT": "0",
                         "BOOT_B_STATE": "empty", "BOOT_B_LEFT": "0"})
        paths = [self.folder / "grubenv.a", self.folder / "grubenv.b"]
        for path in paths:
            path.write_bytes(block(record))
        self.change(f'fw_env_config = "{self.folder}/fw_env.config"', f'grub_env = ["{paths[0]}", "{paths[1]}"]')
        self.assertEqual([one for one in self.doctor() if one["grade"] != "ok"], [])
        paths[1].write_bytes(bytes(grub_machine.BLOCK_SIZE))
        self.finds("boot_record", "warning", "grubenv.b is damaged")

    def test_a_boot_script_that_names_no_group(self):
        (self.folder / "run/cmdline").write_text("quiet\n")
        self.finds("running", "problem", "tenon.slot is missing")

    def test_a_boot_script_that_takes_no_try(self):
        (self.folder / "run/cmdline").write_text("tenon.slot=B\n")
        self.set_boot(BOOT_ORDER="B A", BOOT_B_STATE="trial", BOOT_B_LEFT="2")
        self.finds("running", "warning", "on trial")
        self.set_boot(BOOT_B_LEFT="3")
        wrong = [(one["check"], one["grade"]) for one in self.doctor() if one["grade"] != "ok"]
        self.assertEqual(wrong, [("running", "warning"), ("boot_script", "problem")])

    # Book: DEV-65
    def test_groups_of_which_none_is_sure_to_boot(self):
        self.set_boot(BOOT_A_STATE="bad", BOOT_B_STATE="bad")
        wrong = [(one["check"], one["grade"]) for one in self.doctor() if one["grade"] != "ok"]
        self.assertEqual(wrong, [("running", "warning"), ("fallback", "problem")])
        self.set_boot(BOOT_A_STATE="empty", BOOT_B_STATE="good")
        self.finds("running", "problem", "holds nothing of it")

    def test_slots_that_are_missing_one_or_unequal(self):
        (self.folder / "slot-B.ext4").write_bytes(bytes(MIB + 4096))
        self.finds("slot_rootfs", "warning", "B 1052672")
        (self.folder / "slot-B.ext4").unlink()
        problems = [one for one in self.doctor() if one["grade"] == "problem"]
        self.assertIn("cannot be found", problems[0]["text"])
        os.link(self.folder / "slot-A.ext4", self.folder / "slot-B.ext4")
        problems = [one for one in self.doctor() if one["grade"] == "problem"]
        self.assertIn("is the same device or file as", problems[0]["text"])

    def test_a_courier_that_is_not_there(self):
        self.change("[slots.A]", f'[courier]\nsocket = "{self.folder}/courier.sock"\n[slots.A]')
        self.finds("courier", "problem", "courier.sock")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as silent:
            silent.bind(str(self.folder / "courier.sock"))
            silent.listen()
            self.assertEqual([one for one in self.doctor() if one["grade"] != "ok"], [])
        (self.folder / "courier.sock").unlink()

    def test_a_courier_that_was_not_installed(self):
        alone = self.folder / "alone"
        alone.mkdir(exist_ok=True)
        shutil.copy(BIN / "tenon", alone / "tenon")
        wrong = [one for one in self.doctor(alone / "tenon") if one["grade"] != "ok"]
        self.assertEqual([(one["check"], one["grade"]) for one in wrong], [("courier", "problem")])

    def test_commands_that_cannot_be_started(self):
        self.change('["/bin/true"]', '["/nowhere/true"]')
        self.finds("health", "problem", "fit: /nowhere/true")
        self.change('["/nowhere/true"]', f'["{self.folder}/run/id"]')
        self.finds("health", "problem", "is not executable")
        self.change(f'["{self.folder}/run/id"]', '["no-such-program"]')
        self.finds("health", "problem", "there is no program no-such-program")
        self.change('command = ["no-such-program"]', 'command = ["true"]')
        self.change("[boot]\n", '[boot]\nreboot = ["/nowhere/reboot"]\n')
        self.finds("reboot", "problem", "/nowhere/reboot")

    def test_a_hook_or_a_migration_whose_program_is_not_there(self):
        self.change("[[health]]", '[[hook]]\nwhen = "staged"\ncommand = ["/nowhere/seal"]\n[[health]]')
        self.finds("hook", "problem", "/nowhere/seal")
        self.change("/nowhere/seal", "/bin/true")
        self.change("[[health]]", f'[app_data]\nfolder = "{self.folder}"\nmigrate = ["/nowhere/migrate"]\n[[health]]')
        self.finds("migrate", "problem", "/nowhere/migrate")
        self.change("/nowhere/migrate", "/bin/true")
        self.change("[[health]]", '[check]\nmetered = ["/nowhere/link"]\n[[health]]')
        self.finds("metered", "problem", "/nowhere/link")

    def test_a_device_without_health_checks_or_an_id(self):
        self.change('[[health]]\nname = "fit"\ncommand = ["/bin/true"]\n', "")
        self.finds("health", "warning", "no health check")
        self.change(f'id_file = "{self.folder}/run/id"', f'id_file = "{self.folder}/run/none"')
        wrong = [(one["check"], one["grade"]) for one in self.doctor() if one["grade"] != "ok"]
        self.assertEqual(wrong, [("device_id", "warning"), ("health", "warning")])

    def test_a_daemon_that_does_not_answer_and_a_group_that_is_not_there(self):
        control = self.folder / "run/control.sock"
        self.change("[[health]]", f'[control]\nsocket = "{control}"\ngroup = "no-such-group"\n[[health]]')
        self.finds("control", "warning", "no daemon answers")
        with open(self.folder / "log", "w") as log:
            daemon = subprocess.Popen([BIN / "tenond", "--config", self.config], stderr=log)
        try:
            until = time.monotonic() + 20
            while not control.exists() and time.monotonic() < until:
                time.sleep(0.02)
            self.finds("control", "warning", "there is no group no-such-group")
        finally:
            daemon.kill()
            daemon.wait()

    def test_a_configuration_that_is_none(self):
        self.config.write_text("[device\n")
        done = self.made.tenon("doctor")
        self.assertEqual(done.returncode, 2)
        self.assertIn("line 1", done.stderr)


if __name__ == "__main__":
    unittest.main()
