"""measure: what one process costs, seen from outside.

Wall and CPU time (user and system, of the process and all that it started) come from wait4, in runs that nothing
else watches: what a process leaves behind when it ends, as tenon does its courier, becomes this one's child. Memory is that of
the process alone. It comes from runs of its own in which /proc/PID/status is read as fast as can be, some twenty
thousand times a second: the highest RssAnon, and the last VmHWM, the peak of all resident memory, which needs no luck.
(ru_maxrss of wait4 would count this Python too: a child keeps what it had before exec.)
"""
import ctypes
import hashlib
import os
import re
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
PEAK = re.compile(rb"VmHWM:\s+(\d+)")
ANONYMOUS = re.compile(rb"RssAnon:\s+(\d+)")


class Failed(Exception):
    """A measured command did not end with 0."""


@dataclass
class Times:
    wall_ms: float
    cpu_ms: float


@dataclass
class Memory:
    peak_kib: int
    anonymous_kib: int


def _start(words):
    return subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE)


def _end(process, status, words):
    process.returncode = os.waitstatus_to_exitcode(status)
    text = process.stderr.read().decode(errors="replace").strip()
    process.stderr.close()
    if process.returncode != 0:
        raise Failed(f"{' '.join(map(str, words))} ended with {process.returncode}: {text[-400:]}")


def _children():
    tasks = Path("/proc/self/task").iterdir()
    return {int(child) for task in tasks for child in (task / "children").read_text().split()}


def times(words):
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    others = _children()
    begin = time.perf_counter()
    process = _start(words)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    cpu = usage.ru_utime + usage.ru_stime
    while left := _children() - others:
        _, _, usage = os.wait4(left.pop(), 0)
        cpu += usage.ru_utime + usage.ru_stime
    _end(process, status, words)
    return Times(wall * 1000, cpu * 1000)


def memory(words):
    process = _start(words)
    seen = Memory(0, 0)
    with open(f"/proc/{process.pid}/status", "rb", buffering=0) as file:
        while True:
            text = os.pread(file.fileno(), 8192, 0)
            if peak := PEAK.search(text):  # a process that has ended has no memory lines
                seen.peak_kib = max(seen.peak_kib, int(peak[1]))
                seen.anonymous_kib = max(seen.anonymous_kib, int(ANONYMOUS.search(text)[1]))
                continue
            done, status = os.waitpid(process.pid, os.WNOHANG)
            if done:
                break
    _end(process, status, words)
    return seen


def digest_ms(file, runs):
    """The CPU time of SHA-256 over a file that is in memory, by the OpenSSL that our client has too: the middle of
    several runs."""
    content = file.read_bytes()

    def once():
        begin = time.process_time()
        hashlib.sha256(content).digest()
        return (time.process_time() - begin) * 1000
    return statistics.median(once() for _ in range(runs))


@dataclass
class Figures:
    """The middle of several runs; of memory, the highest."""
    wall_ms: float
    cpu_ms: float
    cpu_low_ms: float
    peak_mib: float
    anonymous_mib: float

    @classmethod
    def of(cls, timed, watched):
        cpu = [run.cpu_ms for run in timed]
        return cls(statistics.median(run.wall_ms for run in timed), statistics.median(cpu), min(cpu),
                   max(run.peak_kib for run in watched) / 1024, max(run.anonymous_kib for run in watched) / 1024)


def interleaved(subjects, runs, memory_runs=3):
    """subjects: name to a function that prepares one fresh run and gives its command. All take turns, so that a slow
    moment of the machine meets all of them."""
    timed, watched = {name: [] for name in subjects}, {name: [] for name in subjects}
    for turn in range(runs + 1):  # the first turn warms caches and does not count
        for name, prepare in subjects.items():
            sample = times(prepare())
            if turn:
                timed[name].append(sample)
    for _ in range(memory_runs):
        for name, prepare in subjects.items():
            watched[name].append(memory(prepare()))
    return {name: Figures.of(timed[name], watched[name]) for name in subjects}
