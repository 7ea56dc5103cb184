"""disk: what a device's storage may hold after the power was cut, rebuilt from a trace of record_calls.

This is the one place that says how storage behaves:

- A write, a hole punched or a change of size is on the medium once fsync, fdatasync or syncfs has returned for its
  file, or the write itself where the file was opened with O_SYNC or O_DSYNC. O_DIRECT promises nothing: a drive has a
  cache. What was flushed is never lost again.
- Until then any subset of the changes to a file may be there, in any order, and of a write any subset of its sectors; a
  sector of 512 bytes, or of 4 KiB, is whole or as it was. On flash that is erased first, the sectors that the last
  write of a file did not reach may read as zeros in place of what was there.
- A name is created, replaced (rename: atomic) or removed on the medium once fsync of its folder or syncfs has returned.
  fsync of a file alone does not keep its name (ext4 does; POSIX does not say so). Until then the changes to one folder
  are there up to any one of them, in their order, as a journal keeps them; the folders do not wait for each other, nor
  does a name wait for the data of its file. A symbolic link is there with its target or not at all.
- Size belongs to the data: a file whose writes are lost is as short as before them. A gap reads as zeros.

So ext4 with data=ordered, and any file system that keeps no less than this, stays inside these states. Outside are a
drive that ignores a flush, and one that damages what nobody wrote: raw flash whose erase blocks hold more than one copy
of the boot environment is no place for it. (The way `rotten` damages what was written.)

Paths are relative to the device's folder, "a/b"; the folder itself is "". Thread: one.
"""
import hashlib
import random
from dataclasses import dataclass
from pathlib import PurePosixPath

SECTORS = (512, 4096)
CHANGES = {"write", "write_sync", "punch", "allocate", "truncate"}  # of a file's data


@dataclass(frozen=True)
class Call:
    """One recorded call; `what` says during which part of a life it was made."""

    name: str
    path: str
    to: str = ""
    offset: int = 0
    length: int = 0
    data: bytes = b""
    what: str = ""


def read_trace(trace, what):
    """The calls in the bytes of a trace."""
    calls, at = [], 0
    while at < len(trace):
        end = trace.index(b"\n", at)
        name, path, to, offset, length = trace[at:end].decode().split("\t")
        at = end + 1
        has_data = name.startswith("write")
        data = trace[at:at + int(length)] if has_data else b""
        at += len(data)
        if not path.endswith(" (deleted)"):  # no cut brings it back
            calls.append(Call(name, path, to, int(offset), int(length), data, what))
    return calls


def put(content, offset, data):
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset:offset + len(data)] = data


def change(content, call):
    """Does to a bytearray what a call does to a file."""
    if call.name in ("write", "write_sync"):
        put(content, call.offset, call.data)
    elif call.name == "punch":
        length = max(0, min(call.length, len(content) - call.offset))
        content[call.offset:call.offset + length] = bytes(length)
    elif call.name == "allocate":
        content.extend(bytes(max(0, call.offset + call.length - len(content))))
    else:  # truncate
        del content[call.length:]
        content.extend(bytes(max(0, call.length - len(content))))


class File:
    def __init__(self, content=b""):
        self.durable = bytearray(content)
        self.pending = []

    def clean(self):
        content = bytearray(self.durable)
        for call in self.pending:
            change(content, call)
        return content

    def flush(self):
        self.durable, self.pending = self.clean(), []


class Link:
    """A symbolic link: its target is part of its name."""

    pending = ()

    def __init__(self, target):
        self.target = target

    def flush(self):
        pass


class Folder:
    def __init__(self):
        self.names = {}  # on the medium
        self.pending = []  # (name, File, Folder or None when it is removed), several at once for a rename

    def clean(self):
        return self.after(len(self.pending))

    def after(self, count):
        names = dict(self.names)
        for step in self.pending[:count]:
            for name, node in step:
                names.pop(name, None)
                if node is not None:
                    names[name] = node
        return names

    def flush(self):
        self.names, self.pending = self.clean(), []


class Clean:
    """All that was done before the cut is on the medium: also what a killed program leaves."""

    def names(self, folder):
        return folder.clean()

    def content(self, file):
        return file.clean()


class Lost:
    """Nothing is there that was not flushed."""

    def names(self, folder):
        return folder.names

    def content(self, file):
        return file.durable


class Reordered:
    """Of what was not flushed, some changes are there and some are not."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def names(self, folder):
        return folder.after(self.random.randint(0, len(folder.pending)))

    def content(self, file):
        content = bytearray(file.durable)
        for call in file.pending:
            if call.name == "write_sync" or self.random.random() < 0.5:
                change(content, call)
        return content


class Torn(Reordered):
    """Of the writes that were not flushed, and of the one that the cut fell into, some sectors are there."""

    PATTERNS = ("first", "last", "some", "zeroed")

    def __init__(self, seed, number):
        super().__init__(seed)
        self.sector = SECTORS[number % len(SECTORS)]
        self.pattern = self.PATTERNS[number // len(SECTORS) % len(self.PATTERNS)]

    def content(self, file):
        content = bytearray(file.durable)
        for index, call in enumerate(file.pending):
            if call.name == "write":
                self.tear(content, call, is_last=index == len(file.pending) - 1)
            elif call.name == "write_sync" or self.random.random() < 0.5:
                change(content, call)
        return content

    def tear(self, content, call, is_last):
        pieces = list(pieces_of(call.offset, call.data, self.sector))
        split = self.random.randint(0, len(pieces))
        for index, (offset, data) in enumerate(pieces):
            is_there = {"first": index < split, "last": index >= split, "zeroed": index < split}.get(
                self.pattern, self.random.random() < 0.5)
            if is_there:
                put(content, offset, data)
            elif self.pattern == "zeroed" and is_last:
                put(content, offset, bytes(len(data)))


def pieces_of(offset, data, sector):
    """The parts of a write, each inside one sector."""
    at = 0
    while at < len(data):
        length = min(sector - (offset + at) % sector, len(data) - at)
        yield offset + at, data[at:at + length]
        at += length


class Disk:
    """A device's folder, on the medium and as programs see it. Begins with a state that is durable.

    disk = Disk(state)
    for call in calls:
        disk.state(Lost())     # after a cut before this call
        disk.apply(call)
    """

    def __init__(self, state):
        self.root = Folder()
        for path, content in sorted(state.items()):
            parent, name = self.place_of(path)
            parent.names[name] = Folder() if content is None else Link(content) if isinstance(content, str) else File(content)

    def node(self, path):
        node = self.root
        for part in PurePosixPath(path).parts:
            node = node.clean()[part]
        return node

    def place_of(self, path):
        path = PurePosixPath(path)
        return self.node("" if str(path.parent) == "." else path.parent), path.name

    def apply(self, call):
        if call.name in ("create", "mkdir"):
            parent, name = self.place_of(call.path)
            parent.pending.append([(name, File() if call.name == "create" else Folder())])
        elif call.name == "symlink":
            parent, name = self.place_of(call.path)
            parent.pending.append([(name, Link(call.to))])
        elif call.name == "unlink":
            parent, name = self.place_of(call.path)
            parent.pending.append([(name, None)])
        elif call.name == "rename":
            self.rename(call)
        elif call.name == "link":
            parent, name = self.place_of(call.to)
            parent.pending.append([(name, self.node(call.path))])
        elif call.name == "sync":
            self.node(call.path).flush()
        elif call.name == "syncfs":
            self.flush_all(self.root)
        elif call.name in CHANGES:
            file = self.node(call.path)
            file.pending.append(call)
            if call.name == "write_sync":
                change(file.durable, call)
        else:
            raise ValueError(f"the model does not know the call {call.name}")

    def rename(self, call):
        (parent, name), (new_parent, new_name) = self.place_of(call.path), self.place_of(call.to)
        if parent is not new_parent:
            raise ValueError("the model has no rename between folders")
        parent.pending.append([(name, None), (new_name, parent.clean()[name])])

    def flush_all(self, folder):
        folder.flush()
        for node in folder.names.values():
            if isinstance(node, Folder):
                self.flush_all(node)
            else:
                node.flush()

    def is_settled(self):
        """Whether a cut now can leave but one state."""

        def settled(folder):
            return not folder.pending and all(
                settled(node) if isinstance(node, Folder) else not node.pending for node in folder.names.values())

        return settled(self.root)

    def file(self, path):
        """A file as programs see it, or None."""
        try:
            return bytes(self.node(path).clean())
        except KeyError:
            return None

    def has_pending(self, path):
        try:
            return bool(self.node(path).pending)
        except KeyError:
            return False

    def state(self, way, during=None):
        """path -> content (None: a folder; a str: where a symbolic link leads), as the way of a cut leaves it; `during`: a write that the cut fell into."""
        interrupted = None
        if during is not None and during.data:
            interrupted = self.node(during.path)
            interrupted.pending.append(during)
        state = {}
        self.collect(self.root, "", way, state)
        if interrupted:
            interrupted.pending.pop()
        return state

    def collect(self, folder, prefix, way, state):
        for name, node in sorted(way.names(folder).items()):
            if isinstance(node, Folder):
                state[prefix + name] = None
                self.collect(node, prefix + name + "/", way, state)
            elif isinstance(node, Link):
                state[prefix + name] = node.target
            else:
                state[prefix + name] = bytes(way.content(node))


def read_folder(folder, names):
    """The state of a real folder, as far as it is below the names."""
    state = {}
    for name in names:
        top = folder / name
        for path in [top, *(sorted(top.rglob("*")) if top.is_dir() else [])]:
            content = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None
            state[str(path.relative_to(folder))] = content
    return state


def digest_of(state):
    digest = hashlib.blake2b(digest_size=16)
    for path, content in sorted(state.items()):
        digest.update(f"{path}\0{-1 if content is None else len(content)}\0".encode())
        digest.update(content.encode() if isinstance(content, str) else content or b"")
    return digest.digest()
