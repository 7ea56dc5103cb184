"""people: those who take part in a ceremony, each with a folder of their own, exchanging nothing but files.

TENON_BIN_DIR names the folder of the programs.
"""
import json
import os
import pty
import re
import select
import shutil
import subprocess
import time

BIN = os.environ.get("TENON_BIN_DIR", "build/dev/bin")
KEYCTL = os.path.join(BIN, "tenon-keyctl")
PASSPHRASE = "canary correct horse battery"
ASKED = re.compile(r"Type \"([^\"]+)\" to (?:sign|trust)")
USAGE, REFUSED, UNVERIFIED, NEEDS_PERSON, DEVICE = 2, 4, 5, 7, 8


class Person:
    """One person, one machine: a folder with a home and keys."""

    def __init__(self, base, name):
        self.name = name
        self.folder = os.path.join(base, name)
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        with open(self.path("pw"), "w", encoding="utf-8") as file:
            file.write(PASSPHRASE + "\n")
        os.chmod(self.path("pw"), 0o600)

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *arguments):
        return subprocess.run([KEYCTL, "--home", "home", *arguments], cwd=self.folder, stdin=subprocess.DEVNULL,
                              start_new_session=True, capture_output=True, text=True, timeout=120, check=False)

    def succeed(self, *arguments, status=0):
        done = self.run(*arguments)
        if done.returncode != status:
            raise AssertionError(f"{self.name}: {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def fail(self, status, code, *arguments):
        done = self.run(*arguments)
        if done.returncode != status or f"error: {code} " not in done.stderr:
            raise AssertionError(f"{self.name}: {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stderr

    def as_json(self, *arguments, status=0):
        return json.loads(self.succeed("--json", *arguments, status=status))

    def read_json(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return json.load(file)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return name

    def give(self, other, *names):
        """A file goes over on a stick."""
        for name in names:
            shutil.copy(self.path(name), other.path(os.path.basename(name)))

    def generate(self, name=None, *more):
        self.succeed("key", "generate", "--name", name or self.name, "--passphrase-from", "file:pw", *more)
        return self.read_json(f"{name or self.name}.tenon-key")["keyid"]

    def sign(self, request, *keys, typed=None, more=()):
        """Signs on a terminal, as people do: reads what is shown, types the words that it asks for."""
        keys = keys or (f"{self.name}.pem",)
        arguments = ["request", "sign", request, "--passphrase-from", "file:pw", *more]
        for key in keys:
            arguments += ["--key", key]
        return Terminal(self.folder, ["--home", "home", *arguments]).answer(typed)


class Terminal:
    """tenon-keyctl on a terminal of its own."""

    def __init__(self, folder, arguments):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execv(os.path.abspath(KEYCTL), [KEYCTL, *arguments])
        self.seen = ""

    def read_until(self, text, seconds=60):
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise AssertionError(f"no {text!r} in {self.seen!r}")
            try:
                self.seen += os.read(self.fd, 65536).decode()
            except OSError:  # it ended
                raise AssertionError(f"ended before {text!r}: {self.seen!r}") from None

    def answer(self, typed=None):
        """Types the words in the question, or others; gives exit status and all that was shown."""
        self.read_until("\" to ")
        words = ASKED.findall(self.seen)[-1]
        os.write(self.fd, ((words if typed is None else typed) + "\n").encode())
        return self.end()

    def read_to_the_end(self):
        """Gives way whenever something more was seen."""
        while True:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return
            if not data:
                return
            self.seen += data.decode()
            yield

    def end(self):
        for _ in self.read_to_the_end():
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status), self.seen.replace("\r\n", "\n")


class Typist(Terminal):
    """Somebody at a terminal who writes a new passphrase on paper, and answers what is asked."""

    MADE = re.compile(r"Write it down on paper:\s+([a-z-]+)\s")

    def __init__(self, folder, arguments, paper):
        self.paper = paper  # one passphrase, once it was shown
        os.environ["HOME"] = folder
        super().__init__(folder, arguments)

    def run(self):
        answered = 0
        for _ in self.read_to_the_end():
            answered += self.answer_what_is_asked(self.seen[answered:])
        return self.end()

    def answer_what_is_asked(self, text):
        """Gives how much of the text is done with."""
        if made := self.MADE.search(text):
            self.paper[:] = [made[1]]
        if (words := ASKED.search(text)) is not None:
            self.type(words[1])
        elif text.rstrip(" ").endswith(("Type it again:", "passphrase of " + self.key_asked(text) + ":")):
            self.type(self.paper[0])
        else:
            return 0
        return len(text)

    @staticmethod
    def key_asked(text):
        found = re.findall(r"passphrase of (\S+?):", text)
        return found[-1] if found else "nobody"

    def type(self, line):
        os.write(self.fd, (line + "\n").encode())


def policy_toml(custodians, extra=""):
    """A policy for people with keys in files; custodians are (keyid, name, organisation)."""
    lines = "".join(f'"{keyid}" = {{ name = "{name}", org = "{org}", contact = "{name}@example.org", '
                    'since = "2026-11-01", token = "file" }\n' for keyid, name, org in custodians)
    roles = "".join(f'[roles."{role}"]\nhardware = false\n' for role in ("root", "targets", "releases.*"))
    return f"{roles}\n{extra}\n[custodians]\n{lines}"
