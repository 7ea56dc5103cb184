"""tenon-keyctl as a process: a ceremony of two people, and what it answers to bad input.

TENON_BIN_DIR names the folder of the program.
"""
import json
import os
import pty
import select
import signal
import stat
import subprocess
import tempfile
import termios
import time
import unittest

PROGRAM = os.path.join(os.environ.get("TENON_BIN_DIR", "build/dev/bin"), "tenon-keyctl")
PASSPHRASE = "canary correct horse battery"
USAGE, REFUSED, UNVERIFIED, NEEDS_PERSON, DEVICE = 2, 4, 5, 7, 8


class Keyctl(unittest.TestCase):
    """Runs in an empty folder, without a terminal."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.write("pw", PASSPHRASE + "\n")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text, mode=0o600):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), mode)

    def run_keyctl(self, *arguments, fds=()):
        return subprocess.run(
            [PROGRAM, *arguments], cwd=self.folder, pass_fds=fds, stdin=subprocess.DEVNULL,
            start_new_session=True, capture_output=True, text=True, timeout=60, check=False)

    def succeed(self, *arguments, fds=()):
        done = self.run_keyctl(*arguments, fds=fds)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def fail_with(self, status, code, *arguments, fds=()):
        done = self.run_keyctl(*arguments, fds=fds)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn("error: " + code + " ", done.stderr)
        self.assertNotIn("canary", done.stdout + done.stderr)
        return done.stderr

    def generate(self, name, *more):
        self.succeed("key", "generate", "--name", name, "--passphrase-from", "file:pw", *more)

    def init(self, *more):
        self.succeed(
            "root", "init", "-o", "1.root.json", "--expires-in", "365d", "--root-threshold", "2",
            "--root", "alice.tenon-key", "--root", "bob.tenon-key", "--targets", "alice.tenon-key",
            "--snapshot", "online.tenon-key", "--timestamp", "online.tenon-key", *more)

    def prepare(self):
        self.generate("alice")
        self.generate("bob", "--type", "ecdsa-p256")
        self.generate("online")
        self.init()


class Ceremony(Keyctl):
    def test_two_people_sign_and_the_root_verifies(self):
        self.prepare()
        self.fail_with(UNVERIFIED, "E_SIG", "root", "verify", "1.root.json")
        self.succeed("root", "sign", "1.root.json", "--key", "alice.pem", "--passphrase-from", "file:pw", "--yes")
        message = self.fail_with(UNVERIFIED, "E_SIG", "root", "verify", "1.root.json", "--names", "bob.tenon-key")
        self.assertIn("signed by 1 of the root keys, 2 must: missing bob (", message)
        with open(self.path("pw"), encoding="utf-8") as passphrase:
            fd = passphrase.fileno()
            self.succeed("root", "sign", "1.root.json", "--key", "bob.pem", "--passphrase-from", f"fd:{fd}", "--yes",
                         fds=(fd,))
        shown = json.loads(self.succeed("root", "verify", "1.root.json", "--json"))
        self.assertTrue(shown["verified"])

    def test_files_have_the_right_modes_under_an_open_umask(self):
        before = os.umask(0)
        try:
            self.generate("alice")
        finally:
            os.umask(before)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("alice.pem")).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("alice.tenon-key")).st_mode), 0o644)

    def test_openssl_opens_the_private_key(self):
        self.generate("alice")
        subprocess.run(["openssl", "pkey", "-in", "alice.pem", "-passin", "file:pw", "-noout"], cwd=self.folder,
                       check=True, timeout=60)

    def test_quiet_prints_nothing(self):
        self.generate("alice")
        self.assertEqual(self.succeed("-q", "key", "show", "alice.tenon-key"), "")


class BadInput(Keyctl):
    # Spec: 6.1a
    def test_a_wrong_passphrase_needs_a_person(self):
        self.prepare()
        self.write("wrong", "canary of another kind")
        message = self.fail_with(NEEDS_PERSON, "E_AUTH", "root", "sign", "1.root.json", "--key", "alice.pem",
                                 "--passphrase-from", "file:wrong", "--yes")
        self.assertIn("wrong passphrase", message)

    def test_a_key_that_others_can_read_is_refused_with_advice(self):
        self.prepare()
        os.chmod(self.path("alice.pem"), 0o644)
        message = self.fail_with(NEEDS_PERSON, "E_AUTH", "root", "sign", "1.root.json", "--key", "alice.pem",
                                 "--passphrase-from", "file:pw", "--yes")
        self.assertIn("hint: chmod 600 alice.pem", message)

    def test_a_passphrase_file_that_others_can_read_is_refused(self):
        os.chmod(self.path("pw"), 0o640)
        self.fail_with(NEEDS_PERSON, "E_AUTH", "key", "generate", "--name", "alice", "--passphrase-from", "file:pw")

    def test_without_a_terminal_it_says_where_a_passphrase_can_come_from(self):
        message = self.fail_with(NEEDS_PERSON, "E_AUTH", "key", "generate", "--name", "alice")
        self.assertIn("hint: --passphrase-from fd:N or file:PATH", message)

    def test_without_a_terminal_nothing_is_signed_unless_yes(self):
        self.prepare()
        message = self.fail_with(NEEDS_PERSON, "E_AUTH", "root", "sign", "1.root.json", "--key", "alice.pem",
                                 "--passphrase-from", "file:pw")
        self.assertIn("hint: --yes", message)

    def test_a_key_is_not_overwritten(self):
        self.generate("alice")
        self.fail_with(REFUSED, "E_POLICY", "key", "generate", "--name", "alice", "--passphrase-from", "file:pw")

    def test_a_stranger_cannot_sign(self):
        self.prepare()
        self.fail_with(REFUSED, "E_POLICY", "root", "sign", "1.root.json", "--key", "online.pem", "--passphrase-from",
                       "file:pw", "--yes")

    def test_a_missing_file_is_a_matter_of_storage(self):
        self.fail_with(DEVICE, "E_STORAGE", "root", "show", "no-such-file")

    def test_a_passphrase_is_not_taken_from_the_command_line(self):
        self.fail_with(USAGE, "E_USAGE", "key", "generate", "--name", "alice", "--passphrase-from", "canary")

    def test_a_name_cannot_leave_the_folder(self):
        self.fail_with(USAGE, "E_USAGE", "key", "generate", "--name", "../eve", "--passphrase-from", "file:pw")

    def test_a_wrong_command_line_is_usage(self):
        for arguments in ([], ["frobnicate"], ["key"], ["key", "generate"], ["root", "show", "--frobnicate"]):
            self.assertEqual(self.run_keyctl(*arguments).returncode, USAGE, arguments)

    def test_help_is_no_error(self):
        self.assertIn("root init", self.succeed("--help"))
        self.assertIn("--passphrase-from", self.succeed("key", "generate", "--help"))


class Terminal:
    """The program on a terminal of its own."""

    def __init__(self, folder, *arguments):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execv(PROGRAM, [PROGRAM, *arguments])
        self.seen = ""

    def wait_for(self, text, timeout=20):
        """Reads until the text was printed; gives all that was printed since the last call."""
        deadline = time.monotonic() + timeout
        while text not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise AssertionError(f"no {text!r} in {self.seen!r}")
            self.seen += os.read(self.fd, 4096).decode()
        seen, self.seen = self.seen, ""
        return seen

    def type(self, line):
        os.write(self.fd, line.encode() + b"\n")

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def close(self):
        """Gives what waitpid says."""
        try:
            while os.read(self.fd, 4096):
                pass
        except OSError:
            pass  # the other end is gone
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)
        return status


class AtTheTerminal(Keyctl):
    def test_a_made_passphrase_is_shown_once_and_typed_again(self):
        terminal = Terminal(self.folder, "key", "generate", "--name", "alice")
        shown = terminal.wait_for("Type it again: ")
        passphrase = next(line.strip() for line in shown.splitlines() if line.count("-") == 5)
        terminal.type(passphrase)
        after = terminal.wait_for("public ")
        self.assertNotIn(passphrase, after)
        self.assertEqual(os.waitstatus_to_exitcode(terminal.close()), 0)
        self.write("made", passphrase)
        subprocess.run(["openssl", "pkey", "-in", "alice.pem", "-passin", "file:made", "-noout"], cwd=self.folder,
                       check=True, timeout=60)

    def test_no_key_is_made_when_the_passphrase_is_not_repeated(self):
        terminal = Terminal(self.folder, "key", "generate", "--name", "alice")
        for _ in range(3):
            terminal.wait_for("Type it again: ")
            terminal.type("something else")
        self.assertEqual(os.waitstatus_to_exitcode(terminal.close()), NEEDS_PERSON)
        self.assertFalse(os.path.exists(self.path("alice.pem")))

    def test_signing_wants_role_and_version_typed(self):
        self.prepare()
        for typed, status in (("yes", NEEDS_PERSON), ("root 1", 0)):
            terminal = Terminal(self.folder, "root", "sign", "1.root.json", "--key", "alice.pem", "--passphrase-from",
                                "file:pw")
            shown = terminal.wait_for('Type "root 1" to sign: ')
            self.assertIn("sha256 of what is signed", shown)
            terminal.type(typed)
            self.assertEqual(os.waitstatus_to_exitcode(terminal.close()), status)

    def test_the_passphrase_is_not_echoed_and_the_echo_comes_back(self):
        self.prepare()
        terminal = Terminal(self.folder, "root", "sign", "1.root.json", "--key", "alice.pem", "--yes")
        terminal.wait_for("passphrase of alice.pem: ")
        self.assertFalse(terminal.echoes())
        terminal.type(PASSPHRASE)
        self.assertNotIn("canary", terminal.wait_for("written to"))
        self.assertTrue(terminal.echoes())
        terminal.close()

    def test_a_signal_at_the_prompt_ends_the_program_with_the_echo_back(self):
        self.prepare()
        for number in (signal.SIGTERM, signal.SIGINT):
            terminal = Terminal(self.folder, "root", "sign", "1.root.json", "--key", "alice.pem", "--yes")
            terminal.wait_for("passphrase of alice.pem: ")
            os.kill(terminal.pid, number)
            status = os.waitpid(terminal.pid, 0)[1]
            self.assertEqual(os.WTERMSIG(status), number)
            self.assertTrue(terminal.echoes())
            os.close(terminal.fd)


if __name__ == "__main__":
    unittest.main()
