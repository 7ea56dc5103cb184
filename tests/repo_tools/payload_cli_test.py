"""tenon-repo payload as a process: deltas between real ext4 images, and what it answers to bad input.

TENON_BIN_DIR names the folder of tenon-repo.
"""
import json
import os
import random
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

REPO = os.path.join(os.environ.get("TENON_BIN_DIR", "build/dev/bin"), "tenon-repo")
USAGE, UNVERIFIED, FILES = 2, 5, 8


def text(seed, size):
    """Words that compress a little, as programs do."""
    words = random.Random(seed)
    return b" ".join(b"%d" % words.randrange(10 ** words.randrange(1, 8)) for _ in range(size // 5))[:size]


class Payload(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.make_image("base", {"bin/tool": text(1, 900_000), "etc/conf": b"speed = 1\n", "lib/big": text(2, 3_000_000)})
        tool = text(1, 900_000)
        cls.make_image("image", {"bin/tool": tool[:400_000] + b"more" * 3000 + tool[400_000:], "etc/conf": b"speed = 2\n",
                                 "etc/new": b"hello\n", "lib/big": text(2, 3_000_000)})

    @classmethod
    def make_image(cls, name, files):
        for path, content in files.items():
            file = cls.folder / (name + ".tree") / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        environment = dict(os.environ, E2FSPROGS_FAKE_TIME="1700000000")
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-b", "4096", "-E", "hash_seed=6f8d1c9a-0000-4000-8000-000000000002",
                        "-U", "6f8d1c9a-0000-4000-8000-000000000001", "-d", cls.folder / (name + ".tree"),
                        cls.folder / (name + ".ext4"), "24M"], check=True, env=environment)

    def repo(self, *words, status=0):
        done = subprocess.run([REPO, "payload", *words], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def build(self, *more):
        out = self.id().rsplit(".", 1)[1] + ".delta"
        self.repo("build", "--base", "base.ext4", "--image", "image.ext4", "--out", out, *more)
        return out

    def test_a_delta_gives_the_image_bit_for_bit(self):
        for more in ([], ["--raw"], ["--segment-size", "64KiB"], ["--workers", "1"]):
            delta = self.build(*more)
            self.repo("apply", "--base", "base.ext4", "--payload", delta, "--out", "out.ext4")
            self.assertEqual((self.folder / "out.ext4").read_bytes(), (self.folder / "image.ext4").read_bytes())
            self.assertLess((self.folder / delta).stat().st_size, 6000, "some text, and what moved")

    def test_knowing_ext4_makes_a_delta_smaller_and_workers_do_not_change_it(self):
        with_ext4 = (self.folder / self.build()).read_bytes()
        alone = (self.folder / self.build("--workers", "1")).read_bytes()
        raw = (self.folder / self.build("--raw")).read_bytes()
        self.assertEqual(with_ext4, alone)
        self.assertLess(len(with_ext4), len(raw))

    def test_the_base_may_be_a_longer_slot(self):
        delta = self.build()
        slot = (self.folder / "base.ext4").read_bytes() + b"what was there before" * 1000
        (self.folder / "slot.img").write_bytes(slot)
        self.repo("apply", "--base", "slot.img", "--payload", delta, "--out", "out.ext4")
        self.assertEqual((self.folder / "out.ext4").read_bytes(), (self.folder / "image.ext4").read_bytes())

    def test_another_base_is_refused_and_leaves_no_image(self):
        delta = self.build()
        changed = bytearray((self.folder / "base.ext4").read_bytes())
        for at in range(0, len(changed), 4096):
            changed[at + 9] ^= 1
        (self.folder / "changed.ext4").write_bytes(changed)
        (self.folder / "short.ext4").write_bytes(changed[:-4096])
        for base, reason in (("changed.ext4", "unchanged"), ("short.ext4", "for a base of")):
            done = self.repo("apply", "--base", base, "--payload", delta, "--out", "wrong.ext4", status=UNVERIFIED)
            self.assertIn(reason, done.stderr)
            self.assertEqual([name for name in os.listdir(self.folder) if "wrong.ext4" in name], [])

    # Book: DELTA-09
    def test_a_cut_and_a_longer_delta_are_refused(self):
        content = (self.folder / self.build()).read_bytes()
        for broken in (content[:-1], content[:20], b"", content + b"x", b"not a delta at all, but longer than its header"):
            (self.folder / "broken.delta").write_bytes(broken)
            self.repo("apply", "--base", "base.ext4", "--payload", "broken.delta", "--out", "wrong.ext4", status=UNVERIFIED)
            self.assertFalse((self.folder / "wrong.ext4").exists())

    def test_inspect_and_compare_say_what_there_is(self):
        delta = self.build()
        told = json.loads(self.repo("inspect", delta, "--json").stdout)
        self.assertEqual(told["payload_bytes"], (self.folder / delta).stat().st_size)
        self.assertEqual(told["image"]["size"], 24 << 20)
        self.assertTrue(told["computes_ext4_checksums"])
        self.assertIn("of the image", self.repo("inspect", "--payload", delta).stdout)
        shares = json.loads(self.repo("compare", "--base", "base.ext4", "--image", "image.ext4", "--json").stdout)
        self.assertEqual(shares["image_bytes"], sum(shares[kind + "_bytes"] for kind in ("zero", "same", "changed", "new")))
        self.assertGreater(shares["same_bytes"], 3_500_000)
        self.assertLess(shares["new_bytes"], 50_000)

    def test_local_says_what_a_device_fetches(self):
        told = json.loads(self.repo("local", "--base", "base.ext4", "--image", "image.ext4", "--out", "blocks",
                                    "--json").stdout)
        self.assertEqual(told["payload_bytes"], (self.folder / "blocks").stat().st_size)
        self.assertEqual(told["index_bytes"], (self.folder / "blocks.index").stat().st_size)
        self.assertLess(told["frame_bytes"], told["payload_bytes"] // 4)
        self.assertFalse((self.folder / "blocks.frames").exists())
        self.repo("local", "--base", "base.ext4", "--image", "image.ext4", "--out", "blocks", status=FILES)

    def test_images_may_be_empty_and_files_must_be_there(self):
        (self.folder / "empty").write_bytes(b"")
        self.repo("build", "--base", "base.ext4", "--image", "empty", "--out", "empty.delta")
        self.repo("apply", "--base", "base.ext4", "--payload", "empty.delta", "--out", "nothing")
        self.assertEqual((self.folder / "nothing").read_bytes(), b"")
        self.repo("build", "--base", "empty", "--image", "image.ext4", "--out", "all.delta")
        self.repo("apply", "--base", "empty", "--payload", "all.delta", "--out", "out.ext4")
        self.assertEqual((self.folder / "out.ext4").read_bytes(), (self.folder / "image.ext4").read_bytes())
        self.repo("build", "--base", "nowhere", "--image", "image.ext4", "--out", "x.delta", status=FILES)
        self.repo("build", "--base", "/", "--image", "image.ext4", "--out", "x.delta", status=FILES)
        self.repo("build", "--base", "base.ext4", "--image", "image.ext4", "--out", "x.delta", "--segment-size", "1000",
                  status=USAGE)
        self.assertFalse((self.folder / "x.delta").exists())


if __name__ == "__main__":
    unittest.main()
