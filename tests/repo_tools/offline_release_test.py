"""A release that CI builds and that two people sign offline: tenon-repo and tenon-keyctl exchange nothing but files.

TENON_BIN_DIR names the folder of the programs.
"""
import functools
import http.server
import json
import os
import subprocess
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "keyctl"))
import ceremonies_test
from people import BIN, NEEDS_PERSON, REFUSED, UNVERIFIED

CLIENT = os.path.abspath(os.path.join(BIN, "tenon-tuf-client"))
REPO = os.path.abspath(os.path.join(BIN, "tenon-repo"))
STAGED = "../online/repo/staging"
PUBLIC = "../online/repo/public"


class Server(ceremonies_test.Ceremony):
    """The machine of the online key is the server; it holds CI's key for channels too, and no key that anybody signs a
    release with."""

    def setUp(self):
        super().setUp()
        self.person("ci")
        self.server = self.people["online"]
        self.people["ci"].give(self.server, "ci.pem", "ci.tenon-key")
        self.coordinator.give(self.server, "1.root.json", "1.policy.json", "judy.tenon-key", "mike.tenon-key")
        for name in ("frank", "grace", "judy", "mike"):
            self.trust_root(name)
        self.repo("init", "repo", "--root", "1.root.json", "--policy", "1.policy.json", "--product", "demo",
                  "--releases-key", "judy.tenon-key", "--releases-key", "mike.tenon-key", "--rollout-key",
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

    def bring_back(self, request, responses):
        """The merged files go to the server."""
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
                     "--reason", "product demo begins", people=["judy", "mike", "ci"])
        # The policy names nobody for CI's key, so the age of that is not known.
        responses = self.sign("first.tenon-request", ["frank", "grace", "judy", "mike"], more=("--ack", "P33"))
        self.repo("import", "repo", *self.bring_back("first.tenon-request", responses))
        self.publish()

    def request_release(self, *more):
        return ("request", "create", "--repository", "acme-fw", "-o", "release.tenon-request", "--draft",
                f"releases.demo={STAGED}/metadata/releases.demo.json", "--delegator", f"{PUBLIC}/metadata/1.targets.json",
                "--previous", f"releases.demo={PUBLIC}/metadata/1.releases.demo.json", *more)


class OfflineRelease(Server):
    def test_two_release_managers_sign_what_they_are_shown_and_a_client_installs_it(self):
        self.publish_first()
        self.assertEqual(self.installs(), ["1.0.0"])
        self.stage("1.1.0", 2, "--floor", "2", "--notes", "a fix")
        self.coordinator.succeed(*self.request_release("--targets", f"{STAGED}/targets", "--reason", "release 1.1.0"))
        self.coordinator.give(self.people["judy"], "release.tenon-request")
        shown = self.people["judy"].succeed("request", "show", "release.tenon-request")
        for part in ("1.1.0", "camera-2", "sequence 2", "floor 2", "rootfs", "a fix", "releases.demo: 2 of 2: judy ("):
            self.assertIn(part, shown)
        responses = self.sign("release.tenon-request", ["judy", "mike"])
        self.assertIn("missing mike", self.merge("release.tenon-request", responses[:1], NEEDS_PERSON))
        files = self.bring_back("release.tenon-request", responses)
        self.assertIn("2 signatures added", self.repo("import", "repo", *files))
        self.publish()
        self.assertEqual(self.installs(), ["1.1.0"])

    def test_what_was_signed_is_not_joined_to_another_draft(self):
        self.publish_first()
        self.stage("1.1.0", 2)
        self.coordinator.succeed(*self.request_release("--targets", f"{STAGED}/targets", "--reason", "release 1.1.0"))
        files = self.bring_back("release.tenon-request", self.sign("release.tenon-request", ["judy", "mike"]))
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


class StolenOnlineKey(Server):
    """(d) of docs/ceremonies.md, with devices: the reference client of the conformance suite."""

    def device(self, name, *words, status=0):
        folder = os.path.join(self.base, name)
        os.makedirs(folder, exist_ok=True)
        words = words or ("--metadata-url", self.url + "/metadata", "refresh")
        done = subprocess.run([CLIENT, "--metadata-dir", folder, *words], capture_output=True, text=True, timeout=60,
                              check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stderr

    def serve(self):
        handler = functools.partial(QuietHandler, directory=self.server.path("repo/public"))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}"

    def leap(self):
        """The thief raises the version of timestamp so far that nothing honest will be above it."""
        path = self.server.path("repo/public/metadata/timestamp.json")
        with open(path, encoding="utf-8") as file:
            timestamp = json.load(file)
        timestamp["signed"]["version"] = 2**53 - 1
        payload = json.dumps(timestamp["signed"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        self.server.write("payload", payload)  # canonical: ASCII without control characters
        signature = subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", "online.pem", "-passin", "file:pw",
                                    "-in", "payload"], cwd=self.server.folder, capture_output=True, timeout=60, check=True)
        timestamp["signatures"][0]["sig"] = signature.stdout.hex()
        honest = path + ".honest"
        os.rename(path, honest)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(timestamp, file)
        return lambda: os.rename(honest, path)

    # Book: KEY-01, KEYT-25
    def test_devices_that_a_thief_sent_ahead_come_back_with_the_next_root(self):
        self.publish_first()
        self.serve()
        fleet = [f"device{number}" for number in range(3)]
        for name in fleet:
            self.device(name, "init", self.coordinator.path("1.root.json"))
            self.device(name)
        restore = self.leap()
        for name in fleet[:2]:
            self.device(name)  # one stays away
        restore()
        self.assertIn("E_ROLLBACK", self.device(fleet[0], status=1))

        online2 = self.person("online2")
        online2.give(self.server, "online2.pem", "online2.tenon-key")
        self.coordinator.succeed("root", "next", "1.root.json", "-o", "2.root.draft", "--expires-in", "365d")
        for role in ("timestamp", "snapshot"):
            self.coordinator.succeed("root", "rotate", "2.root.draft", "--role", role, "--remove", "online.tenon-key",
                                     "--add", "online2.tenon-key")
        self.request("root-2.tenon-request", ["2.root.draft", self.policy(2)], "--reason", "the online key was stolen",
                     people=[*ceremonies_test.ROOT_PEOPLE, "online2"])
        responses = self.sign("root-2.tenon-request", ["alice", "carol", "erin"])
        self.bring_back("root-2.tenon-request", responses)
        self.repo("root", "add", "repo", "--root", "2.root.json")
        self.repo("policy", "set", "repo", "--policy", "2.policy.json")
        self.repo("renew", "repo", "--role", "rollout.demo", "--expires-in", "20d")
        self.sign_here("ci", "online2")
        self.repo("publish", "repo")
        for name in fleet:
            self.device(name)
        self.assertEqual(self.installs(), ["1.0.0"])
        # What the thief still holds opens nothing any more.
        self.leap()
        self.assertIn("E_SIG", self.device(fleet[2], status=1))


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


if __name__ == "__main__":
    unittest.main()
