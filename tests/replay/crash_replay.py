#!/usr/bin/env python3
"""crash_replay: cuts the power at every call of recorded updates, rebuilds what the disk may hold then, starts the
device from it, and prints a table of the crash points.

  crash_replay.py [--seeds N] [--seed S] [--lives NAME,...] [--every K]

  --seeds N    random states for each cut and way (16)
  --seed S     where their chance begins (1)
  --lives      of those that are recorded; all
  --every K    only each K-th cut

Needs TENON_BIN_DIR and TENON_RECORD_CALLS, see replayed_device.py; what storage may do is said in disk.py.
"""
import argparse
import random
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from disk import Clean, Lost, Reordered, Torn, digest_of
from points import CUTS, POINTS, cuts_of
from replayed_device import (CYCLES, LAST, MARK_BAD, MOST_BOOTS, PUBLICATIONS, REBOOT, SETTLED, TRIES, ReplayedDevice,
                             Unverified)

WAYS = ("killed", "clean", "lost", "reordered", "torn", "rotten", "emptied")
SEEDED = {"reordered", "torn", "rotten"}
RECORDS_KEPT = {"data", "data/records", "data/records/floors"}  # when the others are lost

# What is recorded: the channel, the releases that are not fit, and the runs of tenond: what each is, what is published
# then and how it ends. The others begin where the first one ends, and the resumed one where the update was cut.
BOOT = "boot"
UPDATE = [("install", "next", REBOOT), BOOT, ("trial", "next", SETTLED)]
LIVES = {
    "first": ("stable", frozenset(), [("install", "first", REBOOT), BOOT, ("trial", "first", SETTLED)]),
    "update": ("stable", frozenset(), UPDATE),
    "delta": ("delta", frozenset(), UPDATE),
    "local": ("local", frozenset(), UPDATE),
    "resumed": ("stable", frozenset(), UPDATE),
    "exhausted": ("stable", frozenset(),
                  [("install", "next", REBOOT), *[BOOT] * (TRIES + 1), ("settle", "next", SETTLED)]),
    "unhealthy": ("stable", frozenset({"1.2.0"}),
                  [("install", "next", REBOOT), *[BOOT, ("trial", "next", REBOOT)] * TRIES, BOOT,
                   ("settle", "next", SETTLED)]),
    "superseded": ("stable", frozenset(), [("install", "next", REBOOT), ("install", "later", REBOOT)]),
    "left": ("stable", frozenset(), [*UPDATE, (MARK_BAD, "next", 0), BOOT, ("settle", "next", SETTLED)]),
    "recalled": ("recalled", frozenset(), [("install", "next", REBOOT), ("install", "later", SETTLED)]),
}


def record_lives(device, names=None):
    """The lives of these names, or all, by name: each recorded with the real tenond."""
    first = record_life(device, "first", device.factory)
    lives = {"first": first, "update": record_life(device, "update", first.after)}
    for name in LIVES:
        if name not in lives and (names is None or name in names):
            lives[name] = record_life(device, name, half_written(lives["update"]) if name == "resumed" else first.after)
    return {name: life for name, life in lives.items() if names is None or name in names}


def half_written(life):
    """What a cut between two checkpoints leaves: the recovery from it is a life of its own."""
    return next(cut.disk.state(Torn("half", 0)) for cut in cuts_of(life) if 7 in cut.points and len(cut.written) > 2)


def record_life(device, name, before):
    channel, unhealthy, steps = LIVES[name]
    left = PUBLICATIONS["next"][channel] if any(step[0] == MARK_BAD for step in steps) else ""
    device.begin(name, before, channel, unhealthy, left)
    for step in steps:
        if step is BOOT:
            device.record_boot()
        else:
            device.record_tenond(*step)
    return device.end()


def is_lower(floors, bound):
    """Which floor is below what it was, or ""."""
    for name, value in bound.items():
        if name not in floors or floors[name] < value:
            return name
    return ""


@dataclass
class Replay:
    """Starts a device from rebuilt states, and keeps what came out.

    device       runs the states
    seed         of all chance
    """

    device: ReplayedDevice
    seed: int = 1
    seen: dict = field(default_factory=dict)  # what was tried -> the Restart
    tried: dict = field(default_factory=lambda: defaultdict(Counter))  # point -> way -> states
    failed: dict = field(default_factory=lambda: defaultdict(Counter))
    problems: list = field(default_factory=list)
    dropped: Counter = field(default_factory=Counter)  # life -> states in which the release was not taken
    states: int = 0
    durable: dict = field(default_factory=lambda: defaultdict(dict))  # life -> floors that no cut takes any more

    def states_of(self, cut, way, seeds):
        """(number, state) for each number of a seed."""
        if way == "killed" and (cut.during is None or cut.during.what == BOOT):
            return  # no tenond runs
        if way in ("killed", "clean"):
            yield 0, cut.disk.state(Clean())
        elif way == "lost":
            yield 0, cut.disk.state(Lost())
        elif way == "emptied":
            state = cut.disk.state(Clean())
            yield 0, {path: content for path, content in state.items()
                      if not path.startswith("data/") or path in RECORDS_KEPT}
        elif way == "rotten":
            if cut.can_rot():
                for number in seeds:
                    yield number, self.rotten(cut, number)
        else:
            for number in seeds:
                seed = f"{self.seed} {cut.life.name} {cut.at} {number}"
                kind = Reordered(seed) if way == "reordered" else Torn(seed, number)
                yield number, cut.disk.state(kind, cut.during if way == "torn" else None)

    def rotten(self, cut, number):
        """One sector of what was written to the slot is not what was written."""
        chance = random.Random(f"{self.seed} {cut.life.name} {cut.at} {number}")
        state = cut.disk.state(Clean() if number % 2 else Lost())
        call = chance.choice(cut.written)
        content = bytearray(state[call.path])
        content[call.offset + chance.randrange(call.length)] ^= 1
        return {**state, call.path: bytes(content)}

    def cut(self, cut, ways=WAYS, seeds=range(16), again=frozenset(WAYS)):
        """Tries a cut in the ways given; `again`: in which of them a device that has finished takes another update."""
        is_one_state = {"reordered": cut.disk.is_settled(),
                        "torn": cut.disk.is_settled() and not (cut.during and cut.during.data)}
        for way in sorted(ways, key=lambda way: way != "lost"):  # what is never lost bounds the others
            for number, state in self.states_of(cut, way, [0] if is_one_state.get(way) else seeds):
                restart = self.try_state(cut, way, state, way in again)
                problems = list(restart.problems)
                if lower := is_lower(restart.floors, self.durable[cut.life.name]):
                    problems.append(f"the floor {lower} is {restart.floors.get(lower)}, and a higher one was durable")
                if way == "lost":
                    self.durable[cut.life.name] = restart.floors
                self.dropped[cut.life.name] += restart.has_dropped
                self.note(cut, way, number, problems)

    def note(self, cut, way, number, problems):
        points = {33} if way == "killed" else {29} if way == "emptied" else cut.points
        if way == "rotten" and 6 in cut.points:
            points = points | {10}
        self.states += 1
        for point in points:
            self.tried[point][way] += 1
            self.failed[point][way] += bool(problems)
        if problems:
            call = cut.during
            where = f"{call.what}: {call.name} {call.path} {call.offset}" if call else "the end"
            self.problems.append(f"{cut.life.name}, {way} before call {cut.at} ({where}; journal {cut.journal}), seed "
                                 f"{self.seed}/{number}: {'; '.join(problems)}")

    def try_state(self, cut, way, state, again):
        """What came of a state."""
        boot = cut.scene.boot if way == "killed" else None
        key = (digest_of(state), boot, cut.scene.publication, cut.life.channel, cut.life.unhealthy, again)
        if key not in self.seen:
            self.seen[key] = Restart(self.device, cut.life, cut.scene.publication)
            self.seen[key].run(state, boot, again)
        return self.seen[key]


class Restart:
    """A device that is started from a state, until it has nothing to do any more."""

    def __init__(self, device, life, publication):
        self.device, self.life, self.publication = device, life, publication
        self.problems = []
        self.floors = None  # of the state
        self.has_dropped = False  # whether it took another release than the one it was cut at

    def run(self, state, boot, again):
        """`boot`: the boot that goes on, because the daemon was killed and no more; None: power comes back. `again`:
        whether a device that finished its update has to take another one."""
        self.device.load(state)
        self.device.follow(self.life.channel)
        self.live(self.publication, boot)
        newest = self.life.newest(self.publication)
        if not self.problems and newest in self.life.unhealthy and self.device.running() == newest:
            self.problems.append(f"{newest} was confirmed, and is not fit")
        self.has_dropped = self.device.running() != newest
        if not self.problems and (again or self.has_dropped):
            self.live("last")
            if not self.problems and self.device.running() != LAST:
                self.problems.append(f"runs {self.device.running()} and does not take {LAST}")
        if self.floors is None:
            self.floors = {}
        else:
            self.check_floors()

    def live(self, publication, boot=None):
        """Boots and cycles of tenond, until it says that there is nothing to do."""
        self.device.serve(publication)
        for _ in range(MOST_BOOTS):
            if boot is not None:
                self.device.load_boot(boot)
                boot = None
            elif not self.power_on():
                return
            if self.floors is None:
                self.floors = self.check_floors()
            ended = self.cycle()
            if ended == SETTLED and self.device.running() not in self.device.good_versions():
                self.problems.append(f"{self.device.running()} runs and is not confirmed")
            if ended != REBOOT:
                return
        self.problems.append(f"wants to reboot after {MOST_BOOTS} boots")

    def power_on(self):
        for _ in range(TRIES + 1):
            try:
                version = self.device.power_on(self.life)
            except Unverified as chosen:
                self.problems.append(f"the boot script started {chosen}")
                continue
            if version is None:
                self.problems.append("UNBOOTABLE: no group may boot")
            return version
        self.problems.append("UNBOOTABLE: no group that is started holds a whole image")
        return None

    def cycle(self):
        """What tenond ended with; one that fails asks again later."""
        for _ in range(CYCLES):
            done = self.device.tenond()
            if done.returncode in (REBOOT, SETTLED):
                return done.returncode
        self.problems.append(f"needs a person: tenond ends with {done.returncode}: {done.stderr.strip()}")
        return None

    def check_floors(self):
        """The floors that the device has now."""
        floors = self.device.status()["floors"]
        if floors is None:
            self.problems.append("the floors cannot be read")
            return {}
        if lower := is_lower(floors, self.floors or {}):
            self.problems.append(f"the floor {lower} fell from {self.floors[lower]} to {floors.get(lower)}")
        kept = [self.life.left] if self.life.left else []
        good = [self.device.sequences[version] for version in [*self.device.good_versions(), *kept] if version]
        confirmed = max(good, default=0)
        if floors.get("confirmed_sequence", 0) > confirmed:
            self.problems.append(f"the floor is {floors['confirmed_sequence']}, and only {confirmed} is confirmed")
        return floors


def print_table(replay, out=sys.stdout):
    """A row for each point: states tried in each way, and how many of them failed."""
    print(f"{'point':52}" + "".join(f"{way:>11}" for way in WAYS), file=out)
    for point, (what, tested) in POINTS.items():
        cells = ""
        for way in WAYS:
            tried, failed = replay.tried[point][way], replay.failed[point][way]
            cells += f"{f'{tried}/{failed}' if tried else '-':>11}"
        row = f"{point:2} {what}"
        print(f"{row:52}{cells}" if tested.startswith(CUTS) else f"{row:52}  {tested}", file=out)


def report(replay, out=sys.stdout):
    for problem in replay.problems[:20]:
        print(f"FAILED {problem}", file=out)
    print_table(replay, out)
    dropped = ", ".join(f"{life} {count}" for life, count in replay.dropped.items() if count) or "none"
    print(f"seed {replay.seed}: {replay.states} states, {len(replay.seen)} different, {replay.device.runs} runs, "
          f"{len(replay.problems)} failed; the release was given up for the next one: {dropped}", file=out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lives", type=lambda text: text.split(","))
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    with ReplayedDevice() as device:
        replay = Replay(device, options.seed)
        for life in record_lives(device, options.lives).values():
            print(f"{life.name}: {len(life.calls)} calls", flush=True)
            for cut in cuts_of(life):
                if cut.at % options.every == 0:
                    replay.cut(cut, WAYS, range(options.seeds), again=set(WAYS) - SEEDED)
        report(replay)
    return 1 if replay.problems else 0


if __name__ == "__main__":
    sys.exit(main())
