"""docs/offline-update.md with the real programs: a bundle of tenon-repo goes to a device that has no network, and whatever is
wrong with it is refused there, with the slot as it was.

TENON_BIN_DIR and TENON_SOURCE_DIR name the folders of the programs and of the sources, TENON_CUT_CALLS the library that cuts.
"""
import io
import json
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

import repo_cli_test
from moved_clock import moved_clock
from repo_cli_test import BIN, DEVICE, REFUSED, REPO, UNVERIFIED, USAGE, run

SOURCE = Path(os.environ.get("TENON_SOURCE_DIR", os.getcwd()))
CUT_CALLS = os.environ.get("TENON_CUT_CALLS", "")
BOOT_STEP = Path(__file__).resolve().parents[1] / "support/boot_step.py"
NETWORK = 6
SLOT_BYTES = 4 << 20
BLOCK = 512


class Device(repo_cli_test.Repo):
    """A repository with one published release, and a device with file slots whose repository answers nobody."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls("make_device")
        case.folder = cls.made = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.made)
        case.take_keys()
        case.image("rootfs.img", 1)
        case.init()
        case.publish_release()

    def setUp(self):
        super().setUp()
        shutil.copytree(os.path.join(self.made, "repo"), self.path("repo"))
        self.make_device()

    def make_device(self):
        f = Path(self.folder)
        for name in ("data", "run"):
            shutil.rmtree(f / name, ignore_errors=True)
            (f / name).mkdir()
        for group in "AB":
            (f / f"slot-{group}.img").write_bytes(bytes(SLOT_BYTES))
        (f / "fw_env.config").write_text(f"{f}/uboot.env 0x0 0x4000\n{f}/uboot.env 0x4000 0x4000\n")
        subprocess.run([sys.executable, BOOT_STEP, "--init", f], check=True, capture_output=True)
        (f / "run/cmdline").write_text("tenon.slot=A\n")
        (f / "run/boot_id").write_text("boot-1\n")
        (f / "run/release").write_text("TENON_VERSION=0.9.0\n")
        (f / "device.toml").write_text(f"""
[device]
product = "demo"
hardware = "demo-board"
channel = "stable"
data = "{f}/data"
release_file = "{f}/run/release"
[repository]
url = "http://127.0.0.1:1"
root = "{f}/1.root.json"
[network]
attempts = 1
[slots.A]
rootfs = "{f}/slot-A.img"
[slots.B]
rootfs = "{f}/slot-B.img"
[boot]
fw_env_config = "{f}/fw_env.config"
cmdline = "{f}/run/cmdline"
boot_id = "{f}/run/boot_id"
""")

    def tenon(self, *words, clock=None):
        ahead = moved_clock(clock) if clock else []
        return run(*ahead, os.path.join(BIN, "tenon"), "--config", "device.toml", *words, folder=self.folder)

    def export(self, *words, name="update.tar"):
        self.succeed("export", "repo", "--out", name, *words)
        return Path(self.path(name))

    def boot_variables(self):
        return Path(self.path("uboot.env")).read_bytes()

    def slot(self):
        return Path(self.path("slot-B.img")).read_bytes()

    def refuses(self, status, code, *words, clock=None):
        """The device refuses the bundle, and its slot and boot environment stay."""
        before = self.slot(), self.boot_variables()
        for command in ("check", "install"):
            done = self.tenon(command, "--from", *words, clock=clock)
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
            self.assertIn("error: " + code + " ", done.stderr)
        self.assertEqual((self.slot(), self.boot_variables()), before)
        return done.stderr

    def installed(self):
        image = Path(self.path("rootfs.img")).read_bytes()
        self.assertEqual(self.slot()[:len(image)], image)
        self.assertIn(b"BOOT_B_STATE=trial", self.boot_variables())


class OfflineUpdate(Device):
    def test_the_page_does_what_it_says(self):
        page = (SOURCE / "docs/offline-update.md").read_text()
        blocks = re.findall(r"^```console\n(.*?)^```$", page, re.M | re.S)
        self.assertEqual(len(re.findall("^```", page, re.M)), 2 * len(blocks), "a block that no test runs")
        said = {}
        for line in "".join(blocks).splitlines():
            words = shlex.split(line.removeprefix("$ "))
            program, rest = words[0], words[1:]
            done = {"tenon-repo": self.repo, "tenon": self.tenon,
                    "tar": lambda *more: run("tar", *more, folder=self.folder)}[program](*rest)
            self.assertEqual(done.returncode, 0, f"{line}\n{done.stdout}{done.stderr}")
            said[line] = done.stdout
        self.assertIn("devices take it until 20", said["$ tenon-repo export repo --out update.tar"])
        self.assertIn("metadata/timestamp.json\n", said["$ tar tf update.tar"])
        self.assertIn("1.0.0", said["$ tenon check --from update.tar"])
        self.assertEqual(said["$ tenon install --from update.tar"], "armed: reboot to try it\n")
        self.installed()

    def test_python_reads_in_it_what_a_web_server_would_serve(self):
        report = json.loads(self.succeed("--json", "export", "repo", "--out", "update.tar"))
        with tarfile.open(self.path("update.tar")) as tar:
            members = tar.getmembers()
            self.assertEqual([member.name for member in members], report["members"])
            for member in members:
                self.assertTrue(member.isreg())
                self.assertEqual((member.mode, member.uid, member.gid, member.mtime), (0o644, 0, 0, 0))
                self.assertEqual(tar.extractfile(member).read(), Path(self.path("repo/public", member.name)).read_bytes())
        self.assertEqual(report["bytes"], os.path.getsize(self.path("update.tar")))
        self.assertEqual(report["channels"], ["demo/channels/stable.json"])
        self.assertTrue(any(len(name) > 100 for name in report["members"]))

    def test_what_tar_makes_of_the_files_is_a_bundle_too(self):
        self.export()
        with tarfile.open(self.path("update.tar")) as tar, \
                tarfile.open(self.path("again.tar"), "w", format=tarfile.USTAR_FORMAT) as again:
            for member in reversed(tar.getmembers()):
                content = tar.extractfile(member).read()
                member.mtime, member.uname, member.mode = 1_700_000_000, "somebody", 0o600
                again.addfile(member, io.BytesIO(content))
        self.assertEqual(self.tenon("install", "--from", "again.tar").returncode, 0)
        self.installed()

    def test_the_tar_command_of_the_format_page_makes_a_bundle(self):
        page = (SOURCE / "docs/bundle-format.md").read_text()
        command = re.search(r"^```sh\n(find .*)\n```$", page, re.M).group(1)
        done = subprocess.run(["bash", "-c", "set -o pipefail; " + command], cwd=self.path("repo/public"),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.tenon("install", "--from", "update.tar").returncode, 0)
        self.installed()

    def test_a_dry_run_and_an_error_write_nothing(self):
        before = set(os.listdir(self.folder))
        self.assertIn("would write update.tar", self.succeed("export", "repo", "--out", "update.tar", "--dry-run"))
        self.fail_with(USAGE, "E_USAGE", "export", "repo", "--out", "update.tar", "--channel", "stable")
        self.fail_with(USAGE, "E_USAGE", "export", "repo", "--out", "update.tar", "--product", "demo", "--target", "a")
        self.fail_with(USAGE, "E_USAGE", "export", "repo", "--out", "update.tar", "--product", "other")
        self.fail_with(DEVICE, "E_STORAGE", "export", "repo", "--out", "nowhere/update.tar")
        self.assertEqual(set(os.listdir(self.folder)), before)

    def test_a_file_system_that_takes_no_such_file_is_named_and_nothing_is_left(self):
        def smaller_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

        done = subprocess.run([REPO, "export", "repo", "--out", "update.tar"], cwd=self.folder, preexec_fn=smaller_files,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, DEVICE, done.stderr)
        self.assertIn("on FAT a file is smaller than 4 GiB", done.stderr)
        self.assertEqual([name for name in os.listdir(self.folder) if "update.tar" in name], [])

    def test_a_device_takes_no_bundle_that_is_not_whole(self):
        whole = self.export().read_bytes()
        lengths = {0, 1, BLOCK - 1, *range(BLOCK, len(whole), BLOCK * 97), len(whole) - BLOCK, len(whole) - 1}
        for length in sorted(lengths):
            with self.subTest(length=length):
                Path(self.path("cut.tar")).write_bytes(whole[:length])
                self.assertIn("copy the file again", self.refuses(UNVERIFIED, "E_PARSE", "cut.tar"))
        Path(self.path("cut.tar")).write_bytes(Path(self.path("rootfs.img")).read_bytes())
        self.assertIn("tenon-repo export", self.refuses(UNVERIFIED, "E_PARSE", "cut.tar"))
        self.assertIn("No such file", self.refuses(DEVICE, "E_STORAGE", "nothing.tar"))
        self.assertEqual(os.listdir(self.path("data")).count("metadata"), 0)

    def test_a_payload_of_which_a_byte_was_changed_does_not_reach_the_slot(self):
        bundle = self.export()
        content = bytearray(bundle.read_bytes())
        with tarfile.open(bundle) as tar:
            payload = next(member for member in tar.getmembers() if member.name.endswith(".full.zst"))
        content[payload.offset_data + 100] ^= 1
        bundle.write_bytes(content)
        before = self.slot()
        done = self.tenon("install", "--from", "update.tar")
        self.assertEqual(done.returncode, UNVERIFIED, done.stderr)
        self.assertRegex(done.stderr, "error: E_(MISMATCH|PARSE) ")
        self.assertEqual(self.slot(), before)
        self.assertNotIn(b"BOOT_B_STATE=trial", self.boot_variables())
        self.export()
        self.assertEqual(self.tenon("install", "--from", "update.tar").returncode, 0)
        self.installed()

    # Book: META-02
    def test_a_bundle_that_is_older_than_what_the_device_knows_is_refused(self):
        self.export(name="old.tar")
        self.succeed(*self.sign("online", command="refresh"))
        self.export(name="new.tar")
        self.assertEqual(self.tenon("check", "--from", "new.tar").returncode, 0)
        self.refuses(UNVERIFIED, "E_ROLLBACK", "old.tar")

    def test_a_bundle_that_expired_on_the_way_is_refused(self):
        self.export()
        self.refuses(UNVERIFIED, "E_EXPIRED", "update.tar", clock="+20d")

    def test_a_bundle_of_another_channel_says_what_to_export(self):
        self.succeed("channel", "set", "repo", "--product", "demo", "--channel", "beta", "--release", "1.0.0")
        self.succeed(*self.sign("ci", "online"))
        self.succeed("publish", "repo")
        self.export("--product", "demo", "--channel", "beta")
        self.assertIn("tenon-repo export --product P --channel C", self.refuses(NETWORK, "E_NET", "update.tar"))

    def test_a_rule_of_the_device_holds_for_a_bundle_as_for_the_network(self):
        config = Path(self.path("device.toml"))
        config.write_text(config.read_text().replace("demo-board", "other-board"))
        self.export()
        before = self.slot()
        self.assertEqual(self.tenon("install", "--from", "update.tar").returncode, REFUSED)
        self.assertEqual(self.slot(), before)

    def test_without_a_bundle_the_network_is_asked(self):
        self.export()
        self.assertEqual(self.tenon("check").returncode, NETWORK)
        self.assertEqual(self.tenon("check", "--from", "update.tar").returncode, 0)
        self.assertEqual(self.tenon("check").returncode, NETWORK)

    def test_a_bundle_without_a_name_is_a_mistake_and_asks_no_network(self):
        for command in ("check", "install"):
            for words in (("--from", ""), ("--from=",)):
                self.assertEqual(self.tenon(command, *words).returncode, USAGE, words)

    def test_installing_again_from_the_bundle_changes_nothing(self):
        self.export()
        self.assertEqual(self.tenon("install", "--from", "update.tar").returncode, 0)
        before = self.slot(), self.boot_variables()
        self.assertEqual(self.tenon("install", "--from", "update.tar").returncode, 0)
        self.assertEqual((self.slot(), self.boot_variables()), before)
        self.installed()


def cut(at, how):
    return {**os.environ, "LD_PRELOAD": CUT_CALLS, "CUT_AT": str(at), "CUT_HOW": how}


class IsCut(Device):
    def test_an_install_at_any_call_and_goes_on_from_the_bundle(self):
        self.export()

        def install(at):
            self.make_device()
            return subprocess.run([os.path.join(BIN, "tenon"), "--config", "device.toml", "install", "--from", "update.tar"],
                                  cwd=self.folder, env=cut(at, "kill"), stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=60, check=False)

        calls = int(install(0).stderr.split()[-1])
        self.assertGreater(calls, 30)
        for at in range(1, calls + 1, calls // 15):
            with self.subTest(at=at):
                self.assertEqual(install(at).returncode, -signal.SIGKILL)
                done = self.tenon("install", "--from", "update.tar")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.installed()

    def test_an_export_at_any_call_and_leaves_the_old_bundle_or_the_new_one(self):
        old = self.export().read_bytes()
        self.succeed(*self.sign("online", command="refresh"))
        new = self.export(name="new.tar").read_bytes()
        os.remove(self.path("new.tar"))
        self.assertNotEqual(old, new)

        def export(at, how):
            Path(self.path("update.tar")).write_bytes(old)
            return subprocess.run([REPO, "export", "repo", "--out", "update.tar"], cwd=self.folder, env=cut(at, how),
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)

        calls = int(export(0, "kill").stderr.split()[-1])
        self.assertGreater(calls, 5)
        for how in ("kill", "ENOSPC", "EIO"):
            for at in range(1, calls + 1):
                with self.subTest(how=how, at=at):
                    done = export(at, how)
                    self.assertIn(done.returncode, (-signal.SIGKILL,) if how == "kill" else (0, DEVICE), done.stderr)
                    content = Path(self.path("update.tar")).read_bytes()
                    self.assertIn(content, (old, new))
                    self.assertTrue(done.returncode != 0 or content == new)
                    left = [name for name in os.listdir(self.folder) if name.startswith(".update.tar.")]
                    self.assertTrue(how == "kill" or left == [], left)
                    for name in left:
                        os.remove(self.path(name))


if __name__ == "__main__":
    unittest.main()
