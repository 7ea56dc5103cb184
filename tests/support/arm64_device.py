"""A whole device for uboot_machine: Debian's kernel for arm64, BusyBox, and the tenond of the preset arm64.

An image is a root file system with kernel and all, as a slot holds it. A disk is what the factory makes: boot script,
environment, slot A with the first release, slot B empty, a data partition.
"""
import os
import re
import shutil
import tempfile
from pathlib import Path

import boot_step
import uboot_machine
from uboot_machine import ROOT, run

PACKAGES = ROOT / "build/arm64-packages"
PROGRAMS = Path(os.environ.get("TENON_ARM64_BIN_DIR", "nowhere"))
LIBRARIES = PACKAGES / "sysroot/usr/lib/aarch64-linux-gnu"
SLOT_MIB = 64
DATA_MIB = 16
BOARD = {"tenon_arguments": "console=ttyAMA0 rootwait ro quiet panic=1"}
# In the order in which they need each other; what is not here is built into the kernel.
WATCHDOG = ["watchdog", "softdog"]
NETWORK = ["virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "failover",
           "net_failover", "virtio_net"]
WORDS = ["sh", "cat", "mount", "insmod", "ip", "reboot", "sleep", "echo", "sed", "watchdog"]

# The watchdog is Linux's own: this kernel has no driver for one that QEMU has. It comes first, so that all that
# follows may hang; its four seconds grow when somebody feeds it. nowayout: a feeder that ends does not disarm it.
INIT = """#!/bin/sh
mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
insmod /lib/modules/watchdog.ko
insmod /lib/modules/softdog.ko soft_margin=4 nowayout=1
echo "starting $(sed -n s/TENON_VERSION=//p /etc/tenon-release) in slot $(sed 's/.*tenon.slot=//' /proc/cmdline)"
{fault}
watchdog -t 1 -T 20 /dev/watchdog
for module in {network}; do insmod /lib/modules/$module.ko; done
ip link set lo up
ip addr add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip route add default via 10.0.2.2
mount -t ext4 /dev/nvme0n1p5 /data
while :; do
  tenond --config /data/device.toml 2>&1 | cat
  echo "tenond ended"
  sleep 5
done
"""
FAULTS = {
    "": "",
    "panics": "exit 1",
    "hangs": ": >/dev/watchdog; while :; do :; done",
}

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
rootfs = "/dev/nvme0n1p3"
[slots.B]
rootfs = "/dev/nvme0n1p4"
[boot]
fw_env_config = "/etc/fw_env.config"
tries = 2
reboot = ["/bin/reboot", "-f"]
[[health]]
name = "nothing to complain of"
command = ["/bin/sh", "-c", "exit 0"]
"""


def missing():
    """What is not built or brought yet, or "" if nothing."""
    if lacking := uboot_machine.missing():
        return lacking
    if not shutil.which("qemu-img"):
        return "qemu-img is missing (Debian's qemu-utils)"
    if not (PROGRAMS / "tenond").exists():
        return "TENON_ARM64_BIN_DIR names no tenond for arm64; ./dev e2e builds one"
    return ""


def needed_libraries(*programs):
    """The names of all libraries that the programs load, and those load, and so on."""
    found, looked_at = set(), list(programs)
    while looked_at:
        said = run("readelf", "-d", looked_at.pop())
        for name in set(re.findall(r"\(NEEDED\).*\[(.*)\]", said)) - found:
            found.add(name)
            looked_at.append(LIBRARIES / name)
    return found


def make_image(file, version, sequence, fault=""):
    tree = file.with_suffix(".tree")
    for name in ("bin", "boot", "data", "dev", "etc", "lib/modules", "lib/aarch64-linux-gnu", "proc", "run", "sbin", "sys",
                 "var"):
        (tree / name).mkdir(parents=True)
    shutil.copy(PACKAGES / "sysroot/bin/busybox", tree / "bin")
    for word in WORDS:
        (tree / "bin" / word).symlink_to("busybox")
    programs = [PROGRAMS / "tenond", PROGRAMS / "tenon"]
    for program in programs:
        run("aarch64-linux-gnu-strip", "-o", tree / "bin" / program.name, program)
    for name in needed_libraries(*programs):
        shutil.copy(LIBRARIES / name, tree / "lib/aarch64-linux-gnu")
    (tree / "lib/ld-linux-aarch64.so.1").symlink_to("aarch64-linux-gnu/ld-linux-aarch64.so.1")
    modules = {path.stem: path for path in (PACKAGES / "kernel/lib/modules").rglob("*.ko")}
    for name in (*WATCHDOG, *NETWORK):
        shutil.copy(modules[name], tree / "lib/modules")
    shutil.copy(next((PACKAGES / "kernel/boot").glob("vmlinuz-*")), tree / "boot/Image")
    (tree / "var/lock").symlink_to("../run")
    (tree / "etc/fw_env.config").write_text(
        f"/dev/nvme0n1p2 0x0 {boot_step.COPY_SIZE:#x}\n"
        f"/dev/nvme0n1p2 {uboot_machine.COPY_DISTANCE:#x} {boot_step.COPY_SIZE:#x}\n")
    (tree / "etc/tenon-release").write_text(
        f"TENON_VERSION={version}\nTENON_SEQUENCE={sequence}\nTENON_BUILD_TIME=2026-01-01T00:00:00Z\n")
    init = tree / "sbin/init"
    init.write_text(INIT.replace("{fault}", FAULTS[fault]).replace("{network}", " ".join(NETWORK)))
    init.chmod(0o755)
    run("mke2fs", "-q", "-t", "ext4", "-m", "0", "-d", tree, file, f"{SLOT_MIB}M")
    shutil.rmtree(tree)


def make_factory_disk(file, image, root, channel, url):
    """Returns where slot A, slot B and the data partition begin."""
    slot_a, slot_b, data = uboot_machine.make_disk(file, [SLOT_MIB, SLOT_MIB, DATA_MIB], BOARD)
    uboot_machine.put(file, slot_a, image)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        (tree / "tenon").mkdir()
        (tree / "id").write_text("device-1\n")
        (tree / "root.json").write_bytes(root.read_bytes())
        (tree / "device.toml").write_text(CONFIGURATION.format(channel=channel, url=url))
        uboot_machine.put_files(file, data, tree, DATA_MIB)
    factory = boot_step.encode(boot_step.Environment(boot_step.FRESH, 1))
    uboot_machine.write_copies(file, factory, factory)
    return slot_a, slot_b, data
