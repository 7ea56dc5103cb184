#!/usr/bin/env python3
"""`tenon install` of a whole image over networks that break, stall, lie about names and lose packets: the image comes, what came
is not fetched again, and nothing leads where it should not.

The tests of links run in a network of their own (unshare), which not every machine gives; they say so when they are left out."""
import http.server
import os
import random
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "repo_tools"))
import offline_update_test

IMAGE_BYTES = 24 << 20
ALONE = "TENON_TEST_IN_ITS_OWN_NETWORK"
FAR = "192.0.2.1"  # an address of this machine that looks like any other


class Files(http.server.BaseHTTPRequestHandler):
    """Serves a folder as good servers do, with ranges and a strong ETag, and counts; then a test interferes."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        server.paths.append(self.path)
        if server.redirect is not None:
            self.send_response(302)
            self.send_header("Location", server.redirect + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path = server.folder / self.path.lstrip("/")
        if not path.is_file():
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        data, tag = path.read_bytes(), f'"{path.name[:16]}"'
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")) if server.ranges else None
        start = int(asked.group(1)) if asked and self.headers.get("If-Range", tag) == tag else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if server.tags:
            self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        self.send(data[start:])

    def send(self, data):
        for start in range(0, len(data), 16384):
            piece = data[start:start + 16384]
            if (self.server.break_after is not None and len(data) > 1 << 20
                    and self.server.since_break + len(piece) > self.server.break_after()):
                self.server.since_break = 0
                self.server.breaks += 1
                self.wfile.flush()
                raise ConnectionResetError  # the connection ends behind what was sent, so that all of that comes
            self.wfile.write(piece)
            self.server.since_break += len(piece)
            self.server.sent += len(piece)

    def log_message(self, *_):
        pass


class FileServer(http.server.ThreadingHTTPServer):
    def __init__(self, folder, address="127.0.0.1"):
        if ":" in address:
            self.address_family = socket.AF_INET6
        super().__init__((address, 0), Files)
        self.folder, self.ranges, self.tags, self.redirect = Path(folder), True, True, None
        self.break_after, self.since_break, self.breaks, self.sent, self.paths = None, 0, 0, 0, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, host=None):
        host = host or self.server_address[0]
        return f"http://{'[' + host + ']' if ':' in host else host}:{self.server_port}"

    def handle_error(self, request, client_address):
        pass  # the client has gone, or was sent away


class BadNetwork(offline_update_test.Device):
    def image(self, name, number):
        """Bytes that do not get smaller, so that the payload is as long as the image."""
        Path(self.path(name)).write_bytes(random.Random(number).randbytes(IMAGE_BYTES))

    def make_device(self):
        super().make_device()
        for group in "AB":
            with open(self.path(f"slot-{group}.img"), "wb") as slot:
                slot.truncate(IMAGE_BYTES)

    def serve(self, address="127.0.0.1"):
        server = FileServer(self.path("repo/public"), address)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def configure(self, url, *network, mirrors=()):
        text = Path(self.path("device.toml")).read_text()
        text = re.sub(r'url = ".*"(\nmirrors = .*)?', f'url = "{url}"' + (f"\nmirrors = {list(mirrors)}" if mirrors else ""), text)
        text = re.sub(r"\[network\]\n(.*\n)*?\[", "[network]\n" + "\n".join([*network, ""]) + "[", text)
        Path(self.path("device.toml")).write_text(text)

    def installs(self):
        done = self.tenon("install")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.installed()
        return done.stderr

    def payload_bytes(self):
        public = os.path.realpath(self.path("repo/public"))
        return max(path.stat().st_size for path in Path(public).rglob("*") if path.is_file())


class BrokenLink(BadNetwork):
    # Book: NET-01, NET-27
    def test_a_link_that_breaks_again_and_again_costs_no_byte_twice(self):
        server = self.serve()
        often = random.Random(27)
        server.break_after = lambda: often.randrange(200_000, 2_000_000)
        self.configure(server.url())
        self.installs()
        self.assertGreater(server.breaks, 10)
        self.assertLess(server.sent, self.payload_bytes() * 102 // 100)

    # The server says nothing of versions: a segment that broke is fetched anew, those before it are not.
    # Book: NET-01, NET-07
    def test_without_the_name_of_a_version_the_written_segments_stay(self):
        server = self.serve()
        server.tags = False
        server.break_after = lambda: 5_000_000
        self.configure(server.url(), "attempts = 2")
        self.assertIn("asking again", self.installs())
        self.assertLess(server.sent, 2 * self.payload_bytes())

    # Book: NET-05
    def test_a_server_without_ranges_sends_a_beginning_again_a_few_times_and_no_more(self):
        server = self.serve()
        server.ranges = False
        server.break_after = lambda: 15_000_000
        self.configure(server.url(), "attempts = 4")
        done = self.tenon("install")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("E_NET", done.stderr)
        self.assertLess(server.sent, 6 * IMAGE_BYTES)
        server.break_after = None
        self.installs()

    # Book: NET-24, MIR-01
    def test_a_mirror_goes_on_with_the_segment_that_is_missing(self):
        first, second = self.serve(), self.serve()
        first.tags = False
        first.break_after = lambda: 9_000_000
        self.configure(first.url(), mirrors=[second.url()])
        self.installs()
        self.assertEqual(first.breaks, 1)
        self.assertLess(second.sent, self.payload_bytes() - 4_000_000)

    def test_a_limit_is_kept(self):
        server = self.serve()
        self.configure(server.url(), "kib_per_second = 8192")
        began = time.monotonic()
        self.installs()
        self.assertGreater(time.monotonic() - began, IMAGE_BYTES / (8192 * 1024) * 0.95)


def can_have_a_network():
    return subprocess.run(["unshare", "--map-root-user", "--net", "--mount", "ip", "link", "set", "lo", "up"],
                          capture_output=True).returncode == 0


@unittest.skipIf(ALONE in os.environ, "this is the network of its own")
class OwnNetwork(unittest.TestCase):
    def test_links_names_and_packets(self):
        if not can_have_a_network():
            self.skipTest("unshare gives no network of its own here: no test of links, names and lost packets")
        done = subprocess.run(["unshare", "--map-root-user", "--net", "--mount", sys.executable, "-B", __file__, "-v", "Link"],
                              env={**os.environ, ALONE: "1"}, capture_output=True, text=True)
        print(done.stderr)  # what was left out, too
        self.assertEqual(done.returncode, 0, done.stderr)


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


class NameServer:
    """Answers questions for A and AAAA on port 53 as a test tells it: a function of name and type gives addresses, a code of
    DNS, or None for silence."""

    def __init__(self):
        self.answer, self.asked = lambda name, kind: NXDOMAIN, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            question, client = self.socket.recvfrom(512)
            labels, at = [], 12
            while question[at]:
                labels.append(question[at + 1:at + 1 + question[at]].decode())
                at += 1 + question[at]
            kind = struct.unpack(">H", question[at + 1:at + 3])[0]
            asked = question[12:at + 5]
            self.asked.append((".".join(labels), kind))
            answer = self.answer(*self.asked[-1])
            if answer is None:
                continue
            code, addresses = (answer, []) if isinstance(answer, int) else (0, answer)
            records = b""
            for address in addresses:
                packed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
                records += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(packed)) + packed
            self.socket.sendto(question[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(addresses), 0, 0) + asked + records,
                               client)


A, AAAA = 1, 28
SERVFAIL, NXDOMAIN = 2, 3


@unittest.skipUnless(ALONE in os.environ, "runs in a network of its own")
class Link(BadNetwork):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        resolv = Path(cls.made) / "resolv.conf"
        resolv.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        subprocess.run(["mount", "--bind", resolv, os.path.realpath("/etc/resolv.conf")], check=True, capture_output=True)
        ip("link", "set", "lo", "up")
        cls.names = NameServer()  # ends with this network

    def setUp(self):
        super().setUp()
        for address in (FAR + "/32", "fd00::1/128"):  # one of version 6 goes when the link does
            ip("address", "replace", address, "dev", "lo", "nodad")

    def fails(self, *words):
        done = self.tenon("install")
        self.assertEqual(done.returncode, offline_update_test.NETWORK, done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertEqual(self.slot(), bytes(IMAGE_BYTES))

    # Book: NET-13
    def test_no_redirect_leads_from_afar_to_this_machine(self):
        near, far = self.serve(), self.serve(FAR)
        for target in (near.url(), near.url("localhost"), near.url("0.0.0.0"), f"http://[::ffff:127.0.0.1]:{near.server_port}"):
            with self.subTest(target=target):
                far.redirect = target
                self.configure(far.url(), "attempts = 1")
                self.fails("this machine or link")
                self.assertEqual(near.paths, [])
        other = self.serve(FAR)
        far.redirect = other.url()
        self.configure(far.url())
        self.installs()
        self.assertTrue(other.paths)

    # A name that leads here only when it is asked for the second time.
    # Book: NET-22, NET-13
    def test_no_name_leads_from_afar_to_this_machine(self):
        near, far = self.serve(), self.serve(FAR)
        self.names.answer = lambda name, kind: [FAR if name == "far.test" else "127.0.0.1"] if kind == A else []
        far.redirect = near.url("rebound.test")
        self.configure(far.url("far.test"), "attempts = 1")
        self.fails("this machine or link")
        self.assertEqual(near.paths, [])

    # Book: NET-22
    def test_a_name_that_nobody_knows_is_an_error_soon(self):
        server = self.serve(FAR)
        for what, answer in [("NXDOMAIN", NXDOMAIN), ("SERVFAIL", SERVFAIL), ("silence", None), ("no address", [])]:
            with self.subTest(what=what):
                self.names.answer, self.names.asked = lambda name, kind, answer=answer: answer, []
                self.configure(server.url("repository.test"), "attempts = 1")
                began = time.monotonic()
                self.fails("E_NET", "DNS")
                self.assertLess(time.monotonic() - began, 40)
                self.assertTrue(self.names.asked)
        self.assertEqual(server.paths, [])

    # Book: NET-22
    def test_an_address_that_does_not_answer_is_passed_over(self):
        server = self.serve(FAR)
        self.names.answer = lambda name, kind: ["fd00::1"] if kind == AAAA else [FAR]  # nobody listens at fd00::1
        self.configure(server.url("repository.test"))
        self.installs()

    # Book: NET-22
    def test_an_address_that_changes_in_the_middle_is_followed(self):
        first, second = self.serve(FAR), None
        second = FileServer.__new__(FileServer)  # the same port at another address
        second.address_family = socket.AF_INET6
        http.server.ThreadingHTTPServer.__init__(second, ("fd00::1", first.server_port), Files)
        for name in ("folder", "ranges", "tags", "redirect", "break_after", "since_break", "breaks", "sent"):
            setattr(second, name, getattr(first, name))
        second.paths = []
        threading.Thread(target=second.serve_forever, daemon=True).start()
        self.addCleanup(second.server_close)
        self.addCleanup(second.shutdown)
        moved = threading.Event()

        def break_and_move():
            if first.since_break > 5_000_000:
                moved.set()
                first.shutdown()
                first.socket.close()
                return 0
            return 1 << 40
        first.break_after = break_and_move
        self.names.answer = lambda name, kind: ((["fd00::1"] if moved.is_set() else []) if kind == AAAA
                                                else [] if moved.is_set() else [FAR])
        self.configure(first.url("repository.test"))
        self.installs()
        self.assertTrue(any(".full." in path for path in second.paths))
        self.assertLess(second.sent, self.payload_bytes() - 3_000_000)

    # Book: NET-24
    def test_ipv6_alone_is_a_network(self):
        server = self.serve("fd00::1")
        self.names.answer = lambda name, kind: ["fd00::1"] if kind == AAAA else []
        self.configure(server.url("repository.test"))
        self.installs()

    # Book: NET-24
    def test_a_link_that_is_away_for_seconds_costs_none_of_what_came(self):
        server = self.serve(FAR)
        server.break_after = lambda: 3_000_000
        self.configure(server.url(), "kib_per_second = 4096")
        stop = threading.Event()

        def flap():
            while not stop.wait(2):
                ip("link", "set", "lo", "down")
                time.sleep(0.5)
                ip("link", "set", "lo", "up")
        flapping = threading.Thread(target=flap)
        flapping.start()
        try:
            self.installs()
        finally:
            stop.set()
            flapping.join()
            ip("link", "set", "lo", "up")
        self.assertLess(server.sent, self.payload_bytes() * 3 // 2)

    def shape(self, *how):
        """Puts a queueing discipline on the link for one test; a kernel without it leaves the test out, and says so."""
        made = subprocess.run(["tc", "qdisc", "add", "dev", "lo", "root", *how], capture_output=True, text=True)
        if made.returncode != 0:
            self.skipTest(f"the kernel has no {how[0]}: {made.stderr.strip()}")
        self.addCleanup(subprocess.run, ["tc", "qdisc", "del", "dev", "lo", "root"], check=True)

    def installs_the_last(self, length):
        """The slot holds all of the image but so many bytes, which come over the link, and no more."""
        with open(self.path("slot-B.img"), "r+b") as slot:
            slot.write(Path(self.path("rootfs.img")).read_bytes()[:-length])
        server = self.serve(FAR)
        self.configure(server.url())
        self.installs()
        self.assertLess(server.sent, length * 102 // 100 + 100_000)  # and the metadata

    # Book: NET-27
    def test_a_narrow_link_that_drops_what_its_queue_cannot_hold_costs_no_byte_twice(self):
        ip("link", "set", "lo", "mtu", "1500")
        self.addCleanup(ip, "link", "set", "lo", "mtu", "65536")
        self.shape("tbf", "rate", "40mbit", "burst", "8k", "limit", "6k")
        self.installs_the_last(6 << 20)
        said = subprocess.run(["tc", "-s", "qdisc", "show", "dev", "lo"], check=True, capture_output=True, text=True).stdout
        self.assertGreater(int(re.search(r"dropped (\d+)", said).group(1)), 100, said)

    # Book: NET-27, NET-24
    def test_lost_and_reordered_packets_cost_no_byte_twice(self):
        self.shape(*"netem loss 30% delay 2ms reorder 25% rate 100mbit".split())
        self.installs_the_last(2 << 20)


if __name__ == "__main__":
    unittest.main()
