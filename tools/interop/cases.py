"""cases: what a client must read of a repository, step by step, and a visit that compares.

A case is a folder with root.json, case.json and one folder for each step (python-tuf/author.py tells more). One client
with one metadata folder makes all steps in order: it must refresh, read each target bit for bit, and be refused what is
marked so.
"""
import hashlib
import http.server
import json
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = 60  # no client needs more for one command


@dataclass
class Case:
    name: str
    title: str
    folder: Path
    steps: list
    needs: list = field(default_factory=list)  # what not every client has: "TAP 15", "path_hash_prefixes"

    @classmethod
    def load(cls, folder):
        return cls(folder.name, **json.loads((folder / "case.json").read_text()), folder=folder)

    @classmethod
    def load_all(cls, folder):
        return [cls.load(file.parent) for file in sorted(Path(folder).glob("*/case.json"))]

    def wanted(self):
        return Tally(sum(1 for step in self.steps if not step.get("refused")),
                     sum(1 for step in self.steps for digest in step["targets"].values() if digest),
                     sum(1 for step in self.steps for digest in step["targets"].values() if not digest)
                     + sum(1 for step in self.steps if step.get("refused")))


@dataclass
class Tally:
    """What was seen; `complaint` is the first thing that was not as wanted."""
    refreshed: int = 0
    read: int = 0
    refused: int = 0
    complaint: str = ""

    def __str__(self):
        return f"{self.refreshed} refreshed, {self.read} read, {self.refused} refused"

    def complain(self, text):
        self.complaint = self.complaint or text


class LoopbackServer:
    """A plain web server on loopback for a folder; not for measuring."""

    def __init__(self, folder):
        class Handler(http.server.SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __init__(self, *words, **more):
                super().__init__(*words, directory=str(folder), **more)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Visit:
    """One client with one metadata folder."""

    def __init__(self, client, work):
        self.client, self.work, self.reads = client, work, 0
        (self.work / "metadata").mkdir(parents=True)

    def _run(self, *words):
        command = [*self.client, "--metadata-dir", str(self.work / "metadata"), *words]
        try:
            result = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return None, f"no end after {SECONDS} s"
        except OSError as error:
            return None, str(error)
        lines = (result.stderr or result.stdout).strip().splitlines() or ["no word"]
        return result.returncode, f"exit {result.returncode}: {lines[-1][:160]}"

    def init(self, root):
        status, text = self._run("init", str(root))
        return "" if status == 0 else f"init: {text}"

    def refresh(self, url):
        status, text = self._run("--metadata-url", f"{url}/metadata", "refresh")
        return status, f"refresh: {text}"

    def read(self, url, path):
        """The digest of what the client wrote, or None with its words."""
        self.reads += 1
        out = self.work / f"target-{self.reads}"
        out.mkdir()
        status, text = self._run("--metadata-url", f"{url}/metadata", "--target-name", path, "--target-base-url",
                                 f"{url}/targets", "--target-dir", str(out), "download")
        files = [file for file in out.rglob("*") if file.is_file()]
        if status == 0 and len(files) == 1:
            return hashlib.sha256(files[0].read_bytes()).hexdigest(), ""
        if status == 0 or files:
            return "files without a reason", f"{path}: exit {status} with {len(files)} files"
        return None, f"{path}: {text}"


def visit(client, case, url, work):
    """Makes all steps of a case; url is that of the case's folder. Gives what was seen."""
    seen, visitor = Tally(), Visit(client, work)
    if problem := visitor.init(case.folder / "root.json"):
        seen.complain(problem)
        return seen
    for step in case.steps:
        base = f"{url}/{step['folder']}"
        status, text = visitor.refresh(base)
        if step.get("refused"):
            if status == 0 or status is None:
                seen.complain(f"{step['folder']}: a step to be refused was not: {text}")
            else:
                seen.refused += 1
            continue
        if status == 0:
            seen.refreshed += 1
        else:
            seen.complain(f"{step['folder']}: {text}")
        for path, digest in step["targets"].items():
            got, text = visitor.read(base, path)
            if got != digest:
                seen.complain(text or f"{path}: other bytes than were signed")
            elif digest:
                seen.read += 1
            else:
                seen.refused += 1
    return seen
