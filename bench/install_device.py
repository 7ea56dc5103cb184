"""install_device: a repository with one release of an image, a device that installs it, and the place it goes to."""
import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/support"))

from lab_root import sign_root  # noqa: E402

PIECE = 4 << 20
RANDOM_BYTES = 64 << 20
MADE_IMAGE_BYTES = 640 << 20


def run(*words, cwd=None):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True, cwd=cwd,
                          stdin=subprocess.DEVNULL).stdout


def choose_image(given, cache):
    """An image of a real system: the one given; one that was made for the benchmarks; or one of this system's /usr."""
    if given:
        return given.resolve()
    images = sorted((cache / "img").glob("*.ext4"))
    if images:
        return max(images, key=lambda image: image.name == "sec.ext4")
    image = cache / "install/usr.ext4"
    if not image.exists():
        tree = cache / "install/usr"
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir(parents=True)
        room = MADE_IMAGE_BYTES * 8 // 10
        for file in sorted(Path("/usr").rglob("*")):
            if file.is_file() and not file.is_symlink() and file.stat().st_size <= room:
                room -= file.stat().st_size + 4096
                copy = tree / file.relative_to("/usr")
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
        run("mke2fs", "-q", "-t", "ext4", "-d", tree, image.with_suffix(".new"), f"{MADE_IMAGE_BYTES >> 20}M")
        shutil.rmtree(tree)
        image.with_suffix(".new").rename(image)
    return image


def prepare_repository(image, programs, cache, level):
    """The folder of a published repository with the image as release 1.1.0; kept, since encoding takes long."""
    state = image.stat()
    folder = cache / "install" / f"{image.stem}-{state.st_size}-{state.st_mtime_ns}-level{level}"
    if (folder / "done").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "pw").write_text("a passphrase of the benchmark\n")
    (folder / "pw").chmod(0o600)

    def keyctl(*words):
        return run(programs / "tenon-keyctl", "--home", folder / "home", *words, cwd=folder)

    def repo(*words):
        return run(programs / "tenon-repo", *words, cwd=folder)

    for name in ("root", "release", "online"):
        keyctl("key", "generate", "--name", name, "--passphrase-from", "file:pw")
    keyctl("root", "init", "--lab", "-o", "1.root.draft", "--expires-in", "365d", "--root-threshold", "1", "--root",
           "root.tenon-key", "--targets", "root.tenon-key", "--snapshot", "online.tenon-key", "--timestamp",
           "online.tenon-key")
    sign_root(keyctl, folder, ["root.pem"], "--passphrase-from", "file:pw")
    repo("init", "repo", "--lab", "--root", "1.root.json", "--product", "demo", "--releases-key", "release.tenon-key",
         "--releases-threshold", "1", "--rollout-key", "online.tenon-key")
    repo("release", "add", "repo", "--product", "demo", "--version", "1.1.0", "--sequence", "2", "--hardware",
         "board", "--image", f"rootfs={image}", "--compression-level", level)
    repo("channel", "set", "repo", "--product", "demo", "--channel", "stable", "--release", "1.1.0")
    keys = [word for name in ("root", "release", "online") for word in ("--key", f"{name}.pem")]
    repo("sign", "repo", *keys, "--passphrase-from", "file:pw")
    repo("publish", "repo")
    (folder / "done").touch()
    return folder


def refresh_repository(folder, programs):
    """What was published days ago may have expired."""
    run(programs / "tenon-repo", "refresh", "repo", "--key", "online.pem", "--passphrase-from", "file:pw", cwd=folder)


class Place:
    """Where images are written: a loop device on a file, or without root the file itself."""

    def __init__(self, folder, size):
        self.file, self.size, self.loop = folder / "slot", size, None
        with open(self.file, "wb") as slot:
            os.posix_fallocate(slot.fileno(), 0, size)
        self.old = os.urandom(RANDOM_BYTES)  # matches no segment of any image
        self.age()
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            self.loop = run("losetup", "--find", "--show", self.file).strip()
        self.path = Path(self.loop or self.file)

    def age(self):
        """Fills the place with what an update finds: another content, everywhere."""
        with open(self.file, "r+b", buffering=0) as slot:
            left = self.size
            while left:
                left -= slot.write(self.old[:min(left, RANDOM_BYTES)])
            os.fsync(slot.fileno())
        if self.loop:
            with open(self.loop, "rb") as device:
                fcntl.ioctl(device, 0x1261)  # BLKFLSBUF: what the system remembers of the device is no longer so

    def settle(self):
        with open(self.path, "rb") as place:
            os.fsync(place.fileno())

    def mib_taken(self):
        """What the content takes of the disk: a hole takes nothing."""
        return self.file.stat().st_blocks / 2048

    def holds(self, image):
        with open(self.path, "rb") as place, open(image, "rb") as wanted:
            while piece := wanted.read(PIECE):
                if place.read(len(piece)) != piece:
                    return False
        return True

    def close(self):
        if self.loop:
            run("losetup", "--detach", self.loop)


class Device:
    """A device that runs from group A, and whose group B is the place."""

    def __init__(self, folder, repository, url, place):
        self.folder, self.place = folder, place
        (folder / "run").mkdir(parents=True)
        shutil.copyfile(repository / "1.root.json", folder / "root.json")
        (folder / "slot-A").write_bytes(bytes(4096))
        env = folder / "uboot.env"
        (folder / "fw_env.config").write_text(f"{env} 0x0 0x4000\n{env} 0x4000 0x4000\n")
        (folder / "run/cmdline").write_text("tenon.slot=A\n")
        (folder / "run/boot_id").write_text("boot-1\n")
        (folder / "run/release").write_text("TENON_VERSION=1.0.0\nTENON_SEQUENCE=1\n")
        (folder / "device.toml").write_text(f"""
[device]
product = "demo"
hardware = "board"
channel = "stable"
data = "{folder}/data"
release_file = "{folder}/run/release"
[repository]
url = "{url}"
root = "{folder}/root.json"
[slots.A]
rootfs = "{folder}/slot-A"
[slots.B]
rootfs = "{place.path}"
[boot]
fw_env_config = "{folder}/fw_env.config"
cmdline = "{folder}/run/cmdline"
boot_id = "{folder}/run/boot_id"
""")

    def renew(self):
        """Forgets every update: the device is as it left the factory."""
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        (self.folder / "data").mkdir()
        run(sys.executable, ROOT / "tests/support/boot_step.py", "--init", self.folder)

    def command(self, programs):
        return [programs / "tenon", "--config", self.folder / "device.toml", "install"]
