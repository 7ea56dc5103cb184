"""The words to put before a program so that it sees another time.

The library of faketime is loaded as it is. Its wrapper, the program `faketime`, leaves a semaphore named after its process
when it is killed, and fails when it gets the number of an earlier one.
"""
import datetime
import os


def moved_clock(change):
    """`change` as faketime has it: "+30d", "-200d", "+0 x60" (an hour takes a minute)."""
    return ["env", "LD_PRELOAD=/usr/$LIB/faketime/libfaketime.so.1", "FAKETIME=" + change]


def clock_at(moment):
    """A clock that starts at `moment`, "2032-01-01 00:00:00" of UTC, and goes on."""
    start = datetime.datetime.fromisoformat(moment)
    if start.tzinfo is None:
        start = start.replace(tzinfo=datetime.timezone.utc)
    ahead = start - datetime.datetime.now(datetime.timezone.utc)
    return moved_clock(f"{int(ahead.total_seconds()):+d}")


def trusted_clock(change="+0"):
    """The same, and the kernel says that this clock follows others, whatever it says of the machine's."""
    env, preload, moved = moved_clock(change)
    return [env, f"{preload}:{os.environ['TENON_TRUSTED_CLOCK']}", moved]
