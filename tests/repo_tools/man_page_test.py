"""docs/man/tenon-repo.1.scd: every command and option is there as --help has it, and the examples do what they say.

TENON_BIN_DIR and TENON_SOURCE_DIR name the folders of the programs and of the sources.
"""
import shlex
import tarfile
import unittest
from pathlib import Path

import bucket  # which knows where the next two are
import man_page
from s3_server import S3Server


class Page(man_page.ManPage):
    PROGRAM = "tenon-repo"


class Examples(bucket.Bucket):
    def test_do_what_they_say(self):
        for number, name in enumerate(("rootfs.ext4", "next.ext4", "factory.ext4")):
            self.image(name, number)
        self.key_file(f"{bucket.KEY_ID} {bucket.SECRET}")
        text = ""
        with S3Server(self.path("store"), bucket.KEY_ID, bucket.SECRET) as server:
            for line in man_page.examples("tenon-repo"):
                words = shlex.split(line.replace("https://s3.example.com", server.endpoint))
                text += self.succeed(*words[1:])
        self.assertIn("demo-board: 1.0.0 (sequence 1) is to be installed", text)
        self.assertIn("rootfs from factory.ext4: a delta of ", text)
        self.assertIn("rootfs from 1.0.0: a delta of ", text)
        self.assertEqual(self.installs(), ["1.1.0"])
        self.assert_same("store/updates/prod/metadata/timestamp.json", "repo/public/metadata/timestamp.json")
        with tarfile.open(self.path("update.tar")) as bundle:
            self.assertIn("metadata/timestamp.json", bundle.getnames())
        self.assert_same("made.ext4", "next.ext4")

    def assert_same(self, one, other):
        self.assertEqual(Path(self.path(one)).read_bytes(), Path(self.path(other)).read_bytes())


if __name__ == "__main__":
    unittest.main()
