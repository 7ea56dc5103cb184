"""tenon-repo publish --to s3://, to a server that fails, lies and loses answers.

TENON_BIN_DIR names the folder of tenon-repo and tenon-keyctl.
"""
import shutil
import unittest
from pathlib import Path

from bucket import KEY_ID, SECRET, OwnServer
from repo_cli_test import NEEDS_PERSON, NOTHING, UNVERIFIED, USAGE


class Faults(OwnServer):
    # Book: SRV-01, SRV-06
    def test_each_request_fails_once_and_the_publication_succeeds(self):
        for which in range(1, self.requests() + 1):
            for fault in ("done-500", "503" if which % 2 else "drop"):
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

    def test_a_store_that_refuses_conditional_writes_or_ignores_them_gets_the_same(self):
        for conditions in ("refused", "ignored"):
            with self.subTest(conditions=conditions):
                self.requests(conditions=conditions)
                with self.server(conditions=conditions) as server:
                    self.assertEqual(self.publish(server).returncode, NOTHING)

    def test_many_requests_at_once_with_a_session_token_get_the_same(self):
        self.restore()
        self.key_file(f"{KEY_ID} {SECRET} canary-token")
        with self.server() as server:
            server.fault = lambda number, method, name: "503" if number % 7 == 0 else None
            done = self.repo("publish", "repo", *self.to(server.endpoint), "--s3-workers", "8")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual({headers.get("x-amz-security-token") for headers in server.headers.values()}, {"canary-token"})
        self.assertEqual(self.serves(), ["1.1.0"])

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

    def test_a_target_file_that_was_cut_is_not_sent(self):
        self.restore()
        shutil.rmtree(self.path("store"))
        image = next(path for path in Path(self.path("repo/staging/targets")).rglob("*") if path.name.endswith(".zst"))
        with self.server() as server:
            self.succeed("publish", "repo")
            public = next(path for path in Path(self.path("repo/public/targets")).rglob("*") if path.name == image.name)
            public.write_bytes(public.read_bytes()[:-1])
            done = self.publish(server)
        self.assertEqual(done.returncode, UNVERIFIED, done.stderr)
        self.assertIn("listed are", done.stderr)

    def test_what_is_no_store_is_not_taken_for_one(self):
        self.restore()
        with self.server() as server:
            server.fault = lambda number, method, name: "404"
            done = self.publish(server)
        self.assertEqual(done.returncode, USAGE, done.stderr)
        self.assertIn("is that the endpoint of an S3 store?", done.stderr)

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
