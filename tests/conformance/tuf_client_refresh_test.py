"""tenon-tuf-client, init and refresh, against what the TUF conformance suite asks of a client: the files in its
metadata folder, its exit status, and exactly which requests it makes.
"""
import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from client_test_case import CLIENT, FIRST_REFRESH, NOTHING_NEW, ClientTest
from moved_clock import clock_at
from signed_files import Key, SignedFiles


class Init(ClientTest):
    def test_init_stores_the_root_as_it_is_and_asks_nobody(self):
        self.started()
        self.assertEqual(self.stored(), ["root.json"])
        self.assertEqual(self.read("metadata", "root.json"), self.served("1.root.json"))
        self.assertEqual(self.requests(), [])

    def test_init_refuses_what_is_no_root(self):
        root = self.served("1.root.json")
        changed = root.replace(b'"version":1', b'"version":2')
        for bad in (b"", b"{}", root[:-20], self.served("timestamp.json"), changed):
            done = self.init(bad)
            self.assertEqual(done.returncode, 1)
            self.assertIn("error: E_", done.stderr)
            self.assertEqual(self.stored(), [])

    def test_init_anew_forgets_what_it_learned_from_the_other_root(self):
        for _ in range(3):
            self.repository.publish("root")
        self.started()
        self.succeed()
        other = SignedFiles(self.path("keys"))
        self.repository.files.clear()
        self.repository.files.update(other.files)
        self.started()
        self.assertEqual(self.run_words(self.command()).returncode, 0)
        self.assertEqual(self.read("metadata", "root.json"), other.files["/metadata/1.root.json"])

    def test_a_wrong_command_line_is_exit_1(self):
        full = self.command("a")[1:]  # five options of two words each, and the command
        one_missing = [full[:at] + full[at + 2:] for at in range(0, 10, 2)]
        for words in (*one_missing, [], ["refresh"], ["init"], ["frobnicate", *full[:4]], [*full[:4], "init"],
                      [*full[:4], "refresh", "more"], ["--metadata-dir"], [*full, "--frobnicate"],
                      [*full, "--metadata-url", "http://elsewhere"], [*full, "--max-metadata-bytes", "1 MB"]):
            done = self.run_words([CLIENT, *words])
            self.assertEqual((done.returncode, done.stderr.startswith("error: E_USAGE ")), (1, True), words)
        self.assertEqual(self.requests(), [])

    def test_refresh_before_init_says_what_to_do(self):
        self.fail_with("E_STORAGE", message="init")
        self.assertEqual(self.requests(), [])


class Refresh(ClientTest):
    def setUp(self):
        super().setUp()
        self.started()

    def test_it_asks_for_what_it_needs_and_stores_the_bytes_served(self):
        self.succeed()
        self.assertEqual(self.requests(), FIRST_REFRESH)
        self.assertEqual(self.stored(), ["root.json", "snapshot.json", "targets.json", "timestamp.json"])
        for name, served in (("snapshot", "1.snapshot"), ("targets", "1.targets"), ("timestamp", "timestamp")):
            self.assertEqual(self.read("metadata", name + ".json"), self.served(served + ".json"))

    def test_the_largest_file_that_it_reads_is_an_option(self):
        done = self.run_words([*self.command(), "--max-metadata-bytes", "100"])
        self.assertEqual(done.returncode, 1)
        self.assertIn("error: E_LIMIT ", done.stderr)
        done = self.run_words([*self.command(), "--max-metadata-bytes", str(1 << 30)])
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_it_asks_for_nothing_that_it_has(self):
        self.succeed()
        self.requests()
        self.succeed()
        self.assertEqual(self.requests(), NOTHING_NEW)
        self.repository.publish("timestamp")
        self.succeed()
        self.assertEqual(self.requests(), NOTHING_NEW)
        self.repository.publish("snapshot", "timestamp")
        self.succeed()
        self.assertEqual(self.requests(), [*NOTHING_NEW, "2.snapshot.json"])

    def test_it_walks_every_root_and_keeps_the_last(self):
        for _ in range(3):
            self.repository.publish("root")
        self.succeed()
        self.assertEqual(self.requests(), ["2.root.json", "3.root.json", "4.root.json", "5.root.json",
                                           *FIRST_REFRESH[1:]])
        self.assertEqual(self.read("metadata", "root.json"), self.served("4.root.json"))
        self.succeed()
        self.assertEqual(self.requests(), ["5.root.json", "timestamp.json"])

    # Book: ROOT-12
    def test_a_server_that_is_out_of_order_does_not_end_the_root_chain(self):
        self.server.statuses["/metadata/2.root.json"] = 500
        self.fail_with("E_NET")
        self.assertEqual(self.requests(), ["2.root.json"])

    # Book: TIME-10
    # Spec: 5.3.10
    def test_an_expired_root_is_stored_and_ends_the_refresh(self):
        self.repository.signed["root"]["expires"] = "2031-01-01T00:00:00Z"
        self.repository.publish("root")
        self.fail_with("E_EXPIRED", prefix=clock_at("2032-01-01 00:00:00"), message="2031-01-01")
        self.assertEqual(self.requests(), ["2.root.json", "3.root.json"])
        self.assertEqual(self.read("metadata", "root.json"), self.served("2.root.json"))
        self.succeed(prefix=clock_at("2030-01-01 00:00:00"))

    def test_an_expired_timestamp_is_not_stored(self):
        self.repository.signed["timestamp"]["expires"] = "2031-01-01T00:00:00Z"
        self.repository.publish("timestamp")
        self.fail_with("E_EXPIRED", prefix=clock_at("2032-01-01 00:00:00"))
        self.assertEqual(self.stored(), ["root.json"])

    # Book: LOC-04
    def test_a_damaged_root_is_an_error_and_never_a_crash(self):
        whole = self.read("metadata", "root.json")
        damaged = [whole[:length] for length in (0, 1, len(whole) // 2, len(whole) - 2)]
        damaged += [b"\0" * len(whole), b"[" * 100_000, whole.replace(b'"threshold":1', b'"threshold":0')]
        for content in damaged:
            self.write(content, "metadata", "root.json")
            done = self.run_words(self.command())
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("error: E_", done.stderr)
            self.assertIn("init", done.stderr)
        self.assertEqual(self.requests(), [])

    # Book: LOC-04
    def test_other_damaged_files_are_fetched_again(self):
        for name in ("timestamp.json", "snapshot.json", "targets.json"):
            self.run_words(self.command())
            whole = self.read("metadata", name)
            self.write(whole[:-30], "metadata", name)
            self.assertEqual(self.run_words(self.command()).returncode, 0)
            self.assertEqual(self.read("metadata", name), whole)

    def test_damaged_floors_are_told_of(self):
        self.succeed()
        self.write(b"{", "metadata", ".floors")
        self.succeed(warning="floors")
        self.succeed()

    def test_a_rollback_is_refused_even_when_the_stored_files_are_gone(self):
        old = self.served("timestamp.json")
        self.repository.publish("timestamp")
        self.succeed()
        self.repository.files["/metadata/timestamp.json"] = old
        self.fail_with("E_ROLLBACK", message="timestamp version 1 < trusted 2")
        os.unlink(self.path("metadata", "timestamp.json"))
        self.fail_with("E_ROLLBACK")

    # Spec: 5.3.11
    def test_a_rotation_of_keys_undoes_a_fast_forward_though_the_cycle_was_cut(self):
        shared = Key(self.path("keys"), "shared")
        stolen = self.repository.signers["timestamp"][0]
        self.repository.set_keys("timestamp", [stolen, shared])
        self.repository.publish("root")
        self.repository.publish_as("timestamp", 1000)
        self.succeed()
        self.repository.set_keys("timestamp", [shared])
        self.repository.publish("root")
        del self.repository.files["/metadata/timestamp.json"]
        self.fail_with("E_NET")  # the new root is stored, and the shared key signed the old timestamp too
        self.repository.publish_as("timestamp", 2)
        self.succeed()

    # Spec: 5.3.11
    def test_a_rotation_of_keys_deletes_timestamp_and_snapshot_though_the_cycle_fails(self):
        for role in ("timestamp", "snapshot"):
            self.succeed()
            self.assertEqual(self.stored(), ["root.json", "snapshot.json", "targets.json", "timestamp.json"])
            self.repository.set_keys(role, [Key(self.path("keys"), "new-" + role)])
            self.repository.publish("root")
            timestamp = self.repository.files.pop("/metadata/timestamp.json")
            self.fail_with("E_NET")
            self.assertEqual(self.stored(), ["root.json", "targets.json"])
            self.repository.files["/metadata/timestamp.json"] = timestamp
            self.repository.publish("snapshot", "timestamp")

    # Spec: 5.3.11
    def test_what_was_accepted_after_a_rotation_is_kept_though_the_cycle_fails(self):
        self.succeed()
        self.repository.set_keys("snapshot", [Key(self.path("keys"), "new")])
        self.repository.publish("root")
        self.repository.publish("timestamp")
        for _ in range(2):
            self.fail_with("E_SIG")  # the snapshot is still the old one
            self.assertEqual(self.stored(), ["root.json", "targets.json", "timestamp.json"])
            self.assertEqual(self.read("metadata", "timestamp.json"), self.served("timestamp.json"))


if __name__ == "__main__":
    unittest.main()
