"""A PC in QEMU that starts with a real GRUB, Debian's own for BIOS or UEFI, and the grub.cfg that Tenon ships.

As in uboot_machine.py the machine is emulated everywhere, and power is cut with SIGKILL."""
import os
import re
import shutil
import struct
import tempfile
import zlib
from pathlib import Path

import uboot_machine
from uboot_machine import MIB, ROOT, SECTOR, put, run

QEMU = "qemu-system-x86_64"
GRUB = Path("/usr/lib/grub/i386-pc")
GRUB_EFI = Path("/usr/lib/grub/x86_64-efi")
OVMF = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
# normal reads grub.cfg; the script wants from linux on; what the test adds to it, the rest.
MODULES = ("part_gpt ext2 fat normal linux boot loadenv test echo sleep reboot regexp probe "
           "serial terminal configfile").split()
PREFIX = "(hd0,gpt2)/grub"

CORE_MIB, BOOT_MIB = 1, 8  # partitions 1 and 2
FIRST_MIB = 1
CORE = FIRST_MIB * MIB
BOOT = CORE + CORE_MIB * MIB
SLOT_MIB = 1

BLOCK_SIZE = 1024
SIGNATURE = b"# GRUB Environment Block\n"
SEALED = ("BOOT_GENERATION", "BOOT_ORDER", "BOOT_A_STATE", "BOOT_A_LEFT", "BOOT_B_STATE", "BOOT_B_LEFT", "BOOT_CHECK")


def missing():
    """What this machine lacks to run GRUB, or "" if nothing."""
    for program, package in ((QEMU, "qemu-system-x86"), ("grub-mkimage", "grub-common"), ("mcopy", "mtools")):
        if not shutil.which(program):
            return f"{program} is missing (Debian's {package})"
    return "" if GRUB.exists() else f"{GRUB} is missing (Debian's grub-pc-bin)"


def block(variables=None):
    """The bytes of a block with these variables, as they are; the default is what a factory makes."""
    text = SIGNATURE + "".join(f"{name}={value}\n" for name, value in (variables or {}).items()).encode("latin-1")
    assert len(text) <= BLOCK_SIZE
    return text.ljust(BLOCK_SIZE, b"#")


def sealed(variables):
    """The variables with the check and the seal that a whole block has."""
    checked = " ".join(variables[name] for name in ("BOOT_GENERATION", "BOOT_ORDER", "BOOT_A_STATE", "BOOT_B_STATE"))
    found = {**variables, "BOOT_CHECK": f"{zlib.crc32(checked.encode()):08x}"}
    return {**found, "BOOT_SEAL": " ".join(found[name] for name in SEALED)}


def variables_of(image):
    lines = image.rstrip(b"#").decode("latin-1").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def grub_cfg(board):
    """The text of the script that we ship, with the given variables of its first part changed as a maker of boards would."""
    text = (ROOT / "integration/boot/grub/grub.cfg").read_text()
    for name, value in board.items():
        text, count = re.subn(f'^set {name}=".*?"', f'set {name}="{value}"', text, flags=re.M)
        assert count == 1, name
    return "serial --unit=0 --speed=115200\nterminal_output serial\n" + text


def make_core(folder):
    """GRUB's core image and its boot sector, with the places filled in that grub-bios-setup would fill in."""
    core, lba = folder / "core.img", CORE // SECTOR
    run("grub-mkimage", "-O", "i386-pc", "-o", core, "-p", PREFIX, "biosdisk", *MODULES)
    image = bytearray(core.read_bytes())
    struct.pack_into("<QHH", image, 0x1f4, lba + 1, -(-len(image) // SECTOR) - 1, 0x820)
    core.write_bytes(image)
    boot = bytearray((GRUB / "boot.img").read_bytes())
    struct.pack_into("<Q", boot, 0x5c, lba)
    boot[0x66:0x68] = b"\x90\x90"
    return core, bytes(boot[:440])


def make_kernel():
    """A kernel in Linux's format, boot protocol 2.06: it writes its command line to the serial line and halts."""
    code = bytes.fromhex(
        "8bb628020000"  # mov esi, [esi + 0x228]   the command line
        "ac84c07414"    # next: lodsb; test al, al; jz end
        "88c366bafd03"  # mov bl, al; mov dx, 0x3fd
        "eca82074fb"    # wait: in al, dx; test al, 0x20; jz wait
        "88d866baf803"  # mov al, bl; mov dx, 0x3f8
        "eeebe7"        # out dx, al; jmp next
        "b00aee"        # end: mov al, '\n'; out dx, al
        "f4ebfd")       # halt: hlt; jmp halt
    setup = bytearray(2 * SECTOR)
    setup[0x1f1] = 1                                          # setup_sects
    struct.pack_into("<IHHH", setup, 0x1f4, -(-len(code) // 16), 0, 0, 0)  # syssize
    struct.pack_into("<H", setup, 0x1fe, 0xaa55)
    setup[0x200:0x206] = b"\xeb\x66HdrS"
    struct.pack_into("<H", setup, 0x206, 0x0206)
    setup[0x211] = 1                                          # loaded high
    struct.pack_into("<I", setup, 0x214, 0x100000)            # code32_start
    struct.pack_into("<I", setup, 0x22c, 0x37ffffff)          # initrd_addr_max
    struct.pack_into("<I", setup, 0x238, 2047)                # cmdline_size
    return bytes(setup) + code


def make_disk(file, sizes_mib, board=None, boot_type="ext4"):
    """Makes a disk that starts GRUB, by BIOS or, if its boot_type is fat, by UEFI too, with blocks that hold no variables of the contract, and further partitions of the given
    sizes, the first two of which are called rootfs-a and rootfs-b. Returns where the blocks lie, and where those partitions
    begin, in bytes."""
    words, at, starts = ["-o"], FIRST_MIB, []
    for number, size in enumerate([CORE_MIB, BOOT_MIB, *sizes_mib], 1):
        words.append(f"-n{number}:{at * MIB // SECTOR}:+{size}M")
        starts.append(at * MIB)
        at += size
    with open(file, "wb") as disk:
        disk.truncate((at + 1) * MIB)
    run("sgdisk", *words, "-t1:ef02", *(["-t2:ef00"] if boot_type == "fat" else []), "-c3:rootfs-a", "-c4:rootfs-b", file)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        core, boot_sector = make_core(folder)
        put(file, CORE, core)
        with open(file, "r+b") as disk:
            os.pwrite(disk.fileno(), boot_sector, 0)
        tree = folder / "boot"
        (tree / "grub").mkdir(parents=True)
        (tree / "tenon").mkdir()
        (tree / "grub/grub.cfg").write_text(grub_cfg(board or {}))
        marks = {letter: block({"mark": f"{letter} of {file.name}"}) for letter in "ab"}
        for letter, mark in marks.items():
            (tree / f"tenon/grubenv.{letter}").write_bytes(mark)
        (tree / "tenon/grubenv.last").write_bytes(block())
        if boot_type == "fat" and GRUB_EFI.exists():
            (tree / "EFI/BOOT").mkdir(parents=True)
            run("grub-mkimage", "-O", "x86_64-efi", "-o", tree / "EFI/BOOT/BOOTX64.EFI", "-p", PREFIX, *MODULES)
        image = folder / "boot.img"
        make_file_system(image, boot_type, tree)
        places = [BOOT + image.read_bytes().index(marks[letter]) for letter in "ab"]
        put(file, BOOT, image)
    return places, starts[2:]


def put_slot(file, place, kernel):
    """Makes a root file system that has a kernel or none, at a place of a disk."""
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name) / "slot"
        (tree / "boot").mkdir(parents=True)
        if kernel:
            (tree / "boot/vmlinuz").write_bytes(kernel)
        image = Path(name) / "slot.img"
        make_file_system(image, "ext4", tree, SLOT_MIB)
        put(file, place, image)


def make_file_system(image, kind, tree, size_mib=BOOT_MIB):
    if kind == "ext4":
        run("mke2fs", "-q", "-F", "-t", "ext4", "-b", 4096, "-d", tree, image, f"{size_mib}M")
        return
    with open(image, "wb") as empty:
        empty.truncate(size_mib * MIB)
    run("mformat", "-i", image, "-T", size_mib * MIB // SECTOR, "-h", 1, "-s", 1, "-c", 8, "::")
    run("mcopy", "-s", "-i", image, *sorted(tree.iterdir()), "::/")


def partition_id(file, number):
    """What Linux calls PARTUUID."""
    return re.search("unique GUID: (.*)", run("sgdisk", f"-i{number}", file)).group(1).lower()


class Machine(uboot_machine.Machine):
    """One power-on; with a file for the firmware's variables of UEFI, else of BIOS."""

    def __init__(self, disk, *options, kind="virtio", memory_mib=64, disk_options="format=raw,cache=writeback",
                 efi_variables=None):
        firmware = []
        if efi_variables:
            shutil.copy(OVMF.with_name("OVMF_VARS_4M.fd"), efi_variables)
            firmware = ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={OVMF}",
                        "-drive", f"if=pflash,unit=1,format=raw,file={efi_variables}"]
        self.start([QEMU, *firmware, "-M", "q35", "-m", str(memory_mib), "-accel", "tcg,thread=single", "-display", "none", "-vga", "none",
                    "-monitor", "none", "-serial", "stdio", "-no-user-config",
                    "-drive", f"file={disk},if=none,id=disk,{disk_options}",
                    "-device", uboot_machine.DISK_DEVICE[kind] + ",bootindex=0", *(options or ["-nic", "none"])])
