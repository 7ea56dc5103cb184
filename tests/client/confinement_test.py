#!/usr/bin/env python3
"""The two confinements of a device, tried from inside: who has the network writes nothing and starts nothing, who writes has
no network; and the running programs are in them, however they were started."""
import ctypes
import errno
import os
import pwd
import re
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

import device_cli_test
from loopback import Listener

BIN = device_cli_test.BIN
SCMP_ACT_ALLOW, SCMP_CMP_EQ, PR_SET_SECCOMP = 0x7FFF0000, 4, 22
AS_ROOT = os.geteuid() == 0

READS = {"read a file", "fork", "thread", "AF_UNIX", "look a name up"}
WRITES = {"open for writing", "open for both", "open and truncate", "create", "temporary file", "rename", "link", "chmod",
          "truncate", "mkdir", "unlink", "memory file", "openat2", "start a program", "signal another", "more files"}
NETWORK = {"AF_INET", "AF_INET6", "AF_NETLINK", "connect"}
NEVER = {"ptrace", "read another's memory", "mount", "unmount", "open_tree", "chroot", "load a module",
         "load a module of a file", "kexec", "bpf", "perf", "io_uring", "open by handle", "set the clock", "setns", "unshare",
         "namespace by clone"}


class Condition(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("operation", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def be_an_older_kernel():
    """As one that was built without seccomp: both ways to load a filter are invalid."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
    rules = library.seccomp_init(SCMP_ACT_ALLOW)
    invalid = 0x00050000 | errno.EINVAL
    number = library.seccomp_syscall_resolve_name
    condition = Condition(0, SCMP_CMP_EQ, PR_SET_SECCOMP, 0)
    library.seccomp_rule_add_array(rules, invalid, number(b"seccomp"), 0, None)
    library.seccomp_rule_add_array(rules, invalid, number(b"prctl"), 1, ctypes.byref(condition))
    if library.seccomp_load(ctypes.c_void_p(rules)) != 0:
        raise OSError("the filter cannot be loaded")


class FromInside(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name) / "for-all"
        self.folder.mkdir(mode=0o777)
        for path in (self.folder.parent, self.folder):
            path.chmod(0o777)  # nothing but the confinement is in the way
        self.slot = self.folder / "slot"
        self.slot.write_bytes(bytes(4096))
        self.slot.chmod(0o666)

    def tried(self, which):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            done = subprocess.run([BIN / "confine_probe", which, self.slot, str(listener.getsockname()[1])],
                                  capture_output=True, text=True, timeout=60, check=True)
        self.assertEqual(done.stderr, "")
        outcomes = dict(line.split(": ") for line in done.stdout.splitlines())
        self.assertGreater(len(outcomes), 45)
        return {name: "ok" if outcome == "ok" else errno.errorcode[int(outcome)] for name, outcome in outcomes.items()}

    def refused(self, outcomes, names):
        allowed = {name: outcomes[name] for name in names if outcomes[name] not in ("EPERM", "EACCES", "ENOSYS")}
        self.assertEqual(allowed, {})

    def works(self, outcomes, names):
        self.assertEqual({name: outcomes[name] for name in names if outcomes[name] != "ok"}, {})

    def test_the_courier_fetches_and_changes_nothing(self):
        outcomes = self.tried("courier")
        self.works(outcomes, READS | NETWORK)
        self.refused(outcomes, NEVER | WRITES | {"exec", "reboot", "become root", "listen", "namespace by clone3", "AF_PACKET",
                                                 "AF_VSOCK", "family with more bits"})
        self.assertEqual([path.name for path in self.folder.iterdir()], ["slot"])
        self.assertEqual(self.slot.read_bytes(), bytes(4096))

    def test_who_writes_slots_has_no_network(self):
        outcomes = self.tried("device")
        self.works(outcomes, READS | WRITES)
        self.refused(outcomes, NEVER | {"namespace by clone3"})
        for name in NETWORK | {"AF_PACKET", "AF_VSOCK", "family with more bits"}:
            self.assertEqual(outcomes[name], "EAFNOSUPPORT", name)
        if AS_ROOT:
            self.assertEqual(outcomes["reboot"], "EINVAL", "a device may reboot itself")

    @unittest.skipUnless(os.uname().machine == "x86_64", "programs of 32 bits")
    def test_calls_of_another_machine_are_no_way_around(self):
        for which in ("courier", "device"):
            self.assertEqual(self.tried(which)["calls of another machine"], "EPERM")

    def test_what_is_started_inside_stays_inside(self):
        program = "import socket; socket.socket(socket.AF_INET)"
        done = subprocess.run([BIN / "confine_probe", "device", "--", "python3", "-c", program], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertIn("Address family not supported", done.stderr)

    @unittest.skipUnless(AS_ROOT, "only root has rights to lose")
    def test_rights_do_not_come_back_with_another_program(self):
        done = subprocess.run([BIN / "confine_probe", "device", "--", "cat", "/proc/self/status"], capture_output=True,
                              text=True, timeout=60, check=True)
        for kind in ("Prm", "Eff", "Bnd"):
            self.assertIn(f"Cap{kind}:\t{1 << 1 | 1 << 22:016x}\n", done.stdout)  # DAC_OVERRIDE, SYS_BOOT
        self.assertIn("NoNewPrivs:\t1\n", done.stdout)

    def test_an_older_kernel_confines_less_and_says_so(self):
        for which in ("courier", "device"):
            done = subprocess.run([BIN / "confine_probe", which, "--", "echo", "goes on"], preexec_fn=be_an_older_kernel,
                                  capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.stdout, "goes on\n")
            self.assertIn("system calls are not filtered", done.stderr)
            self.assertIn("CONFIG_SECCOMP_FILTER", done.stderr)


def status_of(pid):
    return dict(re.findall(r"(\w+):[ \t]*(.*)", Path(f"/proc/{pid}/status").read_text()))


def children_of(pid):
    return [int(child) for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()]


class Looking(Listener):
    """A server that looks at who asks it, and does not answer before."""

    def __init__(self, look):
        self.look, self.seen = look, []
        super().__init__()

    def talk(self, connection):
        with connection:
            connection.recv(1000)
            try:
                self.seen.append(self.look())
            finally:
                connection.sendall(b"HTTP/1.1 404 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


class Running(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.device = device_cli_test.device_of(cls)

    def look_while(self, words):
        """What /proc says of a program, of the courier that it started and of the courier's process for a connection."""
        started = []

        def look():
            ours = started[0].pid
            courier, = children_of(ours)
            connection, = children_of(courier)
            return [status_of(pid) for pid in (ours, courier, connection)]

        server = Looking(look)
        self.addCleanup(server.close)
        normal, self.device.server = self.device.server, server
        self.addCleanup(setattr, self.device, "server", normal)
        self.device.write_config()
        started.append(subprocess.Popen([BIN / words[0], "--config", self.device.folder / "device.toml", *words[1:]],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        started[0].wait(60)
        self.assertTrue(server.seen)
        return server.seen[0]

    def test_programs_are_confined_before_they_ask_for_anything(self):
        for words in (["tenond", "--once"], ["tenon", "check"], ["tenon", "install"], ["tenon", "plan"]):
            with self.subTest(words=words):
                ours, *couriers = self.look_while(words)
                for status in (ours, *couriers):
                    self.assertEqual((status["Seccomp"], status["NoNewPrivs"]), ("2", "1"))
                for status in couriers:
                    self.assertEqual((status["Name"], int(status["CapPrm"], 16), int(status["CapBnd"], 16) if AS_ROOT else 0),
                                     ("tenon-courier", 0, 0))
                    if AS_ROOT:
                        nobody = str(pwd.getpwnam("nobody").pw_uid)
                        self.assertEqual(status["Uid"].split(), [nobody] * 4)
                        self.assertEqual(status["Groups"].strip(), "")
                        self.assertNotIn("0", status["Gid"].split())

    def test_a_device_with_an_older_kernel_still_updates(self):
        self.device.write_config()
        done = subprocess.run([BIN / "tenon", "--config", self.device.folder / "device.toml", "check"], capture_output=True,
                              text=True, preexec_fn=be_an_older_kernel, timeout=60, check=False)
        self.assertIn("error: E_NET ", done.stderr)
        self.assertIn("timestamp.json: the repository does not have it", done.stderr)
        self.assertEqual(done.stderr.count("system calls are not filtered"), 2, "tenon's and its courier's")

    @unittest.skipUnless(AS_ROOT, "only root becomes somebody else")
    def test_the_courier_is_who_the_configuration_says(self):
        user = pwd.getpwnam("daemon")
        write_config = self.device.write_config

        def with_user():
            write_config()
            path = self.device.folder / "device.toml"
            path.write_text(path.read_text() + '[courier]\nuser = "daemon"\n')

        self.device.write_config = with_user
        self.addCleanup(setattr, self.device, "write_config", write_config)
        self.assertEqual(self.look_while(["tenon", "check"])[2]["Uid"].split()[0], str(user.pw_uid))


if __name__ == "__main__":
    unittest.main()
