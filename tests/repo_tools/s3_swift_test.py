"""tenon-repo publish --to s3://, to OpenStack Swift: a store that checks signatures and digests, and knows no conditional writes.

TENON_BIN_DIR names the folder of tenon-repo, tenon-keyctl and tenon-tuf-client.
"""
import json
import os
import shutil
import subprocess
import unittest
import urllib.request
from pathlib import Path

import publish_doc_test
from bucket import Bucket  # which knows where the next two are
import sigv4
import swift_server
from repo_cli_test import BIN, NEEDS_PERSON, NOTHING, USAGE


class Swift(Bucket, publish_doc_test.RunsAPage):
    def setUp(self):
        if not swift_server.is_installed():
            self.skipTest("Swift is not installed: swift-proxy, swift-account, swift-container, swift-object, memcached")
        super().setUp()

    def test_a_device_updates_from_what_was_published_to_swift(self):
        with swift_server.swift_server() as store:
            self.key_file(store.key)
            key_id, secret = store.key.split()
            sigv4.ask("PUT", store.endpoint + "/updates", key_id, secret)
            self.let_everybody_read(store)
            self.publish_one_and_stage_the_next()
            text = self.run_page("object-stores.md", {"https://s3.example.com": store.endpoint}.items())
            self.assertRegex(text, "s3://updates/prod: [0-9]{2} objects written")
            self.assertEqual(self.device_gets(store), "1.1.0")
            again = self.repo("publish", "repo", *self.to(store.endpoint))
            self.assertEqual(again.returncode, NOTHING, again.stderr)
            self.succeed(*self.sign("online", command="refresh"), *self.to(store.endpoint))
            self.assertEqual(self.device_gets(store), "1.1.0")

            self.key_file(store.key + "x", "wrong")
            message = self.fail_with(NEEDS_PERSON, "E_AUTH", *self.sign("online", command="refresh"),
                                     *self.to(store.endpoint, "wrong"))
            self.assertIn("SignatureDoesNotMatch", message)
            message = self.fail_with(USAGE, "E_USAGE", *self.sign("online", command="refresh"), "--to", "s3://nowhere",
                                     *self.to(store.endpoint)[2:])
            self.assertIn("make the bucket first", message)

    def let_everybody_read(self, store):
        """Devices have no account; Swift's own interface opens a container."""
        key_id, secret = store.key.split()
        request = urllib.request.Request(store.endpoint + "/auth/v1.0", headers={"X-Auth-User": key_id, "X-Auth-Key": secret})
        with urllib.request.urlopen(request, timeout=30) as reply:
            self.public, token = reply.headers["X-Storage-Url"], reply.headers["X-Auth-Token"]
        request = urllib.request.Request(self.public + "/updates", method="POST",
                                         headers={"X-Auth-Token": token, "X-Container-Read": ".r:*"})
        urllib.request.urlopen(request, timeout=30).close()

    def device_gets(self, store):
        """The version that the channel names, as a new client finds it in the store."""
        shutil.rmtree(self.path("client"), ignore_errors=True)
        os.mkdir(self.path("client"))
        client = [os.path.join(BIN, "tenon-tuf-client"), "--metadata-dir", self.path("client")]
        base = self.public + "/updates/prod"
        subprocess.run([*client, "init", self.path("1.root.json")], check=True)
        done = subprocess.run([*client, "--metadata-url", base + "/metadata", "--target-name", "demo/channels/stable.json",
                               "--target-base-url", base + "/targets", "--target-dir", self.path("client"), "download"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = [json.loads(path.read_text()) for path in Path(self.path("client")).rglob("*stable.json")]
        return found[0]["release"]["version"] if isinstance(found[0]["release"], dict) else found[0]["release"]

if __name__ == "__main__":
    unittest.main()
