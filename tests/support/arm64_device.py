"""A whole device for uboot_machine: one of Debian's kernels for arm64, BusyBox, and the tenond of the preset arm64.

An image is a root file system with kernel and all, as a slot holds it. A disk is what the factory makes: boot script,
environment, slot A with the first release, slot B empty, a data partition.
"""
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import boot_step
import uboot_machine
from uboot_machine import ROOT, run

PACKAGES = ROOT / "build/arm64-packages"
PROGRAMS = Path(os.environ.get("TENON_ARM64_BIN_DIR", "nowhere"))
LIBRARIES = PACKAGES / "sysroot/usr/lib/aarch64-linux-gnu"
SLOT_MIB = 72
DATA_MIB = 16
ARGUMENTS = "console=ttyAMA0 rootwait ro quiet panic=1"
WORDS = ["sh", "cat", "mount", "insmod", "ip", "reboot", "sleep", "echo", "sed", "watchdog", "switch_root"]


@dataclass
class Kernel:
    """A kernel, and what a board and its images need for it."""
    name: str
    board: dict
    watchdog: str  # the words for insmod
    initrd: tuple = ()  # modules without which no root file system can be mounted
    hardware: tuple = ()  # options of QEMU

    def folder(self):
        return PACKAGES / self.name

    def file(self):
        return next((self.folder() / "boot").glob("vmlinuz-*"))

    def modules(self, *names):
        """The files of modules and of those that they need, which come first. What is not there is built in."""
        there = {path.stem.replace("-", "_"): path for path in (self.folder() / "lib/modules").rglob("*.ko")}
        found = []

        def look_at(name):
            if name in there and there[name] not in found:
                needed = re.search(rb"\0depends=([^\0]*)\0", there[name].read_bytes()).group(1).decode()
                for other in filter(None, needed.replace("-", "_").split(",")):
                    look_at(other)
                found.append(there[name])

        for name in names:
            look_at(name)
        return found


# This kernel has no driver for a watchdog that QEMU has: the one here is Linux's own, which resets while Linux is well enough.
CLOUD = Kernel("cloud", {"tenon_arguments": ARGUMENTS}, "softdog soft_margin=4 nowayout=1")
GENERIC = Kernel("generic", {"tenon_arguments": ARGUMENTS, "tenon_initrd": "/boot/initrd"}, "i6300esb heartbeat=4 nowayout=1",
                 ("nvme", "ext4", "crc32c_generic"), ("-device", "i6300esb", "-action", "watchdog=reset"))

# The watchdog comes first, so that all that follows may hang; its four seconds grow when somebody feeds it. nowayout: a
# feeder that ends does not disarm it.
INIT = """#!/bin/sh
mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
{watchdog}
echo "starting $(sed -n s/TENON_VERSION=//p /etc/tenon-release) in slot $(sed 's/.*tenon.slot=//' /proc/cmdline)"
{fault}
watchdog -t 1 -T 20 /dev/watchdog
{network}
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
INITRD = """#!/bin/sh
mount -t devtmpfs dev /dev
mount -t proc proc /proc
{modules}
case "$(cat /proc/cmdline)" in
  *tenon.slot=A*) root=/dev/nvme0n1p3 ;;
  *) root=/dev/nvme0n1p4 ;;
esac
while [ ! -b $root ]; do sleep 0.05; done
mount -t ext4 -o ro $root /root
exec switch_root /root /sbin/init
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
tries = {tries}
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


def put_modules(tree, files):
    """Puts modules into a file system, and returns the lines that load them in their order."""
    for file in files:
        shutil.copy(file, tree / "lib/modules")
    return "\n".join(f"insmod /lib/modules/{file.name}" for file in files)


def put_busybox(tree, busybox=PACKAGES / "sysroot/bin/busybox"):
    for name in ("bin", "dev", "lib/modules", "proc", "root", "sys"):
        (tree / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(busybox, tree / "bin/busybox")
    for word in WORDS:
        (tree / "bin" / word).symlink_to("busybox")


def cpio_record(name, mode, data):
    """One file in an archive of cpio: a header in hexadecimal, the name and the bytes, each filled up to four."""
    fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
    header = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
    return b"".join(part + bytes(-len(part) % 4) for part in (header, data))


def make_initrd(file, kernel):
    """Writes what Linux unpacks into memory and starts there: it mounts the root file system."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        put_busybox(tree)
        (tree / "init").write_text(INITRD.replace("{modules}", put_modules(tree, kernel.modules(*kernel.initrd))))
        (tree / "init").chmod(0o755)
        archive = b""
        for path in sorted(tree.rglob("*")):
            data = os.readlink(path).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
            archive += cpio_record(str(path.relative_to(tree)), path.lstat().st_mode, data)
        file.write_bytes(archive + cpio_record("TRAILER!!!", 0, b""))


def make_image(file, version, sequence, fault="", kernel=CLOUD):
    tree = file.with_suffix(".tree")
    put_busybox(tree)
    for name in ("boot", "data", "etc", "lib/aarch64-linux-gnu", "run", "sbin", "var"):
        (tree / name).mkdir()
    programs = [PROGRAMS / name for name in ("tenond", "tenon", "tenon-courier")]
    for program in programs:
        run("aarch64-linux-gnu-strip", "-o", tree / "bin" / program.name, program)
    for name in needed_libraries(*programs):
        shutil.copy(LIBRARIES / name, tree / "lib/aarch64-linux-gnu")
    (tree / "lib/ld-linux-aarch64.so.1").symlink_to("aarch64-linux-gnu/ld-linux-aarch64.so.1")
    shutil.copy(kernel.file(), tree / "boot/Image")
    if kernel.initrd:
        make_initrd(tree / "boot/initrd", kernel)
    driver, *parameters = kernel.watchdog.split()
    watchdog = " ".join([put_modules(tree, kernel.modules(driver)), *parameters])
    network = put_modules(tree, kernel.modules("virtio_pci", "virtio_net"))
    (tree / "var/lock").symlink_to("../run")
    (tree / "etc/fw_env.config").write_text(
        f"/dev/nvme0n1p2 0x0 {boot_step.COPY_SIZE:#x}\n"
        f"/dev/nvme0n1p2 {uboot_machine.COPY_DISTANCE:#x} {boot_step.COPY_SIZE:#x}\n")
    (tree / "etc/tenon-release").write_text(
        f"TENON_VERSION={version}\nTENON_SEQUENCE={sequence}\nTENON_BUILD_TIME=2026-01-01T00:00:00Z\n")
    init = tree / "sbin/init"
    init.write_text(INIT.replace("{fault}", FAULTS[fault]).replace("{watchdog}", watchdog).replace("{network}", network))
    init.chmod(0o755)
    run("mke2fs", "-q", "-t", "ext4", "-m", "0", "-d", tree, file, f"{SLOT_MIB}M")
    shutil.rmtree(tree)


def make_factory_disk(file, image, root, channel, url, tries, kernel=CLOUD):
    """Returns where slot A, slot B and the data partition begin."""
    slot_a, slot_b, data = uboot_machine.make_disk(file, [SLOT_MIB, SLOT_MIB, DATA_MIB], kernel.board)
    uboot_machine.put(file, slot_a, image)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        (tree / "tenon").mkdir()
        (tree / "id").write_text("device-1\n")
        (tree / "root.json").write_bytes(root.read_bytes())
        (tree / "device.toml").write_text(CONFIGURATION.format(channel=channel, url=url, tries=tries))
        uboot_machine.put_files(file, data, tree, DATA_MIB)
    factory = boot_step.encode(boot_step.Environment(boot_step.FRESH, 1))
    uboot_machine.write_copies(file, factory, factory)
    return slot_a, slot_b, data
