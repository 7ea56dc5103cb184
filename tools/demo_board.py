"""The board of the demo's last chapter: real U-Boot, Linux and tenond for arm64 in QEMU, updated from the demo's own repository.

What is printed is what the board says on its serial line, as far as it tells the story.
"""
from dataclasses import dataclass

import arm64_device
import uboot_machine

RELEASES = [("5.0.0", 50, ""), ("5.1.0", 51, ""), ("5.2.0", 52, "panics")]
CHANNEL = "board"
TRIES = 2
PATIENCE_S = 180  # for one line


@dataclass
class Chapter:
    """What the board says when a release is published, and how its slots stand then: the order, A, B."""
    title: str
    release: str
    lines: tuple
    slots: tuple


CHAPTERS = [
    Chapter("a release that is well", "5.1.0",
            (r"booting slot A \(good\)", "starting 5.0.0 in slot A", r"booting slot B \(trial, 1 left\)", "starting 5.1.0 in slot B",
             "5.1.0 confirmed", "5.1.0.* is running"), ("B A", "good", "good")),
    Chapter("a release whose kernel panics", "5.2.0",
            (r"booting slot B \(good\)", "starting 5.1.0 in slot B", r"booting slot A \(trial, 1 left\)", "starting 5.2.0 in slot A",
             r"booting slot A \(trial, 0 left\)", "starting 5.2.0 in slot A", r"booting slot B \(good\)", "starting 5.1.0 in slot B",
             "5.2.0 .* was rolled back on this device"), ("B A", "bad", "good")),
]


def make_images(folder):
    folder.mkdir()
    for version, sequence, fault in RELEASES:
        arm64_device.make_image(folder / f"{version}.ext4", version, sequence, fault)


class Board:
    """A disk from the factory with the first release in slot A, in a board that can be switched on and off."""

    def __init__(self, folder, root, port):
        self.flash, self.disk = folder / "flash.img", folder / "disk.img"
        uboot_machine.make_firmware(self.flash, "nvme")
        arm64_device.make_factory_disk(self.disk, folder / f"{RELEASES[0][0]}.ext4", root, CHANNEL, f"http://10.0.2.2:{port}", TRIES)

    def runs(self, *lines):
        """Switches the board on, shows these lines as it says them, and cuts the power after the last."""
        print("  [power on]", flush=True)
        machine = uboot_machine.Machine(self.flash, self.disk, "-netdev", "user,id=net", "-device",
                                        "virtio-net-pci,netdev=net,romfile=", kind="nvme")
        try:
            for line in lines:
                said = machine.wait_for(line, PATIENCE_S).group(0).strip()
                print(f"  {machine.seconds():5.1f} s  {said}", flush=True)
        finally:
            machine.cut()
        print("  [power cut]", flush=True)

    def slots(self):
        found = uboot_machine.environment_in_force(self.disk).variables
        return found["BOOT_ORDER"], found["BOOT_A_STATE"], found["BOOT_B_STATE"]
