"""A whole device for grub_machine: Debian's cloud kernel for PCs, BusyBox, and the tenond that was built for this machine.

As arm64_device.py, with GRUB: its blocks lie in partition 2, of ext4 or FAT, which is mounted at /grub, and the slots are known by their labels.
"""
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import arm64_device
import grub_machine
from arm64_device import DATA_MIB, FAULTS, INIT, put_modules
from uboot_machine import put, put_files, run

PACKAGES = Path(os.environ.get("TENON_PC_PACKAGES", "nowhere"))
PROGRAMS = Path(os.environ["TENON_BIN_DIR"])
SLOT_MIB = 64


@dataclass
class PcKernel(arm64_device.Kernel):
    def folder(self):
        return PACKAGES / "kernel"


KERNEL = PcKernel("pc", {"tenon_arguments": "console=ttyS0 rootwait ro quiet panic=1"},
                  "softdog soft_margin=4 nowayout=1")
MOUNT_BLOCKS = "\nmount -t vfat /dev/nvme0n1p2 /grub 2>/dev/null || mount -t ext4 /dev/nvme0n1p2 /grub"
CONFIGURATION = """
[device]
product = "demo"
hardware = "demo-board"
channel = "{channel}"
id_file = "/data/id"
data = "/data/tenon"
[repository]
url = "{url}"
root = "/data/root.json"
[slots.A]
rootfs = "PARTLABEL=rootfs-a"
[slots.B]
rootfs = "PARTLABEL=rootfs-b"
[boot]
grub_env = ["/grub/tenon/grubenv.a", "/grub/tenon/grubenv.b"]
tries = 2
reboot = ["/bin/reboot", "-f"]
[[health]]
name = "nothing to complain of"
command = ["/bin/sh", "-c", "exit 0"]
"""


def missing():
    """What is not built or brought yet, or "" if nothing."""
    if lacking := grub_machine.missing():
        return lacking
    if not (grub_machine.OVMF.exists() and grub_machine.GRUB_EFI.exists()):
        return "Debian's ovmf or grub-efi-amd64-bin is missing"
    return "" if (PACKAGES / "made-by").exists() else "TENON_PC_PACKAGES names no kernel for a PC; ./dev e2e brings one"


def make_image(file, version, sequence, fault=""):
    tree = file.with_suffix(".tree")
    arm64_device.put_busybox(tree, PACKAGES / "busybox/bin/busybox")
    for name in ("boot", "data", "etc", "grub", "run", "sbin"):
        (tree / name).mkdir()
    for name in ("tenond", "tenon", "tenon-courier"):
        run("strip", "-o", tree / "bin" / name, PROGRAMS / name)
        for library in re.findall(r"(/\S+) \(0x", run("ldd", PROGRAMS / name)):
            copy = tree / library.lstrip("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, copy)
    shutil.copy(KERNEL.file(), tree / "boot/vmlinuz")
    driver, *parameters = KERNEL.watchdog.split()
    watchdog = " ".join([put_modules(tree, KERNEL.modules(driver)), *parameters])
    network = put_modules(tree, KERNEL.modules("virtio_pci", "virtio_net", "vfat", "nls_cp437", "nls_ascii")) + MOUNT_BLOCKS
    (tree / "etc/tenon-release").write_text(
        f"TENON_VERSION={version}\nTENON_SEQUENCE={sequence}\nTENON_BUILD_TIME=2026-01-01T00:00:00Z\n")
    init = tree / "sbin/init"
    init.write_text(INIT.replace("{fault}", FAULTS[fault]).replace("{watchdog}", watchdog).replace("{network}", network))
    init.chmod(0o755)
    run("mke2fs", "-q", "-t", "ext4", "-m", "0", "-d", tree, file, f"{SLOT_MIB}M")
    shutil.rmtree(tree)


def make_factory_disk(file, image, root, channel, url, boot_type):
    """Returns where GRUB's blocks lie, and where slot A, slot B and the data partition begin."""
    blocks, places = grub_machine.make_disk(file, [SLOT_MIB, SLOT_MIB, DATA_MIB], KERNEL.board, boot_type)
    put(file, places[0], image)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        (tree / "tenon").mkdir()
        (tree / "id").write_text("device-1\n")
        (tree / "root.json").write_bytes(root.read_bytes())
        (tree / "device.toml").write_text(CONFIGURATION.format(channel=channel, url=url))
        put_files(file, places[2], tree, DATA_MIB)
    return blocks, places
