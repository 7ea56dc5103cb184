#!/usr/bin/env python3
"""`tenon check` reads the largest metadata files that its limits allow below its figures of memory and of time."""
import hashlib
import http.server
import json
import resource
import shutil
import subprocess
import time
import unittest

import device_cli_test

SECONDS = 120  # far more than it takes
LISTED = 16 << 20  # bytes of one file at the most: metadata::Limits::listed_bytes
SIGNERS = {"timestamp": "online", "snapshot": "online", "targets": "targets", "rollout.demo": "targets"}


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def header(role_type):
    return {"_type": role_type, "expires": "2090-01-01T00:00:00Z", "spec_version": "1.0.34", "version": 1}


def pin(file):
    return {"version": 1, "length": len(file), "hashes": {"sha256": hashlib.sha256(file).hexdigest()}}


def filled(size, entry, prefix):
    """As many members as make `size` bytes of JSON."""
    each = len(prefix) + 6 + len(canonical(entry)) + 4
    return {f"{prefix}{number:06}": entry for number in range(size // each)}


class Files(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        file = self.server.files.get(self.path)
        self.send_response(404 if file is None else 200)
        self.send_header("Content-Length", str(len(file or b"")))
        self.end_headers()
        self.wfile.write(file or b"")

    def log_message(self, *_):
        pass


class LargestMetadata(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.device = device_cli_test.device_of(cls)
        cls.keys = {name: json.loads((cls.device.folder / f"keys/{name}.tenon-key").read_text())
                    for name in ("online", "targets")}
        cls.device.server.RequestHandlerClass = Files

    def sign(self, role, signed):
        key = SIGNERS[role]
        folder = self.device.folder
        (folder / "message").write_bytes(canonical(signed))
        signature = subprocess.run(
            ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", folder / f"keys/{key}.pem", "-passin",
             f"file:{folder}/passphrase", "-in", folder / "message"], check=True, capture_output=True).stdout
        signatures = [{"keyid": self.keys[key]["keyid"], "sig": signature.hex()}]
        return canonical({"signatures": signatures, "signed": signed})

    def publish(self, size):
        """Serves snapshot, targets and rollout.demo of about that many bytes each."""
        entry = {"length": 1234567, "hashes": {"sha256": "a" * 64}}
        key = self.keys["targets"]
        delegation = {"keys": {key["keyid"]: key["key"]},
                      "roles": [{"name": "rollout.demo", "keyids": [key["keyid"]], "threshold": 1,
                                 "paths": ["demo/channels/*"], "terminating": True}]}
        room = size - 2_000
        rollout = self.sign("rollout.demo", {**header("targets"), "targets": filled(room, entry, "demo/channels/x")})
        targets = self.sign("targets", {**header("targets"), "targets": filled(room, entry, "some/path/to/x"),
                                        "delegations": delegation})
        meta = filled(room, {**entry, "version": 1}, "some.other.role.")
        meta.update({"targets.json": pin(targets), "rollout.demo.json": pin(rollout)})
        snapshot = self.sign("snapshot", {**header("snapshot"), "meta": meta})
        timestamp = self.sign("timestamp", {**header("timestamp"), "meta": {"snapshot.json": pin(snapshot)}})
        for file in (rollout, targets, snapshot):
            self.assertLessEqual(len(file), size)
            self.assertGreater(len(file), size * 9 // 10)
        self.device.server.files = {"/metadata/timestamp.json": timestamp, "/metadata/1.snapshot.json": snapshot,
                                    "/metadata/1.targets.json": targets, "/metadata/1.rollout.demo.json": rollout}

    def refuses_within(self, mebibytes):
        """All files are read, verified and stored; then no role lists the channel."""
        limit = mebibytes << 20
        shutil.rmtree(self.device.folder / "data")
        (self.device.folder / "data").mkdir()
        began = time.monotonic()
        done = subprocess.run(
            [device_cli_test.BIN / "tenon", "--config", self.device.folder / "device.toml", "check"],
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)), capture_output=True, text=True)
        self.assertIn("error: E_POLICY no trusted role lists demo/channels/stable.json", done.stderr)
        self.assertTrue((self.device.folder / "data/metadata/rollout.demo.json").exists())
        self.assertLess(time.monotonic() - began, SECONDS)

    # Book: RES-02
    def test_of_the_size_that_other_clients_allow_takes_less_than_64_mebibytes(self):
        self.publish(2_000_000)
        self.refuses_within(64)

    # Book: RES-02
    def test_of_the_size_that_tenon_allows_takes_less_than_384_mebibytes(self):
        self.publish(LISTED)
        self.refuses_within(384)


if __name__ == "__main__":
    unittest.main()
