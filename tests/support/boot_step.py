#!/usr/bin/env python3
"""The boot step of a directory device: what a boot loader does between power-on and the first program.

  boot_step.py DEVICE_DIR [--json]   power on: choose a slot, count a try down, "boot" it
  boot_step.py --init DEVICE_DIR     write a fresh uboot.env: slot A good, slot B empty

A directory device is a stand-in for a real one. DEVICE_DIR holds the storage a boot loader sees:

  uboot.env                  a redundant U-Boot environment (CONFIG_SYS_REDUNDAND_ENVIRONMENT)
  slot-A.ext4, slot-B.ext4   the root file systems
  run/                       what the running system knows of its boot; nothing in it outlives power-off

No kernel starts here: "to boot" is to read /etc/tenon-release out of the slot and to say so in run/.
What is real are the bytes of the environment and the rules of a boot script. This file shares no code with
Tenon, so that it can disagree with it.

The script knows these variables (S is A or B):

  BOOT_ORDER     slots to try, as in "A B"
  BOOT_S_STATE   good:  boots, and is never counted down
                 trial: boots while tries are left
                 bad, empty, or anything else: is passed over
  BOOT_S_LEFT    the tries a trial slot has left, one digit; anything else is none

Without any of them slot A boots. Where no slot boots it ends: the last resort is the real boot scripts'.
"""

import argparse
import json
import os
import subprocess
import sys
import uuid
import zlib
from dataclasses import dataclass
from pathlib import Path

COPY_SIZE = 0x4000  # of each of the two copies, which follow each other
HEADER_SIZE = 5  # crc32 of the data, little endian; then one byte of flags, a counter of writes

FRESH = {
    "BOOT_ORDER": "A B",
    "BOOT_A_STATE": "good",
    "BOOT_A_LEFT": "0",
    "BOOT_B_STATE": "empty",
    "BOOT_B_LEFT": "0",
}
RECORD = (*FRESH, "BOOT_GENERATION", "BOOT_CHECK")


@dataclass
class Environment:
    variables: dict
    flags: int = 0
    copy: int = 1  # which copy these are, 0 or 1; the next write goes to the other one


def encode(environment):
    """Returns the bytes of one copy."""
    pairs = (f"{name}={value}\0" for name, value in environment.variables.items())
    data = ("".join(pairs) + "\0").encode("latin-1")
    if len(data) > COPY_SIZE - HEADER_SIZE:
        raise ValueError(f"the environment needs {len(data)} bytes, but a copy holds {COPY_SIZE - HEADER_SIZE}")
    data = data.ljust(COPY_SIZE - HEADER_SIZE, b"\0")
    return zlib.crc32(data).to_bytes(4, "little") + bytes([environment.flags]) + data


def decode(image, copy):
    """Returns the Environment in one copy, or None if the copy is torn or corrupt."""
    image = image[copy * COPY_SIZE :][:COPY_SIZE]
    crc, flags, data = image[:4], image[4:5], image[HEADER_SIZE:]
    if len(image) < COPY_SIZE or zlib.crc32(data) != int.from_bytes(crc, "little"):
        return None
    pairs = data.split(b"\0\0")[0].decode("latin-1").split("\0")
    return Environment(dict(pair.split("=", 1) for pair in pairs if "=" in pair), flags[0], copy)


def choose_current(first, second):
    """Of two valid copies, returns the later one: the flags count up and go from 255 to 0."""
    if {first.flags, second.flags} == {0, 255}:
        return first if first.flags == 0 else second
    return first if first.flags >= second.flags else second


def read_environment(file):
    """Returns the current Environment; without a valid copy, the one of a fresh device."""
    image = file.read_bytes() if file.exists() else b""
    valid = [environment for environment in (decode(image, 0), decode(image, 1)) if environment]
    if not valid:
        return Environment(dict(FRESH))
    return choose_current(*valid) if len(valid) == 2 else valid[0]


def write_environment(file, environment):
    """Writes over the older copy. The current one stays whole, so a write torn by power-off is no write."""
    environment.copy = 1 - environment.copy
    environment.flags = (environment.flags + 1) % 256
    storage = os.open(file, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.pwrite(storage, encode(environment), environment.copy * COPY_SIZE)
        os.fsync(storage)
    finally:
        os.close(storage)


def init(device):
    """Makes uboot.env new, with two valid copies, of which the first is the later one."""
    (device / "run").mkdir(parents=True, exist_ok=True)
    file = device / "uboot.env"
    file.write_bytes(encode(Environment(FRESH, flags=0)) * 2)
    write_environment(file, Environment(FRESH, flags=0))


def read_release(slot_image):
    """Returns /etc/tenon-release of an ext4 image, or None if there is none to be read."""
    try:
        path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
        command = ["debugfs", "-R", "cat /etc/tenon-release", str(slot_image)]
        release = subprocess.run(command, capture_output=True, env={"PATH": path}).stdout.decode()
    except UnicodeDecodeError:
        return None
    return release if version_of(release) else None


def version_of(release):
    """Returns TENON_VERSION of a release file, "" if it has none."""
    for line in release.splitlines():
        if line.startswith("TENON_VERSION="):
            return line.split("=", 1)[1].strip("\"'")
    return ""


def tries_left(variables, slot):
    left = variables.get(f"BOOT_{slot}_LEFT", "")
    return int(left) if len(left) == 1 and left in "0123456789" else 0


def boot(device, release_of=read_release):
    """Boots the device. Returns (slot, state, tries left, release file), or None if no slot boots. `release_of` gives the
    release file in a slot's file, or None for one that cannot be started."""
    run = device / "run"
    run.mkdir(exist_ok=True)
    for name in ("boot_id", "cmdline", "tenon-release"):
        (run / name).unlink(missing_ok=True)

    file = device / "uboot.env"
    environment = read_environment(file)
    variables = environment.variables
    if not any(name in variables for name in RECORD):
        variables = dict(FRESH)
    for slot in variables.get("BOOT_ORDER", FRESH["BOOT_ORDER"]).split():
        state, left = variables.get(f"BOOT_{slot}_STATE"), tries_left(variables, slot)
        if state == "trial" and left > 0:
            # Counted before the attempt, which may never come back.
            left -= 1
            variables[f"BOOT_{slot}_LEFT"] = str(left)
            write_environment(file, environment)
        elif state != "good":
            continue
        release = release_of(device / f"slot-{slot}.ext4")
        if release is None:
            continue
        (run / "cmdline").write_text(f"console=ttyS0 root=/dev/demo rootwait tenon.slot={slot}\n")
        (run / "tenon-release").write_text(release)
        (run / "boot_id").write_text(f"{uuid.uuid4()}\n")
        return slot, state, left, release
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("device", metavar="DEVICE_DIR", type=Path)
    parser.add_argument("--init", action="store_true", help="write a fresh uboot.env and do not boot")
    parser.add_argument("--json", action="store_true", help="say what booted as JSON")
    arguments = parser.parse_args()

    if arguments.init:
        init(arguments.device)
        return 0
    if not arguments.device.is_dir():
        print(f"boot_step: {arguments.device} is no directory", file=sys.stderr)
        return 1
    booted = boot(arguments.device)
    if not booted:
        print("boot_step: no slot in BOOT_ORDER can boot", file=sys.stderr)
        return 1
    slot, state, left, release = booted
    version = version_of(release)
    if arguments.json:
        print(json.dumps({"slot": slot, "state": state, "left": left, "version": version}))
    else:
        tries = f", {left} {'try' if left == 1 else 'tries'} left" if state == "trial" else ""
        print(f"booted slot {slot} ({state}{tries}): version {version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
