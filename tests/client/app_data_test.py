#!/usr/bin/env python3
"""tenond --before-services: the device's programs find the data of the release that runs, however a migration ends and wherever the
power is cut in it.

TENON_BIN_DIR names the folder of the programs, TENON_CUT_CALLS the library that cuts, TENON_RECORD_CALLS the one that records.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import device_cli_test
from device_cli_test import BIN

sys.path.append(str(Path(__file__).resolve().parents[1] / "replay"))
import replayed_device
from replayed_device import ReplayedDevice

CUT_CALLS = os.environ.get("TENON_CUT_CALLS", "")
RECORD_CALLS = os.environ.get("TENON_RECORD_CALLS", "")
REFUSED, STORAGE = 4, 8
TO_TWO = "echo two >> $TENON_DATA/form; mkdir $TENON_DATA/new"


class WithData(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.access("/dev/shm", os.W_OK):
            tempfile.tempdir = "/dev/shm"  # what is tested is which calls were made, and a disk is slow
        cls.device = device_cli_test.device_of(cls)
        cls.folder = cls.device.folder
        cls.data = cls.folder / "app"
        cls.config = (cls.folder / "device.toml").read_text()
        cls.kept = ["data", "uboot.env"]
        for name in cls.kept:
            cls.copy(cls.folder / name, cls.folder / "before" / name)

    @staticmethod
    def copy(source, target):
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)

    def setUp(self):
        self.restore()

    def restore(self):
        """Release 1 runs in A, is confirmed, and has data."""
        for name in self.kept:
            self.copy(self.folder / "before" / name, self.folder / name)
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir()
        self.start("A", 1)
        self.check(0)
        (self.data / "current/form").write_text("one\n")
        (self.data / "current/inner").mkdir()
        (self.data / "current/inner/big").write_bytes(bytes(range(256)) * 1000)
        os.symlink("inner/big", self.data / "current/link")
        os.link(self.data / "current/form", self.data / "current/second-name")
        self.old = self.tree(self.data / "1")

    def start(self, group, sequence, migrate="", state=None, more=""):
        """A boot of a group, whose image has this command."""
        run = self.folder / "run"
        (run / "cmdline").write_text(f"tenon.slot={group}\n")
        (run / "boot_id").write_text(f"boot-{group}-{sequence}\n")
        (run / "release").write_text(f"TENON_VERSION=1.{sequence}.0\nTENON_SEQUENCE={sequence}\n")
        table = f'[app_data]\nfolder = "{self.data}"\n{more}'
        if migrate:
            table += f"migrate = ['/bin/sh', '-c', '''{migrate}''']\n"
        (self.folder / "device.toml").write_text(self.config + table)
        self.set_boot(**(state or {}))

    def set_boot(self, **values):
        """Writes to the boot environment as its factory does: without generation and check."""
        for words in [*values.items(), ("BOOT_GENERATION",), ("BOOT_CHECK",)] if values else ():
            self.device.call("fw_setenv", "-c", self.folder / "fw_env.config", *words)

    def start_trial(self, migrate=TO_TWO, **settings):
        self.start("B", 2, migrate, {"BOOT_B_STATE": "trial", "BOOT_B_LEFT": "2", "BOOT_ORDER": "B A"}, **settings)

    def start_fallback(self):
        self.start("A", 1, "", {"BOOT_B_STATE": "bad", "BOOT_B_LEFT": "0", "BOOT_ORDER": "A B"})

    def run_it(self, environment=None, **more):
        return subprocess.run([BIN / "tenond", "--config", self.folder / "device.toml", "--before-services"], text=True,
                              env={**os.environ, **(environment or {})}, capture_output=True, stdin=subprocess.DEVNULL,
                              timeout=60, check=False, **more)

    def check(self, status, **more):
        done = self.run_it(**more)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    @staticmethod
    def tree(folder):
        """All that programs can see of a tree."""
        seen = {}
        for path in sorted(folder.rglob("*")):
            status = path.lstat()
            content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
            seen[str(path.relative_to(folder))] = (status.st_mode, status.st_uid, status.st_mtime_ns, status.st_nlink, content)
        return seen

    def names(self):
        return sorted(path.name for path in self.data.iterdir())

    def link(self):
        return os.readlink(self.data / "current")

    def state_of(self, group):
        return json.loads(self.device.tenon("status", "--json").stdout)["groups"][group]["state"]

    def assert_old(self):
        self.assertEqual(self.link(), "1")
        self.assertEqual(self.tree(self.data / "1"), self.old)

    def assert_new(self):
        self.assertEqual(self.link(), "2")
        self.assertEqual((self.data / "current/form").read_text(), "one\ntwo\n")
        self.assertEqual({name for name, *_ in self.tree(self.data / "2").items()}, {*self.old, "new"})


class Ends(WithData):
    # Book: DEV-32
    def test_a_trial_gets_a_copy_and_the_release_from_before_finds_its_own(self):
        self.start_trial()
        self.check(0)
        self.assert_new()
        self.assertIn("edition 2 of the application's data was made of 1", self.device.tenon("history").stdout)
        (self.data / "current/form").write_text("spoiled by the trial")
        self.check(0)  # the same boot, again
        self.assertEqual((self.data / "current/form").read_text(), "spoiled by the trial")
        self.start_fallback()
        self.check(0)
        self.assert_old()
        self.assertEqual(self.names(), ["1", "current"])

    def test_a_confirmed_release_keeps_the_old_data_until_their_group_is_no_fallback(self):
        self.start_trial()
        self.check(0)
        self.assertEqual(self.device.tenon("confirm").returncode, 0)
        self.check(0)
        self.assertEqual(self.names(), ["1", "2", "current"])
        self.set_boot(BOOT_A_STATE="empty")
        self.check(0)
        self.assertEqual(self.names(), ["2", "current"])
        self.assert_new()

    def test_a_trial_without_its_data_is_not_confirmed(self):
        self.start_trial()
        done = self.device.tenon("confirm")
        self.assertEqual(done.returncode, REFUSED, done.stderr)
        self.assertIn("--before-services", done.stdout + done.stderr)
        self.assertEqual(self.state_of("B"), "trial")
        self.assert_old()

    # Book: UPT-08, TGT-14
    def test_a_command_that_fails_hangs_or_prints_garbage_ends_the_trial_with_the_reason(self):
        for migrate, more, reason in [
                ("echo no such table >&2; exit 3", "", r"exit status 3: no such table"),
                ("echo busy; sleep 1000 & wait", "timeout_seconds = 1\n", r"did not end within 1000 ms: busy"),
                ("head -c 1048576 /dev/urandom; exit 1", "", r"exit status 1: "),
                (r'printf "<< image\nstatus\n\033[2J"; exit 1', "", r"<< image status \\x1b\[2J"),
                ("kill -KILL $$", "", r"killed by signal 9"),
                ("exec /no/such/program", "", r"exit status 127: .*not found")]:
            with self.subTest(migrate=migrate):
                self.restore()
                self.start_trial(migrate, more=more)
                said = self.check(REFUSED).stderr
                self.assertRegex(said, reason)
                self.assertNotIn("\x1b", said)
                self.assertLess(len(said), 4000)
                self.assertEqual(self.state_of("B"), "bad")
                self.assertRegex(self.device.tenon("history").stdout, "boot.data")
                self.assert_old()
                self.assertEqual(self.names(), ["1", "current"])

    def test_a_failed_trial_asks_for_the_reboot(self):
        config = self.config
        self.addCleanup(setattr, type(self), "config", config)
        type(self).config = config.replace("[boot]", f'[boot]\nreboot = ["/bin/touch", "{self.folder}/rebooted"]')
        self.start_trial("exit 1")
        self.check(REFUSED)
        self.assertTrue((self.folder / "rebooted").exists())

    def test_more_data_than_the_limit_end_the_trial(self):
        (self.data / "1/more").write_bytes(bytes(2 << 20))
        self.start_trial(more="limit_mib = 1\n")
        self.assertIn("and 1 MiB may be copied", self.check(REFUSED).stderr)
        self.assertEqual(self.link(), "1")

    @unittest.skipIf(os.geteuid() != 0, "only root can mount")
    def test_a_file_system_that_is_full_or_read_only(self):
        def mount(*options):
            return subprocess.run(["mount", *options, self.data], capture_output=True, check=False).returncode == 0
        if not mount("-t", "tmpfs", "-o", "size=4m", "tmpfs"):
            self.skipTest("nothing can be mounted here")
        self.addCleanup(subprocess.run, ["umount", self.data], check=False)
        self.start("A", 1)
        self.check(0)
        (self.data / "1/form").write_text("one\n")
        (self.data / "1/big").write_bytes(bytes(range(256)) * (3 << 12))
        self.start_trial()
        self.assertRegex(self.check(REFUSED).stderr, "a copy takes 4 MiB and 2 files, and there is room for 0 MiB")
        self.assertEqual(self.names(), ["1", "current"])
        (self.data / "1/big").unlink()
        self.assertTrue(mount("-o", "remount,ro"))
        self.start_fallback()
        self.check(0)  # all is as it should be, and nothing needs to be written
        self.start_trial()
        self.assertIn("Read-only file system", self.check(REFUSED).stderr)
        self.assertEqual(self.link(), "1")

    def test_data_that_are_not_mounted_are_not_begun_anew(self):
        shutil.rmtree(self.data)
        self.start("A", 1)
        self.assertIn("E_STORAGE", self.check(STORAGE).stderr)
        self.assertFalse(self.data.exists())
        self.start_trial()
        self.check(REFUSED)
        self.assertEqual(self.state_of("B"), "bad")

    def test_a_trial_that_cannot_even_read_what_it_is_made_with_leaves_the_old_data_alone(self):
        root = self.folder / "1.root.json"
        root.rename(self.folder / "hidden")
        self.addCleanup((self.folder / "hidden").rename, root)
        self.start_trial()
        self.check(REFUSED)
        self.assert_old()

    def test_without_data_of_the_maker_it_settles_the_boot_alone(self):
        (self.folder / "device.toml").write_text(self.config)
        self.check(0)

    @unittest.skipIf(os.geteuid() != 0, "only root can give files away")
    def test_files_of_other_users_keep_their_owner_in_the_confinement(self):
        os.chown(self.data / "1/form", 1234, 5678)
        (self.data / "1/inner").chmod(0)
        os.chown(self.data / "1/inner", 1234, 5678)
        self.start_trial("chown 4321 $TENON_DATA/inner")
        self.check(0)
        self.assertEqual((self.data / "2/form").stat().st_uid, 1234)
        self.assertEqual((self.data / "2/inner").stat().st_uid, 4321)

    @unittest.skipIf(os.geteuid() != 0, "only root has rights to lose")
    def test_the_command_has_the_rights_to_change_files_and_owners_and_no_others(self):
        self.start_trial("grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status > $TENON_DATA/rights".replace("'", '"'))
        self.check(0)
        rights = dict(line.split(":\t") for line in (self.data / "2/rights").read_text().splitlines())
        kept = sum(1 << number for number in (0, 1, 3, 4, 22))  # chown, dac_override, fowner, fsetid, sys_boot
        self.assertEqual({name: int(rights[name], 16) for name in ("CapEff", "CapBnd")}, {"CapEff": kept, "CapBnd": kept})
        self.assertEqual((rights["NoNewPrivs"], rights["Seccomp"]), ("1", "2"))

    # What has a name is whole: its bytes are on the medium before it gets that name, and the name before the link leads to it.
    def test_everything_is_durable_before_it_is_named_and_named_before_it_is_used(self):
        trace = self.folder / "trace"
        self.start_trial()
        self.check(0, environment={"LD_PRELOAD": RECORD_CALLS, "RECORD_FOLDER": str(self.folder), "RECORD_TO": str(trace)})
        calls = re.findall(r"^(create|mkdir|syncfs|rename|sync|unlink)\t((?:app[^\t\n]*)?)\t([^\t\n]*)\t", trace.read_bytes().decode("latin-1"), re.M)
        named = calls.index(("rename", "app/.unfinished", "app/2"))
        self.assertLess(calls.index(("mkdir", "app/.unfinished/inner", "")), named)
        self.assertEqual(calls[named - 1], ("syncfs", "", ""))
        self.assertEqual(calls[named + 1:],
                         [("sync", "app", ""), ("rename", "app/.current.new", "app/current"), ("sync", "app", "")])


class Life(unittest.TestCase):
    """Whole updates, each installed, booted and judged as on a device."""

    def setUp(self):
        self.device = ReplayedDevice()
        self.device.__enter__()
        self.addCleanup(self.device.__exit__)
        self.data = self.device.folder / "app"
        self.data.mkdir()
        self.life = replayed_device.Life("data", running_before="1.0.0")
        with (self.device.folder / "device.toml").open("a") as config:
            config.write(f'[app_data]\nfolder = "{self.data}"\n'
                         'migrate = ["/bin/sh", "-c", "echo $TENON_SEQUENCE >> $TENON_DATA/form"]\n')

    def boot(self, expected):
        self.assertEqual(self.device.power_on(self.life), expected)
        done = self.device.call(BIN / "tenond", "--before-services")
        self.assertEqual(done.returncode, 0, done.stderr)

    def cycle(self, expected):
        done = self.device.tenond()
        self.assertEqual(done.returncode, expected, done.stderr)

    def form(self):
        return (self.data / "current/form").read_text().split()

    def names(self):
        return sorted(path.name for path in self.data.iterdir())

    def update(self, publication, version):
        self.device.serve(publication)
        self.cycle(replayed_device.REBOOT)
        self.boot(version)

    def test_two_updates_a_trial_that_fails_and_one_more(self):
        self.boot("1.0.0")
        self.assertEqual(self.form(), ["1"])
        self.update("first", "1.1.0")
        self.assertEqual(self.form(), ["1", "2"])
        self.cycle(replayed_device.SETTLED)
        self.assertEqual(self.device.good_versions(), ["1.0.0", "1.1.0"])
        self.update("next", "1.2.0")
        self.assertEqual(self.form(), ["1", "2", "3"])
        self.cycle(replayed_device.SETTLED)
        self.assertEqual(self.names(), ["2", "3", "current"])
        self.life.unhealthy = {"1.3.0"}
        self.update("later", "1.3.0")
        for _ in range(replayed_device.TRIES - 1):
            self.assertEqual(self.form(), ["1", "2", "3", "6"])  # once, whatever tries it takes
            self.cycle(replayed_device.REBOOT)
            self.boot("1.3.0")
        self.cycle(replayed_device.REBOOT)
        self.boot("1.2.0")
        self.assertEqual(self.form(), ["1", "2", "3"])
        self.assertEqual(self.names(), ["3", "current"])
        self.update("last", "1.4.0")
        self.assertEqual(self.form(), ["1", "2", "3", "7"])
        self.cycle(replayed_device.SETTLED)
        self.assertIn("edition 7 of the application's data was made of 3",
                      self.device.call(BIN / "tenon", "history").stdout)


@unittest.skipIf(not CUT_CALLS, "the library that cuts is not named")
class Cuts(WithData):
    def calls(self):
        done = self.check(0, environment={"LD_PRELOAD": CUT_CALLS, "CUT_AT": "0"})
        return int(done.stderr.split()[-1])

    def cut(self, at, how):
        return self.run_it({"LD_PRELOAD": CUT_CALLS, "CUT_AT": str(at), "CUT_HOW": how})

    # Book: DEV-01
    def test_killed_at_every_call_of_a_migration_it_goes_on_or_back(self):
        self.start_trial()
        calls = self.calls()
        self.assertGreater(calls, 30)
        links = set()
        for at in range(1, calls + 1):
            for goes_back in (False, True):
                with self.subTest(at=at, goes_back=goes_back):
                    self.restore()
                    self.start_trial()
                    self.assertEqual(self.cut(at, "kill").returncode, -signal.SIGKILL)
                    self.assertEqual(self.tree(self.data / "1"), self.old)
                    links.add(self.link())
                    if self.link() == "2":
                        self.assert_new()
                    if goes_back:
                        self.start_fallback()
                        self.check(0)
                        self.assert_old()
                        self.assertEqual(self.names(), ["1", "current"])
                    else:
                        self.check(0)
                        self.assert_new()
                        self.assertEqual(self.names(), ["1", "2", "current"])
        self.assertEqual(links, {"1", "2"})
        print(f"{calls} calls")

    # Book: DEV-01
    def test_killed_at_every_call_of_a_way_back_it_gets_there(self):
        self.start_trial()
        self.check(0)
        self.start_fallback()
        calls = self.calls()
        for at in range(1, calls + 1):
            with self.subTest(at=at):
                self.restore()
                self.start_trial()
                self.check(0)
                self.start_fallback()
                self.assertEqual(self.cut(at, "kill").returncode, -signal.SIGKILL)
                self.assertEqual(self.tree(self.data / "1"), self.old)
                if (self.data / "2").exists():  # what has a number is whole
                    self.assertEqual(set(self.tree(self.data / "2")), {*self.old, "new"})
                self.check(0)
                self.assert_old()
                self.assertEqual(self.names(), ["1", "current"])
                self.start_trial()
                self.check(0)
                self.assert_new()

    # Book: DEV-20, DEV-24
    def test_refused_at_every_call_it_says_so_and_the_old_data_stay(self):
        self.start_trial()
        calls = self.calls()
        for first, how in ((1, "ENOSPC"), (2, "EIO")):
            failed = 0
            for at in range(first, calls + 1, 2):
                with self.subTest(at=at, how=how):
                    self.restore()
                    self.start_trial()
                    done = self.cut(at, how)
                    self.assertIn(done.returncode, (0, REFUSED), done.stderr)
                    self.assertEqual(self.tree(self.data / "1"), self.old)
                    failed += done.returncode == REFUSED
                    if done.returncode == 0:
                        self.assert_new()
                        continue
                    self.start_fallback()
                    self.check(0)
                    self.assert_old()
                    self.assertEqual(self.names(), ["1", "current"])
            self.assertGreater(failed, calls / 8, how)


if __name__ == "__main__":
    unittest.main()
