"""A board in QEMU that starts with a real U-Boot, Debian's own, and the boot script that Tenon ships.

The machine is emulated (TCG) everywhere, so that a test sees the same with and without KVM. Power is cut with SIGKILL.
"""
import os
import re
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import boot_step

ROOT = Path(__file__).resolve().parents[2]
QEMU = "qemu-system-aarch64"
UBOOT = Path("/usr/lib/u-boot/qemu_arm64/u-boot.bin")
WITH_SBIN = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")

MIB = 1 << 20
SECTOR = 512
FIRST_MIB = 1  # before it lies the table of partitions
BOOT_MIB, ENVIRONMENT_MIB = 4, 1  # partitions 1 and 2
ENVIRONMENT = (FIRST_MIB + BOOT_MIB) * MIB
COPY_DISTANCE = 0x10000
COPIES = (ENVIRONMENT, ENVIRONMENT + COPY_DISTANCE)

# The part of U-Boot's default environment that its distro boot needs, without its two seconds of waiting for a key and its
# look at disks that this machine has not.
FIRMWARE = """bootdelay=0
scriptaddr=0x40200000
kernel_addr_r=0x40400000
ramdisk_addr_r=0x44000000
stdin=pl011@9000000
stdout=pl011@9000000
stderr=pl011@9000000
devnum=0
"""
START = {
    "virtio": "devtype=virtio\nbootcmd=virtio scan; load virtio 0:1 ${scriptaddr} boot.scr && source ${scriptaddr}\n",
    "nvme": "devtype=nvme\nbootcmd=nvme scan; load nvme 0:1 ${scriptaddr} boot.scr && source ${scriptaddr}\n",
}
DISK_DEVICE = {"virtio": "virtio-blk-pci,drive=disk", "nvme": "nvme,serial=disk,drive=disk"}


def missing():
    """What this machine lacks to run U-Boot, or "" if nothing."""
    if not shutil.which(QEMU):
        return f"{QEMU} is missing (Debian's qemu-system-arm)"
    return "" if UBOOT.exists() else f"{UBOOT} is missing (Debian's u-boot-qemu)"


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, env=WITH_SBIN, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


def make_firmware(file, disk="virtio"):
    """Writes the flash that holds U-Boot's own environment."""
    text = file.with_suffix(".txt")
    text.write_text(FIRMWARE + START[disk])
    run("mkenvimage", "-s", "0x40000", "-o", file, text)
    os.truncate(file, 64 * MIB)


def boot_script(board):
    """The text of the script that we ship, with the given variables of its first part changed as a maker of boards would."""
    text = (ROOT / "integration/boot/uboot/boot.cmd").read_text()
    for name, value in board.items():
        text, count = re.subn(f"^{name}=.*", f'{name}="{value}"', text, flags=re.M)
        assert count == 1, name
    return text


def put(file, place, content):
    """Copies the file content to a place of a disk; what is zero there stays a hole."""
    run("dd", f"if={content}", f"of={file}", "bs=1M", f"seek={place // MIB}", "conv=notrunc,sparse")


def make_disk(file, sizes_mib, board=None):
    """Makes a disk with the boot script in partition 1, zeros as the environment in 2, and further partitions of the given
    sizes. Returns where those begin, in bytes."""
    words, at, starts = ["-o"], FIRST_MIB, []
    for number, size in enumerate([BOOT_MIB, ENVIRONMENT_MIB, *sizes_mib], 1):
        words.append(f"-n{number}:{at * MIB // SECTOR}:+{size}M")
        starts.append(at * MIB)
        at += size
    with open(file, "wb") as disk:
        disk.truncate((at + 1) * MIB)
    run("sgdisk", *words, "-A", "1:set:2", file)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        (tree / "boot.cmd").write_text(boot_script(board or {}))
        run("mkimage", "-A", "arm64", "-T", "script", "-C", "none", "-d", tree / "boot.cmd", tree / "boot.scr")
        put_files(file, starts[0], tree, BOOT_MIB)
    return starts[2:]


def put_files(file, place, tree, size_mib):
    """Makes a file system out of a folder, at a place of a disk."""
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image"
        run("mke2fs", "-q", "-t", "ext4", "-d", tree, image, f"{size_mib}M")
        put(file, place, image)


def read_copies(file):
    """The bytes of both copies of the environment."""
    with open(file, "rb") as disk:
        return [os.pread(disk.fileno(), boot_step.COPY_SIZE, place) for place in COPIES]


def write_copies(file, first, second):
    with open(file, "r+b") as disk:
        for place, copy in zip(COPIES, (first, second)):
            os.pwrite(disk.fileno(), copy, place)


def environment_in_force(file):
    """boot_step.Environment as this project's stand-in for a boot loader reads it, or None."""
    image = b"".join(read_copies(file))
    valid = [one for one in (boot_step.decode(image, 0), boot_step.decode(image, 1)) if one]
    return boot_step.choose_current(*valid) if len(valid) == 2 else valid[0] if valid else None


class Machine:
    """One power-on. What comes over the serial line is read until somebody has seen enough."""

    def __init__(self, firmware, disk, *options, kind="virtio", disk_options="format=raw,cache=writeback"):
        words = [QEMU, "-M", "virt,gic-version=2", "-cpu", "cortex-a53", "-m", "256", "-accel", "tcg,thread=single",
                 "-display", "none", "-monitor", "none", "-serial", "stdio", "-bios", UBOOT, "-no-user-config",
                 "-drive", f"if=pflash,index=1,format=raw,readonly=on,file={firmware}",
                 "-drive", f"file={disk},if=none,id=disk,{disk_options}",
                 "-device", DISK_DEVICE[kind], *(options or ["-nic", "none"])]
        self.start(words)

    def start(self, words):
        self.began = time.monotonic()
        self.said = ""
        self.seen = 0
        self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cut()

    def wait_for(self, pattern, seconds=60):
        """Reads on to the end of the first line in which the pattern is found, and returns the match."""
        line = re.compile(f"(?:{pattern}).*\n")
        deadline = time.monotonic() + seconds
        while not (match := line.search(self.said, self.seen)):
            if not self.read(deadline - time.monotonic()):
                raise AssertionError(f"no line with {pattern!r} in {seconds} s:\n{self.said}")
        self.seen = match.end()
        return match

    def said_last(self):
        """The last line there is now."""
        while self.read(0):
            pass
        return self.said.strip().rpartition("\n")[2]

    def read(self, seconds):
        """Waits for more of the serial line, and tells whether something came."""
        if not select.select([self.process.stdout], [], [], max(0, seconds))[0]:
            return False
        piece = os.read(self.process.stdout.fileno(), 65536)
        if not piece:
            raise AssertionError(f"the machine ended by itself:\n{self.said}")
        self.said += piece.decode(errors="replace").replace("\r", "")
        return True

    def seconds(self):
        return time.monotonic() - self.began

    def cut(self):
        """The power goes."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
