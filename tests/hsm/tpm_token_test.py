"""Keys in a TPM: swtpm, started here on a free port of loopback, behind tpm2-pkcs11. The second kind of real token, which
differs from SoftHSM wherever the standard lets it.

TENON_BIN_DIR names the folder of the program.
"""
import glob
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.join(os.environ.get("TENON_BIN_DIR", "build/dev/bin"), "tenon-keyctl")
PIN = "canary-4711"
NEEDED = ("swtpm", "swtpm_setup", "tpm2_ptool", "tpm2_flushcontext", "pkcs11-tool")
NEEDS_PERSON, REFUSED = 7, 4


def module():
    found = glob.glob("/usr/lib/*/pkcs11/libtpm2_pkcs11.so")
    return found[0] if found else None


def free_ports():
    """Two ports, one after the other, that nobody listens on: tpm2-tss takes the second one as the control port."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


class Tpm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = cls.temporary.name
        for name in ("state", "store"):
            os.mkdir(cls.path(name))
        cls.write("pin", PIN + "\n")
        port = free_ports()
        tcti = f"swtpm:host=127.0.0.1,port={port}"
        cls.environment = {"PATH": os.environ["PATH"], "TPM2TOOLS_TCTI": tcti, "TPM2_PKCS11_TCTI": tcti,
                           "TPM2_PKCS11_STORE": cls.path("store"), "HOME": cls.folder, "XDG_CONFIG_HOME": cls.folder}
        cls.run_tool("swtpm_setup", "--tpm2", "--tpmstate", cls.path("state"), "--lock-nvram")
        cls.tpm = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", "dir=" + cls.path("state"),
             "--server", f"type=tcp,port={port},bindaddr=127.0.0.1", "--ctrl", f"type=tcp,port={port + 1},bindaddr=127.0.0.1",
             "--flags", "not-need-init,startup-clear"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.addClassCleanup(cls.stop)
        cls.run_tool("tpm2_ptool", "init")
        cls.run_tool("tpm2_flushcontext", "-t")
        tool = ("pkcs11-tool", "--module", module())
        cls.run_tool(*tool, "--slot-index", "0", "--init-token", "--label", "ceremony", "--so-pin", "so123456")
        cls.run_tool(*tool, "--token-label", "ceremony", "--init-pin", "--so-pin", "so123456", "--pin", PIN)

    @classmethod
    def stop(cls):
        cls.tpm.terminate()
        cls.tpm.wait()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)

    @classmethod
    def write(cls, name, text):
        with open(cls.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(cls.path(name), 0o600)

    @classmethod
    def run_tool(cls, *words):
        done = subprocess.run(words, cwd=cls.folder, env=cls.environment, capture_output=True, text=True, timeout=120,
                              check=False)
        if done.returncode != 0:
            raise AssertionError(f"{words}: {done.stdout}{done.stderr}")

    def keyctl(self, *arguments, pin="pin"):
        done = subprocess.run([PROGRAM, *arguments, "--pkcs11-module", module(), "--pin-from", "file:" + pin],
                              cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=200, check=False)
        self.assertNotIn("canary", done.stdout + done.stderr)
        return done

    def succeed(self, *arguments):
        done = self.keyctl(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def check_key(self, key_type, name):
        self.succeed("key", "generate", "--token", "pkcs11:token=ceremony", "--type", key_type, "--name", name)
        with open(self.path(name + ".tenon-key"), encoding="utf-8") as file:
            token = json.load(file)["token"]
        self.assertEqual((token["label"], token["local"], token["never_extractable"]), ("ceremony", True, True))
        self.succeed("key", "proof", "--key", name + ".tenon-key", "--nonce", "c0ffee")

    def test_p256_keys_are_made_and_sign(self):
        self.check_key("ecdsa-p256", "alice")

    def test_rsa_3072_keys_are_made_and_sign_though_the_module_does_not_list_the_mechanism(self):
        self.check_key("rsa-3072", "bob")

    def test_ed25519_is_refused_with_what_to_take_instead(self):
        done = self.keyctl("key", "generate", "--token", "pkcs11:token=ceremony", "--type", "ed25519", "--name", "carol")
        self.assertEqual(done.returncode, REFUSED, done.stderr)
        self.assertIn("ecdsa-p256", done.stderr)
        self.assertFalse(os.path.exists(self.path("carol.tenon-key")))

    # Book: KEYT-09
    def test_z_a_wrong_pin_is_sent_once(self):
        self.write("wrong", "canary-0000")
        done = self.keyctl("token", "probe", "pkcs11:token=ceremony", pin="wrong")
        self.assertEqual(done.returncode, NEEDS_PERSON, done.stderr)
        self.assertIn("wrong PIN", done.stderr)


if __name__ == "__main__":
    if module() is None or not all(shutil.which(tool) for tool in NEEDED):
        print("needs " + ", ".join(NEEDED) + " and tpm2-pkcs11")
        sys.exit(77)
    unittest.main()
