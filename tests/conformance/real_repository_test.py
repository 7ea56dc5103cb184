"""tenon-tuf-client and a repository that nobody here made: made by tuf-on-ci with hardware and cloud keys, served as it
is by a real nginx, at the moment when it was valid.

It lies beside the source folder, in shared/data. Where it is not there nothing is tested, and the exit status is 77.
TENON_BIN_DIR names the folder of tenon-tuf-client, TENON_SOURCE_DIR the source folder.
"""
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from loopback import free_port, wait_until_it_answers
from moved_clock import clock_at

CLIENT = Path(os.environ.get("TENON_BIN_DIR", "build/dev/bin")).resolve() / "tenon-tuf-client"
SOURCE = Path(os.environ.get("TENON_SOURCE_DIR", ".")).resolve()
DATA = SOURCE.parent / "shared/data/tuf-on-ci"
SKIPPED = 77
FIRST_REFRESH = ["/metadata/2.root.json 404", "/metadata/timestamp.json 200", "/metadata/2.snapshot.json 200",
                 "/metadata/1.targets.json 200"]
NOTHING_NEW = FIRST_REFRESH[:2]


class RealRepository(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        (self.folder / "metadata").mkdir()
        (self.folder / "targets").mkdir()
        self.moment = (DATA / "faketime").read_text().strip()
        self.target = (DATA / "targetpath").read_text().strip()
        self.start_nginx()

    def start_nginx(self):
        self.port = free_port()
        folder = self.folder / "nginx"
        folder.mkdir()
        self.log = folder / "access.log"
        bodies = "\n".join(f"{kind}_temp_path {folder}/{kind};"
                           for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (folder / "nginx.conf").write_text(f"""
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  {bodies}
  log_format request "$request_method $request_uri $status";
  access_log {self.log} request;
  server {{
    listen 127.0.0.1:{self.port};
    root {DATA};
  }}
}}
""")
        nginx = subprocess.Popen(["nginx", "-c", folder / "nginx.conf", "-p", folder], stderr=subprocess.DEVNULL)
        self.addCleanup(nginx.wait, 30)
        self.addCleanup(nginx.terminate)
        wait_until_it_answers(nginx, self.port, folder / "error.log")

    def requests(self, count):
        """The log of nginx, which writes a line when the reply is out."""
        deadline = time.monotonic() + 10
        lines = []
        while len(lines) < count and time.monotonic() < deadline:
            lines = self.log.read_text().splitlines()
            time.sleep(0.01)
        self.assertTrue(all(line.startswith("GET ") for line in lines), lines)
        return [line.removeprefix("GET ") for line in lines]

    def client(self, command, *words, moment=None):
        at = f"http://127.0.0.1:{self.port}"
        options = ["--metadata-dir", self.folder / "metadata"]
        if command != "init":
            options += ["--metadata-url", at + "/metadata"]
        if command == "download":
            options += ["--target-name", self.target, "--target-base-url", at + "/targets", "--target-dir",
                        self.folder / "targets"]
        return subprocess.run([*clock_at(moment or self.moment), CLIENT, *options, command, *words],
                              capture_output=True, text=True, timeout=60, check=False)

    def succeed(self, *words):
        done = self.client(*words)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_refresh_and_download(self):
        self.succeed("init", DATA / "initial_root.json")
        self.succeed("refresh")
        self.assertEqual(self.requests(4), FIRST_REFRESH)
        self.succeed("download")
        served = next((DATA / "targets" / self.target).parent.iterdir())
        expected = [*FIRST_REFRESH, *NOTHING_NEW, "/metadata/2.delegatedrole.json 200",
                    f"/targets/delegatedrole/{served.name} 200"]
        self.assertEqual(self.requests(len(expected)), expected)
        stored = list((self.folder / "targets").iterdir())
        self.assertEqual([file.read_bytes() for file in stored], [served.read_bytes()])
        for name, source in (("root", "1.root"), ("timestamp", "timestamp"), ("snapshot", "2.snapshot"),
                             ("targets", "1.targets"), ("delegatedrole", "2.delegatedrole")):
            self.assertEqual((self.folder / "metadata" / f"{name}.json").read_bytes(),
                             (DATA / "metadata" / f"{source}.json").read_bytes())
        self.succeed("download")
        expected += NOTHING_NEW
        self.assertEqual(self.requests(len(expected)), expected)

    def test_long_after_it_is_expired(self):
        self.succeed("init", DATA / "initial_root.json")
        done = self.client("refresh", moment="2099-01-01 00:00:00")
        self.assertEqual(done.returncode, 1)
        self.assertIn("error: E_EXPIRED ", done.stderr)


if __name__ == "__main__":
    if not DATA.is_dir():
        print(f"nothing was tested: {DATA} is not there")
        sys.exit(SKIPPED)
    unittest.main()
