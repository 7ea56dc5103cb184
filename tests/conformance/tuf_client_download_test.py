"""tenon-tuf-client, download, against what the TUF conformance suite asks of a client: what is asked for, and what
stands in the target folder afterwards, whatever the server did.
"""
import os
import resource
import subprocess
import threading
import unittest

from client_test_case import NOTHING_NEW, ClientTest


class Download(ClientTest):
    def setUp(self):
        super().setUp()
        self.started()

    def finished(self):
        return {name: self.read("targets", name) for name in os.listdir(self.path("targets"))}

    def add(self, path, content, **options):
        self.repository.add_target(path, content, **options)

    def targets_requested(self):
        return [path for path in self.requests() if path.startswith("/targets/")]

    def test_it_refreshes_and_stores_the_target_under_one_name(self):
        self.add("dir/file.txt", b"content")
        self.repository.publish("targets", "snapshot", "timestamp")
        self.succeed("dir/file.txt")
        made = self.requests()
        self.assertEqual(made[:4], ["2.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json"])
        self.assertEqual(len(made), 5)
        self.assertRegex(made[4], "^/targets/dir/[0-9a-f]{64}[.]file.txt$")
        self.assertEqual(self.finished(), {"dir%2Ffile.txt": b"content"})

    # Book: LOC-06
    def test_a_target_that_is_there_is_not_asked_for_again(self):
        self.add("file", b"content")
        self.repository.publish("targets", "snapshot", "timestamp")
        self.succeed("file")
        self.requests()
        self.succeed("file")
        self.assertEqual(self.requests(), NOTHING_NEW)
        for changed in (b"Content", b"conten", b"content!", b""):
            self.write(changed, "targets", "file")
            self.succeed("file")
            self.assertEqual(self.finished(), {"file": b"content"})
            self.assertEqual(len(self.targets_requested()), 1)

    def test_a_new_version_replaces_the_file(self):
        for content in (b"first", b"second", b""):
            self.add("file", content)
            self.repository.publish("targets", "snapshot", "timestamp")
            self.succeed("file")
            self.assertEqual(self.finished(), {"file": content})

    # Book: TGT-01, TGT-02, TGT-03
    def test_other_bytes_leave_the_folder_as_it_was(self):
        self.add("file", b"content")
        self.repository.publish("targets", "snapshot", "timestamp")
        self.succeed("file")
        self.add("file", b"renewed")
        self.repository.publish("targets", "snapshot", "timestamp")
        served = next(path for path, content in self.repository.files.items() if content == b"renewed")
        for other, code in ((b"RENEWED", "E_MISMATCH"), (b"renewed and more", "E_LIMIT"), (b"ren", "E_MISMATCH")):
            self.repository.files[served] = other
            self.fail_with(code, "file")
            self.assertEqual(self.finished(), {"file": b"content"})
        del self.repository.files[served]
        self.fail_with("E_NET", "file", message="file")
        self.assertEqual(self.finished(), {"file": b"content"})

    def test_a_link_under_the_unfinished_name_is_not_written_through(self):
        self.add("file", b"content")
        self.repository.publish("targets", "snapshot", "timestamp")
        for plant in (os.link, os.symlink):
            self.write(b"precious", "victim")
            plant(self.path("victim"), self.path("targets", ".new"))
            self.succeed("file")
            self.assertEqual(self.read("victim"), b"precious")
            self.assertEqual(self.finished(), {"file": b"content"})
            os.unlink(self.path("targets", "file"))

    def test_several_targets_are_one_session_in_order(self):
        for name in ("one", "two", "three"):
            self.add(name, name.encode())
        self.repository.publish("targets", "snapshot", "timestamp")
        self.succeed("two", "one")
        made = self.requests()
        self.assertEqual([path.rpartition(".")[2] for path in made[4:]], ["two", "one"])
        self.fail_with("E_POLICY", "three", "none", "one", message="none")
        self.assertEqual(len(self.requests()), 3)
        self.assertEqual(sorted(self.finished()), ["one", "three", "two"])

    # Book: DEL-12
    def test_role_names_that_need_quoting(self):
        sent = {"a/~b c": "a%2F~b%20c", "../up": "..%2Fup", ".": ".", "?": "%3F", "%2f": "%252f", "\u00e9": "%C3%A9"}
        for number, role in enumerate(sent):
            self.repository.delegate(role, [f"{number}/*"])
            self.add(f"{number}/file", role.encode(), role=role)
        self.repository.publish(*sent, "targets", "snapshot", "timestamp")
        for number, role in enumerate(sent):
            self.succeed(f"{number}/file")
            self.assertIn(f"1.{sent[role]}.json", self.requests())
            self.succeed(f"{number}/file")
            self.assertEqual(self.requests(), NOTHING_NEW)
        self.assertEqual(len(self.stored()), 4 + len(sent))
        self.assertEqual(sorted(os.listdir(self.folder)), ["initial_root.json", "keys", "metadata", "targets"])

    # Book: DEL-12
    def test_role_names_that_need_quoting_without_consistent_snapshots(self):
        self.repository.signed["root"]["consistent_snapshot"] = False
        sent = {"../d": "..%2Fd", ".": ".", ".new": ".new", "a/~b": "a%2F~b"}
        for number, role in enumerate(sent):
            self.repository.delegate(role, [f"{number}/*"])
        self.repository.publish("root", *sent, "targets", "snapshot", "timestamp")
        for role in ("2.targets", "2.snapshot", *(f"1.{name}" for name in sent.values())):
            self.repository.files["/metadata/" + role.partition(".")[2] + ".json"] = self.served(role + ".json")
        for number, role in enumerate(sent):
            self.fail_with("E_POLICY", f"{number}/none", message="no trusted role lists")
            self.assertIn(f"{sent[role]}.json", self.requests())
        self.assertEqual(len(self.stored()), 4 + len(sent))
        self.assertEqual(sorted(os.listdir(self.folder)), ["initial_root.json", "keys", "metadata", "targets"])

    def test_target_paths_are_sent_as_they_are(self):
        sent = {"a+b,c=d@e/(f)": None, "b%20c": None, "c d": "c%20d", ".hidden": None, "q?x#y": "q%3Fx%23y",
                "100%": "100%25", "\u00e9": "%C3%A9", "x" * 300: None}
        for path, url_path in sent.items():
            self.add(path, path.encode(), url_path=url_path)
        self.repository.publish("targets", "snapshot", "timestamp")
        for path in sent:
            self.succeed(path)
        names = self.finished()
        self.assertEqual(len(names), len(sent))
        self.assertEqual([name for name in names if name.startswith(".") or "/" in name], [])
        self.assertIn("%2Ehidden", names)

    # Book: TGT-12
    def test_a_path_that_leaves_the_folder_is_refused(self):
        for path in ("../file", "/file", "a//b", "a/../../b", "%2e%2e/file"):
            self.add(path, b"content")
            self.repository.publish("targets", "snapshot", "timestamp")
            self.assertEqual(self.run_words(self.command(path)).returncode, 1)
        self.assertEqual(self.finished(), {})
        self.assertEqual(sorted(os.listdir(self.folder)), ["initial_root.json", "keys", "metadata", "targets"])

    def run_limited(self, mebibytes, *names):
        """All private writable memory is limited, that of the libraries included."""
        def limit():
            resource.setrlimit(resource.RLIMIT_DATA, (mebibytes << 20, mebibytes << 20))
        return self.run_words(self.command(*names), preexec_fn=limit)

    def test_a_large_target_is_not_held_in_memory(self):
        self.add("large", bytes(range(256)) * (160 << 10))  # 40 MiB
        self.repository.publish("targets", "snapshot", "timestamp")
        done = self.run_limited(16, "large")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(os.path.getsize(self.path("targets", "large")), 40 << 20)

    def test_large_roles_on_the_way_are_not_held_in_memory(self):
        roles = [f"role-{number}" for number in range(12)]
        entry = {"length": 1234567, "hashes": {"sha256": "a" * 64}}
        for delegator, role in zip(["targets", *roles], roles):
            self.repository.delegate(role, ["*"], delegator)
            self.repository.signed[role]["targets"] = {f"other/{number:06}": entry for number in range(8_000)}
        self.add("app", b"content", role=roles[-1])
        self.repository.publish("targets", *roles, "snapshot", "timestamp")
        self.assertGreater(len(self.served("1.role-11.json")), 900_000)
        done = self.run_limited(40, "app")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_file_of_tiny_values_is_refused_before_it_fills_the_memory(self):
        self.repository.files["/metadata/1.targets.json"] = \
            b'{"signatures":[],"signed":{"x":[' + b"0," * 2_400_000 + b"0]}}"
        done = self.run_limited(96, "app")
        self.assertEqual(done.returncode, 1)
        self.assertIn("error: E_LIMIT targets.json", done.stderr)

    def test_without_memory_it_ends_as_after_any_failure(self):
        self.add("app", b"content")
        self.repository.signed["targets"]["x-filling"] = list(range(500_000))
        self.repository.publish("targets", "snapshot", "timestamp")
        done = self.run_limited(12, "app")
        self.assertEqual((done.returncode, done.stderr), (1, "error: E_LIMIT there is not enough memory\n"))

    def test_killed_in_the_middle_it_leaves_no_finished_file(self):
        self.add("file", bytes(1 << 20))
        self.repository.publish("targets", "snapshot", "timestamp")
        half_way, go_on = threading.Event(), threading.Event()

        def pause(start):
            if start == 1 << 19:
                half_way.set()
                go_on.wait(30)
        self.server.before_piece = pause
        with subprocess.Popen(self.command("file")) as process:
            self.assertTrue(half_way.wait(30))
            process.kill()
        go_on.set()
        self.assertEqual([name for name in self.finished() if not name.startswith(".")], [])
        self.server.before_piece = lambda start: None
        self.succeed("file")
        self.assertEqual(list(self.finished()), ["file"])


if __name__ == "__main__":
    unittest.main()
