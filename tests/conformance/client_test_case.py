"""What the tests of tenon-tuf-client share: the client as a process, a repository, and a server that writes down what
is asked for. TENON_BIN_DIR names the folder of tenon-tuf-client.
"""
import http.server
import os
import subprocess
import tempfile
import threading
import unittest

from signed_files import SignedFiles

CLIENT = os.path.join(os.environ.get("TENON_BIN_DIR", "build/dev/bin"), "tenon-tuf-client")
FIRST_REFRESH = ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]
NOTHING_NEW = ["2.root.json", "timestamp.json"]


class Recorder(http.server.BaseHTTPRequestHandler):
    """Serves what is in server.files, by the path as it was sent, and writes down every request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.requests.append(self.path)
        body = self.server.files.get(self.path)
        status = self.server.statuses.get(self.path, 404 if body is None else 200)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        for start in range(0, len(body or b""), 1 << 16):
            self.server.before_piece(start)
            try:
                self.wfile.write(body[start:start + (1 << 16)])
            except ConnectionError:  # it has heard enough
                return

    def __getattr__(self, name):
        if name.startswith("do_"):
            self.server.requests.append(name)
        raise AttributeError(name)

    def log_message(self, *_):
        pass


class ClientTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        for name in ("keys", "metadata", "targets"):
            os.mkdir(self.path(name))
        self.repository = SignedFiles(self.path("keys"))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
        self.server.files = self.repository.files
        self.server.statuses = {}
        self.server.requests = []
        self.server.before_piece = lambda start: None
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def read(self, *names):
        with open(self.path(*names), "rb") as file:
            return file.read()

    def write(self, content, *names):
        with open(self.path(*names), "wb") as file:
            file.write(content)

    def stored(self):
        return sorted(name for name in os.listdir(self.path("metadata")) if not name.startswith("."))

    def served(self, name):
        return self.repository.files["/metadata/" + name]

    def url(self, folder):
        return f"http://127.0.0.1:{self.server.server_port}/{folder}"

    def options(self):
        return ["--metadata-url", self.url("metadata"), "--metadata-dir", self.path("metadata")]

    def command(self, *names):
        if not names:
            return [CLIENT, *self.options(), "refresh"]
        targets = [word for name in names for word in ("--target-name", name)]
        return [CLIENT, *self.options(), *targets, "--target-base-url", self.url("targets"), "--target-dir",
                self.path("targets"), "download"]

    def run_words(self, words, **options):
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
                              **options)
        self.assertEqual(done.stdout, "")
        return done

    def init(self, root=None):
        self.write(self.served("1.root.json") if root is None else root, "initial_root.json")
        return self.run_words([CLIENT, "--metadata-dir", self.path("metadata"), "init", self.path("initial_root.json")])

    def started(self):
        done = self.init()
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def requests(self):
        """What was asked for since the last time, without the folder's name for metadata."""
        made = [path.removeprefix("/metadata/") for path in self.server.requests]
        self.server.requests.clear()
        return made

    def succeed(self, *names, prefix=(), warning=""):
        done = self.run_words([*prefix, *self.command(*names)])
        self.assertEqual(done.returncode, 0, done.stderr)
        if warning:
            self.assertIn("warning: ", done.stderr)
            self.assertIn(warning, done.stderr)
        else:
            self.assertEqual(done.stderr, "")

    def fail_with(self, code, *names, prefix=(), message=""):
        done = self.run_words([*prefix, *self.command(*names)])
        self.assertEqual(done.returncode, 1, done.stderr)
        errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        self.assertEqual(len(errors), 1, done.stderr)
        self.assertIn("error: " + code + " ", errors[0])
        self.assertIn(message, errors[0])
