"""integration/nginx and integration/caddy: what real servers answer with the configurations that we ship.

TENON_BIN_DIR and TENON_SOURCE_DIR name the folders of the programs and of the sources.
"""
import http.client
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

import repo_cli_test
from loopback import free_port, wait_until_it_answers
from repo_cli_test import BIN

SOURCE = Path(os.environ.get("TENON_SOURCE_DIR", ".")).resolve()
CANARY = "canary: no client may see this"
IMMUTABLE = "public, max-age=31536000, immutable"
OUTSIDE = ("secret.txt", "keys/alice.pem", ".git/config", "staging/metadata/targets.json", "metadata/.timestamp.json.x7Gq2z",
           "targets/demo/.rootfs.part", "tenon-repo.json", ".env")


def spellings(path):
    """How somebody might ask for a file that is not served: API-07."""
    up = ("../", "%2e%2e/", "%2E%2E%2F", "..%2f", "%252e%252e%252f", "..\\", "..%5c", "..;/", "%c0%ae%c0%ae/", "....//",
          "%u002e%u002e/", ".%00./", "..%c0%af", "..//", "%2e./")
    for step, depth, start in itertools.product(up, (1, 2, 4), ("/", "/metadata/", "/targets/demo/")):
        yield start + step * depth + path
    for start in ("/", "//", "///", "/./", "/metadata/..;/", "/METADATA/", "/metadata//", "/targets/%2e/", "http://x/"):
        yield start + path
        yield start + path + "%00.json"
        yield start + path + "."
        yield start + path + "%20"
        yield start + path.replace("/", "%2f")
        yield start + path.upper()


class Server:
    """A web server in front of a published repository, in which files lie that it must not serve."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls("test_serves_a_client")
        case.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, case.folder)
        case.take_keys()
        case.image("rootfs.img", 1)
        case.init()
        case.publish_release()
        cls.made = Path(case.folder)
        cls.public = cls.made / "repo/public"
        for name in OUTSIDE:
            for root in (cls.public, cls.public.parent):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(CANARY)
        cls.port = free_port()
        cls.work = Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.work)
        process = cls.start()
        cls.addClassCleanup(process.wait, 30)
        cls.addClassCleanup(process.terminate)
        wait_until_it_answers(process, cls.port, cls.work / "log")

    @classmethod
    def shipped(cls, name, changes):
        """A file of integration/ with the lines marked "yours" changed."""
        text = (SOURCE / "integration" / name).read_text()
        for old, new in changes.items():
            assert text.count(old) == 1, f"{name}: {old}"
            text = text.replace(old, new)
        return text

    def get(self, path, method="GET", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        self.addCleanup(connection.close)
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read()

    def raw(self, path):
        """The reply to a path that no library would send."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode("latin-1"))
            reply = b""
            while data := connection.recv(65536):
                reply += data
        return reply

    def payload(self):
        return next(self.public.glob("targets/demo/releases/1.0.0/*.full.zst"))

    def url_of(self, file):
        return "/" + str(file.relative_to(self.public))

    def test_the_one_file_that_changes_is_asked_for_again(self):
        status, headers, body = self.get("/metadata/timestamp.json")
        self.assertEqual((status, headers["Cache-Control"]), (200, "no-cache"))
        self.assertEqual(body, (self.public / "metadata/timestamp.json").read_bytes())
        self.assertEqual(headers["Content-Type"], "application/json")
        self.assertEqual(self.get("/metadata/timestamp.json", If_None_Match=headers["ETag"])[0], 304)

    def test_all_others_are_kept(self):
        files = [file for file in self.public.rglob("*") if file.is_file() and file.read_bytes() != CANARY.encode()
                 and file.name != "timestamp.json"]
        self.assertGreater(len(files), 8)
        for file in files:
            status, headers, body = self.get(self.url_of(file))
            self.assertEqual((status, headers["Cache-Control"]), (200, IMMUTABLE), file)
            self.assertEqual(body, file.read_bytes(), file)

    def test_a_root_that_is_not_there_yet_is_not_remembered_as_missing(self):
        for path in ("/metadata/2.root.json", "/targets/demo/channels/stable.json", "/metadata/", "/metadata", "/"):
            status, headers, _ = self.get(path)
            self.assertEqual((status, headers.get_all("Cache-Control")), (404, ["no-store"]), path)

    def test_a_payload_goes_on_where_it_was(self):
        whole = self.payload().read_bytes()
        status, headers, body = self.get(self.url_of(self.payload()), Range="bytes=1000-1999", Accept_Encoding="gzip")
        self.assertEqual((status, body), (206, whole[1000:2000]))
        self.assertEqual(headers["Content-Range"], f"bytes 1000-1999/{len(whole)}")
        self.assertIsNone(headers["Content-Encoding"])
        for path in ("/metadata/1.targets.json", self.url_of(self.payload())):
            self.assertIsNone(self.get(path, Accept_Encoding="gzip, zstd, br")[1]["Content-Encoding"], path)

    def test_nothing_can_be_written(self):
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            self.assertEqual(self.get("/metadata/timestamp.json", method)[0], 405, method)

    # Book: API-07
    def test_nothing_else_is_served(self):
        paths = [path for outside in OUTSIDE for path in spellings(outside)]
        self.assertGreater(len(paths), 200)
        for path in paths:
            reply = self.raw(path)
            self.assertNotIn(CANARY.encode(), reply, path)
            self.assertNotIn(b" 200 ", reply.split(b"\r\n")[0], path)

    def test_serves_a_client(self):
        with tempfile.TemporaryDirectory() as folder:
            for words in (("init", self.made / "1.root.json"),
                          ("--metadata-url", f"http://127.0.0.1:{self.port}/metadata", "refresh")):
                done = subprocess.run([os.path.join(BIN, "tenon-tuf-client"), "--metadata-dir", folder, *words],
                                      capture_output=True, text=True, timeout=60, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(Path(folder, "timestamp.json").read_bytes(),
                             (self.public / "metadata/timestamp.json").read_bytes())


class Nginx(Server, repo_cli_test.Repo):
    @classmethod
    def start(cls):
        site = cls.shipped("nginx/tenon.conf", {"listen 80;": f"listen 127.0.0.1:{cls.port};",
                                                "root /srv/tenon/repository;": f"root {cls.public};"})
        (cls.work / "site.conf").write_text(site)
        bodies = "\n".join(f"{kind}_temp_path {cls.work}/{kind};" for kind in
                           ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (cls.work / "nginx.conf").write_text(f"""
daemon off;
{"user root;" if os.geteuid() == 0 else ""}
pid {cls.work}/nginx.pid;
error_log {cls.work}/log;
events {{}}
http {{
  {bodies}
  access_log off;
  include {cls.work}/site.conf;
}}
""")
        return subprocess.Popen(["nginx", "-c", cls.work / "nginx.conf", "-p", cls.work], stderr=subprocess.DEVNULL)


class Caddy(Server, repo_cli_test.Repo):
    @classmethod
    def start(cls):
        site = cls.shipped("caddy/Caddyfile", {"\nupdates.example.org {": f"\nhttp://:{cls.port} {{",
                                               "root * /srv/tenon/repository ": f"root * {cls.public} "})
        (cls.work / "Caddyfile").write_text("{\n\tadmin off\n}\n" + site)
        with open(cls.work / "log", "w", encoding="utf-8") as log:
            return subprocess.Popen(["caddy", "run", "--config", cls.work / "Caddyfile", "--adapter", "caddyfile"],
                                    stdout=log, stderr=log, env={**os.environ, "HOME": str(cls.work)})


if __name__ == "__main__":
    unittest.main()
