#!/usr/bin/env python3
"""A PC from power-on to a confirmed update, and back from a release that panics: real GRUB, real Linux, our tenond, over HTTP.

Each test has a disk fresh from the factory, and watches the serial line as a person would. `./dev e2e` brings what it
needs; TENON_PC_PACKAGES names the folder that tools/pc-packages made.
"""
import functools
import http.server
import os
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "repo_tools"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import grub_machine
import pc_device
import repo_cli_test
from grub_machine import BLOCK_SIZE, Machine, variables_of

# The channel of a device decides which release it is offered: both are published once.
RELEASES = {"stable": ("1.1.0", 2, ""), "panics": ("1.2.0", 3, "panics")}
OLD = "1.0.0"


class Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


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
        pc_device.make_image(cls.made / f"{OLD}.ext4", OLD, 1)
        for version, sequence, fault in RELEASES.values():
            pc_device.make_image(cls.made / f"{version}.ext4", version, sequence, fault)
        case.make_repository()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=cls.made / "repo/public"))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cls.addClassCleanup(server.server_close)
        cls.addClassCleanup(server.shutdown)
        cls.url = f"http://10.0.2.2:{server.server_port}"
        print(f"{time.monotonic() - began:5.1f} s  images and repository made", flush=True)

    def make_repository(self):
        self.init()
        for channel, (version, sequence, _) in RELEASES.items():
            self.succeed(*self.add(version, sequence, "--delta-budget", "0", image=f"{version}.ext4"))
            self.succeed("channel", "set", "repo", "--product", "demo", "--channel", channel, "--release", version)
        self.succeed(*self.sign("targets", "alice", "bob", "ci", "online"))
        self.succeed("publish", "repo")

    def power_on(self, channel, boot_type="ext4", **options):
        self.disk = Path(self.path("disk.img"))
        self.blocks, self.places = pc_device.make_factory_disk(self.disk, self.made / f"{OLD}.ext4", self.made / "1.root.json",
                                                               channel, self.url, boot_type)
        machine = Machine(self.disk, "-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile=", kind="nvme",
                          memory_mib=256, **options)
        self.addCleanup(machine.cut)
        return machine

    def sees(self, machine, *patterns):
        for pattern in patterns:
            said = machine.wait_for(pattern, 120).group(0).strip()
            print(f"{machine.seconds():5.1f} s  {said}", flush=True)

    def is_left_with(self, order, a, b):
        with open(self.disk, "rb") as disk:
            found = [variables_of(os.pread(disk.fileno(), BLOCK_SIZE, place)) for place in self.blocks]
        last = max(found, key=lambda one: int(one["BOOT_GENERATION"]))
        self.assertEqual([last[name] for name in ("BOOT_ORDER", "BOOT_A_STATE", "BOOT_B_STATE")], [order, a, b])
        self.assertEqual(grub_machine.sealed({name: last[name] for name in grub_machine.SEALED}), last)

    def holds(self, group, version):
        """The whole slot is the image, byte for byte."""
        with open(self.disk, "rb") as disk:
            image = (self.made / f"{version}.ext4").read_bytes()
            self.assertTrue(os.pread(disk.fileno(), len(image), self.places["AB".index(group)]) == image, "slot " + group)

    # With UEFI, and the blocks on its system partition.
    def test_a_device_updates_over_http_and_keeps_what_is_healthy(self):
        machine = self.power_on("stable", "fat", efi_variables=Path(self.path("efi.fd")))
        self.sees(machine, r"booting slot A \(good\)", "starting 1.0.0 in slot A", r"booting slot B \(trial, 1 left\)",
                  "starting 1.1.0 in slot B", "1.1.0 confirmed", "1.1.0.* is running")
        machine.cut()
        self.is_left_with("B A", "good", "good")
        self.holds("A", OLD)
        self.holds("B", "1.1.0")

    # With BIOS, and the blocks on ext4.
    def test_a_release_that_panics_is_left_after_its_tries(self):
        machine = self.power_on("panics")
        self.sees(machine, "starting 1.0.0 in slot A", r"booting slot B \(trial, 1 left\)", "starting 1.2.0 in slot B",
                  r"booting slot B \(trial, 0 left\)", "starting 1.2.0 in slot B", r"booting slot A \(good\)",
                  "starting 1.0.0 in slot A", "1.2.0 .* was rolled back on this device")
        machine.cut()
        self.is_left_with("A B", "good", "bad")
        self.holds("A", OLD)


if __name__ == "__main__":
    if lacking := pc_device.missing():
        print("skipped:", lacking)
        sys.exit(77)
    began = time.monotonic()
    program = unittest.main(exit=False, verbosity=2)
    print(f"{time.monotonic() - began:.1f} s in all")
    sys.exit(not program.result.wasSuccessful())
