"""A release that CI builds and that two people sign offline: tenon-repo and tenon-keyctl exchange nothing but files.

TENON_BIN_DIR names the folder of the programs.
"""
import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "keyctl"))
import ceremonies_test
from people import BIN, NEEDS_PERSON, REFUSED, Terminal

REPO = os.path.abspath(os.path.join(BIN, "tenon-repo"))
UNVERIFIED = 5
STAGED = "../online/repo/staging"
PUBLIC = "../online/repo/public"


class OfflineRelease(ceremonies_test.Ceremony):
    """The machine of the online key is the server; it holds CI's key for channels too, and no key that anybody signs a release with."""

    def setUp(self):
        super().setUp()
        for name in ("rita", "rob", "ci"):
            self.person(name)
        self.first_root()
        self.server = self.people["online"]
        self.people["ci"].give(self.server, "ci.pem", "ci.tenon-key")
        self.coordinator.give(self.server, "1.root.json", "1.policy.json", "rita.tenon-key", "rob.tenon-key")
        for name in ("frank", "grace", "rita", "rob"):
            self.coordinator.give(self.people[name], "1.root.json")
            status, seen = Terminal(self.people[name].folder, ["--home", "home", "root", "trust", "1.root.json",
                                                               "--repository", "acme-fw"]).answer("Type \"", None)
            self.assertEqual(status, 0, seen)
        self.repo("init", "repo", "--root", "1.root.json", "--policy", "1.policy.json", "--product", "demo",
                  "--releases-key", "rita.tenon-key", "--releases-key", "rob.tenon-key", "--rollout-key",
                  "ci.tenon-key")

    def repo(self, *words, status=0):
        done = subprocess.run([REPO, *words], cwd=self.server.folder, stdin=subprocess.DEVNULL, start_new_session=True,
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, status, " ".join(words) + "\n" + done.stdout + done.stderr)
        return done.stdout + done.stderr

    def sign_here(self, *keys, status=0):
        words = [word for key in keys for word in ("--key", f"{key}.pem")]
        return self.repo("sign", "repo", *words, "--passphrase-from", "file:pw", status=status)

    def stage(self, version, sequence, *more):
        with open(self.server.path("rootfs.img"), "wb") as file:
            file.write(f"image {version} ".encode() * 9000)
        self.repo("release", "add", "repo", "--product", "demo", "--version", version, "--sequence", str(sequence),
                  "--hardware", "camera-2", "--image", "rootfs=rootfs.img", *more)
        self.repo("channel", "set", "repo", "--product", "demo", "--channel", "stable", "--release", version)
        self.sign_here("ci", status=NEEDS_PERSON)

    def merge(self, request, responses):
        """The merged files go back to the server."""
        merged = self.coordinator.as_json("response", "merge", request, *responses)["files"]
        self.coordinator.give(self.server, *merged)
        return [os.path.basename(name) for name in merged]

    def publish(self):
        self.sign_here("online")
        self.repo("publish", "repo")

    def installs(self):
        report = json.loads(self.repo("--json", "verify", "repo", "--as-client"))
        return [channel["release"]["version"] for channel in report["channels"]]

    def publish_first(self):
        """Targets and the first release in one request: who may sign a release, and one that they sign."""
        self.stage("1.0.0", 1)
        self.request("first.tenon-request", [f"{STAGED}/metadata/targets.json",
                                             f"releases.demo={STAGED}/metadata/releases.demo.json"],
                     "--child", f"rollout.demo={STAGED}/metadata/rollout.demo.json", "--targets", f"{STAGED}/targets",
                     "--reason", "product demo begins", people=["rita", "rob", "ci"])
        responses = self.sign("first.tenon-request", ["frank", "grace", "rita", "rob"])
        self.repo("import", "repo", *self.merge("first.tenon-request", responses))
        self.publish()

    def request_release(self, *more):
        return ("request", "create", "--repository", "acme-fw", "-o", "release.tenon-request", "--draft",
                f"releases.demo={STAGED}/metadata/releases.demo.json", "--delegator", f"{PUBLIC}/metadata/1.targets.json",
                "--previous", f"releases.demo={PUBLIC}/metadata/1.releases.demo.json", *more)

    def test_two_release_managers_sign_what_they_are_shown_and_a_client_installs_it(self):
        self.publish_first()
        self.assertEqual(self.installs(), ["1.0.0"])
        self.stage("1.1.0", 2, "--floor", "2", "--notes", "a fix")
        self.coordinator.succeed(*self.request_release("--targets", f"{STAGED}/targets", "--reason", "release 1.1.0"))
        self.coordinator.give(self.people["rita"], "release.tenon-request")
        shown = self.people["rita"].succeed("request", "show", "release.tenon-request")
        for part in ("1.1.0", "camera-2", "sequence 2", "floor 2", "rootfs", "a fix", "releases.demo: 2 of 2: rita ("):
            self.assertIn(part, shown)
        responses = self.sign("release.tenon-request", ["rita", "rob"])
        done = self.coordinator.run("response", "merge", "release.tenon-request", responses[0])
        self.assertEqual(done.returncode, NEEDS_PERSON, done.stderr)
        self.assertIn("missing rob", done.stdout)
        files = self.merge("release.tenon-request", responses)
        self.assertIn("2 signatures added", self.repo("import", "repo", *files))
        self.publish()
        self.assertEqual(self.installs(), ["1.1.0"])

    def test_what_was_signed_is_not_joined_to_another_draft(self):
        self.publish_first()
        self.stage("1.1.0", 2)
        self.coordinator.succeed(*self.request_release("--targets", f"{STAGED}/targets", "--reason", "release 1.1.0"))
        files = self.merge("release.tenon-request", self.sign("release.tenon-request", ["rita", "rob"]))
        self.stage("1.2.0", 3)
        said = self.repo("import", "repo", *files, status=UNVERIFIED)
        self.assertIn("E_MISMATCH", said)
        self.assertIn("demo/releases/1.2.0/release.json", said)

    def test_a_release_that_nobody_could_look_at_is_not_asked_for(self):
        self.publish_first()
        self.stage("1.1.0", 2)
        message = self.coordinator.run(*self.request_release("--reason", "release 1.1.0"))
        self.assertNotEqual(message.returncode, 0)
        self.assertIn("demo/releases/1.1.0/release.json", message.stderr)

    def test_what_the_policy_forbids_is_not_published(self):
        self.publish_first()
        self.repo("renew", "repo", "--role", "rollout.demo", "--expires-in", "300d")
        self.sign_here("ci", "online")
        said = self.repo("publish", "repo", status=REFUSED)
        self.assertIn("2.rollout.demo.json: P08", said)
        self.assertIn("expected within 31 days", said)


if __name__ == "__main__":
    unittest.main()
