"""peers: the TUF clients of other projects, built once from their registries and kept in a cache.

Every client has one command line, also ours (tenon-tuf-client):

  CLIENT --metadata-dir D init ROOT
  CLIENT --metadata-url U --metadata-dir D refresh
  CLIENT --metadata-url U --metadata-dir D --target-name T --target-base-url TU --target-dir TD download

Exit status 0 when it is done, another when it is refused. What is built is named after a hash of its pins and sources,
so that a change of either builds it again. A registry that does not answer is no failure: such a peer is "not reached".
"""
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tenon-interop"


@dataclass
class Recipe:
    """How a peer is built in a folder that holds a copy of its sources; commands name the folder as {folder}."""
    name: str
    tool: str           # the ordinary client of its registry
    pin: str            # the file that pins it, and the pattern of its version there
    version: str
    build: list
    ask: list           # a command that succeeds only if the registry answers; {empty} is a folder to write to
    client: list
    writer: list = field(default_factory=list)  # writes cases, if this peer can
    hint: str = ""
    lacks: list = field(default_factory=list)    # what its client does not have, of what a case may need

    def pinned(self):
        return re.search(self.version, (HERE / self.name / self.pin).read_text()).group(1)


RECIPES = [
    Recipe("python-tuf", "python3", "requirements.txt", r"tuf==(\S+)",
           [[sys.executable, "-m", "venv", "{folder}/venv"],
            ["{folder}/venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"]],
           [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "-d", "{empty}", "tuf"],
           ["{folder}/venv/bin/python", "{folder}/client.py"], ["{folder}/venv/bin/python", "{folder}/write_cases.py"],
           "needs Python 3.11 with venv and pip"),
    Recipe("tuf-js", "npm", "package.json", r'"tuf-js": "([^"]+)"',
           [["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"]],
           ["npm", "view", "--fetch-retries=0", "--prefer-online", "tuf-js", "version"],
           ["node", "{folder}/client.mjs"], ["node", "{folder}/write_cases.mjs"], "needs Node.js 20.17 or newer"),
    Recipe("go-tuf", "go", "go.mod", r"go-tuf/v2 v(\S+)",
           [["go", "build", "-mod=mod", "-trimpath", "-o", "client", "."]],
           ["go", "list", "-m", "-versions", "github.com/theupdateframework/go-tuf/v2"],
           ["{folder}/client"], hint="needs the Go that go.mod names", lacks=["path_hash_prefixes"]),  # 2.4.2 finds no target in such a role
    Recipe("tough", "cargo", "Cargo.toml", r'tough = \{ version = "=([^"]+)"',
           [["cargo", "build", "--quiet", "--release", "--target-dir", "../tough-target"],
            ["cp", "../tough-target/release/tough-client", "client"]],
           ["cargo", "search", "--limit", "1", "tough"],
           ["{folder}/client"], hint="needs a Rust of 2026 and a C compiler", lacks=["TAP 15"]),
]


@dataclass
class Peer:
    """A peer that can be run, or why it cannot: `problem` is empty, or begins with "not reached" or "failed"."""
    name: str
    version: str
    client: list = field(default_factory=list)
    writer: list = field(default_factory=list)
    problem: str = ""
    lacks: list = field(default_factory=list)

    @property
    def ready(self):
        return not self.problem

    @property
    def reached(self):
        return not self.problem.startswith("not reached")


def run(words, folder, seconds=1800):
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL,
                          env={**os.environ, "GOFLAGS": os.environ.get("GOFLAGS", "") + " -mod=mod"})


def last_line(result):
    return ((result.stderr + result.stdout).strip().splitlines() or ["no word"])[-1][:200]


def sources_of(recipe):
    files = (path for path in (HERE / recipe.name).rglob("*") if path.is_file())
    return sorted(path for path in files if "__pycache__" not in path.parts)


def filled(words, **values):
    return [word.format(**values) for word in words]


def registry_answers(recipe):
    with tempfile.TemporaryDirectory() as empty:
        try:
            return run(filled(recipe.ask, empty=empty), empty, 120).returncode == 0
        except subprocess.TimeoutExpired:
            return False


def prepare(recipe, say):
    """The peer of a recipe, built now unless the cache has it."""
    version = recipe.pinned()
    digest = hashlib.sha256(sys.version.encode())
    for path in sources_of(recipe):
        digest.update(str(path.relative_to(HERE)).encode() + b"\0" + path.read_bytes() + b"\0")
    folder = CACHE / f"{recipe.name}-{digest.hexdigest()[:12]}"
    peer = Peer(recipe.name, version, filled(recipe.client, folder=folder), filled(recipe.writer, folder=folder),
                lacks=recipe.lacks)
    if (folder / "ready").exists():
        return peer
    if not shutil.which(recipe.tool):
        peer.problem = f"not reached: {recipe.tool} is not installed"
        return peer
    say(f"building {recipe.name} {version} (once; kept in {folder})")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE / recipe.name, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for words in recipe.build:
        result = run(filled(words, folder=folder), folder)
        if result.returncode != 0:
            reached = registry_answers(recipe)
            why = f"{last_line(result)} ({recipe.hint})" if reached else "its registry does not answer"
            peer.problem = f"{'failed' if reached else 'not reached'}: {why}"
            return peer
    (folder / "ready").touch()
    return peer


def prepare_all(names=None, say=lambda text: print(text, file=sys.stderr, flush=True)):
    return [prepare(recipe, say) for recipe in RECIPES if names is None or recipe.name in names]
