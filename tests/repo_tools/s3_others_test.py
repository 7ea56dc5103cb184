"""tenon-repo publish --to s3://, where others have been at work: another job, a backup, somebody who can write to the bucket.

TENON_BIN_DIR names the folder of tenon-repo and tenon-keyctl.
"""
import json
import shutil
import unittest
from pathlib import Path

from bucket import OwnServer
from repo_cli_test import BUSY, REFUSED, UNVERIFIED


class Others(OwnServer):
    def let_another_job_publish_at_the_switch(self, server, answer=None):
        """When the timestamp comes, the folder `other` is published before it is looked at, or in place of it."""
        def another_publishes():
            self.succeed(*self.sign("online", command="refresh")[:-1], "other", *self.to(server.endpoint))
            return answer

        def fault(number, method, name):
            if method != "PUT" or not name.endswith("timestamp.json"):
                return None
            server.fault = None
            return another_publishes

        server.fault = fault

    # Book: SRV-02
    def test_of_two_jobs_with_copies_of_one_folder_one_wins_and_the_other_goes_on_from_there(self):
        self.restore()
        shutil.copytree(self.path("before"), self.path("other"))
        with self.server() as server:
            self.let_another_job_publish_at_the_switch(server)
            done = self.publish(server)
            self.assertEqual(done.returncode, BUSY, done.stderr)
            self.assertIn("another publication came there meanwhile", done.stderr)
            self.assertEqual(self.installs(), ["1.0.0"])
            self.assertEqual(self.serves(), ["1.0.0"])
            again = self.publish(server)
            self.assertEqual(again.returncode, REFUSED, again.stderr)
            self.assertIn("another timestamp v2", again.stderr)
            self.succeed(*self.sign("online"))
            self.assertEqual(self.publish(server).returncode, 0)
        self.assertEqual(self.serves(), ["1.1.0"])
        self.assertEqual(self.installs(), ["1.1.0"])

    # Book: SRV-02
    def test_a_try_that_failed_is_not_repeated_over_what_another_job_has_published_meanwhile(self):
        for conditions in ("known", "refused", "ignored"):
            with self.subTest(conditions=conditions):
                self.restore()
                shutil.rmtree(self.path("other"), ignore_errors=True)
                shutil.copytree(self.path("before"), self.path("other"))
                with self.server(conditions=conditions) as server:
                    self.let_another_job_publish_at_the_switch(server, "503")
                    done = self.publish(server)
                self.assertEqual(done.returncode, BUSY, done.stderr)
                self.assertEqual(self.serves(), ["1.0.0"])

    # Book: SRV-07
    def test_a_folder_that_went_its_own_way_does_not_take_devices_back(self):
        self.restore()
        shutil.copytree(self.path("before"), self.path("other"))
        with self.server() as server:
            self.assertEqual(self.publish(server).returncode, 0)
            for _ in range(2):
                self.succeed(*self.sign("online", command="refresh")[:-1], "other")
            done = self.repo(*self.sign("online", command="refresh")[:-1], "other", *self.to(server.endpoint))
            self.assertEqual(done.returncode, UNVERIFIED, done.stderr)
            self.assertIn("a device that knows what s3://updates/prod has", done.stderr)
        self.assertEqual(self.serves(), ["1.1.0"])

    # Book: SRV-05
    def test_nothing_of_the_store_that_a_device_would_refuse_comes_into_the_folder(self):
        for name in ("1.targets.json", "2.releases.demo.json", "2.root.json"):
            with self.subTest(name=name):
                self.restore()
                shutil.rmtree(self.path("other"), ignore_errors=True)
                shutil.copytree(self.path("before"), self.path("other"))
                with self.server() as server:
                    done = self.repo("publish", "other", *self.to(server.endpoint))
                    self.assertEqual(done.returncode, 0, done.stderr)
                    file = Path(self.path("store/updates/prod/metadata", name))
                    there = file if file.exists() else file.with_name("1.root.json" if "root" in name else "1.targets.json")
                    source = there if there.exists() else Path(self.path("before/public/metadata/1.targets.json"))
                    document = json.loads(source.read_text())
                    document["signed"]["x-evil"] = "canary"
                    file.write_text(json.dumps(document))
                    before = {path.name: path.read_bytes() for path in Path(self.path("repo/public/metadata")).iterdir()}
                    done = self.repo(*self.sign("online", command="refresh"), *self.to(server.endpoint))
                    self.assertIn(done.returncode, (0, UNVERIFIED), done.stderr)
                for path in Path(self.path("repo")).rglob("*.json"):
                    self.assertNotIn("x-evil", path.read_text(), path)
                for old, content in before.items():
                    if old != "timestamp.json":
                        self.assertEqual(Path(self.path("repo/public/metadata", old)).read_bytes(), content, old)

    # Book: SRV-04
    def test_what_a_dead_job_left_under_the_next_version_is_not_overwritten_and_the_next_version_goes_round_it(self):
        self.restore()
        left = Path(self.path("store/updates/prod/metadata/2.snapshot.json"))
        left.write_text("what another job left")
        with self.server() as server:
            done = self.publish(server)
            self.assertEqual(done.returncode, REFUSED, done.stderr)
            self.assertIn("2.snapshot.json: is there with other bytes and is never overwritten", done.stderr)
            self.assertEqual(self.serves(), ["1.0.0"])
            self.succeed(*self.sign("online"))
            done = self.publish(server)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(left.read_text(), "what another job left")
        self.assertEqual(self.serves(), ["1.1.0"])
        self.assertEqual(self.installs(), ["1.1.0"])

    # Book: SRV-22
    def test_a_folder_restored_from_a_backup_takes_over_what_the_store_has(self):
        self.restore()
        with self.server() as server:
            self.assertEqual(self.publish(server).returncode, 0)
            for _ in range(2):
                self.succeed(*self.sign("online", command="refresh"), *self.to(server.endpoint))
            shutil.rmtree(self.path("repo"))
            shutil.copytree(self.path("before"), self.path("repo"))
            shutil.rmtree(self.path("repo", "staging"))
            report = json.loads(self.succeed("--json", *self.sign("online", command="refresh"), *self.to(server.endpoint)))
            self.assertEqual(report["uploaded"]["took_over_timestamp"], 4)
            self.assertEqual(self.serves(), ["1.1.0"])
            timestamp = json.loads(Path(self.path("served/public/metadata/timestamp.json")).read_text())
            self.assertEqual(timestamp["signed"]["version"], 5)

    def test_a_timestamp_in_the_store_that_nobody_signed_is_not_taken_over_and_is_replaced(self):
        for text in (b"rubbish", None):
            with self.subTest(text=text):
                self.restore()
                path = Path(self.path("store/updates/prod/metadata/timestamp.json"))
                document = json.loads(path.read_text())
                document["signed"]["version"] = 99
                path.write_bytes(text or json.dumps(document).encode())
                with self.server() as server:
                    done = self.publish(server)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(self.installs(), ["1.1.0"])
                self.assertEqual(self.serves(), ["1.1.0"])

if __name__ == "__main__":
    unittest.main()
