"""tenon-keyctl and keys in tokens (SoftHSM) as processes: a ceremony, what it answers to mistakes, and where a PIN may
never be seen.

TENON_BIN_DIR names the folder of the program.
"""
import glob
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from lab_root import sign_root

BIN = os.environ.get("TENON_BIN_DIR", "build/dev/bin")
PROGRAM = os.path.join(BIN, "tenon-keyctl")
FAULTY = os.path.join(BIN, "../tests/support/libfaulty_pkcs11.so")
SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "canary-4711"
PASSPHRASE = "canary correct horse battery"
USAGE, REFUSED, NEEDS_PERSON, DEVICE = 2, 4, 7, 8


class TokenCli(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.mkdir(self.path("tokens"))
        self.write("softhsm2.conf", f"directories.tokendir = {self.path('tokens')}\nlog.level = ERROR\n")
        self.environment = {"PATH": os.environ["PATH"], "SOFTHSM2_CONF": self.path("softhsm2.conf")}
        self.write("pin", PIN + "\n")
        self.write("pw", PASSPHRASE + "\n")
        self.add_token("ceremony")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), 0o600)

    def add_token(self, label):
        subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "12345678", "--pin", PIN],
                       env=self.environment, check=True, capture_output=True)

    def keyctl(self, *arguments, fds=(), module=SOFTHSM):
        token = ("--pkcs11-module", module) if module and "root" not in arguments[:1] else ()
        return self.run_keyctl(*arguments, *token, fds=fds)

    def run_keyctl(self, *arguments, fds=()):
        done = subprocess.run([PROGRAM, "--home", "home", *arguments], cwd=self.folder, env=self.environment, pass_fds=fds,
                              stdin=subprocess.DEVNULL, start_new_session=True, capture_output=True, text=True,
                              timeout=120, check=False)
        self.assertNotIn("canary", done.stdout + done.stderr)
        return done

    def succeed(self, *arguments, **more):
        done = self.keyctl(*arguments, **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def fail_with(self, status, code, *arguments, **more):
        done = self.keyctl(*arguments, **more)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn("error: " + code + " ", done.stderr)
        return done.stderr

    def generate(self, name, key_type="ecdsa-p256", *more):
        return self.succeed("key", "generate", "--token", "pkcs11:token=ceremony", "--type", key_type, "--name", name,
                            "--pin-from", "file:pin", *more)

    def key_file(self, name):
        with open(self.path(name + ".tenon-key"), encoding="utf-8") as file:
            return json.load(file)

    def make_root(self, *signers):
        roots = [word for name in signers for word in ("--root", name + ".tenon-key")]
        self.succeed("root", "init", "-o", "1.root.draft", "--expires-in", "365d", "--root-threshold", str(len(signers)),
                     *roots, "--targets", signers[0] + ".tenon-key", "--snapshot", "online.tenon-key",
                     "--timestamp", "online.tenon-key", "--lab")


class Ceremony(TokenCli):
    def test_keys_of_every_kind_in_tokens_and_files_sign_one_root(self):
        self.generate("alice")
        self.generate("bob", "rsa-3072")
        self.generate("carol", "ed25519")
        self.generate("dave", "ecdsa-p256", "--always-authenticate")
        for name in ("erin", "online"):
            self.succeed("key", "generate", "--name", name, "--passphrase-from", "file:pw", module=None)
        for name in ("alice", "bob", "carol", "dave"):
            token = self.key_file(name)["token"]
            self.assertEqual((token["model"], token["local"], token["never_extractable"], token["always_authenticate"]),
                             ("SoftHSM v2", True, True, name == "dave"))
        self.make_root("alice", "bob", "carol", "dave", "erin")

        def keyctl(*words):
            return self.succeed(*words, module=None)

        # A key file that was lost is made again from the token, and does as well.
        os.remove(self.path("bob.tenon-key"))
        self.succeed("key", "export-pub", "pkcs11:token=ceremony;object=bob", "--name", "bob", "--pin-from", "file:pin")
        keys = ["alice.tenon-key", "bob.tenon-key", "carol.tenon-key", "dave.tenon-key", "erin.pem"]
        sign_root(keyctl, self.folder, [self.path(key) for key in keys], "--pin-from", "file:pin", "--pkcs11-module",
                  SOFTHSM, "--passphrase-from", "file:pw")
        self.succeed("root", "verify", "1.root.json")

    def test_modules_that_the_system_knows_need_no_option(self):
        self.generate("alice")
        listed = json.loads(self.succeed("--json", "token", "list", module=None))
        labels = [token["label"] for token in listed["tokens"]]
        self.assertIn("ceremony", labels)
        self.assertNotIn("System Trust", labels)
        self.succeed("token", "probe", "pkcs11:token=ceremony;object=alice?module-name=softhsm2", "--pin-from", "file:pin",
                     module=None)

    def test_a_proof_goes_into_the_key_file(self):
        self.generate("alice")
        self.succeed("key", "proof", "--key", "alice.tenon-key", "--nonce", "c0ffee", "--pin-from", "file:pin")
        self.assertEqual(self.key_file("alice")["proof"]["nonce"], "c0ffee")
        self.succeed("key", "show", "alice.tenon-key", module=None)
        self.succeed("key", "generate", "--name", "erin", "--passphrase-from", "file:pw", module=None)
        self.succeed("key", "proof", "--key", "erin.pem", "--nonce", "c0ffee", "--passphrase-from", "file:pw", module=None)
        self.assertEqual(self.key_file("erin")["proof"]["nonce"], "c0ffee")
        self.fail_with(REFUSED, "E_POLICY", "key", "proof", "--key", "pkcs11:token=ceremony;object=alice", "--file",
                       "erin.tenon-key", "--nonce", "01", "--pin-from", "file:pin")

    def test_a_public_half_is_exported_again(self):
        self.generate("alice")
        os.rename(self.path("alice.tenon-key"), self.path("first"))
        self.succeed("key", "export-pub", "pkcs11:token=ceremony;object=alice", "--name", "alice", "--pin-from", "file:pin")
        with open(self.path("first"), encoding="utf-8") as first:
            self.assertEqual(json.load(first), self.key_file("alice"))

    def test_a_passphrase_is_changed(self):
        self.succeed("key", "generate", "--name", "erin", "--passphrase-from", "file:pw", module=None)
        self.write("new", "canary another passphrase\n")
        self.succeed("key", "passwd", "erin.pem", "--passphrase-from", "file:pw", "--new-passphrase-from", "file:new",
                     module=None)
        proof = ("key", "proof", "--key", "erin.pem", "--nonce", "01", "--passphrase-from")
        self.fail_with(NEEDS_PERSON, "E_AUTH", *proof, "file:pw", module=None)
        self.succeed(*proof, "file:new", module=None)

    def test_probe_tries_what_the_key_can(self):
        self.generate("alice")
        self.generate("bob", "rsa-3072")
        found = json.loads(self.succeed("--json", "token", "probe", "pkcs11:token=ceremony;object=alice", "--pin-from",
                                        "file:pin"))["mechanisms"]
        self.assertEqual(found["CKM_ECDSA"], "works")
        self.assertIn("CKR_MECHANISM_INVALID", found["CKM_ECDSA_SHA256"])
        found = json.loads(self.succeed("--json", "token", "probe", "pkcs11:token=ceremony;object=bob", "--pin-from",
                                        "file:pin"))["mechanisms"]
        self.assertEqual(found, {"CKM_RSA_PKCS_PSS": "works", "CKM_SHA256_RSA_PKCS_PSS": "works"})


class Mistakes(TokenCli):
    def test_a_wrong_pin(self):
        self.generate("alice")
        self.write("wrong", "canary-0000")
        message = self.fail_with(NEEDS_PERSON, "E_AUTH", "token", "probe", "pkcs11:token=ceremony;object=alice",
                                 "--pin-from", "file:wrong")
        self.assertIn("few tries are left", message)

    def test_two_tokens_alike(self):
        self.add_token("ceremony")
        self.assertIn("2 tokens fit", self.fail_with(
            REFUSED, "E_POLICY", "token", "probe", "pkcs11:token=ceremony", "--pin-from", "file:no-such-file"))

    def test_a_pin_in_the_uri(self):
        self.fail_with(USAGE, "E_USAGE", "token", "probe", "pkcs11:token=ceremony?pin-value=canary")

    def test_no_terminal_to_ask_for_the_pin(self):
        self.generate("alice")
        message = self.fail_with(NEEDS_PERSON, "E_AUTH", "token", "probe", "pkcs11:token=ceremony;object=alice")
        self.assertIn("--pin-from fd:N or file:PATH", message)

    def test_rsa_in_a_file(self):
        self.assertIn("in tokens alone", self.fail_with(
            REFUSED, "E_POLICY", "key", "generate", "--name", "x", "--type", "rsa-3072", "--passphrase-from", "file:pw",
            module=None))

    def test_a_dry_run_makes_nothing_and_asks_for_no_pin(self):
        out = self.succeed("key", "generate", "--token", "pkcs11:token=ceremony", "--name", "alice", "--dry-run",
                           "--pin-from", "file:no-such-file")
        self.assertIn("would make", out)
        self.assertFalse(os.path.exists(self.path("alice.tenon-key")))

    # Book: KEYT-24
    def test_a_key_whose_file_cannot_be_written_is_removed_from_the_token(self):
        message = self.fail_with(DEVICE, "E_STORAGE", "key", "generate", "--token", "pkcs11:token=ceremony", "--name",
                                 "alice", "--out", "no-such-folder", "--pin-from", "file:pin")
        self.assertIn("removed from the token", message)
        self.fail_with(DEVICE, "E_HW", "token", "probe", "pkcs11:token=ceremony;object=alice", "--pin-from", "file:pin")

    def test_the_agent_does_nothing_for_those_who_are_not_its_program(self):
        done = subprocess.run([PROGRAM, "token-agent"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (1, b"", b""))


class Canary(TokenCli):
    def processes(self):
        """The pids that run the program."""
        found = []
        for link in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(link, "rb") as file:
                    words = file.read()
            except OSError:
                continue
            if PROGRAM.encode() in words or b"tenon-token-agent" in words:
                found.append((os.path.dirname(link), words))
        return found

    # Book: KEYT-15
    # Book: KEYT-16
    def test_the_pin_is_in_no_argument_environment_or_file_while_the_token_signs(self):
        self.generate("alice")
        self.write("script", f"wrap {SOFTHSM}\nlog {self.path('calls')}\nC_Sign 1 sleep\n")
        self.environment["TENON_FAULTY_PKCS11"] = self.path("script")
        with open(self.path("pin"), encoding="utf-8") as pin:
            running = subprocess.Popen(
                [PROGRAM, "token", "probe", "pkcs11:token=ceremony;object=alice", "--pkcs11-module", FAULTY, "--pin-from",
                 f"fd:{pin.fileno()}", "--token-timeout", "5"], cwd=self.folder, env=self.environment,
                pass_fds=(pin.fileno(),), start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.wait_for_call("\nC_Sign\n")
            seen = self.processes()
            self.assertGreaterEqual(len(seen), 2)
            for process, words in seen:
                self.assertNotIn(b"canary", words)
                try:
                    with open(process + "/environ", "rb") as file:
                        self.assertNotIn(b"canary", file.read())
                except OSError:
                    pass  # not dumpable: only root may read it
            out, err = running.communicate(timeout=60)
        self.assertNotIn("canary", out + err)
        self.assertIn("did not answer within 5 s", out)
        os.remove(self.path("pin"))
        os.remove(self.path("pw"))
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(b"canary", file.read(), name)

    def wait_for_call(self, text):
        for _ in range(3000):
            try:
                with open(self.path("calls"), encoding="utf-8") as log:
                    if text in log.read():
                        return
            except OSError:
                pass
            time.sleep(0.01)
        self.fail("the module was never asked to sign")


class Linking(unittest.TestCase):
    # Book: KEYT-12
    def test_the_program_calls_no_socket_code(self):
        symbols = subprocess.run(["nm", "-D", "--undefined-only", PROGRAM], capture_output=True, text=True, check=True).stdout
        names = {line.split()[-1].split("@")[0] for line in symbols.splitlines() if line.split()}
        self.assertFalse(names & {"socket", "connect", "bind", "listen", "accept", "accept4", "socketpair", "getaddrinfo"})


if __name__ == "__main__":
    unittest.main()
