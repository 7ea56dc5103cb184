"""points: the 35 crash points of the design of the installer, and which of them a cut of the replay is at."""
import json
from dataclasses import dataclass

from disk import Disk
from replayed_device import ENVIRONMENT, Life

SLOTS = {"slot-A.ext4", "slot-B.ext4"}
RECORDS = "data/records/"
CUTS = "replay"

# What each point is, and who tests it: CUTS, and tests by the file they stand in, or what the product does not have.
POINTS = {
    1: ("between files of the trusted metadata", CUTS),
    2: ("inside the write of a record", CUTS),
    3: ("after PLANNED, before the boot record", CUTS),
    4: ("inside the boot record that empties the group", CUTS),
    5: ("after that boot record, before the stamp", CUTS),
    6: ("anywhere in WRITING", CUTS),
    7: ("after a write to the slot, before its flush", CUTS),
    8: ("after the flush, before the checkpoint", CUTS),
    9: ("the network is lost, the source replaced", "sources_retry_test, bad_network_test, updater_test"),
    10: ("during the reading back, or a bit is wrong", CUTS),
    11: ("during hooks", "hooks_test, hooks_cli_test"),
    12: ("inside the write of the stamp", CUTS),
    13: ("in STAGED", CUTS + "; expired or withdrawn by then: updater_moment_test"),
    14: ("after J:ARMING, before the boot record", CUTS),
    15: ("inside the boot record that arms", CUTS),
    16: ("after it, before J:ARMED, or while shutting down", CUTS),
    17: ("in the boot script, about the try it takes", CUTS + "; in real U-Boot: uboot_slot_test"),
    18: ("kernel or initramfs hangs or panics", "arm64_update_test"),
    19: ("on trial, before J:TRIAL", CUTS),
    20: ("during the migration of data", "data_replay_test; killed at every call: app_data_test"),
    21: ("again and again on trial", CUTS),
    22: ("healthy, before the boot record", CUTS),
    23: ("inside the boot record that commits", CUTS),
    24: ("after the commit, before journal and floors", CUTS),
    25: ("about a hardware counter", "not built: no counter; the floor is held against what is confirmed, and left: updater_mark_bad_test"),
    26: ("a report is lost or comes twice", "not built: there are no reports"),
    27: ("while rolling back", CUTS + "; linking old data back: data_replay_test"),
    28: ("both groups BAD, or no copy of the boot record",
         "uboot_slot_test, grub_slot_test, updater_last_resort_test, updater_lost_record_test"),
    29: ("journal, checkpoint, stamps, metadata are lost", CUTS + "; the floors too: updater_test"),
    30: ("a clock at 1970 or years ahead", "updater_clock_test, updater_time_test, faketime_test"),
    31: ("no space for a record", "install_cut_test"),
    32: ("EIO on slot, flush or boot record", "install_cut_test, updater_test, boot_uboot_test"),
    33: ("the daemon is killed anywhere", CUTS + "; inside a call: install_cut_test"),
    34: ("a second installer at the same time", "store_files_test"),
    35: ("between primary and backup GPT", "not built: slots are no entries of a GPT"),
}


def newest_record(content):
    """What a RecordPair holds, as JSON; {} for none. Of a disk that nothing tore."""
    records = []
    for block in (content[:4096], content[4096:8192]):
        if block[:4] == b"TNRC":
            length = int.from_bytes(block[16:20], "little")
            records.append((int.from_bytes(block[8:16], "little"), block[24:24 + length]))
    return json.loads(max(records)[1]) if records else {}


@dataclass
class Cut:
    """The power is cut before call number `at` of a life, or inside it; `disk` is the disk then."""

    life: Life
    at: int
    disk: Disk
    points: frozenset
    written: list  # the writes to slots until then
    journal: str

    @property
    def during(self):
        return self.life.calls[self.at] if self.at < len(self.life.calls) else None

    @property
    def scene(self):
        return self.life.scenes[min(self.at, len(self.life.calls) - 1)]

    def can_rot(self):
        """Whether the image is still to be read back, so that a damaged sector has to be noticed."""
        return bool(self.written) and self.journal in ("invalidated", "writing", "verified", "staged")


def cuts_of(life):
    """Every cut of a life, in order. The disk of a cut changes when the next one is asked for."""
    disk = Disk(life.before)
    written, state, boot_writes, part = [], "idle", 0, ""
    for at in range(len(life.calls) + 1):
        call = life.calls[at] if at < len(life.calls) else None
        if call and call.what != part:
            part, boot_writes = call.what, 0
        now = newest_record(disk.file(RECORDS + "journal") or b"").get("state", "idle")
        if now != state:
            state, boot_writes = now, 0
        if state == "invalidated":
            written = []
        points = frozenset(points_at(life, disk, call, part, state, boot_writes))
        yield Cut(life, at, disk, points, list(written), state)
        if call is None:
            return
        disk.apply(call)
        if call.path == ENVIRONMENT and call.name == "write":
            boot_writes += 1
        if call.path in SLOTS and call.name == "write":
            written.append(call)


def points_at(life, disk, call, part, journal, boot_writes):
    """`boot_writes`: of the boot record, since the journal said what it says."""
    path = call.path if call else ""

    def in_write_of(file):
        return disk.has_pending(file) or (path == file and call.name == "write")

    metadata = "data/metadata"
    if path.startswith(metadata) or disk.has_pending(metadata):
        yield 1
    if any(in_write_of(RECORDS + name) for name in ("floors", "journal", "checkpoint")):
        yield 2
    in_boot_record = in_write_of(ENVIRONMENT)
    in_stamp = in_write_of(RECORDS + "stamps")
    slot_pending = any(disk.has_pending(slot) for slot in SLOTS)
    before_record, after_record = boot_writes == 0 and not in_boot_record, boot_writes > 0 and not in_boot_record
    if journal == "planned":
        if before_record:
            yield 3
        if in_boot_record:
            yield 4
        if after_record and not in_stamp:
            yield 5
    if journal == "writing":
        yield 6
        if slot_pending:
            yield 7
        elif in_write_of(RECORDS + "checkpoint"):
            yield 8
        elif path == RECORDS + "journal":
            yield 10
    if in_stamp:
        yield 12
    if journal == "staged":
        yield 13
    if journal == "arming":
        yield 14 if before_record else 15 if in_boot_record else 16
    if journal == "armed" and part == "install":
        yield 16
    if part == "boot":
        yield 17
        if life.name == "exhausted":
            yield 21
    if part == "trial":
        if journal == "armed":
            yield 19
        if journal == "trial" or (journal == "committing" and before_record):
            yield 22
        if journal == "committing":
            if in_boot_record:
                yield 23
            if after_record:
                yield 24
    if part in ("mark-bad", "settle"):
        yield 27
