"""integration/ci: the shell steps of each template, run as its jobs run them: each in a folder of its own, with nothing
in the environment but the variables that it names, keys in a SoftHSM token, artifacts copied from job to job.

TENON_BIN_DIR and TENON_SOURCE_DIR name the folders of the programs and of the sources.
"""
import os
import re
import shutil
import subprocess
import tempfile
import textwrap
import unittest
from pathlib import Path

import repo_cli_test
from lab_root import sign_root
from repo_cli_test import BIN, KEYCTL, run

SOURCE = Path(os.environ.get("TENON_SOURCE_DIR", ".")).resolve()
SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "canary-4711"
IN_TOKEN = ("releases", "rollout", "online")
SECRETS = {"TENON_PIN", "TENON_PIN_FILE", "TENON_KEYS_RELEASES", "TENON_KEYS_ROLLOUT", "TENON_KEYS_ONLINE"}
VARIABLE = re.compile(r"\$(TENON_\w+)")


def github(text):
    return {name: textwrap.dedent(script) for name, script in
            re.findall(r"^  (\w+):\n(?:(?!  \w).*\n)*?      (?:- |  )run: \|\n((?:          .*\n)+)", text, re.M)}


def gitlab(text):
    return {name: re.sub("^    - ", "", script, flags=re.M) for name, script in
            re.findall(r"^(\w+):\n(?:  .*\n)*?  script:\n((?:    - .*\n)+)", text, re.M)}


def jenkins(text):
    return {name: textwrap.dedent(script) for name, script in
            re.findall(r"stage\('(\w+)'\) \{.*?sh '''\n(.*?)'''", text, re.S)}


TEMPLATES = {("github-release.yml",): (github, "bash"), ("gitlab-release.yml",): (gitlab, "sh"),
             ("Jenkinsfile", "Jenkinsfile.refresh"): (jenkins, "sh")}


class Templates(repo_cli_test.Repo):
    @classmethod
    def setUpClass(cls):
        cls.keys = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.keys)
        cls.make_token()

        def keyctl(*words):
            done = run(KEYCTL, "--home", "keyctl-home", *words, folder=cls.keys)
            assert done.returncode == 0, done.stderr
            return done.stdout
        for name in ("root", "targets"):
            keyctl("key", "generate", "--name", name, "--passphrase-from", "file:pw")
        for name in IN_TOKEN:
            keyctl("key", "generate", "--name", name, "--token", "pkcs11:token=ci", "--pkcs11-module", SOFTHSM,
                   "--pin-from", "file:pin")
        keyctl("root", "init", "--lab", "-o", "1.root.draft", "--expires-in", "365d", "--root-threshold", "1", "--root",
               "root.tenon-key", "--targets", "targets.tenon-key", "--snapshot", "online.tenon-key", "--timestamp",
               "online.tenon-key")
        sign_root(keyctl, cls.keys, [os.path.join(cls.keys, "root.pem")], "--passphrase-from", "file:pw")

    @classmethod
    def make_token(cls):
        os.mkdir(os.path.join(cls.keys, "tokens"))
        for name, text in (("pw", "canary correct horse battery\n"), ("pin", PIN),
                           ("softhsm2.conf", f"directories.tokendir = {cls.keys}/tokens\n")):
            with open(os.path.join(cls.keys, name), "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(file.name, 0o600)
        os.environ["SOFTHSM2_CONF"] = os.path.join(cls.keys, "softhsm2.conf")
        cls.addClassCleanup(os.environ.pop, "SOFTHSM2_CONF")
        made = run("softhsm2-util", "--init-token", "--free", "--label", "ci", "--so-pin", "12345678", "--pin", PIN,
                   folder=cls.keys)
        assert made.returncode == 0, made.stderr

    def make_state(self):
        """What whoever sets CI up has made by hand: a repository whose delegations are signed and published."""
        shutil.rmtree(self.path("state"), ignore_errors=True)
        self.succeed("init", "state", "--lab", "--root", "1.root.json", "--product", "demo", "--releases-key",
                     "releases.tenon-key", "--releases-threshold", "1", "--rollout-key", "rollout.tenon-key")
        self.repo("sign", "--key", "targets.pem", "--passphrase-from", "file:pw", "state")
        for name in ("releases", "rollout"):  # the first, empty versions
            self.repo("sign", "--key", self.uri(name), "--pkcs11-module", SOFTHSM, "--pin-from", "file:pin", "state")
        self.succeed("sign", "--key", self.uri("online"), "--pkcs11-module", SOFTHSM, "--pin-from", "file:pin", "state")
        self.succeed("publish", "state")

    @staticmethod
    def uri(name):
        return f"pkcs11:token=ci;object={name}"

    def values(self, version="1.0.0"):
        return {"TENON_STATE": self.path("state"), "TENON_PRODUCT": "demo", "TENON_HARDWARE": "demo-board",
                "TENON_CHANNEL": "stable", "TENON_SHARE": "100%", "TENON_IMAGE": self.path("rootfs.img"),
                "TENON_VERSION": version, "TENON_PKCS11_MODULE": SOFTHSM, "TENON_PIN": PIN,
                "TENON_PIN_FILE": self.path("pin"), "TENON_KEYS_RELEASES": self.uri("releases"),
                "TENON_KEYS_ROLLOUT": self.uri("rollout"), "TENON_KEYS_ONLINE": self.uri("online")}

    def job(self, shell, script, values, artifact=None):
        """Runs a job; gives its process and the folder where it ran."""
        folder = tempfile.mkdtemp(dir=self.folder)
        if artifact:
            shutil.copytree(os.path.join(artifact, "repo"), os.path.join(folder, "repo"))
        environment = {name: values[name] for name in set(VARIABLE.findall(script))}
        environment |= {"PATH": f"{os.path.abspath(BIN)}:/usr/bin:/bin", "HOME": folder}
        if "TENON_PKCS11_MODULE" in environment:
            environment["SOFTHSM2_CONF"] = os.environ["SOFTHSM2_CONF"]
        done = subprocess.run([shell, "-e", "-c", script], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertNotIn("canary", done.stdout + done.stderr)
        return done, folder

    def pipeline(self, shell, jobs, values):
        artifact = None
        for name in ("draft", "sign", "publish"):
            done, artifact = self.job(shell, jobs[name], values, artifact)
            self.assertEqual(done.returncode, 0, f"{name}: {done.stdout}{done.stderr}")

    @staticmethod
    def each():
        for names, (parse, shell) in TEMPLATES.items():
            text = "".join((SOURCE / "integration/ci" / name).read_text() for name in names)
            yield names[0], parse(text), shell

    def test_a_tag_becomes_a_release_and_a_timer_keeps_it_fresh(self):
        for name, jobs, shell in self.each():
            with self.subTest(name):
                self.make_state()
                self.pipeline(shell, jobs, self.values())
                self.assertIn("stable  1.0.0, serial 1", self.succeed("list", "state"))
                done, _ = self.job(shell, jobs["refresh"], self.values())
                self.assertEqual(done.returncode, 0, done.stderr)
                self.image("rootfs.img", 2)
                self.pipeline(shell, jobs, self.values("1.1.0"))
                self.assertIn("demo-board@1.0.0: 1.1.0 (sequence 2) is to be installed",
                              self.succeed("verify", "state", "--as-client", "--simulate-device", "demo-board@1.0.0"))

    def test_no_job_has_rights_that_it_does_not_need(self):
        for name, jobs, _ in self.each():
            with self.subTest(name):
                self.assertEqual(set(jobs), {"draft", "sign", "publish", "refresh"})
                for job in ("draft", "publish"):
                    self.assertEqual(SECRETS & set(VARIABLE.findall(jobs[job])), set(), job)
                writes = [job for job, script in jobs.items() if re.search(r'rsync .*"\$TENON_STATE[^"]*"$', script, re.M)]
                self.assertEqual(writes, ["publish", "refresh"])
                self.assertEqual(SECRETS & set(VARIABLE.findall(jobs["refresh"])) - {"TENON_PIN", "TENON_PIN_FILE"},
                                 {"TENON_KEYS_ONLINE"})

    # Book: SRV-19
    def test_what_others_wrote_becomes_no_part_of_a_script(self):
        for name, jobs, shell in self.each():
            with self.subTest(name):
                for script in jobs.values():
                    self.assertEqual(re.findall(r"\$(?!TENON_)|`", script), [])
                    for line in script.splitlines():
                        self.assertEqual(VARIABLE.findall(re.sub(r'"[^"]*"', "", line)), [], line)
                self.make_state()
                for hostile in ("1.0.0$(touch pwned)", "1.0.0; touch pwned", "`touch pwned`", "--help", "../1"):
                    done, folder = self.job(shell, jobs["draft"], self.values(hostile))
                    self.assertNotEqual(done.returncode, 0, hostile)
                    self.assertFalse(os.path.exists(os.path.join(folder, "pwned")))

    def test_a_timestamp_that_was_published_meanwhile_asks_for_another_signature(self):
        for name, jobs, shell in self.each():
            with self.subTest(name):
                self.make_state()
                _, draft = self.job(shell, jobs["draft"], self.values())
                _, signed = self.job(shell, jobs["sign"], self.values(), draft)
                self.assertEqual(self.job(shell, jobs["refresh"], self.values())[0].returncode, 0)
                done, _ = self.job(shell, jobs["publish"], self.values(), signed)
                self.assertIn("was published since this one was signed", done.stderr)
                _, signed = self.job(shell, jobs["sign"], self.values(), signed)
                done, _ = self.job(shell, jobs["publish"], self.values(), signed)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("stable  1.0.0, serial 1", self.succeed("list", "state"))

    def test_of_two_tags_at_once_the_second_is_drafted_again(self):
        for name, jobs, shell in self.each():
            with self.subTest(name):
                self.make_state()
                _, first = self.job(shell, jobs["draft"], self.values())
                _, second = self.job(shell, jobs["draft"], self.values("1.1.0"))
                _, first = self.job(shell, jobs["sign"], self.values(), first)
                self.assertEqual(self.job(shell, jobs["publish"], self.values(), first)[0].returncode, 0)
                done, _ = self.job(shell, jobs["sign"], self.values("1.1.0"), second)
                self.assertIn("was published since this one was drafted", done.stderr)
                self.pipeline(shell, jobs, self.values("1.1.0"))
                listed = self.succeed("list", "state")
                for version in ("1.0.0  sequence 1", "1.1.0  sequence 2", "stable  1.1.0, serial 2"):
                    self.assertIn(version, listed)


if __name__ == "__main__":
    unittest.main()
