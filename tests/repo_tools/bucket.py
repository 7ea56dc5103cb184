"""What the tests of s3:// share: a release and the next, and a server of our own that has the first.

TENON_BIN_DIR names the folder of the programs.
"""
import json
import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import repo_cli_test
from s3_server import S3Server

KEY_ID, SECRET = "canary:id", "canary/secret+key"


class Bucket(repo_cli_test.Repo):
    """What the tests of both servers share."""

    def key_file(self, text, name="s3-key"):
        Path(self.path(name)).write_text(text + "\n")
        os.chmod(self.path(name), 0o600)

    def to(self, endpoint, key="s3-key"):
        return ("--to", "s3://updates/prod", "--s3-endpoint", endpoint, "--s3-key-from", "file:" + key)


class OwnServer(Bucket):
    def setUp(self):
        super().setUp()
        self.key_file(f"{KEY_ID} {SECRET}")
        self.publish_one_and_stage_the_next()
        os.rename(self.path("repo"), self.path("before"))
        with self.server() as server:
            shutil.copytree(self.path("before"), self.path("repo"))
            shutil.rmtree(self.path("repo", "staging"))
            self.succeed("publish", "repo", *self.to(server.endpoint))  # of 1.0.0 alone
            shutil.rmtree(self.path("repo"))
        shutil.copytree(self.path("store"), self.path("store-before"))
        os.mkdir(self.path("served"))
        for name in ("tenon-repo.json", "root.json"):
            shutil.copy2(self.path("before", name), self.path("served"))
        os.symlink(self.path("store", "updates", "prod"), self.path("served", "public"))
        self.labels = server.labels

    def server(self, **options):
        server = S3Server(self.path("store"), KEY_ID, SECRET, **options)
        server.labels = dict(getattr(self, "labels", {}))
        return server

    def restore(self):
        for now, then in (("repo", "before"), ("store", "store-before")):
            shutil.rmtree(self.path(now), ignore_errors=True)
            shutil.copytree(self.path(then), self.path(now))

    def publish(self, server):
        return self.repo("publish", "repo", *self.to(server.endpoint), "--s3-workers", "1")

    def serves(self):
        shutil.rmtree(self.path("seen"), ignore_errors=True)
        report = json.loads(self.succeed("--json", "verify", "served", "--as-client"))
        return [channel["release"]["version"] for channel in report["channels"]]

    def requests(self, **options):
        self.restore()
        with self.server(**options) as server:
            done = self.publish(server)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.serves(), ["1.1.0"])
            return server.requests

    def at(self, which, fault):
        return lambda number, method, name: fault if number == which else None
