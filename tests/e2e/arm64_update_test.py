#!/usr/bin/env python3
"""A device from power-on to a confirmed update: real U-Boot, real Linux, our tenond for arm64, a real web server.

Each test has a disk fresh from the factory, and watches the serial line as a person would. `./dev e2e` builds what it needs;
TENON_ARM64_BIN_DIR names the folder of the programs for arm64. TENON_TEST_CUTS says how many times the power is cut in the
middle of an update, in place of a few; TENON_TEST_SEED repeats a run.
"""
import os
import random
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "repo_tools"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import arm64_device
import repo_cli_test
import uboot_machine
from arm64_device import CLOUD, GENERIC
from loopback import free_port, wait_until_it_answers
from uboot_machine import Machine, environment_in_force

# The channel of a device decides which release it is offered: all releases are published once.
RELEASES = [("1.0.0", "", CLOUD), ("1.1.0", "", CLOUD), ("1.2.0", "panics", CLOUD), ("1.3.0", "hangs", GENERIC)]
CHANNELS = {"stable": "1.1.0", "panics": "1.2.0", "hangs": "1.3.0"}
CUTS = int(os.environ.get("TENON_TEST_CUTS", "5"))
SEED = int(os.environ.get("TENON_TEST_SEED", time.time()))


class Update(repo_cli_test.Repo):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls("make_repository")
        cls.made = Path(cls.keys) / "made"
        cls.made.mkdir()
        case.folder = cls.made
        case.take_keys()
        began = time.monotonic()
        for number, (version, *rest) in enumerate(RELEASES, 1):
            arm64_device.make_image(cls.made / f"{version}.ext4", version, number, *rest)
        arm64_device.make_image(cls.made / "generic-1.0.0.ext4", "1.0.0", 1, kernel=GENERIC)
        case.make_repository()
        cls.url = f"http://10.0.2.2:{case.start_nginx()}"
        uboot_machine.make_firmware(cls.made / "flash.img", "nvme")
        print(f"{time.monotonic() - began:5.1f} s  images and repository made", flush=True)

    def make_repository(self):
        self.init()
        for number, (version, *_) in enumerate(RELEASES, 1):
            self.succeed(*self.add(version, number, image=f"{version}.ext4"))
        for channel, version in CHANNELS.items():
            self.succeed("channel", "set", "repo", "--product", "demo", "--channel", channel, "--release", version)
        self.succeed(*self.sign("targets", "alice", "bob", "ci", "online"))
        self.succeed("publish", "repo")

    def start_nginx(self):
        port, folder = free_port(), self.made / "nginx"
        folder.mkdir()
        bodies = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (folder / "nginx.conf").write_text(f"""
daemon off;
{"user root;" if os.geteuid() == 0 else ""}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  {bodies}
  access_log off;
  server {{ listen 127.0.0.1:{port}; root {self.made}/repo/public; }}
}}
""")
        nginx = subprocess.Popen(["nginx", "-c", folder / "nginx.conf", "-p", folder], stderr=subprocess.DEVNULL,
                                 env=uboot_machine.WITH_SBIN)
        self.addClassCleanup(nginx.wait, 30)
        self.addClassCleanup(nginx.terminate)
        wait_until_it_answers(nginx, port, folder / "error.log")
        return port

    def setUp(self):
        super().setUp()
        self.disk = Path(self.path("disk.img"))

    def leave_the_factory(self, channel, image="1.0.0", kernel=CLOUD, tries=2):
        self.places = arm64_device.make_factory_disk(self.disk, self.made / f"{image}.ext4", self.made / "1.root.json", channel,
                                                     self.url, tries, kernel)

    def power_on(self, disk=None, hardware=(), **options):
        machine = Machine(self.made / "flash.img", disk or self.disk, "-netdev", "user,id=net", "-device",
                          "virtio-net-pci,netdev=net,romfile=", *hardware, kind="nvme", **options)
        self.addCleanup(machine.cut)
        return machine

    def sees(self, machine, *patterns):
        for pattern in patterns:
            said = machine.wait_for(pattern, 120).group(0).strip()
            print(f"{machine.seconds():5.1f} s  {said}", flush=True)

    def holds(self, group, version):
        """The whole slot is the signed image, byte for byte: a mount for writing would show."""
        with open(self.disk, "rb") as disk:
            image = (self.made / f"{version}.ext4").read_bytes()
            self.assertTrue(os.pread(disk.fileno(), len(image), self.places["AB".index(group)]) == image, "slot " + group)

    def is_left_with(self, order, a, b):
        found = environment_in_force(self.disk).variables
        self.assertEqual([found[name] for name in ("BOOT_ORDER", "BOOT_A_STATE", "BOOT_B_STATE")], [order, a, b])

    def data_is_whole(self):
        data = Path(self.path("data.ext4"))
        uboot_machine.run("dd", f"if={self.disk}", f"of={data}", "bs=1M", f"skip={self.places[2] // uboot_machine.MIB}",
                          f"count={arm64_device.DATA_MIB}")
        subprocess.run(["e2fsck", "-p", data], check=False, capture_output=True, env=uboot_machine.WITH_SBIN)
        uboot_machine.run("e2fsck", "-fn", data)

    def has_updated(self):
        machine = self.power_on()
        self.sees(machine, "1.1.0.* is running")
        machine.cut()
        self.is_left_with("B A", "good", "good")
        self.holds("A", "1.0.0")
        self.holds("B", "1.1.0")
        self.data_is_whole()

    def falls_back_from(self, version, image="1.0.0", hardware=()):
        machine = self.power_on(hardware=hardware)
        self.sees(machine, "starting 1.0.0 in slot A", r"booting slot B \(trial, 1 left\)", f"starting {version} in slot B",
                  r"booting slot B \(trial, 0 left\)", f"starting {version} in slot B", r"booting slot A \(good\)",
                  "starting 1.0.0 in slot A", f"{version} .* was rolled back on this device")
        machine.cut()
        self.is_left_with("A B", "good", "bad")
        self.holds("A", image)

    def test_a_device_updates_over_http_and_keeps_what_is_healthy(self):
        self.leave_the_factory("stable")
        machine = self.power_on()
        self.sees(machine, r"booting slot A \(good\)", "starting 1.0.0 in slot A", r"booting slot B \(trial, 1 left\)",
                  "starting 1.1.0 in slot B", "1.1.0 confirmed", "1.1.0.* is running")
        machine.cut()
        self.is_left_with("B A", "good", "good")
        self.holds("A", "1.0.0")
        self.holds("B", "1.1.0")

    def test_a_release_that_panics_is_left_after_its_tries(self):
        self.leave_the_factory("panics")
        self.falls_back_from("1.2.0")

    def test_a_release_that_hangs_is_reset_by_the_watchdog_and_left_after_its_tries(self):
        self.leave_the_factory("hangs", "generic-1.0.0", GENERIC)
        self.falls_back_from("1.3.0", "generic-1.0.0", GENERIC.hardware)

    # What the disk had not been told to keep is gone: a layer over the disk is new each time, and what its file misses when
    # QEMU is killed was never written.
    def test_a_device_whose_power_is_cut_again_and_again_still_updates(self):
        # A cut in a trial costs a try: with two, chance would send the device back now and then, and rightly.
        self.leave_the_factory("stable", tries=9)
        layer, chance = Path(self.path("layer.qcow2")), random.Random(SEED)
        for cut in range(1, CUTS + 1):
            if environment_in_force(self.disk).variables["BOOT_B_STATE"] == "good":
                self.has_updated()
                self.leave_the_factory("stable", tries=9)
            uboot_machine.run("qemu-img", "create", "-f", "qcow2", "-F", "raw", "-b", self.disk, layer)
            machine = self.power_on(layer, disk_options="format=qcow2,cache=writeback")
            self.sees(machine, "starting .* in slot .")
            # A start takes a third of an update, however busy this machine is.
            time.sleep(chance.uniform(0, 2 * machine.seconds()))
            print(f"{machine.seconds():5.1f} s  cut {cut} after: {machine.said_last()}", flush=True)
            machine.cut()
            subprocess.run(["qemu-img", "check", "-q", "-r", "leaks", layer], check=False, capture_output=True)
            uboot_machine.run("qemu-img", "commit", "-q", layer)
        self.has_updated()


if __name__ == "__main__":
    if lacking := arm64_device.missing():
        print("skipped:", lacking)
        sys.exit(77)
    print("seed", SEED)
    began = time.monotonic()
    program = unittest.main(exit=False, verbosity=2)
    print(f"{time.monotonic() - began:.1f} s in all")
    sys.exit(not program.result.wasSuccessful())
