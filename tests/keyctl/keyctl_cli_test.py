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
import sys
import tempfile
import termios
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from lab_root import LAB_POLICY, expected_payloads

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
            [PROGRAM, "--home", "home", *arguments], cwd=self.folder, pass_fds=fds, stdin=subprocess.DEVNULL,
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
            "root", "init", "-o", "1.root.draft", "--expires-in", "365d", "--root-threshold", "2",
            "--root", "alice.tenon-key", "--root", "bob.tenon-key", "--targets", "alice.tenon-key",
            "--snapshot", "online.tenon-key", "--timestamp", "online.tenon-key", *more)

    def prepare(self):
        self.generate("alice")
        self.generate("bob", "--type", "ecdsa-p256")
        self.generate("online")
        self.init()
        self.succeed("policy", "build", LAB_POLICY, "-o", "policy.draft", "--repository", "demo", "--expires-in", "365d")
        self.succeed("request", "create", "--repository", "demo", "-o", "root-1.tenon-request", "--draft", "1.root.draft",
                     "--draft", "policy.draft")

    def expected(self):
        return expected_payloads(self.succeed, "root-1.tenon-request")

    def sign_words(self, name, source="file:pw"):
        return ("request", "sign", "root-1.tenon-request", "--key", f"{name}.pem", "--passphrase-from", source)


class Ceremony(Keyctl):
    def test_two_people_sign_and_the_root_verifies(self):
        self.prepare()
        self.fail_with(UNVERIFIED, "E_SIG", "root", "verify", "1.root.draft")
        self.succeed(*self.sign_words("alice"), *self.expected())
        done = self.run_keyctl("response", "merge", "root-1.tenon-request", "root-1.alice.tenon-signature")
        self.assertEqual(done.returncode, NEEDS_PERSON, done.stderr)
        self.assertIn("signed by 1, 2 must; missing ", done.stdout)
        self.assertFalse(os.path.exists(self.path("1.root.json")))
        with open(self.path("pw"), encoding="utf-8") as passphrase:
            fd = passphrase.fileno()
            self.succeed(*self.sign_words("bob", f"fd:{fd}"), *self.expected(), fds=(fd,))
        self.succeed("response", "merge", "root-1.tenon-request", "root-1.alice.tenon-signature",
                     "root-1.bob.tenon-signature")
        shown = json.loads(self.succeed("root", "verify", "1.root.json", "--json"))
        self.assertTrue(shown["verified"])

    # Book: KEYT-16
    def test_the_passphrase_is_in_no_file_and_in_nothing_printed(self):
        self.prepare()
        done = self.run_keyctl(*self.sign_words("alice"), *self.expected())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("canary", done.stdout + done.stderr)
        os.remove(self.path("pw"))
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(b"canary", file.read(), name)

    def rehearse(self, *mark):
        """A root, marked or not, and a policy; both live for a day."""
        self.succeed("root", "init", "-o", "root", "--expires-in", "20h", "--root-threshold", "1", "--lab", "--root",
                     "alice.tenon-key", "--targets", "alice.tenon-key", "--snapshot", "online.tenon-key", "--timestamp",
                     "online.tenon-key", "--force", *mark)
        self.succeed("policy", "build", LAB_POLICY, "-o", "policy", "--repository", "demo", "--expires-in", "20h", "--force")
        return ("request", "create", "--repository", "demo", "-o", "r.tenon-request", "--draft", "root", "--draft", "policy")

    def test_only_a_rehearsal_signs_the_root_of_a_rehearsal(self):
        for name in ("alice", "online"):
            self.generate(name)
        marked = self.rehearse("--rehearsal")
        self.assertIn("make the request with --rehearsal", self.fail_with(REFUSED, "E_POLICY", *marked))
        self.assertIn("REHEARSAL", self.succeed(*marked, "--rehearsal"))
        os.remove(self.path("r.tenon-request"))
        meant = self.rehearse()
        self.assertIn("and --rehearsal", self.fail_with(REFUSED, "E_POLICY", *meant, "--rehearsal"))

    def test_the_next_root_of_a_rehearsal_is_one_too(self):
        for name in ("alice", "online"):
            self.generate(name)
        self.succeed(*self.rehearse("--rehearsal"), "--rehearsal")
        self.succeed("request", "sign", "r.tenon-request", "--key", "alice.pem", "--passphrase-from", "file:pw",
                     *expected_payloads(self.succeed, "r.tenon-request"))
        self.succeed("response", "merge", "r.tenon-request", "r.alice.tenon-signature")
        self.fail_with(REFUSED, "E_POLICY", "root", "next", "1.root.json", "-o", "next", "--expires-in", "365d")
        self.succeed("root", "next", "1.root.json", "-o", "next", "--expires-in", "20h")
        with open(self.path("next"), encoding="utf-8") as file:
            self.assertTrue(json.load(file)["signed"]["x-tenon-rehearsal"])

    def test_a_lab_policy_says_that_it_is_one(self):
        self.prepare()
        for words in (("request", "show", "root-1.tenon-request"), (*self.sign_words("alice"), *self.expected())):
            self.assertIn("warning: a lab policy", self.run_keyctl(*words).stderr)

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
        message = self.fail_with(NEEDS_PERSON, "E_AUTH", *self.sign_words("alice", "file:wrong"), *self.expected())
        self.assertIn("wrong passphrase", message)

    def test_a_key_that_others_can_read_is_refused_with_advice(self):
        self.prepare()
        os.chmod(self.path("alice.pem"), 0o644)
        message = self.fail_with(NEEDS_PERSON, "E_AUTH", *self.sign_words("alice"), *self.expected())
        self.assertIn("hint: chmod 600 alice.pem", message)

    def test_a_passphrase_file_that_others_can_read_is_refused(self):
        os.chmod(self.path("pw"), 0o640)
        self.fail_with(NEEDS_PERSON, "E_AUTH", "key", "generate", "--name", "alice", "--passphrase-from", "file:pw")

    def test_without_a_terminal_it_says_where_a_passphrase_can_come_from(self):
        message = self.fail_with(NEEDS_PERSON, "E_AUTH", "key", "generate", "--name", "alice")
        self.assertIn("hint: --passphrase-from fd:N or file:PATH", message)

    def test_without_a_terminal_nothing_is_signed_that_was_not_named_by_its_digest(self):
        self.prepare()
        message = self.fail_with(NEEDS_PERSON, "E_AUTH", *self.sign_words("alice"))
        self.assertIn("--expect-payload-sha256", message)
        self.fail_with(UNVERIFIED, "E_MISMATCH", *self.sign_words("alice"), *self.expected()[:2])
        self.fail_with(UNVERIFIED, "E_MISMATCH", *self.sign_words("alice"), *self.expected()[:3], "00" * 32)
        self.assertFalse(os.path.exists(self.path("root-1.alice.tenon-signature")))

    def test_a_key_is_not_overwritten(self):
        self.generate("alice")
        self.fail_with(REFUSED, "E_POLICY", "key", "generate", "--name", "alice", "--passphrase-from", "file:pw")

    # Book: KEYT-22
    def test_a_stranger_cannot_sign(self):
        self.prepare()
        self.fail_with(REFUSED, "E_POLICY", *self.sign_words("online"), *self.expected())

    def test_no_command_signs_a_root_past_the_policy(self):
        self.prepare()
        self.assertEqual(self.run_keyctl("root", "sign", "1.root.draft", "--key", "alice.pem").returncode, USAGE)

    def test_a_missing_file_is_a_matter_of_storage(self):
        self.fail_with(DEVICE, "E_STORAGE", "root", "show", "no-such-file")

    def test_a_passphrase_is_not_taken_from_the_command_line(self):
        self.fail_with(USAGE, "E_USAGE", "key", "generate", "--name", "alice", "--passphrase-from", "canary")

    def test_a_passphrase_that_was_typed_as_an_argument_is_not_repeated(self):
        for words in (("key", "generate", "--name", "alice", "--passphrase", "canary"),
                      ("key", "generate", "--name", "alice", "canary"), ("root", "init", "--root-threshold", "canary"),
                      ("key", "generate", "--name", "alice", "--passphrase-from", "canary"),
                      ("token", "list", "--token-timeout", "canary"), ("key", "canary"), ("canary",)):
            with self.subTest(words):
                self.assertNotIn("canary", self.fail_with(USAGE, "E_USAGE", *words))

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
            os.execv(PROGRAM, [PROGRAM, "--home", "home", *arguments])
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

    # Book: KEYT-08
    def test_signing_wants_repository_roles_and_versions_typed(self):
        self.prepare()
        for typed, status in (("yes", NEEDS_PERSON), ("demo root 1", NEEDS_PERSON), ("demo root 1 policy 1", 0)):
            terminal = Terminal(self.folder, *self.sign_words("alice"))
            shown = terminal.wait_for('Type "demo root 1 policy 1" to sign: ')
            self.assertIn("sha256 of what is signed", shown)
            terminal.type(typed)
            self.assertEqual(os.waitstatus_to_exitcode(terminal.close()), status)

    # Book: KEYT-03
    def test_what_is_signed_is_what_was_shown_when_the_file_changes_meanwhile(self):
        self.prepare()
        looked_at = set(self.expected()[1::2])
        self.succeed("root", "init", "-o", "other.draft", "--expires-in", "100d", "--root-threshold", "1", "--lab", "--root",
                     "bob.tenon-key", "--targets", "bob.tenon-key", "--snapshot", "online.tenon-key", "--timestamp",
                     "online.tenon-key")
        self.succeed("request", "create", "--repository", "demo", "-o", "other", "--draft", "other.draft", "--draft",
                     "policy.draft")
        terminal = Terminal(self.folder, *self.sign_words("alice"))
        terminal.wait_for("to sign: ")
        os.replace(self.path("other"), self.path("root-1.tenon-request"))
        terminal.type("demo root 1 policy 1")
        self.assertEqual(os.waitstatus_to_exitcode(terminal.close()), 0)
        made = json.loads(self.succeed("--json", "response", "show", "root-1.alice.tenon-signature"))
        self.assertEqual({one["payload_sha256"] for one in made["signatures"]}, looked_at)

    def at_the_passphrase(self):
        terminal = Terminal(self.folder, *self.sign_words("alice", "prompt"), *self.expected())
        terminal.wait_for("passphrase of alice.pem: ")
        return terminal

    def test_the_passphrase_is_not_echoed_and_the_echo_comes_back(self):
        self.prepare()
        terminal = self.at_the_passphrase()
        self.assertFalse(terminal.echoes())
        terminal.type(PASSPHRASE)
        self.assertNotIn("canary", terminal.wait_for("the response is"))
        self.assertTrue(terminal.echoes())
        terminal.close()

    def test_a_signal_at_the_prompt_ends_the_program_with_the_echo_back(self):
        self.prepare()
        for number in (signal.SIGTERM, signal.SIGINT):
            terminal = self.at_the_passphrase()
            os.kill(terminal.pid, number)
            status = os.waitpid(terminal.pid, 0)[1]
            self.assertEqual(os.WTERMSIG(status), number)
            self.assertTrue(terminal.echoes())
            os.close(terminal.fd)


if __name__ == "__main__":
    unittest.main()
