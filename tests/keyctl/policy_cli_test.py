"""tenon-keyctl policy as a process: build, show, explain, check, and what it answers to bad input.

TENON_BIN_DIR and TENON_SOURCE_DIR name the folders of the program and of the sources.
"""
import json
import os
import subprocess
import tempfile
import unittest

PROGRAM = os.path.join(os.path.abspath(os.environ.get("TENON_BIN_DIR", "build/dev/bin")), "tenon-keyctl")
POLICIES = os.path.join(os.environ.get("TENON_SOURCE_DIR", os.getcwd()), "policies")
DEFAULT = os.path.join(POLICIES, "default.toml")
LAB = os.path.join(POLICIES, "lab.toml")
USAGE, REFUSED, UNVERIFIED, DEVICE = 2, 4, 5, 8


class Policy(unittest.TestCase):
    """Runs in an empty folder, without a terminal."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), 0o600)

    def run_keyctl(self, *arguments):
        return subprocess.run([PROGRAM, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60, check=False)

    def succeed(self, *arguments):
        done = self.run_keyctl(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def fail_with(self, status, code, *arguments):
        done = self.run_keyctl(*arguments)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertIn("error: " + code + " ", done.stderr)
        return done.stderr

    def build(self, source, output, *more):
        return self.succeed("policy", "build", source, "-o", output, "--repository", "demo", "--expires-in", "300d", *more)

    def make_root(self, threshold="2"):
        self.write("pw", "correct horse battery staple\n")
        for name in ("alice", "bob", "online"):
            self.succeed("key", "generate", "--name", name, "--passphrase-from", "file:pw")
        self.succeed("root", "init", "-o", "1.root.json", "--expires-in", "365d", "--root-threshold", threshold, "--root",
                     "alice.tenon-key", "--root", "bob.tenon-key", "--targets", "alice.tenon-key", "--snapshot",
                     "online.tenon-key", "--timestamp", "online.tenon-key")


class Build(Policy):
    def test_it_writes_an_envelope_that_nobody_has_signed(self):
        self.build(DEFAULT, "policy.json", "--version", "7")
        with open(self.path("policy.json"), encoding="utf-8") as file:
            envelope = json.load(file)
        self.assertEqual(envelope["signatures"], [])
        self.assertEqual(envelope["signed"]["_type"], "x-policy")
        self.assertEqual(envelope["signed"]["version"], 7)
        self.assertEqual(envelope["signed"]["repository"], "demo")
        self.assertEqual(envelope["signed"]["roles"]["root"]["min_threshold"], 3)
        shown = json.loads(self.succeed("policy", "show", "policy.json", "--json"))
        self.assertEqual(shown["policy"], envelope["signed"])

    def test_it_names_the_line_of_a_key_that_is_not_known(self):
        self.write("p.toml", "[roles.root]\nmin_keys = 5\nmin_kyes = 3\n")
        message = self.fail_with(USAGE, "E_USAGE", "policy", "build", "p.toml", "-o", "p.json")
        self.assertIn('p.toml, line 3: "min_kyes" is not known in [roles.root]', message)
        self.assertFalse(os.path.exists(self.path("p.json")))

    def test_it_builds_nothing_that_nobody_could_sign_under(self):
        self.fail_with(USAGE, "E_USAGE", "policy", "build", DEFAULT, "-o", "p.json", "--expires-in", "9d")
        self.fail_with(UNVERIFIED, "E_EXPIRED", "policy", "build", DEFAULT, "-o", "p.json", "--repository", "demo")
        self.fail_with(USAGE, "E_USAGE", "policy", "build", DEFAULT, "-o", "p.json", "--repository", "a/b", "--expires-in", "9d")
        self.write("p.toml", '[[waivers]]\nrule = "P99"\nuntil = "2027-01-01T00:00:00Z"\nreason = "x"\napproved_by = ["a"]\n')
        message = self.fail_with(REFUSED, "E_POLICY", "policy", "build", "p.toml", "-o", "p.json", "--repository", "demo",
                                 "--expires-in", "9d")
        self.assertIn("P99", message)
        self.assertFalse(os.path.exists(self.path("p.json")))

    def test_it_replaces_a_file_only_when_told(self):
        self.build(DEFAULT, "policy.json")
        self.fail_with(REFUSED, "E_POLICY", "policy", "build", DEFAULT, "-o", "policy.json", "--repository", "demo",
                       "--expires-in", "9d")
        self.build(DEFAULT, "policy.json", "--force")


class Show(Policy):
    def test_it_escapes_nothing_since_nothing_to_escape_gets_in(self):
        self.write("p.toml", '[custodians]\n"2f64" = { name = "A\\u001b[2J", org = "Acme", since = "2026-11-22" }\n')
        message = self.fail_with(USAGE, "E_USAGE", "policy", "show", "p.toml")
        self.assertNotIn("\x1b", message)
        self.assertIn("p.toml, line 2: ", message)

    def test_it_refuses_what_is_no_policy(self):
        self.make_root()
        self.fail_with(UNVERIFIED, "E_PARSE", "policy", "show", "1.root.json")
        self.write("empty.json", "")
        self.fail_with(UNVERIFIED, "E_PARSE", "policy", "show", "empty.json")
        self.write("large.json", "[" + "1," * 400_000 + "1]")
        self.fail_with(UNVERIFIED, "E_LIMIT", "policy", "show", "large.json")
        self.fail_with(DEVICE, "E_STORAGE", "policy", "show", "absent.json")


class Explain(Policy):
    def test_it_explains_all_rules_or_one(self):
        rules = json.loads(self.succeed("policy", "explain", "--json"))["rules"]
        self.assertEqual([rule["rule"] for rule in rules], ["P%02d" % number for number in range(1, 37)])
        self.assertIn("what to do: ", self.succeed("policy", "explain", "P21"))
        self.fail_with(USAGE, "E_USAGE", "policy", "explain", "P99")


class Check(Policy):
    def test_a_lab_root_is_refused_by_the_default_policy_and_not_by_the_lab_s(self):
        self.make_root()
        self.build(DEFAULT, "policy.json")
        self.build(LAB, "lab.json")
        self.assertIn("passed\n", self.succeed("policy", "check", "--policy", "lab.json", "--root", "1.root.json"))
        done = self.run_keyctl("policy", "check", "--policy", "policy.json", "--root", "1.root.json", "--json")
        self.assertEqual(done.returncode, REFUSED, done.stderr)
        verdict = json.loads(done.stdout)
        self.assertTrue(verdict["refused"])
        by_rule = {finding["rule"]: finding for finding in verdict["findings"]}
        self.assertEqual(by_rule["P01"], {
            "rule": "P01", "severity": "error", "title": "root has enough keys", "place": "roles/root/keys",
            "expected": "5 or more", "found": "2", "source": "rust-tuf documentation; Sigstore; Uptane"})
        self.assertIn("P24", verdict["not_asked"])
        self.assertIn("nobody has to follow this policy yet: signed by 0 of the root keys, 2 must", done.stderr)

    def test_a_key_in_a_file_is_no_key_in_hardware(self):
        self.make_root()
        self.build(DEFAULT, "policy.json")
        check = ("policy", "check", "--policy", "policy.json", "--root", "1.root.json")
        self.assertNotIn("P17", self.run_keyctl(*check).stdout)
        self.assertIn("found a key in a file", self.run_keyctl(*check, "--key-file", "alice.tenon-key").stdout)

    def test_a_root_that_skips_a_version_is_refused(self):
        self.make_root()
        self.build(LAB, "lab.json")
        with open(self.path("1.root.json"), encoding="utf-8") as file:
            root = json.load(file)
        root["signed"]["version"] = 3
        self.write("3.root.json", json.dumps(root))
        done = self.run_keyctl("policy", "check", "--policy", "lab.json", "--root", "3.root.json", "--previous", "1.root.json")
        self.assertEqual(done.returncode, REFUSED)
        self.assertIn("root/version: expected 1 more than 1; found 3", done.stdout)

    def test_a_waiver_is_shown_and_ends(self):
        self.make_root()
        with open(LAB, encoding="utf-8") as file:
            lab = file.read().replace("min_keys = 1", "min_keys = 3", 1)
        for until, status in (("2100-01-01T00:00:00Z", 0), ("2020-01-01T00:00:00Z", REFUSED)):
            self.write("p.toml", lab + f'[[waivers]]\nrule = "P01"\nuntil = "{until}"\nreason = "soon"\napproved_by = ["a"]\n')
            self.build("p.toml", "p.json", "--force")
            done = self.run_keyctl("policy", "check", "--policy", "p.json", "--root", "1.root.json")
            self.assertEqual(done.returncode, status, done.stdout)
            self.assertIn(("waived until " if status == 0 else "a waiver ended ") + until + ": soon", done.stdout)


if __name__ == "__main__":
    unittest.main()
