"""The installed library: another project finds it, builds examples/tuf-client against it and nothing else of this tree, and
that program finds a target.

TENON_BIN_DIR and TENON_SOURCE_DIR name the folders of the programs and of the sources.
"""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance"))
from signed_files import SignedFiles

SOURCE = Path(os.environ.get("TENON_SOURCE_DIR", os.getcwd()))
BUILD = Path(os.environ.get("TENON_BIN_DIR", "build/dev/bin")).resolve().parent


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=280, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, words))}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        run("cmake", "--install", BUILD, "--prefix", cls.folder / "prefix", "--component", "library")
        run("cmake", "-S", SOURCE / "examples/tuf-client", "-B", cls.folder / "build", "-G", "Ninja",
            f"-DCMAKE_PREFIX_PATH={cls.folder}/prefix", "-DCMAKE_BUILD_TYPE=Debug")
        run("cmake", "--build", cls.folder / "build")
        cls.program = cls.folder / "build/tuf-client"

    def test_the_example_finds_a_target_and_believes_nothing_unsigned(self):
        repository = SignedFiles(str(self.folder))
        repository.add_target("demo/image", b"an image")
        repository.publish("targets", "snapshot", "timestamp")
        for name, content in repository.files.items():
            path = self.folder / "repository" / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        metadata = self.folder / "repository/metadata"
        words = (self.program, metadata / "1.root.json", self.folder / "repository")
        self.assertIn("demo/image: 8 bytes, sha256 ", run(*words, "demo/image"))
        timestamp = metadata / "timestamp.json"
        timestamp.write_bytes(timestamp.read_bytes().replace(b"2100-", b"2101-"))
        done = subprocess.run([*words, "demo/image"], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stderr[:12]), (1, "error: E_SIG"))

    def test_headers_are_those_of_the_library_alone(self):
        include = self.folder / "prefix/include/tenon"
        self.assertEqual(sorted(path.name for path in include.iterdir()), ["client", "metadata", "policies"])
        self.assertEqual([path.name for path in (include / "client").iterdir()], ["workflow"])


if __name__ == "__main__":
    unittest.main()
