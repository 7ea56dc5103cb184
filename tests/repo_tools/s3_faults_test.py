"""tenon-repo publish --to s3://, to a server that fails, lies, loses answers, and is written to by others.

TENON_BIN_DIR names the folder of tenon-repo and tenon-keyctl.
"""
import json
import shutil
import unittest
from pathlib import Path

from bucket import OwnServer
from repo_cli_test import BUSY, NEEDS_PERSON, NOTHING, REFUSED, UNVERIFIED, USAGE


class Faults(OwnServer):
    # Book: SRV-01, SRV-06
    def test_each_request_fails_once_and_the_publication_succeeds(self):
        for which in range(1, self.requests() + 1):
            for fault in ("503", "drop" if which % 2 else "done-500"):
                with self.subTest(which=which, fault=fault):
                    self.restore()
                    with self.server() as server:
                        server.fault = self.at(which, fault)
                        done = self.publish(server)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertEqual(self.serves(), ["1.1.0"])

    def test_a_request_that_is_refused_ends_it_and_publishing_again_completes(self):
        for which in range(1, self.requests() + 1):
            with self.subTest(which=which):
                self.restore()
                with self.server() as server:
                    server.fault = self.at(which, "403")
                    done = self.publish(server)
                    self.assertEqual(done.returncode, NEEDS_PERSON, done.stderr)
                    self.assertNotIn("canary", done.stderr + done.stdout)
                    self.assertIn(self.serves(), (["1.0.0"], ["1.1.0"]))
                    self.assertIn(self.publish(server).returncode, (0, NOTHING))
                self.assertEqual(self.serves(), ["1.1.0"])
                self.assertEqual(self.installs(), ["1.1.0"])

    def test_a_store_without_conditional_writes_gets_the_same(self):
        self.requests(conditions=False)
        with self.server(conditions=False) as server:
            self.assertEqual(self.publish(server).returncode, NOTHING)

    # Book: SRV-14
    def test_a_store_that_keeps_other_bytes_than_it_took_is_found_out_before_clients_are_led_there(self):
        self.requests()
        for part in ("targets/", ".releases.demo.json", ".snapshot.json"):
            with self.subTest(part=part):
                self.restore()
                with self.server() as server:
                    server.fault = lambda number, method, name, part=part: "lie" if method == "PUT" and part in name else None
                    done = self.publish(server)
                if part == "targets/":  # their length and label are as they should be: devices refuse them
                    self.assertEqual(done.returncode, 0, done.stderr)
                    continue
                self.assertEqual(done.returncode, UNVERIFIED, done.stderr)
                self.assertIn("gives other bytes than it took", done.stderr)
                self.assertEqual(self.serves(), ["1.0.0"])

    # Book: SRV-02
    def test_of_two_jobs_with_copies_of_one_folder_one_wins_and_the_other_goes_on_from_there(self):
        self.restore()
        shutil.copytree(self.path("before"), self.path("other"))
        with self.server() as server:
            def another_publishes():
                self.succeed(*self.sign("online", command="refresh")[:-1], "other", *self.to(server.endpoint))

            def fault(number, method, name):
                if method != "PUT" or not name.endswith("timestamp.json"):
                    return None
                server.fault = None
                return another_publishes

            server.fault = fault
            done = self.publish(server)
            self.assertEqual(done.returncode, BUSY, done.stderr)
            self.assertIn("timestamp v2 was published there meanwhile", done.stderr)
            self.assertEqual(self.installs(), ["1.0.0"])
            self.assertEqual(self.serves(), ["1.0.0"])
            again = self.publish(server)
            self.assertEqual(again.returncode, REFUSED, again.stderr)
            self.assertIn("another timestamp v2", again.stderr)
            self.succeed(*self.sign("online"))
            self.assertEqual(self.publish(server).returncode, 0)
        self.assertEqual(self.serves(), ["1.1.0"])
        self.assertEqual(self.installs(), ["1.1.0"])

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

    def test_a_store_with_metadata_that_nobody_signed_is_not_taken_over(self):
        self.restore()
        path = Path(self.path("store/updates/prod/metadata/timestamp.json"))
        document = json.loads(path.read_text())
        document["signed"]["version"] = 99
        path.write_text(json.dumps(document))
        with self.server() as server:
            done = self.publish(server)
        self.assertEqual(done.returncode, UNVERIFIED, done.stderr)
        self.assertEqual(self.installs(), ["1.0.0"])

    def test_addresses_and_keys_that_make_no_sense(self):
        self.restore()
        self.key_file("only-an-id-canary", "half")
        for words in (("--to", "s3://UPPER/x"), ("--to", "s3://ab"), ("--to", "https://updates"), ("--to", "s3://updates//x"),
                      ("--to", "s3://updates/../x"), ("--to", "s3://updates", "--s3-endpoint", "ftp://x"),
                      ("--to", "s3://updates", "--s3-endpoint", "https://a/b"), ("--to", "s3://updates", "--s3-region", "a b"),
                      ("--to", "s3://updates", "--s3-key-from", "file:half"), ("--s3-region", "eu-central-1")):
            key = () if "--s3-key-from" in words or "--to" not in words else ("--s3-key-from", "file:s3-key")
            self.fail_with(USAGE, "E_USAGE", "publish", "repo", *words, *key)
        done = self.repo("publish", "repo", "--to", "s3://updates", "--s3-endpoint", "http://127.0.0.1:9", "--dry-run",
                         "--s3-key-from", "file:s3-key")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("would upload to s3://updates", done.stdout)

if __name__ == "__main__":
    unittest.main()
