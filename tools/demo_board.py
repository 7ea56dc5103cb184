"""The last chapter of the demo: the same repository updates a whole board in QEMU, with real U-Boot, Linux and tenond for arm64.

What is printed is what the board says on its serial line, as far as it tells the story.
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/support"))
import arm64_device
import uboot_machine

RELEASES = [("5.0.0", 50, ""), ("5.1.0", 51, ""), ("5.2.0", 52, "panics")]
PATIENCE_S = 180  # for one line


class Board:
    """A disk from the factory with 5.0.0 in slot A, in a board that can be switched on and off."""

    def __init__(self, folder, root, port):
        self.flash, self.disk = folder / "flash.img", folder / "disk.img"
        uboot_machine.make_firmware(self.flash, "nvme")
        arm64_device.make_factory_disk(self.disk, folder / "5.0.0.ext4", root, "board", f"http://10.0.2.2:{port}", 2)

    def runs(self, *lines):
        """Switches the board on, shows these lines as it says them, and cuts the power after the last."""
        print("\n  [power on]", flush=True)
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


def show(story, server, publish):
    """Returns what went wrong, or "". publish(version) makes it the release of the channel "board"."""
    folder = story.work / "board"
    folder.mkdir()
    for version, sequence, fault in RELEASES:
        arm64_device.make_image(folder / f"{version}.ext4", version, sequence, fault)
    publish("5.1.0", folder)
    board = Board(folder, story.work / "1.root.json", server.ports["repository"])
    board.runs(r"booting slot A \(good\)", "starting 5.0.0 in slot A", r"booting slot B \(trial, 1 left\)",
               "starting 5.1.0 in slot B", "5.1.0 confirmed", "5.1.0.* is running")
    if board.slots() != ("B A", "good", "good"):
        return f"after 5.1.0 the boot record says {board.slots()}"
    print("\n  the next release has a kernel that panics")
    publish("5.2.0", folder)
    board.runs(r"booting slot B \(good\)", "starting 5.1.0 in slot B", r"booting slot A \(trial, 1 left\)",
               "starting 5.2.0 in slot A", r"booting slot A \(trial, 0 left\)", "starting 5.2.0 in slot A",
               r"booting slot B \(good\)", "starting 5.1.0 in slot B", "5.2.0 .* was rolled back on this device")
    if board.slots() != ("B A", "bad", "good"):
        return f"after 5.2.0 the boot record says {board.slots()}"
    return ""
