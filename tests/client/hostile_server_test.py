#!/usr/bin/env python3
"""`tenon check` against servers that answer in ways no server should, down to the bytes: it ends soon, with a clear
error, and leaves everything as it was."""
import resource
import subprocess
import time
import unittest

import device_cli_test
from loopback import Listener
from moved_clock import moved_clock

SECONDS = 30  # far more than any of these takes


class RawServer(Listener):
    """Runs a script for each connection, with the socket and the request's head."""

    def __init__(self, script):
        self.script = script
        self.requests = []
        self.sent = 0
        super().__init__()

    def talk(self, connection):
        with connection:
            try:
                while head := self.read_head(connection):
                    self.requests.append(head.split(b" ")[1].decode())
                    self.script(self, connection, self.requests[-1])
            except OSError:
                pass  # the client has gone

    @staticmethod
    def read_head(connection):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = connection.recv(1)
            if not byte:
                return b""
            head += byte
        return head

    def send(self, connection, data):
        connection.sendall(data)
        self.sent += len(data)


class HostileServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.device = device_cli_test.device_of(cls)

    def check(self, script, faster=1):
        """Runs one check against the script, its clock so many times faster; gives the result and the server."""
        server = RawServer(script)
        self.addCleanup(server.close)
        normal, self.device.server = self.device.server, server
        self.addCleanup(setattr, self.device, "server", normal)
        self.device.write_config()
        before = self.device.everything()
        began = time.monotonic()
        clock = moved_clock(f"+0 x{faster}") if faster != 1 else []
        result = subprocess.run([*clock, str(device_cli_test.BIN / "tenon"), "--config",
                                 str(self.device.folder / "device.toml"), "check"], capture_output=True, text=True)
        self.assertLess(time.monotonic() - began, SECONDS)
        self.assertEqual(self.device.everything(), before)
        self.assertGreater(result.returncode, 0, result.stderr)  # and no signal
        self.assertLess(len(result.stderr), 2_000)
        return result, server

    def refuses(self, code, script):
        result, server = self.check(script)
        self.assertIn("error: " + code + " ", result.stderr)
        return server

    # Book: RES-09
    def test_a_million_interim_replies_are_given_up_early(self):
        def script(server, connection, _):
            for _ in range(10_000):
                server.send(connection, b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
        server = self.refuses("E_NET", script)
        self.assertLess(server.sent, 20 << 20)

    # Book: RES-09
    def test_a_megabyte_of_headers_is_given_up_early(self):
        for header in (b"X-Many: " + b"x" * 100 + b"\r\n", b"X-Long: " + b"x" * 200_000 + b"\r\n"):
            def script(server, connection, _):
                server.send(connection, b"HTTP/1.1 200 OK\r\n")
                while server.sent < 64 << 20:
                    server.send(connection, header)
            server = self.refuses("E_NET", script)
            self.assertLess(server.sent, 16 << 20)  # what the sockets hold in between is not ours

    # Book: RES-09
    def test_a_header_that_never_ends_is_given_up_early(self):
        def script(server, connection, _):
            server.send(connection, b"HTTP/1.1 200 OK\r\nX: ")
            while server.sent < 64 << 20:
                server.send(connection, b"x" * 4096)
        server = self.refuses("E_NET", script)
        self.assertLess(server.sent, 16 << 20)

    # Book: RES-01
    def test_an_endless_file_is_given_up_at_its_limit(self):
        def script(server, connection, _):
            server.send(connection, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while server.sent < 256 << 20:
                server.send(connection, b"1000\r\n" + b" " * 4096 + b"\r\n")
        server = self.refuses("E_LIMIT", script)
        self.assertEqual(server.requests, ["/metadata/2.root.json"])
        self.assertLess(server.sent, 16 << 20)

    # Book: RES-01, RES-02
    def test_an_endless_file_costs_no_memory(self):
        self.test_an_endless_file_is_given_up_at_its_limit()
        largest_child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        self.assertLess(largest_child, 64 << 10)  # KiB, code and libraries included

    # Book: TGT-04
    def test_a_server_that_is_too_slow_is_given_up(self):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n"
        # A minute without 16 bytes a second is a stall; here it passes in a second.
        for what, beginning, pause in [("a byte a second", head, 1), ("a byte before each stall is over", head, 59),
                                       ("a fast start", head + b"x" * 5000, None), ("a fast head", head, None),
                                       ("nothing", b"", None), ("half a head", b"HTTP/1.1 200 OK\r\nX", None)]:
            def script(server, connection, _):
                server.send(connection, beginning)
                while True:
                    time.sleep((pause or SECONDS * 60) / 60)
                    server.send(connection, b"x")
            with self.subTest(what=what):
                result, _ = self.check(script, faster=60)
                self.assertIn("error: E_NET ", result.stderr)

    # Book: ROOT-12
    def test_only_not_found_is_the_end_of_the_chain_of_roots(self):
        def script(server, connection, path):
            status = answer if path == "/metadata/2.root.json" else 404
            server.send(connection, b"HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n" % status)
        for answer, goes_on in [(404, True), (403, False), (410, False), (401, False), (500, False), (503, False),
                                (204, False), (304, False), (400, False), (429, False)]:
            with self.subTest(status=answer):
                server = self.refuses("E_NET", script)
                self.assertEqual("/metadata/timestamp.json" in server.requests, goes_on)

    # Book: ROOT-12
    def test_a_login_page_in_place_of_a_root_is_no_end_of_the_chain(self):
        page = b"<html>please log in</html>"

        def script(server, connection, _):
            server.send(connection, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page))
        server = self.refuses("E_PARSE", script)
        self.assertEqual(server.requests, ["/metadata/2.root.json"])

    # Book: ROOT-12
    def test_a_connection_that_is_closed_is_no_end_of_the_chain(self):
        server = self.refuses("E_NET", lambda server, connection, path: connection.close())
        self.assertEqual(set(server.requests), {"/metadata/2.root.json"})

    # aktualizr #1420: redirects were followed without end.
    # Book: NET-14
    def test_advisory_aktualizr_1420_redirects_without_end_are_given_up(self):
        def script(server, connection, path):
            server.send(connection, b"HTTP/1.1 302 x\r\nLocation: %sx\r\nContent-Length: 0\r\n\r\n" % path.encode())
        server = self.refuses("E_NET", script)
        self.assertEqual(len(server.requests), 6)


if __name__ == "__main__":
    unittest.main()
