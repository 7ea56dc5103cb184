"""instructions: how many instructions a process runs, and where, counted by valgrind's callgrind.

The count does not depend on what else the machine does. Signatures and hashing are what libcrypto and libsodium do in
functions that verify or digest, but for what OpenSSL does once in a process when the first digest is asked for: that is
setting up, as is the making of a curl handle.
"""
import re
import subprocess
from dataclasses import dataclass

CRYPTO_LIBRARIES = ("libcrypto", "libsodium")
CRYPTO_WORK = re.compile(r"^(crypto_sign|crypto_hash|EVP_Digest|EVP_PKEY_verify|EVP_Q_digest|d2i_PUBKEY|SHA\d+)")
SETTING_UP = re.compile(r"^(EVP_\w+_fetch|curl_easy_init|curl_global_init|sodium_init|OPENSSL_init_crypto)$")
LOADING = re.compile(r"^_dl_(runtime_resolve|fixup)")
NAME = re.compile(r"^(c?)(fn|ob)=\((\d+)\)(?: (.*))?$")


@dataclass
class Count:
    process: int  # all instructions, from the loader on
    main: int     # those below main, without the resolving of symbols
    setup: int    # those of main that set up libraries
    crypto: int   # those of main in signatures and hashing

    def rows(self):
        """What is counted, how many, and the share of signatures and hashing in it."""
        for name, whole in (("whole process, loader included", self.process),
                            ("from main, without the loader", self.main),
                            ("from main, without setting up libraries", self.main - self.setup)):
            yield name, whole, self.crypto / whole


@dataclass
class Call:
    caller: tuple      # library, function
    callee: tuple
    cost: int


def read_calls(text):
    """All calls of a callgrind.out file with their inclusive cost, and the cost of the whole."""
    names = {"fn": {}, "ob": {}}
    now = {"fn": "", "ob": "", "cfn": "", "cob": None}
    calls, total, take_cost = [], 0, False
    for line in text.splitlines():
        if match := NAME.match(line):
            called, kind, number, name = match.groups()
            if name:
                names[kind][number] = name
            now[called + kind] = names[kind][number]
        elif line.startswith("calls="):
            take_cost = True
        elif take_cost:
            take_cost = False
            library = now["cob"] if now["cob"] is not None else now["ob"]
            calls.append(Call((now["ob"], now["fn"]), (library, now["cfn"]), int(line.split()[1])))
            now["cob"] = None
        elif line.startswith(("summary:", "totals:")):
            total = max(total, int(line.split()[1]))
    return calls, total


def in_crypto(place):
    return any(name in place[0] for name in CRYPTO_LIBRARIES)


def count(words, work):
    out = work / "callgrind.out"
    result = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *map(str, words)],
                            capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"valgrind ended with {result.returncode}: {result.stderr[-400:]}")
    calls, total = read_calls(out.read_text())
    main = sum(call.cost for call in calls if call.callee[1] == "main")
    inside = below_main(calls)
    loading = sum(call.cost for call in calls
                  if LOADING.match(call.callee[1]) and call.caller in inside and not LOADING.match(call.caller[1]))
    work = [call for call in calls
            if in_crypto(call.callee) and not in_crypto(call.caller) and CRYPTO_WORK.match(call.callee[1])]
    fetched = sum(call.cost for call in calls if SETTING_UP.match(call.callee[1]) and CRYPTO_WORK.match(call.caller[1]))
    program = next(call.callee[0] for call in calls if call.callee[1] == "main")
    made = sum(call.cost for call in calls if SETTING_UP.match(call.callee[1]) and call.caller[0] == program)
    return Count(total, main - loading, fetched + made, sum(call.cost for call in work) - fetched)


def below_main(calls):
    """All that main reaches."""
    callees = {}
    for call in calls:
        callees.setdefault(call.caller, set()).add(call.callee)
    found, ahead = set(), [place for place in callees if place[1] == "main"]
    while ahead:
        place = ahead.pop()
        if place not in found:
            found.add(place)
            ahead.extend(callees.get(place, ()))
    return found
