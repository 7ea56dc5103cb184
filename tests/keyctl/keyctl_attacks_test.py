"""Attacks on tenon-keyctl as a process: hostile names on a real terminal, secrets, links, full disks, files that change.

TENON_BIN_DIR names the folder of the programs; TENON_SOURCE_DIR that of the sources.
"""
import glob
import json
import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import tempfile
import time
import unittest

from people import DEVICE, KEYCTL, NEEDS_PERSON, REFUSED, UNVERIFIED, USAGE, Person, Terminal

SOURCE = os.environ.get("TENON_SOURCE_DIR", os.getcwd())
CANARY = b"canary correct"  # of people.PASSPHRASE
HOSTILE = ("x\x1b[2J\x1b]52;c;ZXZpbA==\x07\x1b]2;evil\x07\x1b]8;;http://evil\x1b\\\b\b\b\r\t\x7f\u009b2J"
           "\u202e\u200b\u0430")


def escaped(text):
    """What people must see of a text, said once more: not the program's own code."""
    unseen = {0x202E, 0x200B}
    shown = ""
    for letter in text:
        code = ord(letter)
        hide = code < 0x20 or 0x7F <= code < 0xA0 or code in unseen
        shown += "".join(f"\\x{byte:02x}" for byte in letter.encode()) if hide else letter
    return shown


class Repository(unittest.TestCase):
    """Alice and Bob, who sign a first root and a lab policy; scripts may sign under it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.base = folder.name
        self.alice = Person(self.base, "alice")
        self.alice.generate()
        self.alice.generate("bob")
        self.alice.generate("online")
        with open(os.path.join(SOURCE, "policies", "lab.toml"), encoding="utf-8") as file:
            self.alice.write("policy.toml", file.read())
        self.alice.succeed("policy", "build", "policy.toml", "-o", "policy.json", "--repository", "acme-fw",
                           "--version", "1", "--expires-in", "365d")
        self.alice.succeed("root", "init", "-o", "1.root.draft", "--expires-in", "365d", "--root-threshold", "2",
                           "--root", "alice.tenon-key", "--root", "bob.tenon-key", "--targets", "alice.tenon-key",
                           "--snapshot", "online.tenon-key", "--timestamp", "online.tenon-key")
        self.alice.succeed("request", "create", "--repository", "acme-fw", "-o", "r.tenon-request", "--draft",
                           "1.root.draft", "--draft", "policy.json", "--reason", "the first")

    def payloads(self):
        documents = self.alice.read_json("r.tenon-request")["documents"]
        return [word for one in documents for word in ("--expect-payload-sha256", one["payload_sha256"])]

    def unattended(self, key="alice.pem", *more):
        return ["request", "sign", "r.tenon-request", "--key", key, "--passphrase-from", "file:pw", *self.payloads(),
                *more]

    def edit(self, change):
        request = self.alice.read_json("r.tenon-request")
        change(request)
        self.alice.write("r.tenon-request", json.dumps(request, ensure_ascii=False))

    def assert_no_canary_on_disk(self):
        for path in glob.glob(os.path.join(self.base, "**"), recursive=True, include_hidden=True):
            if not os.path.isfile(path) or os.path.basename(path).startswith("pw"):
                continue
            with open(path, "rb") as file:
                self.assertNotIn(CANARY, file.read(), path)


class Screen:
    """A real terminal: tmux."""

    def __init__(self, folder):
        self.socket = os.path.join(folder, "tmux")
        self.folder = folder

    def tmux(self, *words, check=True):
        return subprocess.run(["tmux", "-u", "-f", "/dev/null", "-S", self.socket, *words], capture_output=True,
                              text=True, timeout=60, check=check, env={**os.environ, "LC_ALL": "C.UTF-8"}).stdout

    def show(self, arguments):
        """Runs tenon-keyctl; gives the lines that are on the screen when it has ended."""
        words = " ".join("'" + word.replace("'", "'\\''") + "'" for word in arguments)
        script = os.path.join(self.folder, "screen.sh")
        with open(script, "w", encoding="utf-8") as file:
            file.write(f"exec 2>&1\n'{os.path.abspath(KEYCTL)}' --home home {words}\necho THE END OF IT\nsleep 60\n")
        self.tmux("new-session", "-d", "-x", "180", "-y", "400", "-c", self.folder, "sh " + script)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            screen = self.tmux("capture-pane", "-p", "-J")
            if "THE END OF IT" in screen:
                return [line.rstrip() for line in screen.split("THE END OF IT")[0].rstrip().split("\n")]
            time.sleep(0.05)
        raise AssertionError(f"it did not end: {screen}")

    def end(self):
        self.tmux("kill-server", check=False)


def without_the_clock(lines):
    """Two runs are a second apart."""
    return [re.sub(r"clock says [^:]*:\d\d:\d\dZ|in \d+ days", "", line.rstrip()) for line in lines]


class Terminals(Repository):
    def setUp(self):
        super().setUp()
        self.screen = Screen(self.alice.folder)
        self.addCleanup(self.screen.end)

    # Book: KEYT-06
    # Book: KEYT-07
    def test_a_screen_shows_hostile_words_as_the_text_that_they_are(self):
        self.edit(lambda request: request["documents"][0].update(
            reasons=[{"change": "", "reason": HOSTILE}, {"change": HOSTILE, "reason": HOSTILE}]))
        expected = self.alice.run("request", "show", "r.tenon-request")
        self.assertIn("reason given: " + escaped(HOSTILE), expected.stdout)
        lines = self.screen.show(["request", "show", "r.tenon-request"])
        said = (expected.stderr + expected.stdout).rstrip().split("\n")
        self.assertEqual(without_the_clock(lines), without_the_clock(said))
        # Nothing beside the text: no title, no clipboard, no bell.
        self.assertNotIn("evil", self.screen.tmux("display-message", "-p", "#{pane_title}"))
        self.assertEqual(self.screen.tmux("list-buffers"), "")
        self.assertEqual(self.screen.tmux("display-message", "-p", "#{window_bell_flag}").strip(), "0")

    # Book: KEYT-06
    def test_errors_show_hostile_words_as_the_text_that_they_are(self):
        self.edit(lambda request: request.update(format=HOSTILE))
        lines = self.screen.show(["request", "show", "r.tenon-request"])
        self.assertIn("format is \"" + escaped(HOSTILE)[:20], "\n".join(lines))
        self.assertNotIn("evil", self.screen.tmux("display-message", "-p", "#{pane_title}"))
        self.assertEqual(self.screen.tmux("list-buffers"), "")

    # Book: KEYT-06
    def test_a_response_with_a_role_of_a_million_hostile_letters_is_one_short_error(self):
        self.alice.succeed(*self.unattended())
        response = self.alice.read_json("r.alice.tenon-signature")
        for role in ("\x1b[31m" * 200_000, "\u009b\u202e"):
            response["signatures"][0]["role"] = role
            self.alice.write("evil.tenon-signature", json.dumps(response, ensure_ascii=False))
            for words in (["response", "show", "evil.tenon-signature"],
                          ["response", "merge", "r.tenon-request", "evil.tenon-signature"]):
                done = self.alice.run(*words)
                said = done.stdout + done.stderr
                self.assertLess(len(said), 20_000)
                for letter in said:
                    self.assertTrue(letter == "\n" or 0x20 <= ord(letter) < 0x7F or ord(letter) >= 0xA0, repr(said))
                self.assertNotIn("\u202e", said)


class WhatIsSigned(Repository):
    # Book: KEYT-03
    def test_a_file_that_changes_while_a_person_looks_is_signed_as_it_was_shown(self):
        wanted = [one["payload_sha256"] for one in self.alice.read_json("r.tenon-request")["documents"]]
        terminal = Terminal(self.alice.folder, ["--home", "home", "request", "sign", "r.tenon-request", "--key",
                                                "alice.pem", "--passphrase-from", "file:pw"])
        terminal.read_until("\" to sign: ")
        self.edit(lambda request: request["documents"].reverse())
        self.alice.write("r.tenon-request", "{}")
        status, seen = terminal.answer()
        self.assertEqual(status, 0, seen)
        response = self.alice.read_json("r.alice.tenon-signature")
        self.assertEqual([one["payload_sha256"] for one in response["signatures"]], wanted)
        for digest in wanted:
            self.assertIn(digest, seen)

    # Book: KEYT-03
    def test_what_can_give_other_bytes_at_every_reading_is_not_read(self):
        os.mkfifo(self.alice.path("pipe.tenon-request"))
        self.alice.fail(DEVICE, "E_STORAGE", "request", "show", "pipe.tenon-request")
        self.alice.fail(DEVICE, "E_STORAGE", "request", "show", "/dev/zero")

    # Book: KEYT-08
    def test_nothing_is_signed_for_a_plain_yes_or_for_other_payloads_than_expected(self):
        for typed in ("y", "yes", "", "acme-fw root 2 policy 1", "ACME-FW ROOT 1 POLICY 1"):
            status, seen = self.alice.sign("r.tenon-request", typed=typed)
            self.assertEqual(status, NEEDS_PERSON, seen)
        self.alice.fail(UNVERIFIED, "E_MISMATCH", "request", "sign", "r.tenon-request", "--key", "alice.pem",
                        "--passphrase-from", "file:pw", *self.payloads()[:2])
        self.alice.fail(NEEDS_PERSON, "E_AUTH", "request", "sign", "r.tenon-request", "--key", "alice.pem",
                        "--passphrase-from", "file:pw")
        self.assertEqual(glob.glob(self.alice.path("*.tenon-signature")), [])

    # Book: KEYT-02
    def test_another_root_1_is_refused_after_the_first_was_signed_and_the_same_is_signed_again(self):
        self.alice.succeed(*self.unattended())
        first = self.alice.read_json("r.alice.tenon-signature")
        self.alice.succeed(*self.unattended())
        self.assertEqual(self.alice.read_json("r.alice.tenon-signature")["signatures"], first["signatures"])
        self.alice.succeed("root", "init", "-o", "other.draft", "--expires-in", "364d", "--root-threshold", "2",
                           "--root", "alice.tenon-key", "--root", "bob.tenon-key", "--targets", "bob.tenon-key",
                           "--snapshot", "online.tenon-key", "--timestamp", "online.tenon-key")
        os.remove(self.alice.path("r.tenon-request"))
        self.alice.succeed("request", "create", "--repository", "acme-fw", "-o", "r.tenon-request", "--draft",
                           "other.draft", "--draft", "policy.json", "--reason", "evil")
        message = self.alice.fail(UNVERIFIED, "E_ROLLBACK", *self.unattended())
        self.assertIn("another version 1 was signed here already", message)

    # Book: KEYT-21
    def test_files_that_are_too_large_or_cut_off_are_refused(self):
        self.alice.write("large.tenon-request", " " * (16 * 1024 * 1024 + 1))
        self.alice.write("large.tenon-signature", " " * (1024 * 1024 + 1))
        self.alice.fail(UNVERIFIED, "E_LIMIT", "request", "show", "large.tenon-request")
        self.alice.fail(UNVERIFIED, "E_LIMIT", "response", "show", "large.tenon-signature")
        with open(self.alice.path("r.tenon-request"), encoding="utf-8") as file:
            text = file.read()
        for part in (0, 1, 2, 3):
            self.alice.write("cut.tenon-request", text[:len(text) * part // 4])
            self.alice.fail(UNVERIFIED, "E_PARSE", "request", "show", "cut.tenon-request")
        self.alice.write("codes.tenon-request", "TN1:1/2:00000000:00\n")
        self.alice.fail(UNVERIFIED, "E_PARSE", "request", "show", "codes.tenon-request")


class Files(Repository):
    # Book: KEYT-14
    def test_everything_private_is_private_under_an_open_umask(self):
        before = os.umask(0)
        try:
            person = Person(self.base, "carol")
            person.generate()
            shutil.copy(self.alice.path("r.tenon-request"), person.path("r.tenon-request"))
            person.succeed("request", "show", "r.tenon-request")
        finally:
            os.umask(before)
        self.assertEqual(stat.S_IMODE(os.stat(person.path("carol.pem")).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(person.path("home")).st_mode), 0o700)
        self.assertEqual(stat.S_IMODE(os.stat(person.path("home/audit.log")).st_mode), 0o600)

    # Book: KEYT-14
    def test_a_key_behind_a_link_or_for_all_to_read_is_refused(self):
        shutil.copy(self.alice.path("alice.tenon-key"), self.alice.path("link.tenon-key"))
        os.symlink("alice.pem", self.alice.path("link.pem"))
        self.alice.fail(NEEDS_PERSON, "E_AUTH", *self.unattended("link.pem"))
        os.remove(self.alice.path("link.pem"))
        os.link(self.alice.path("alice.pem"), self.alice.path("link.pem"))
        message = self.alice.fail(NEEDS_PERSON, "E_AUTH", *self.unattended("link.pem"))
        self.assertIn("hard links", message)
        self.alice.fail(NEEDS_PERSON, "E_AUTH", *self.unattended("alice.pem"))
        os.remove(self.alice.path("link.pem"))
        os.chmod(self.alice.path("alice.pem"), 0o640)
        self.alice.fail(NEEDS_PERSON, "E_AUTH", *self.unattended("alice.pem"))
        os.chmod(self.alice.path("alice.pem"), 0o600)
        os.rename(self.alice.path("pw"), self.alice.path("pw-real"))
        os.symlink("pw-real", self.alice.path("pw"))
        self.alice.fail(NEEDS_PERSON, "E_AUTH", *self.unattended("alice.pem"))
        self.assertEqual(glob.glob(self.alice.path("*.tenon-signature")), [])

    # Book: KEYT-14
    def test_a_response_replaces_a_link_and_not_what_it_points_to(self):
        response = self.alice.path("r.alice.tenon-signature")
        self.alice.succeed(*self.unattended())
        os.rename(response, self.alice.path("victim"))
        with open(self.alice.path("victim"), "rb") as file:
            before = file.read()
        os.symlink("victim", response)
        self.alice.succeed(*self.unattended())
        with open(self.alice.path("victim"), "rb") as file:
            self.assertEqual(file.read(), before)
        self.assertFalse(os.path.islink(response))

    # Book: KEYT-14
    def test_a_response_is_not_written_through_a_link_to_something_else(self):
        self.alice.write("victim", "untouched")
        os.symlink("victim", self.alice.path("r.alice.tenon-signature"))
        self.alice.fail(REFUSED, "E_POLICY", *self.unattended())
        with open(self.alice.path("victim"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "untouched")

    # Book: KEYT-14
    def test_a_home_that_others_can_write_to_is_refused(self):
        os.chmod(self.alice.path("home"), 0o777)
        self.alice.fail(NEEDS_PERSON, "E_AUTH", "request", "show", "r.tenon-request")

    def mounted(self, name, options):
        """A small file system of its own; skips where that is not allowed."""
        folder = self.alice.path(name)
        os.mkdir(folder)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            self.skipTest("no file system can be mounted here: " + done.stderr)
        self.addCleanup(subprocess.run, ["umount", folder], check=True)
        return folder

    # Book: KEYT-24
    def test_a_full_stick_leaves_no_half_response_and_it_is_signed_again(self):
        stick = self.mounted("stick", "size=16k")
        filler = os.open(os.path.join(stick, "filler"), os.O_WRONLY | os.O_CREAT)
        try:
            while os.write(filler, b"x" * 512) > 0:
                pass
        except OSError:
            pass  # full
        os.close(filler)
        output = ("-o", "stick/r.tenon-signature")
        message = self.alice.fail(DEVICE, "E_STORAGE", *self.unattended("alice.pem", *output))
        self.assertIn("No space left on device", message)
        self.assertEqual(os.listdir(stick), ["filler"])
        os.remove(os.path.join(stick, "filler"))
        self.alice.succeed(*self.unattended("alice.pem", *output))
        self.assertEqual(os.listdir(stick), ["r.tenon-signature"])

    # Book: KEYT-24
    def test_a_request_on_read_only_media_is_shown_and_signed_to_another_place(self):
        disc = self.mounted("disc", "size=1m")
        shutil.copy(self.alice.path("r.tenon-request"), disc)
        subprocess.run(["mount", "-o", "remount,ro", disc], check=True)
        self.alice.succeed("request", "show", "disc/r.tenon-request")
        arguments = self.unattended()
        arguments[2] = "disc/r.tenon-request"
        message = self.alice.fail(DEVICE, "E_STORAGE", *arguments)
        self.assertIn("Read-only file system", message)
        self.alice.succeed(*arguments, "-o", "r.tenon-signature")

    # Book: KEYT-24
    def test_a_full_home_gives_no_signature_away(self):
        """Whoever cannot remember does not sign."""
        done = subprocess.run(
            [os.path.abspath(KEYCTL), "--home", "home", *self.unattended()], cwd=self.alice.folder,
            stdin=subprocess.DEVNULL, start_new_session=True, capture_output=True, text=True, timeout=60, check=False,
            preexec_fn=lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
                                resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))))
        self.assertEqual(done.returncode, DEVICE, done.stderr)
        self.assertIn("E_STORAGE", done.stderr)
        self.assertEqual(glob.glob(self.alice.path("*.tenon-signature")), [])


class Secrets(Repository):
    def start(self, *keys):
        words = ["--home", "home", "request", "sign", "r.tenon-request", "-o", "r.out"]
        for key in keys or ("alice.pem",):
            words += ["--key", key]
        terminal = Terminal(self.alice.folder, words)
        terminal.read_until("\" to sign: ")
        os.write(terminal.fd, b"acme-fw root 1 policy 1\n")
        terminal.read_until("assphrase")
        self.silent(terminal)
        return terminal

    def silent(self, terminal):
        """Waits until the echo is off: before that a person would not type."""
        import termios
        deadline = time.monotonic() + 30
        while termios.tcgetattr(terminal.fd)[3] & termios.ECHO:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def assert_not_told(self, pid):
        for name in ("cmdline", "environ"):
            try:
                with open(f"/proc/{pid}/{name}", "rb") as file:
                    self.assertNotIn(CANARY, file.read())
            except PermissionError:
                pass  # nobody of this user can read it

    # Book: KEYT-15
    # Book: KEYT-16
    def test_a_passphrase_is_in_no_argument_environment_output_log_or_file(self):
        terminal = self.start()
        self.assert_not_told(terminal.pid)
        os.write(terminal.fd, b"canary correct horse battery\n")
        status, seen = terminal.end()
        self.assertEqual(status, 0, seen)
        self.assertNotIn("canary", seen)
        self.assert_no_canary_on_disk()

    # Book: KEYT-15
    def test_no_option_takes_a_secret(self):
        for words in (["key", "generate", "--name", "x", "--passphrase", "canary correct"],
                      ["key", "generate", "--name", "x", "--passphrase-from", "canary correct"],
                      ["key", "generate", "--name", "x", "--passphrase-from", "env:CANARY"],
                      ["request", "sign", "r.tenon-request", "--key", "alice.pem", "--pin", "canary correct"]):
            self.assertEqual(self.alice.run(*words).returncode, USAGE, words)

    # Book: KEYT-16
    def test_a_wrong_passphrase_is_in_no_error(self):
        self.alice.write("pw-wrong", "canary correct horse bakery\n")
        os.chmod(self.alice.path("pw-wrong"), 0o600)
        words = [word.replace("file:pw", "file:pw-wrong") for word in self.unattended()]
        message = self.alice.fail(NEEDS_PERSON, "E_AUTH", *words)
        self.assertNotIn("canary", message)
        self.assert_no_canary_on_disk()

    # Book: KEYT-17
    def test_a_process_that_dies_at_the_prompt_or_while_it_signs_leaves_no_core(self):
        before = resource.getrlimit(resource.RLIMIT_CORE)
        if before[1] == 0:
            self.skipTest("no core is ever written here")
        resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_CORE, before)
        subprocess.run(["sh", "-c", "kill -ABRT $$"], cwd=self.alice.folder, check=False)
        if not glob.glob(self.alice.path("core*")):
            self.skipTest("cores do not go to the folder of the process here")
        for path in glob.glob(self.alice.path("core*")):
            os.remove(path)
        for number in (signal.SIGABRT, signal.SIGSEGV):
            for typed, wait in ((b"canary correct hor", 0), (b"canary correct horse battery\n", 0.05)):
                terminal = self.start()
                os.write(terminal.fd, typed)
                time.sleep(wait)
                os.kill(terminal.pid, number)
                _, seen = terminal.end()
                self.assertNotIn("canary", seen)
                self.assertEqual(glob.glob(self.alice.path("core*")), [])
                self.assert_no_canary_on_disk()

    # Book: KEYT-17
    def test_the_passphrase_of_the_first_key_is_gone_when_the_second_is_asked_for(self):
        self.alice.write("pw2", "canary another passphrase\n")
        os.chmod(self.alice.path("pw2"), 0o600)
        self.alice.succeed("key", "passwd", "bob.pem", "--passphrase-from", "file:pw", "--new-passphrase-from",
                           "file:pw2")
        terminal = self.start("alice.pem", "bob.pem")
        os.write(terminal.fd, b"canary correct horse battery\n")
        deadline = time.monotonic() + 30
        while terminal.seen.lower().count("passphrase") < 2 and time.monotonic() < deadline:
            terminal.seen += os.read(terminal.fd, 65536).decode()
        self.silent(terminal)
        memory = self.memory_of(terminal.pid)
        if memory is None:
            os.write(terminal.fd, b"\n")
            terminal.end()
            self.skipTest("the memory of another process cannot be read here")
        keyid = self.alice.read_json("alice.tenon-key")["keyid"].encode()
        self.assertTrue(keyid in memory, "this is not its memory")
        self.assertFalse(CANARY in memory, "the passphrase is still there")
        os.write(terminal.fd, b"canary another passphrase\n")
        status, seen = terminal.end()
        self.assertEqual(status, 0, seen)

    def memory_of(self, pid):
        memory = b""
        try:
            with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", 0) as file:
                for line in maps:
                    span, rights = line.split()[:2]
                    first, last = (int(number, 16) for number in span.split("-"))
                    if "w" not in rights or last - first > 1 << 28:
                        continue
                    try:
                        file.seek(first)
                        memory += file.read(last - first)
                    except OSError:
                        pass  # a guard page
        except PermissionError:
            return None
        return memory


class Program(unittest.TestCase):
    # Book: KEYT-01
    def test_it_has_no_way_to_a_network(self):
        libraries = subprocess.run(["ldd", KEYCTL], capture_output=True, text=True, check=True).stdout
        for library in ("libcurl", "libnghttp2", "libssl.", "libresolv", "libnss"):
            self.assertNotIn(library, libraries)
        symbols = subprocess.run(["nm", "-D", "--undefined-only", KEYCTL], capture_output=True, text=True,
                                 check=True).stdout
        imported = {line.split()[-1].split("@")[0] for line in symbols.splitlines() if line.split()}
        self.assertIn("open", {name.removesuffix("64") for name in imported})  # the list is one
        for call in ("socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "send", "sendto",
                     "sendmsg", "recv", "recvfrom", "recvmsg", "getaddrinfo", "gethostbyname", "res_query"):
            self.assertNotIn(call, imported)


if __name__ == "__main__":
    unittest.main()
