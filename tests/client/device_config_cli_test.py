#!/usr/bin/env python3
"""A device whose configuration or root of trust is missing, unreadable or weakened installs nothing: it never falls
back to verifying less."""
import os
import unittest

import device_cli_test

USAGE, UNVERIFIED, DEVICE = 2, 5, 8


class CountingLiar(device_cli_test.Liar):
    def do_GET(self):
        self.server.requests += 1
        super().do_GET()


class BrokenConfiguration(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.device = device_cli_test.device_of(cls)
        cls.device.server.RequestHandlerClass = CountingLiar
        cls.root = cls.device.folder / "1.root.json"
        cls.config = cls.device.folder / "device.toml"
        cls.good_root = cls.root.read_bytes()
        cls.good_config = cls.config.read_text()

    def setUp(self):
        self.device.server.requests = 0
        self.addCleanup(self.restore)

    def restore(self):
        if self.root.is_dir():
            self.root.rmdir()
        self.root.unlink(missing_ok=True)
        self.root.write_bytes(self.good_root)
        self.config.write_text(self.good_config)

    def refuses(self, status, code):
        for program, words in [("tenon", ["check"]), ("tenond", ["--once"])]:
            with self.subTest(program=program):
                result = self.device.tenon(*words, program=program)
                self.assertEqual(result.returncode, status, result.stderr)
                self.assertIn("error: " + code + " ", result.stderr)
                self.assertEqual(self.device.server.requests, 0)
                self.assertFalse(any((self.device.folder / "data/metadata").glob("*")))

    # Book: LOC-09
    def test_a_root_that_is_missing(self):
        self.root.unlink()
        self.refuses(DEVICE, "E_STORAGE")

    # Book: LOC-09
    def test_a_root_that_is_a_folder(self):
        self.root.unlink()
        self.root.mkdir()
        self.refuses(DEVICE, "E_STORAGE")

    # Book: LOC-09
    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_a_root_that_may_not_be_read(self):
        self.root.chmod(0)
        self.refuses(DEVICE, "E_STORAGE")

    # Book: LOC-09
    def test_a_root_that_leads_nowhere(self):
        self.root.unlink()
        self.root.symlink_to("nowhere")
        self.refuses(DEVICE, "E_STORAGE")

    # Book: LOC-09
    def test_a_root_without_content_or_without_trust(self):
        for content, code in [(b"", "E_PARSE"), (b"null", "E_PARSE"), (b"{}", "E_PARSE"), (b"\0" * 100, "E_PARSE"),
                              (b"-----BEGIN PUBLIC KEY-----\n", "E_PARSE"), (self.good_root[:-10], "E_PARSE"),
                              (self.good_root.replace(b'"threshold": 1', b'"threshold": 0'), "E_PARSE"),
                              (self.good_root.replace(b'"threshold": 1', b'"threshold": 2'), "E_SIG"),
                              (self.good_root.replace(b'"sig": "', b'"sig": "00'), "E_SIG")]:
            with self.subTest(content=content[:20], code=code):
                self.root.write_bytes(content)
                self.refuses(UNVERIFIED, code)

    # Book: LOC-09
    def test_a_configuration_that_names_no_root_or_an_empty_one(self):
        named = f'root = "{self.root}"\n'
        self.assertIn(named, self.good_config)
        self.config.write_text(self.good_config.replace(named, 'root = ""\n'))
        self.refuses(USAGE, "E_USAGE")
        self.config.write_text(self.good_config.replace(named, ""))
        if not os.path.exists("/etc/tenon/root.json"):
            self.refuses(DEVICE, "E_STORAGE")

    # Book: LOC-09
    def test_a_configuration_that_asks_for_less(self):
        for table, line in [("[repository]", "verify = false"), ("[repository]", "insecure = true"),
                            ("[repository]", "require_snapshot_hashes = false"), ("[repository]", "keys = []"),
                            ("[device]", "threshold = 0"), ("[device]", "allow_downgrade = true")]:
            with self.subTest(line=line):
                self.config.write_text(self.good_config.replace(table, f"{table}\n{line}"))
                self.refuses(USAGE, "E_USAGE")

    # Book: LOC-09
    def test_a_configuration_that_is_empty_cut_or_unreadable(self):
        for content in ("", self.good_config[:200], "\0", "\xff" * 10, "[device"):
            with self.subTest(content=content[:10]):
                self.config.write_text(content)
                self.refuses(USAGE, "E_USAGE")
        self.config.unlink()
        self.refuses(USAGE, "E_USAGE")


if __name__ == "__main__":
    unittest.main()
