"""tenon-repo as a process: from keys to a published release, and what it answers to bad input.

TENON_BIN_DIR names the folder of tenon-repo and tenon-keyctl.
"""
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from lab_root import LAB_POLICY, expected_payloads, sign_root
from moved_clock import moved_clock

BIN = os.environ.get("TENON_BIN_DIR", "build/dev/bin")
REPO = os.path.join(BIN, "tenon-repo")
KEYCTL = os.path.join(BIN, "tenon-keyctl")
USAGE, NOTHING, REFUSED, UNVERIFIED, NEEDS_PERSON, DEVICE, BUSY = 2, 3, 4, 5, 7, 8, 75
KEYS = ("root", "targets", "online", "alice", "bob", "ci")


def run(*arguments, folder):
    return subprocess.run(arguments, cwd=folder, stdin=subprocess.DEVNULL, start_new_session=True,
                          capture_output=True, text=True, timeout=280, check=False)


def make_keys(folder):
    """Keys and a root of them; made once, since key files are slow to open on purpose."""
    path = os.path.join(folder, "pw")
    with open(path, "w", encoding="utf-8") as file:
        file.write("canary correct horse battery\n")
    os.chmod(path, 0o600)

    def keyctl(*words):
        done = run(KEYCTL, "--home", "keyctl-home", *words, folder=folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    for name in KEYS:
        keyctl("key", "generate", "--name", name, "--passphrase-from", "file:pw")
    keyctl("root", "init", "--lab", "-o", "1.root.draft", "--expires-in", "365d", "--root-threshold", "1", "--root",
           "root.tenon-key", "--targets", "targets.tenon-key", "--snapshot", "online.tenon-key", "--timestamp",
           "online.tenon-key")
    sign_root(keyctl, folder, [os.path.join(folder, "root.pem")], "--passphrase-from", "file:pw")


class Repo(unittest.TestCase):
    """Runs in a folder with keys, a root and an image."""

    @classmethod
    def setUpClass(cls):
        cls.keys = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.keys)
        make_keys(cls.keys)

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.take_keys()
        self.image("rootfs.img", 1)

    def take_keys(self):
        for name in os.listdir(self.keys):
            if os.path.isfile(os.path.join(self.keys, name)):
                shutil.copy2(os.path.join(self.keys, name), self.folder)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def image(self, name, number):
        with open(self.path(name), "wb") as file:
            file.write(b"".join(b"%d-%d " % (number, i * i) for i in range(100_000)))

    def repo(self, *arguments):
        return run(REPO, *arguments, folder=self.folder)

    def succeed(self, *arguments):
        done = self.repo(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        return done.stdout

    def fail_with(self, status, code, *arguments):
        done = self.repo(*arguments)
        self.assertEqual(done.returncode, status, done.stderr + done.stdout)
        self.assertIn("error: " + code + " ", done.stderr)
        self.assertNotIn("canary", done.stdout + done.stderr)
        return done.stderr

    def init(self):
        self.succeed("init", "repo", "--lab", "--root", "1.root.json", "--product", "demo", "--releases-key", "alice.tenon-key",
                     "--releases-key", "bob.tenon-key", "--releases-threshold", "2", "--rollout-key", "ci.tenon-key")

    def add(self, version, sequence, *more, image="rootfs.img"):
        return ("release", "add", "repo", "--product", "demo", "--version", version, "--sequence", str(sequence),
                "--hardware", "demo-board", "--image", "rootfs=" + image, *more)

    def channel(self, version, *more):
        return ("channel", "set", "repo", "--product", "demo", "--channel", "stable", "--release", version, *more)

    def sign(self, *keys, command="sign"):
        options = [word for key in keys for word in ("--key", key + ".pem")]
        return (command, *options, "--passphrase-from", "file:pw", "repo")

    def publish_release(self, version="1.0.0", sequence=1, image="rootfs.img"):
        self.succeed(*self.add(version, sequence, image=image))
        self.succeed(*self.channel(version))
        self.succeed(*self.sign("targets", "alice", "bob", "ci", "online"))
        self.succeed("verify", "repo", "--as-client", "--staged")
        self.succeed("publish", "repo")

    def publish_one_and_stage_the_next(self):
        self.init()
        self.publish_release()
        self.image("next.img", 2)
        self.succeed(*self.add("1.1.0", 2, image="next.img"))
        self.succeed(*self.channel("1.1.0"))
        self.succeed(*self.sign("alice", "bob", "ci", "online"))

    def installs(self):
        report = json.loads(self.succeed("--json", "verify", "repo", "--as-client"))
        return [channel["release"]["version"] for channel in report["channels"]]


class FromKeysToARelease(Repo):
    def test_a_key_in_a_token_signs_a_role(self):
        softhsm = "/usr/lib/softhsm/libsofthsm2.so"
        os.mkdir(self.path("tokens"))
        with open(self.path("softhsm2.conf"), "w", encoding="utf-8") as file:
            file.write("directories.tokendir = " + self.path("tokens") + "\n")
        os.environ["SOFTHSM2_CONF"] = self.path("softhsm2.conf")
        self.addCleanup(os.environ.pop, "SOFTHSM2_CONF")
        pin = "canary-4711"
        made = run("softhsm2-util", "--init-token", "--free", "--label", "release", "--so-pin", "12345678", "--pin", pin,
                   folder=self.folder)
        self.assertEqual(made.returncode, 0, made.stderr)
        with open(self.path("pin"), "w", encoding="utf-8") as file:
            file.write(pin)
        os.chmod(self.path("pin"), 0o600)
        token = ("--pkcs11-module", softhsm, "--pin-from", "file:pin")
        os.remove(self.path("alice.tenon-key"))
        os.remove(self.path("alice.pem"))
        made = run(KEYCTL, "key", "generate", "--name", "alice", "--token", "pkcs11:token=release", *token, folder=self.folder)
        self.assertEqual(made.returncode, 0, made.stderr)
        self.init()
        self.succeed(*self.add("1.0.0", 1))
        self.succeed(*self.channel("1.0.0"))
        signed = self.repo("sign", "--key", "pkcs11:token=release;object=alice", *token, "repo")
        self.assertEqual(signed.returncode, NEEDS_PERSON, signed.stderr)
        self.assertIn("1 signatures added", signed.stdout)
        self.succeed(*self.sign("targets", "bob", "ci", "online"))
        self.succeed("publish", "repo")
        self.assertEqual(self.installs(), ["1.0.0"])

    def test_people_sign_one_after_the_other(self):
        self.init()
        self.succeed(*self.add("1.0.0", 1))
        self.succeed(*self.channel("1.0.0"))
        done = self.repo(*self.sign("targets", "alice"))
        self.assertEqual(done.returncode, NEEDS_PERSON)
        self.assertIn("1 of 2  missing: ", done.stdout)
        self.assertIn("releases.demo v1: signed by 1 of 2", self.fail_with(UNVERIFIED, "E_SIG", "publish", "repo"))
        self.assertFalse(os.path.exists(self.path("repo", "public")))
        self.assertEqual(self.repo(*self.sign("bob", "ci")).returncode, NEEDS_PERSON)
        self.succeed(*self.sign("online"))
        self.succeed("publish", "repo")
        self.assertEqual(self.installs(), ["1.0.0"])
        self.assertEqual(self.repo("publish", "repo").returncode, NOTHING)
        self.assertEqual(self.repo(*self.sign("online")).returncode, NOTHING)

    def test_the_second_release_follows(self):
        self.init()
        self.publish_release()
        self.image("next.img", 2)
        self.publish_release("1.1.0", 2, "next.img")
        self.assertEqual(self.installs(), ["1.1.0"])
        self.assertIn("nothing to do", self.succeed(*self.add("1.1.0", 2, image="next.img")))
        self.fail_with(REFUSED, "E_POLICY", *self.add("1.1.0", 3, image="rootfs.img"))
        self.assertIn("--sequence 3", self.fail_with(REFUSED, "E_POLICY", *self.add("1.2.0", 2)))

    def test_a_clock_that_is_far_off_signs_nothing(self):
        self.init()
        self.publish_release()
        before = self.public_files()
        for clock in ("-200d", "+200d"):
            for command in ("sign", "refresh"):
                done = run(*moved_clock(clock), REPO, *self.sign("online", command=command), folder=self.folder)
                self.assertEqual(done.returncode, REFUSED, done.stderr + done.stdout)
                self.assertIn("error: E_POLICY this machine's clock says ", done.stderr)
                self.assertIn("set the clock", done.stderr)
        self.assertEqual(self.public_files(), before)
        done = run(*moved_clock("+200d"), REPO, *self.sign("online", command="refresh"), "--clock-is-right",
                   folder=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)

    def public_files(self):
        return {path: path.read_bytes() for path in Path(self.path("repo", "public")).rglob("*") if path.is_file()}

    # Spec: 2.1.4
    def test_the_daily_job_makes_a_new_timestamp(self):
        self.init()
        self.publish_release()
        self.succeed(*self.sign("online", command="refresh"))
        status = json.loads(self.succeed("--json", "status", "repo"))
        versions = {role["role"]: role["version"] for role in status["roles"]}
        self.assertEqual(versions["timestamp"], 2)
        self.assertEqual(versions["snapshot"], 1)

    def test_a_release_offers_deltas_from_what_devices_run(self):
        self.init()
        self.publish_release()
        self.image("factory.img", 5)
        self.image("next.img", 2)
        add = self.add("1.1.0", 2, "--base", "rootfs=factory.img", image="next.img")
        added = json.loads(self.succeed("--json", *add))
        self.assertEqual([payload["kind"] for payload in added["release"]["images"][0]["payloads"]],
                         ["full", "delta", "delta"])
        self.assertEqual([delta["base"].get("file") or delta["base"].get("version") for delta in added["deltas"]],
                         ["factory.img", "1.0.0"])
        lengths = {file["path"].rsplit("/", 1)[1]: file["length"] for file in added["files"]}
        for delta in added["deltas"]:
            self.assertEqual(lengths[delta["file"]], delta["length"])
            self.assertEqual(lengths["rootfs.full.zst"], delta["full_length"])
            self.assertLess(delta["length"], delta["full_length"] / 2)
        self.assertEqual(added["passed_over"], [])
        self.assertIn("nothing to do", self.succeed(*self.add("1.1.0", 2, image="next.img")))
        self.assertIn("2 deltas", self.succeed("list", "repo"))
        self.succeed(*self.channel("1.1.0"))
        self.succeed(*self.sign("alice", "bob", "ci", "online"))
        self.succeed("verify", "repo", "--as-client", "--staged")
        self.succeed("publish", "repo")
        self.image("last.img", 3)
        text = self.succeed(*self.add("1.2.0", 3, "--delta-budget", "0", image="last.img"))
        self.assertNotIn("delta", text)
        for bad in (("--base", "boot=factory.img"), ("--base", "factory.img"), ("--delta-budget", "much")):
            self.fail_with(USAGE, "E_USAGE", *self.add("1.3.0", 4, *bad, image="last.img"))

    def test_zstd_opens_the_payload(self):
        self.init()
        self.publish_release()
        folder = self.path("repo", "public", "targets", "demo", "releases", "1.0.0")
        payload = next(name for name in os.listdir(folder) if name.endswith(".rootfs.full.zst"))
        unpacked = subprocess.run(["zstd", "-q", "-d", "-c", os.path.join(folder, payload)], capture_output=True,
                                  timeout=60, check=True).stdout
        with open(self.path("rootfs.img"), "rb") as image:
            self.assertEqual(unpacked, image.read())

    def test_dry_runs_change_nothing(self):
        self.init()
        self.succeed(*self.add("1.0.0", 1))

        def files():
            return {os.path.join(folder, name): os.path.getmtime(os.path.join(folder, name))
                    for folder, _, names in os.walk(self.path("repo")) for name in names}
        before = files()
        self.image("next.img", 2)
        self.succeed(*self.add("1.1.0", 2, "--dry-run", image="next.img"))
        self.succeed(*self.channel("1.0.0", "--dry-run"))
        self.repo(*self.sign("targets", "alice"), "--dry-run")
        self.assertEqual({key: value for key, value in files().items() if not key.endswith(".lock")},
                         {key: value for key, value in before.items() if not key.endswith(".lock")})
        self.succeed(*self.channel("1.0.0"))
        self.succeed(*self.sign("targets", "alice", "bob", "ci", "online"))
        self.assertIn("demo-board: 1.0.0 (sequence 1) is to be installed",
                      self.succeed("verify", "repo", "--as-client", "--staged"))
        self.assertIn("would publish metadata/timestamp.json", self.succeed("publish", "repo", "--dry-run"))
        self.assertFalse(os.path.exists(self.path("repo", "public")))

    def test_a_release_is_rolled_out_paused_resumed_and_withdrawn(self):
        self.init()
        self.succeed(*self.add("1.0.0", 1))
        words = ("repo", "--product", "demo", "--channel", "stable")
        text = self.succeed(*self.channel("1.0.0", "--share", "5%", "--ramp", "0h=5%", "--ramp", "2d=100%", "--group",
                                          "lab=100%", "--urgent-below", "1", "--deadline", "2090-01-01T00:00:00Z"))
        self.assertIn("share 5%, ramp to 100% at ", text)
        self.assertIn("group lab 100%, urgent below sequence 1, for all from 2090-01-01T00:00:00Z", text)
        self.assertIn("share 25%", self.succeed("channel", "advance", *words, "--share", "25%"))
        self.assertIn("falls from 25% to 5%", self.fail_with(REFUSED, "E_POLICY", *self.channel("1.0.0", "--share", "5%")))
        self.assertIn("paused; share 25%", self.succeed("channel", "pause", *words))
        document = json.loads(self.succeed("--json", "channel", "resume", *words))["channel"]
        self.assertEqual((document["state"], document["share"], document["groups"]), ("active", 2500, {"lab": 10000}))
        self.assertIn("it is withdrawn", self.succeed("channel", "withdraw", *words, "--withdraw", "1.0.0"))
        for bad in (("advance",), ("advance", "--share", "5"), ("advance", "--share", "101%"), ("advance", "--ramp", "x=5%"),
                    ("advance", "--ramp", "1d=50%", "--ramp", "1d=60%"), ("advance", "--group", "a b=5%"),
                    ("advance", "--deadline", "tomorrow"), ("advance", "--urgent-below", "0"), ("withdraw",)):
            self.fail_with(USAGE, "E_USAGE", "channel", bad[0], *words, *bad[1:])

    def test_what_is_published_can_be_listed_explained_and_tried(self):
        self.init()
        self.publish_release()
        listed = json.loads(self.succeed("--json", "list", "repo"))["products"][0]
        self.assertEqual([one["version"] for one in listed["releases"]], ["1.0.0"])
        self.assertEqual([one["channel"] for one in listed["channels"]], ["stable"])
        self.assertIn("stable  1.0.0, serial 1, share 100%", self.succeed("list", "repo"))
        text = self.succeed("explain", "repo", "demo/channels/stable.json")
        self.assertIn("asked      targets, rollout.demo\n", text)
        self.assertIn("signed by  rollout.demo, valid until ", text)
        self.assertEqual(self.repo("diff", "repo").returncode, NOTHING)
        self.succeed("channel", "pause", "repo", "--product", "demo", "--channel", "stable")
        self.assertIn("rollout.demo  v1 -> v2\n", self.succeed("diff", "repo"))
        self.assertEqual(json.loads(self.succeed("--json", "diff", "repo"))["roles"][0]["role"], "rollout.demo")
        self.assertEqual(self.repo("diff", "repo", "repo").returncode, NOTHING)
        done = self.repo("--json", "explain", "repo", "demo/channels/none.json")
        self.assertEqual((done.returncode, json.loads(done.stdout)["found"]), (UNVERIFIED, False))
        tried = self.succeed("verify", "repo", "--as-client", "--simulate-device", "demo-board@1.0.0",
                             "--simulate-device", "toaster")
        self.assertIn("demo-board@1.0.0: 1.0.0 (sequence 1) is running", tried)
        self.assertIn("toaster: 1.0.0 (sequence 1) is not for hardware toaster", tried)
        self.fail_with(USAGE, "E_USAGE", "verify", "repo", "--as-client", "--simulate-device", "demo-board@")
        self.fail_with(USAGE, "E_USAGE", "verify", "repo", "--as-client", "--group", "lab")
        self.fail_with(USAGE, "E_USAGE", "verify", "repo", "--as-client", "--simulate-device", "demo-board@7")
        self.fail_with(USAGE, "E_USAGE", "explain", "repo", "../x")

    def test_what_an_image_is_made_of_is_published_beside_it(self):
        self.init()
        with open(self.path("rootfs.img"), "rb") as image:
            digest = hashlib.sha256(image.read()).hexdigest()
        for name, value in (("sbom.cdx.json", {"bomFormat": "CycloneDX"}), ("other.json", {"bomFormat": "CycloneDX"}),
                            ("provenance.json", {"_type": "https://in-toto.io/Statement/v1",
                                                 "subject": [{"name": "rootfs", "digest": {"sha256": digest}}]})):
            with open(self.path(name), "w", encoding="utf-8") as file:
                json.dump(value, file)
        attach = ("--sbom", "sbom.cdx.json", "--kind", "security", "--provenance")
        self.fail_with(UNVERIFIED, "E_PARSE", *self.add("1.0.0", 1, *attach, "other.json"))
        self.succeed(*self.add("1.0.0", 1, *attach, "provenance.json"))
        release = json.loads(self.succeed("--json", "list", "repo"))["products"][0]["releases"][0]
        self.assertEqual([(one["kind"], one["file"]) for one in release["attachments"]],
                         [("sbom", "sbom.cdx.json"), ("provenance", "provenance.json")])
        self.succeed(*self.channel("1.0.0"))
        self.succeed(*self.sign("targets", "alice", "bob", "ci", "online"))
        self.succeed("publish", "repo")
        self.assertIn("signed by  releases.demo", self.succeed("explain", "repo", "demo/releases/1.0.0/sbom.cdx.json"))

    def test_a_release_leads_older_devices_over_a_bridge(self):
        self.init()
        self.publish_release()
        self.image("next.img", 2)
        self.publish_release("1.4.0", 6, "next.img")
        add = ("release", "add", "repo", "--product", "demo", "--version", "2.0.0", "--sequence", "9",
               "--hardware", "demo-board", "--image", "rootfs=next.img", "--bridge")
        for wrong in ("", "5", "=1.4.0", "5=", "x=1.4.0", "5x=1.4.0", "0=1.4.0", "-5=1.4.0", "5=../x", "5=9.9.9"):
            self.fail_with(USAGE, "E_USAGE", *add, wrong)
        self.fail_with(USAGE, "E_USAGE", *add, "5=1.4.0", "--no-bridges")
        self.fail_with(REFUSED, "E_POLICY", *add, "7=1.4.0")
        self.assertIn("  devices below sequence 5 first install 1.4.0\n", self.succeed(*add, "5=1.4.0"))
        self.assertIn("below sequence 5", self.succeed(*self.add("2.1.0", 10, image="next.img"), "--dry-run"))
        self.assertNotIn("below sequence", self.succeed(*self.add("2.1.0", 10, image="next.img"), "--dry-run", "--no-bridges"))
        self.fail_with(REFUSED, "E_POLICY", "release", "remove", "repo", "--product", "demo", "--version", "1.4.0")
        self.assertIn("2.0.0  sequence 9, floor 1, for demo-board, 1 image of ", self.succeed("list", "repo"))
        self.assertIn(", below 5 over 1.4.0\n", self.succeed("list", "repo"))
        listed = json.loads(self.succeed("--json", "list", "repo"))["products"][0]["releases"][-1]
        self.assertEqual(listed["bridges"], [{"below": 5, "via": "1.4.0"}])
        self.succeed(*self.channel("2.0.0"))
        self.succeed(*self.sign("alice", "bob", "ci", "online"))
        self.succeed("publish", "repo")
        simulate = ("verify", "repo", "--as-client", "--simulate-device", "demo-board@1.0.0",
                    "--simulate-device", "demo-board@1.4.0")
        tried = self.succeed(*simulate)
        self.assertIn("demo-board@1.0.0: 1.4.0 (sequence 6, bridge to 2.0.0) is to be installed", tried)
        self.assertIn("demo-board@1.4.0: 2.0.0 (sequence 9) is to be installed", tried)
        decisions = json.loads(self.succeed("--json", *simulate))["channels"][0]["decisions"]
        self.assertEqual([one["reason"] for one in decisions], ["bridge", "newer"])

    def test_old_releases_go_and_the_log_says_what_was_published(self):
        self.init()
        self.assertEqual(self.repo("log", "repo").returncode, NOTHING)
        self.publish_release()
        self.assertEqual(self.repo("prune", "repo").returncode, NOTHING)
        self.image("next.img", 2)
        self.publish_release("1.1.0", 2, "next.img")
        remove = ("release", "remove", "repo", "--product", "demo", "--version")
        self.fail_with(REFUSED, "E_POLICY", *remove, "1.1.0")
        self.fail_with(USAGE, "E_USAGE", *remove, "7.0.0")
        self.assertIn("- demo/releases/1.0.0/release.json", self.succeed(*remove, "1.0.0", "--dry-run"))
        self.assertEqual(len(json.loads(self.succeed("--json", *remove, "1.0.0"))["removed"]), 3)
        self.succeed(*self.sign("alice", "bob", "online"))
        self.succeed("publish", "repo")
        self.assertEqual(self.repo("prune", "repo").returncode, NOTHING)  # snapshots that are valid lead to 1.0.0 too
        text = self.succeed("log", "repo", "-n", "1")
        self.assertIn("  releases.demo v3, signed by ", text)
        self.assertNotIn("rollout.demo", text)
        log = json.loads(self.succeed("--json", "log", "repo"))["publications"]
        self.assertEqual([entry["timestamp"] for entry in log], [3, 2, 1])

    def test_quiet_prints_nothing(self):
        self.init()
        done = self.repo("-q", *self.add("1.0.0", 1))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_killed_while_it_publishes_it_completes_when_run_again(self):
        self.publish_one_and_stage_the_next()
        shutil.copytree(self.path("repo"), self.path("before"))
        for milliseconds in range(0, 100, 10):
            shutil.rmtree(self.path("repo"))
            shutil.copytree(self.path("before"), self.path("repo"))
            with subprocess.Popen([REPO, "-q", "publish", "repo"], cwd=self.folder) as process:
                time.sleep(milliseconds / 1000)  # not waiting for anything: any moment will do
                process.send_signal(signal.SIGKILL)
            self.assertIn(self.installs(), (["1.0.0"], ["1.1.0"]))
            self.assertIn(self.repo("publish", "repo").returncode, (0, NOTHING))
            self.assertEqual(self.installs(), ["1.1.0"])


class BadInput(Repo):
    def test_a_folder_that_is_no_repository(self):
        for command in (("status", "."), ("publish", "."), ("verify", ".", "--as-client"),
                        ("sign", ".", "--key", "alice.pem")):
            self.assertIn("hint: make one with tenon-repo init", self.fail_with(USAGE, "E_USAGE", *command))

    def test_init_into_a_folder_with_files(self):
        self.fail_with(REFUSED, "E_POLICY", "init", ".", "--lab", "--root", "1.root.json", "--product", "demo",
                       "--releases-key", "alice.tenon-key", "--releases-threshold", "1", "--rollout-key",
                       "ci.tenon-key")

    def test_a_repository_for_production_wants_a_policy_that_is_not_a_labs(self):
        init = ("init", "repo", "--root", "1.root.json", "--product", "demo", "--releases-key", "alice.tenon-key",
                "--releases-threshold", "1", "--rollout-key", "ci.tenon-key")
        self.assertIn("--policy", self.fail_with(USAGE, "E_USAGE", *init))
        self.fail_with(REFUSED, "E_POLICY", *init, "--policy", "1.policy.json")
        self.assertFalse(os.path.exists(self.path("repo")))
        self.assertIn("warning: a lab repository", self.repo(*init, "--policy", "1.policy.json", "--lab").stderr)

    def test_a_lab_policy_judges_what_a_lab_publishes(self):
        self.init()
        self.succeed("policy", "set", "repo", "--policy", "1.policy.json")
        self.succeed(*self.add("1.0.0", 1))
        self.succeed(*self.channel("1.0.0"))
        self.repo(*self.sign("targets", "alice", "bob", "ci"))
        self.succeed(*self.sign("online"), "--expires-in", "60d")
        message = self.fail_with(REFUSED, "E_POLICY", "publish", "repo")
        self.assertIn("timestamp.json: P08", message)
        self.assertFalse(os.path.exists(self.path("repo", "public")))

    def rehearse(self, *draft):
        """A root that says that it is a rehearsal, and a policy, signed in one; the files are in rehearsal-home."""
        def keyctl(*words):
            done = run(KEYCTL, "--home", "rehearsal-home", *words, folder=self.folder)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout
        keyctl(*draft, "-o", "rehearsed.draft", "--rehearsal", "--expires-in", "20h")
        keyctl("policy", "build", LAB_POLICY, "-o", "rehearsed.policy", "--repository", "demo", "--expires-in", "20h")
        keyctl("request", "create", "--repository", "demo", "-o", "r.tenon-request", "--rehearsal", "--draft",
               "rehearsed.draft", "--draft", "rehearsed.policy")
        keyctl("request", "sign", "r.tenon-request", "--key", "root.pem", "--passphrase-from", "file:pw",
               *expected_payloads(keyctl, "r.tenon-request"))
        keyctl("response", "merge", "r.tenon-request", "r.root.tenon-signature", "--out", "rehearsal-home")

    def test_the_root_of_a_rehearsal_makes_no_repository(self):
        self.rehearse("root", "init", "--lab", "--root-threshold", "1", "--root", "root.tenon-key", "--targets",
                      "targets.tenon-key", "--snapshot", "online.tenon-key", "--timestamp", "online.tenon-key")
        message = self.fail_with(REFUSED, "E_POLICY", "init", "repo", "--lab", "--root", "rehearsal-home/1.root.json",
                                 "--product", "demo", "--releases-key", "alice.tenon-key", "--releases-threshold", "1",
                                 "--rollout-key", "ci.tenon-key")
        self.assertIn("rehearsal", message)
        self.assertFalse(os.path.exists(self.path("repo")))

    def test_a_root_that_is_not_signed(self):
        with open(self.path("1.root.json"), encoding="utf-8") as file:
            root = json.load(file)
        root["signatures"] = []
        with open(self.path("1.root.json"), "w", encoding="utf-8") as file:
            json.dump(root, file)
        self.fail_with(UNVERIFIED, "E_SIG", "init", "repo", "--lab", "--root", "1.root.json", "--product", "demo",
                       "--releases-key", "alice.tenon-key", "--releases-threshold", "1", "--rollout-key",
                       "ci.tenon-key")
        self.assertFalse(os.path.exists(self.path("repo")))

    def test_a_passphrase_that_was_typed_as_an_argument_is_not_repeated(self):
        for words in (("sign", "repo", "--key", "a.pem", "canary"), ("sign", "repo", "--passphrase", "canary"),
                      ("sign", "repo", "--key", "a.pem", "--passphrase=canary"), ("canary",)):
            with self.subTest(words):
                self.assertNotIn("canary", self.fail_with(USAGE, "E_USAGE", *words))

    def test_words_that_make_no_sense(self):
        self.init()
        self.fail_with(USAGE, "E_USAGE", *self.add("../evil", 1))
        self.fail_with(USAGE, "E_USAGE", *self.add("1.0.0", 0))
        self.fail_with(USAGE, "E_USAGE", *self.add("1.0.0", 1, "--image", "rootfs"))
        self.fail_with(USAGE, "E_USAGE", *self.add("1.0.0", 1, "--segment-size", "1 furlong"))
        self.fail_with(USAGE, "E_USAGE", *self.channel("1.0.0"))
        self.fail_with(USAGE, "E_USAGE", "renew", "repo", "--role", "timestamp")
        self.fail_with(DEVICE, "E_STORAGE", *self.add("1.0.0", 1, image="no-such-file"))
        self.fail_with(DEVICE, "E_STORAGE", *self.add("1.0.0", 1, image="."))

    def test_a_wrong_command_line_is_usage(self):
        for arguments in ([], ["frobnicate"], ["release"], ["publish"], ["status", "repo", "--frobnicate"],
                          ["verify", "repo"]):
            self.assertEqual(self.repo(*arguments).returncode, USAGE, arguments)

    def test_lint_has_no_warnings_for_what_tenon_makes(self):
        self.init()
        self.assertEqual(self.succeed("lint", "repo"), "no warnings\n")
        self.assertEqual(json.loads(self.succeed("--json", "lint", "repo")), {"schema": 1, "warnings": []})

    def test_help_is_no_error(self):
        self.assertIn("tenon-repo release add repo", self.succeed("--help"))
        self.assertIn("--segment-size", self.succeed("release", "add", "--help"))

    def test_a_wrong_passphrase_needs_a_person(self):
        self.init()
        with open(self.path("pw"), "w", encoding="utf-8") as file:
            file.write("canary of another kind\n")
        self.fail_with(NEEDS_PERSON, "E_AUTH", *self.sign("alice"))

    def test_a_tampered_payload_is_found_by_verify(self):
        self.init()
        self.publish_release()
        folder = self.path("repo", "public", "targets", "demo", "releases", "1.0.0")
        payload = next(name for name in os.listdir(folder) if name.endswith(".rootfs.full.zst"))
        with open(os.path.join(folder, payload), "r+b") as file:
            file.seek(1000)
            file.write(b"\0\0\0\0")
        done = self.repo("verify", "repo", "--as-client")
        self.assertEqual(done.returncode, UNVERIFIED)
        self.assertIn("✗ demo/channels/stable.json", done.stdout)


if __name__ == "__main__":
    unittest.main()
