#!/usr/bin/env python3
"""tenon-courier as a process: what a hostile tenond can get of it, and what a hostile courier can do to tenond. Every way to
start it; who links what."""
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
import unittest

import confinement_test
import device_cli_test
import memory_test
from moved_clock import moved_clock

BIN = device_cli_test.BIN
COMPLETE, NOT_FOUND, NET, LIMIT = range(4)
NETWORK, DEVICE, USAGE = 6, 8, 2


def frame(kind, body):
    return kind + struct.pack("<I", len(body)) + body


def errand(path, source=0, offset=0, most=1 << 20, is_part=False):
    return frame(b"F", struct.pack("<HBQQ", source, is_part, offset, most) + path)


def end(outcome, message=b"", pause=0):
    return frame(b"E", struct.pack("<BHH", outcome, pause, len(message)) + message)


def read_all(connection, size):
    data = b""
    while len(data) < size and (more := connection.recv(size - len(data))):
        data += more
    return data


def read_answer(connection):
    """The bytes of the file, the outcome and the message."""
    content = b""
    while True:
        kind, length = struct.unpack("<cI", read_all(connection, 5))
        body = read_all(connection, length)
        if kind == b"E":
            outcome, _, size = struct.unpack("<BHH", body[:5])
            return content, outcome, body[5:5 + size].decode()
        content += body


class Site(memory_test.Files):
    """Files of a repository, and one beside it that is nobody's business."""

    def do_GET(self):
        self.server.asked.append(self.path)
        super().do_GET()


class CourierTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.device = device_cli_test.device_of(cls)
        cls.device.server.RequestHandlerClass = Site
        cls.device.server.files = {"/base/file": b"0123456789", "/secret": b"secret"}
        cls.device.server.asked = []
        (cls.device.folder / "run-courier").mkdir(mode=0o700)

    def setUp(self):
        self.socket = self.device.folder / "run-courier/courier.sock"
        self.device.server.asked.clear()
        self.configure(f'[courier]\nsocket = "{self.socket}"\n')

    def configure(self, more=""):
        self.device.write_config()
        self.config = self.device.folder / "device.toml"
        address = f"http://127.0.0.1:{self.device.server.server_port}"
        self.config.write_text(self.config.read_text().replace(f'"{address}"', f'"{address}/base"') + more)

    def start_courier(self, before=(), **more):
        courier = subprocess.Popen([*before, BIN / "tenon-courier", "--config", self.config], stderr=subprocess.PIPE, text=True,
                                   **more)
        self.addCleanup(courier.stderr.close)
        self.addCleanup(courier.wait)
        self.addCleanup(courier.kill)
        deadline = time.monotonic() + 30
        while courier.poll() is None and time.monotonic() < deadline:
            try:
                return courier, self.connect()
            except OSError:
                time.sleep(0.01)  # between two looks
        raise AssertionError("no courier listens")

    def connect(self):
        connection = socket.socket(socket.AF_UNIX)
        self.addCleanup(connection.close)
        connection.settimeout(30)
        connection.connect(str(self.socket))
        return connection


class HostileTenond(CourierTest):
    """Whoever has taken tenond asks the courier for what he likes."""

    def test_gets_files_of_the_repository_alone(self):
        _, connection = self.start_courier()
        connection.sendall(errand(b"file"))
        self.assertEqual(read_answer(connection), (b"0123456789", COMPLETE, ""))
        self.device.server.asked.clear()
        for path in (b"../secret", b"/secret", b"%2e%2e/secret", b"x/../../secret", b"//127.0.0.1/secret", b"\\..\\secret",
                     b"http://127.0.0.1/secret", b"file:///etc/passwd", b"file?x", b"file#x", b"fi le", b"file\r\nX: y", b"\0",
                     b"@127.0.0.1/", b".", b"..", "ä".encode()):
            with self.subTest(path=path):
                connection.sendall(errand(path))
                content, outcome, message = read_answer(connection)
                asked = self.device.server.asked
                self.assertTrue(all(one.startswith("/base/") and ".." not in one for one in asked), asked)
                self.assertNotIn(b"secret", content)
                self.assertIn(outcome, (NET, NOT_FOUND), message)

    def test_names_no_source_of_its_own(self):
        _, connection = self.start_courier()
        for source in (1, 2, 65535):
            connection.sendall(errand(b"file", source=source))
            self.assertEqual(read_answer(connection)[:2], (b"", NET))
        self.assertEqual(self.device.server.asked, [])

    def test_gets_no_more_than_it_asked_for(self):
        _, connection = self.start_courier()
        connection.sendall(errand(b"file", most=5))
        self.assertEqual(read_answer(connection)[1], LIMIT)
        connection.sendall(errand(b"file", offset=4, most=3, is_part=True))
        self.assertEqual(read_answer(connection), (b"456", COMPLETE, ""))

    def test_ends_its_own_connection_with_nonsense_and_no_other(self):
        courier, good = self.start_courier()
        for nonsense in (b"GET / HTTP/1.1\r\n\r\n", b"F" + b"\xff" * 4, frame(b"F", b"x" * 19), frame(b"P", b"x"), end(COMPLETE),
                         errand(b"file", offset=2**63), errand(b"file", most=0, is_part=True)):
            bad = self.connect()
            bad.sendall(nonsense)
            try:
                self.assertEqual(bad.recv(1), b"")
            except ConnectionResetError:
                pass  # it did not even read the rest
        good.sendall(errand(b"file"))
        self.assertEqual(read_answer(good)[1], COMPLETE)
        self.assertIsNone(courier.poll())

    def test_cannot_hang_the_courier_for_others(self):
        _, silent = self.start_courier()
        silent.sendall(b"F")
        other = self.connect()
        other.sendall(errand(b"file"))
        self.assertEqual(read_answer(other)[1], COMPLETE)


class HostileCourier(CourierTest):
    """Whoever has taken the courier says to tenond what he likes."""

    def play(self, script):
        self.socket.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(str(self.socket))
        listener.listen()

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    try:
                        script(connection)
                    except OSError:
                        pass  # tenond has gone
        threading.Thread(target=serve, daemon=True).start()

    def check(self, script, clock=()):
        self.play(script)
        before = self.device.everything()
        began = time.monotonic()
        done = subprocess.run([*clock, BIN / "tenon", "--config", self.config, "check"], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertLess(time.monotonic() - began, 30)
        self.assertEqual(self.device.everything(), before)
        self.assertGreater(done.returncode, 0, "and no signal")
        self.assertLess(len(done.stderr), 3_000)
        return done

    @staticmethod
    def answering(answer):
        def script(connection):
            while connection.recv(20_000):
                connection.sendall(answer)
        return script

    def test_is_a_bad_source_whatever_it_says(self):
        endless = frame(b"P", b"x" * 65536)
        for what, answer, code in [
                ("nothing found", end(NOT_FOUND), "E_NET"), ("its own error", end(NET, b"no network"), "E_NET"),
                ("no frame", b"HTTP/1.1 200 OK\r\n\r\n" * 10, "E_NET"), ("a length without end", b"P" + b"\xff" * 4, "E_NET"),
                ("an errand", errand(b"file"), "E_NET"), ("colours", end(NET, b"\x1b[31mred"), "E_NET"),
                ("an empty file", end(COMPLETE), "E_PARSE"), ("a page", frame(b"P", b"<html>") + end(COMPLETE), "E_PARSE"),
                ("too much", endless * 20, "E_LIMIT"), ("a limit of its own", end(LIMIT, b"much"), "E_LIMIT"),
                ("two answers", end(NOT_FOUND) * 2, "E_NET")]:
            with self.subTest(what=what):
                done = self.check(self.answering(answer))
                self.assertIn(f"error: {code} ", done.stderr)
                self.assertNotIn("\x1b", done.stderr)

    def test_that_goes_away_is_a_bad_source(self):
        def in_a_piece(connection):
            connection.recv(20_000)
            connection.sendall(b"P" + struct.pack("<I", 1000) + b"{")
        for script in (lambda connection: None, in_a_piece):
            self.assertIn("error: E_NET ", self.check(script).stderr)

    def test_that_says_nothing_is_left_after_two_minutes(self):
        done = self.check(lambda connection: time.sleep(30), clock=moved_clock("+0 x60"))
        self.assertIn("error: E_NET the courier says nothing", done.stderr)

    def test_brings_nothing_that_is_believed(self):
        root = (self.device.folder / "1.root.json").read_bytes()
        done = self.check(self.answering(frame(b"P", root.replace(b'"version": 1', b'"version": 2')) + end(COMPLETE)))
        self.assertRegex(done.stderr, "error: E_(SIG|ROLLBACK|MISMATCH) ")

    def test_that_is_not_there_is_named_with_what_to_do(self):
        self.socket.unlink(missing_ok=True)
        done = self.device.tenon("check")
        self.assertEqual(done.returncode, NETWORK)
        self.assertIn(f"the courier at {self.socket} cannot be reached", done.stderr)
        self.assertIn("hint: check that tenon-courier runs", done.stderr)


class Starting(CourierTest):
    def test_systemd_hands_the_socket_over(self):
        activate = shutil.which("systemd-socket-activate")
        if activate is None:
            self.skipTest("systemd-socket-activate is not here")
        self.configure()  # names no socket: it is systemd's
        self.socket.unlink(missing_ok=True)
        _, connection = self.start_courier(before=[activate, "-l", str(self.socket)])
        connection.sendall(errand(b"file"))
        self.assertEqual(read_answer(connection)[1], COMPLETE)

    def test_sockets_that_are_for_another_process_are_not_taken(self):
        self.configure()
        done = subprocess.run([BIN / "tenon-courier", "--config", self.config], capture_output=True, text=True, timeout=30,
                              env={**os.environ, "LISTEN_PID": "1", "LISTEN_FDS": "1"}, check=False)
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("names no socket for a courier", done.stderr)

    def test_its_own_socket_is_for_its_owner_alone_and_replaces_an_old_one(self):
        for _ in range(2):
            courier, connection = self.start_courier()
            self.assertEqual(self.socket.stat().st_mode & 0o777, 0o600)
            connection.sendall(errand(b"file"))
            self.assertEqual(read_answer(connection)[1], COMPLETE)
            courier.kill()
            courier.wait()

    # Book: LOC-07
    def test_no_socket_is_made_where_others_could_put_theirs(self):
        folder = self.socket.parent
        self.addCleanup(folder.chmod, 0o700)
        self.addCleanup(os.chown, folder, os.geteuid(), -1)
        for mode, owner in [(0o1777, os.geteuid()), (0o770, os.geteuid()), *([(0o700, 1234)] if os.geteuid() == 0 else [])]:
            with self.subTest(mode=oct(mode), owner=owner):
                folder.chmod(mode)
                os.chown(folder, owner, -1)
                done = subprocess.run([BIN / "tenon-courier", "--config", self.config], capture_output=True, text=True,
                                      timeout=30, check=False)
                self.assertEqual(done.returncode, USAGE)
                self.assertIn("others may write to", done.stderr)

    def test_no_file_makes_way_for_the_socket(self):
        self.socket.unlink(missing_ok=True)
        self.socket.write_text("somebody's")
        self.addCleanup(self.socket.unlink)
        done = subprocess.run([BIN / "tenon-courier", "--config", self.config], capture_output=True, text=True, timeout=30,
                              check=False)
        self.assertEqual(done.returncode, DEVICE)
        self.assertEqual(self.socket.read_text(), "somebody's")

    def test_a_folder_in_the_place_of_authorities_ends_no_courier(self):
        self.config.write_text(self.config.read_text().replace("[network]", f'[network]\nca_file = "{self.device.folder}"'))
        _, connection = self.start_courier()
        connection.sendall(errand(b"file"))
        self.assertEqual(read_answer(connection)[1], COMPLETE)  # without TLS nobody asks for them

    def test_tenon_asks_the_courier_that_runs(self):
        self.start_courier()
        done = self.device.tenon("check")
        self.assertEqual(done.returncode, NETWORK)
        self.assertEqual(self.device.server.asked, ["/base/metadata/2.root.json", "/base/metadata/timestamp.json"])

    def test_a_courier_that_tenon_starts_ends_with_it(self):
        self.configure()
        release = threading.Event()
        self.addCleanup(release.set)
        asked = threading.Event()

        class Waiting(Site):
            def do_GET(self):
                asked.set()
                release.wait(30)

        self.addCleanup(setattr, self.device.server, "RequestHandlerClass", Site)
        self.device.server.RequestHandlerClass = Waiting
        tenon = subprocess.Popen([BIN / "tenon", "--config", self.config, "check"], stderr=subprocess.PIPE)
        self.assertTrue(asked.wait(30))
        tenon.send_signal(signal.SIGKILL)
        # All who could write to it have ended.
        self.assertEqual(tenon.communicate(timeout=30)[1], b"")

    def test_a_program_without_its_courier_says_so_and_still_does_the_rest(self):
        self.configure()
        lonely = self.device.folder / "lonely"
        lonely.mkdir()
        for name in ("tenon", "tenond"):
            shutil.copy(BIN / name, lonely)
        done = subprocess.run([lonely / "tenon", "--config", self.config, "check"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, NETWORK)
        self.assertIn(f"{lonely}/tenon-courier cannot be started", done.stderr)
        self.assertIn("hint: install tenon-courier", done.stderr)
        done = subprocess.run([lonely / "tenon", "--config", self.config, "status"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_daemon_whose_courier_was_killed_ends_so_that_it_is_started_anew(self):
        self.configure()

        class Killing(Site):
            def do_GET(self):
                for child in confinement_test.children_of(daemon.pid):
                    os.kill(child, signal.SIGKILL)

        self.addCleanup(setattr, self.device.server, "RequestHandlerClass", Site)
        self.device.server.RequestHandlerClass = Killing
        daemon = subprocess.Popen([BIN / "tenond", "--config", self.config], stderr=subprocess.PIPE, text=True)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.kill)
        stderr = daemon.communicate(timeout=60)[1]
        self.assertEqual(daemon.returncode, NETWORK, stderr)
        self.assertIn("the courier has ended", stderr)


class Links(unittest.TestCase):
    """Each program holds the code that it needs for its half and no other."""

    @staticmethod
    def needed(program):
        said = subprocess.run(["readelf", "-d", BIN / program], capture_output=True, text=True, check=True).stdout
        return re.findall(r"\(NEEDED\).*\[lib([\w+-]*)\.so", said)

    @staticmethod
    def symbols(program):
        return subprocess.run(["nm", "-C", BIN / program], capture_output=True, text=True, check=True).stdout

    def test_who_writes_has_no_code_for_the_network(self):
        for program in ("tenond", "tenon"):
            self.assertNotIn("curl", self.needed(program))
            self.assertNotIn("ssl", self.needed(program))
            for name in ("CurlFetcher", "curl_easy", "getaddrinfo"):
                self.assertNotIn(name, self.symbols(program), program)

    def test_who_has_the_network_has_no_code_to_write_or_to_trust(self):
        self.assertNotIn("ubootenv", self.needed("tenon-courier"))
        symbols = self.symbols("tenon-courier")
        self.assertIn("tenon::client::CurlFetcher::fetch", symbols)
        for name in ("FileSlot::", "FileSlots::", "FileStore::", "UbootBootControl", "Updater", "RefreshSession", "Envelope",
                     "run_child"):
            self.assertNotIn("tenon::client::" + name, symbols)
            self.assertNotIn("tenon::metadata::" + name, symbols)


if __name__ == "__main__":
    unittest.main()
