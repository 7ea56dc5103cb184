"""install_peers: SWUpdate and RAUC installing the same image into the same place, from a signed file beside them."""
import os
import shutil

from install_device import run

SWUPDATE, RAUC = "swupdate", "rauc"
BACKEND = """#!/bin/sh
case "$1" in get-primary | get-current) echo A ;; get-state) echo good ;; esac
"""


def archive(path, folder, names):
    """The files as a cpio archive of the form that SWUpdate reads: new ASCII with checksums (magic 070702)."""
    with open(path, "wb") as out:
        for number, name in enumerate([*names, "TRAILER!!!"], 1):
            content = (folder / name).read_bytes() if name in names else b""
            checksum = sum(content) & 0xFFFFFFFF
            fields = (number, 0o100644, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, checksum)
            head = b"070702" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
            out.write(head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4))
        out.write(bytes(-out.tell() % 512))


def certificate(folder):
    if not (folder / "cert.pem").exists():
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "key.pem", "-out",
            folder / "cert.pem", "-days", "3650", "-subj", "/O=bench/CN=bench", "-addext",
            "extendedKeyUsage=emailProtection,codeSigning")


class Swupdate:
    """A CMS-signed archive whose image is one zstd stream, checked by SHA-256 while it is written."""

    def __init__(self, folder, image, place):
        self.folder, self.archive = folder, folder / "update.swu"
        work = folder / "swu"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        run("zstd", "-q", "-9", "-T0", image, "-o", work / "rootfs.img")
        digest = run("sha256sum", work / "rootfs.img").split()[0]
        (work / "sw-description").write_text(f"""software = {{ version = "1.0"; hardware-compatibility: [ "1.0" ];
 images: ( {{ filename = "rootfs.img"; device = "{place.path}"; type = "raw"; installed-directly = true;
  compressed = "zstd"; sha256 = "{digest}"; }} ); }}
""")
        run("openssl", "cms", "-sign", "-in", "sw-description", "-out", "sw-description.sig", "-signer",
            folder / "cert.pem", "-inkey", folder / "key.pem", "-outform", "DER", "-nosmimecap", "-binary", cwd=work)
        archive(self.archive, work, ["sw-description", "sw-description.sig", "rootfs.img"])
        shutil.rmtree(work)

    def command(self):
        return ["swupdate", "-H", "bench:1.0", "-k", self.folder / "cert.pem", "-i", self.archive]


class Rauc:
    """A signed bundle with the raw image; its service is started and ended with each installation."""

    def __init__(self, folder, image, place):
        self.folder, self.bundle = folder, folder / "update.raucb"
        (folder / "backend").write_text(BACKEND)
        (folder / "backend").chmod(0o755)
        (folder / "system.conf").write_text(f"""
[system]
compatible=bench
bootloader=custom
bundle-formats=plain verity
statusfile={folder}/rauc.status
[handlers]
bootloader-custom-backend={folder}/backend
[keyring]
path={folder}/cert.pem
[slot.rootfs.0]
device={folder}/slot-A
type=raw
bootname=A
[slot.rootfs.1]
device={place.path}
type=raw
bootname=B
""")
        (folder / "slot-A").write_bytes(bytes(4096))
        content = folder / "bundle"
        shutil.rmtree(content, ignore_errors=True)
        content.mkdir()
        run("cp", "--reflink=auto", image, content / "rootfs.img")
        (content / "manifest.raucm").write_text("[update]\ncompatible=bench\nversion=1\n[bundle]\nformat=plain\n"
                                                "[image.rootfs]\nfilename=rootfs.img\n")
        self.bundle.unlink(missing_ok=True)
        run("rauc", "bundle", f"--cert={folder}/cert.pem", f"--key={folder}/key.pem",
            "--mksquashfs-args=-comp zstd -Xcompression-level 9", content, self.bundle)
        shutil.rmtree(content)
        (folder / "install").write_text(f"""#!/bin/bash
rauc -c {folder}/system.conf service --override-boot-slot=A >{folder}/rauc.log 2>&1 & service=$!
until rauc -c {folder}/system.conf status >/dev/null 2>&1; do sleep 0.01; done
rauc install {self.bundle} >/dev/null; result=$?
kill $service; wait $service; exit $result
""")
        (folder / "install").chmod(0o755)
        printed = run("dbus-daemon", "--session", f"--address=unix:path={folder}/bus", "--fork", "--print-pid")
        self.bus = int(printed.split()[-1])
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={folder}/bus"

    def command(self):
        return [self.folder / "install"]

    def close(self):
        os.kill(self.bus, 15)


def missing(name):
    """The Debian packages without which this peer cannot be measured."""
    tools = {SWUPDATE: {"swupdate": "swupdate"},
             RAUC: {"rauc": "rauc", "mksquashfs": "squashfs-tools", "dbus-daemon": "dbus-daemon"}}[name]
    return [package for tool, package in tools.items() if not shutil.which(tool)]
