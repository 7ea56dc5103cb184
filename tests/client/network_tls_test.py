#!/usr/bin/env python3
"""`tenon check` against TLS servers of all kinds on this machine: it speaks to the one that the configuration names, over TLS,
or to nobody; and what TLS refuses does not keep a mirror from helping."""
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import warnings
from pathlib import Path

import device_cli_test

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from certificates import Authority
from loopback import Listener
from moved_clock import moved_clock

NOT_FOUND = b"HTTP/1.1 404 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
NUL_IN_NAME = "DER:30:18:82:16:" + b"localhost\0.example.com".hex(":")  # one dNSName


def context_of(chain):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # what it offers is for the client to judge
    context.load_cert_chain(chain)
    return context


class Server(Listener):
    """Answers every request in one way, over TLS or, without a context, in the clear; keeps what it was asked and how each
    connection began."""

    def __init__(self, context=None, reply=NOT_FOUND):
        self.context, self.reply = context, reply
        self.requests, self.first_bytes = [], []
        self.may_speak = threading.Event()
        self.may_speak.set()
        super().__init__()

    def url(self, host="localhost"):
        return f"{'http' if self.context is None else 'https'}://{host}:{self.server_port}"

    def talk(self, connection):
        try:
            self.first_bytes.append(connection.recv(1, socket.MSG_PEEK))
            self.may_speak.wait()
            if self.context is not None:
                connection = self.context.wrap_socket(connection, server_side=True)
            elif self.first_bytes[-1] != b"G":
                connection.sendall(self.reply)
                return
            with connection:
                head = b""
                while not head.endswith(b"\r\n\r\n") and (byte := connection.recv(1)):
                    head += byte
                if head:
                    self.requests.append(head.decode(errors="replace"))
                    connection.sendall(self.reply)
        except OSError:
            pass  # the client has gone, and rightly so

    def close(self):
        self.may_speak.set()
        super().close()


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.device = device_cli_test.device_of(cls)
        cls.certificates = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.certificates)
        cls.authority = Authority(cls.certificates)
        cls.good = cls.authority.issue()

    def serve(self, context=None, **more):
        server = Server(context, **more)
        self.addCleanup(server.close)
        return server

    def check(self, url, mirrors=(), ca_file=True, clock=None, system=None):
        """Runs one check; nothing changes, since no server here has a repository."""
        config = self.device.folder / "device.toml"
        self.device.write_config()
        lines = "".join(f'"{mirror}",' for mirror in mirrors)
        text = config.read_text().replace(f"http://127.0.0.1:{self.device.server.server_port}", url)
        text = text.replace("[network]", (f"mirrors = [{lines}]\n" if mirrors else "") + "[network]"
                            + (f'\nca_file = "{self.authority.certificate}"' if ca_file else ""))
        config.write_text(text)
        before = self.device.everything()
        before_it = moved_clock(clock) if clock else []
        if system is not None:
            before_it = ["unshare", "--map-root-user", "--mount", "sh", "-c",
                         'mount --bind "$0" /etc/ssl/certs && exec "$@"', str(system)]
        done = subprocess.run([*before_it, str(device_cli_test.BIN / "tenon"), "--config",
                               str(config), "check"], capture_output=True, text=True)
        self.assertEqual(self.device.everything(), before)
        self.assertIn("error: E_NET ", done.stderr)
        return done.stderr

    def refuses(self, context, host="localhost", **more):
        """Nothing is asked of the server, over TLS or in the clear."""
        server = self.serve(context)
        stderr = self.check(server.url(host), **more)
        self.assertEqual(server.requests, [], stderr)
        self.assertEqual(set(server.first_bytes), {b"\x16"})  # a handshake, never "G" of GET
        self.assertIn("hint: ", stderr)
        return stderr

    # Book: NET-11
    def test_a_good_server_is_asked(self):
        server = self.serve(context_of(self.good))
        self.check(server.url())
        self.assertTrue(server.requests[0].startswith("GET /metadata/2.root.json HTTP/1.1\r\n"), server.requests)

    # Book: NET-11
    def test_a_certificate_that_is_not_for_this_server_now_is_refused(self):
        issue = self.authority.issue
        other = Authority(self.certificates, "other")
        issue("leaf", extensions=["basicConstraints=critical,CA:FALSE"])
        cases = {
            "expired": issue("expired", clock="-400d"),
            "not yet valid": issue("early", clock="+30d"),
            "another host": issue("host", san="DNS:example.com"),
            "a host below": issue("below", san="DNS:www.localhost"),
            "an address": issue("address", san="IP:127.0.0.1"),
            "a star for all": issue("star", san="DNS:*"),
            "a star in a name": issue("star_in", san="DNS:local*"),
            "a name that a NUL ends": issue("nul", san=NUL_IN_NAME),
            "an unknown authority": other.issue(),
            "signed by a server's key": issue("signed_by_leaf", issuer="leaf"),
            "for clients alone": issue("client", extensions=["extendedKeyUsage=clientAuth"]),
            "a weak hash": issue("sha1", digest="sha1"),
            "a weak key": issue("rsa1024", key="1024"),
        }
        for what, chain in cases.items():
            with self.subTest(what=what):
                self.refuses(context_of(chain))

    # Book: NET-11
    def test_a_certificate_that_signs_itself_is_refused(self):
        own = Authority(self.certificates, "own")
        own.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "self.key", "-out", "self.pem", "-days", "9",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
        chain = own.folder / "self.chain"
        chain.write_text((own.folder / "self.pem").read_text() + (own.folder / "self.key").read_text())
        self.refuses(context_of(chain))

    # Book: NET-11
    def test_an_authority_that_nobody_configured_is_not_trusted(self):
        self.refuses(context_of(self.good), ca_file=False)

    # Book: NET-11
    def test_authorities_of_the_system_are_not_trusted_beside_the_configured_ones(self):
        system = Authority(self.certificates, "system")
        others = Path(self.certificates) / "certs"
        others.mkdir()
        for name in ("system.pem", "ca-certificates.crt"):
            shutil.copy(system.certificate, others / name)
        subprocess.run(["openssl", "rehash", others], check=True, capture_output=True)
        if subprocess.run(["unshare", "--map-root-user", "--mount", "mount", "--bind", others, "/etc/ssl/certs"]).returncode != 0:
            self.skipTest("unshare gives no file systems of its own here: no test of the system's authorities")
        server = self.serve(context_of(system.issue()))
        self.check(server.url(), ca_file=False, system=others)
        self.assertTrue(server.requests, "these are the system's now")
        self.refuses(server.context, system=others)

    # Book: NET-11
    def test_a_name_is_not_an_address(self):
        self.refuses(context_of(self.good), host="127.0.0.1")

    # Book: NET-11
    @unittest.skipUnless(ssl.HAS_TLSv1_1, "the servers of this Python know no old TLS")
    def test_an_old_tls_is_refused(self):
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            with self.subTest(version=version.name):
                context = context_of(self.good)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # that it is old is the point
                    context.minimum_version = context.maximum_version = version
                self.refuses(context)

    # The clock of a device decides, and the root, which holds for 30 days, is looked at before anybody is asked.
    # Book: NET-11
    def test_a_certificate_is_judged_by_the_clock(self):
        short = self.authority.issue("short", days=2)
        self.refuses(context_of(short), clock="+9d")

    # Book: NET-11
    def test_a_server_without_tls_is_refused(self):
        server = self.serve()
        self.check(server.url().replace("http:", "https:"))
        self.assertEqual(set(server.first_bytes), {b"\x16"})

    # What is trusted is the repository's signatures. Whether somebody may listen is said by the scheme in the configuration.
    # Book: NET-11
    def test_a_mirror_helps_when_the_first_server_has_a_bad_certificate(self):
        bad = self.serve(context_of(self.authority.issue("bad", san="DNS:example.com")))
        for mirror in (self.serve(context_of(self.good)), self.serve()):
            stderr = self.check(bad.url(), mirrors=[mirror.url()])
            self.assertEqual(bad.requests, [])
            self.assertTrue(mirror.requests, stderr)

    # Book: NET-13
    def test_no_redirect_leads_out_of_tls(self):
        plain = self.serve()
        location = f"HTTP/1.1 302 x\r\nLocation: {plain.url()}/x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        server = self.serve(context_of(self.good), reply=location.encode())
        self.assertIn("which is not followed", self.check(server.url()))
        self.assertEqual((len(server.requests), plain.first_bytes), (1, []))

    # Book: NET-12, NET-16
    def test_a_redirect_to_another_server_begins_with_a_handshake_and_without_credentials(self):
        other = self.serve(context_of(self.good))
        location = f"HTTP/1.1 302 x\r\nLocation: {other.url()}/x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        server = self.serve(context_of(self.good), reply=location.encode())
        self.check(server.url().replace("//", "//user:secret@"))
        self.assertIn("Authorization: Basic ", server.requests[0])
        self.assertTrue(other.requests)
        for request in other.requests:
            self.assertNotIn("Authorization", request)
        bad = self.serve(context_of(self.authority.issue("redirected", san="DNS:example.com")))
        server.reply = location.replace(str(other.server_port), str(bad.server_port)).encode()
        self.check(server.url())
        self.assertEqual(bad.requests, [])

    # Book: LOC-10, NET-11
    def test_the_environment_gives_no_keys_away_and_adds_no_trust(self):
        keys, other = Path(self.certificates) / "keys", Authority(self.certificates, "of_environment")
        names = {"SSLKEYLOGFILE": str(keys), "SSL_CERT_FILE": str(other.certificate), "CURL_CA_BUNDLE": str(other.certificate),
                 "SSL_CERT_DIR": self.certificates}
        for name in names:
            self.addCleanup(os.environ.pop, name, None)
        os.environ.update(names)
        good, bad = self.serve(context_of(self.good)), self.serve(context_of(other.issue("of_environment_server")))
        self.check(good.url())
        self.assertTrue(good.requests)
        self.assertFalse(keys.exists())
        for ca_file in (True, False):
            self.check(bad.url(), ca_file=ca_file)
        self.assertEqual(bad.requests, [])

    # Book: NET-02
    def test_a_server_that_says_nothing_to_a_handshake_is_given_up(self):
        server = self.serve(context_of(self.good))
        server.may_speak.clear()
        began = time.monotonic()
        self.check(server.url(), clock="+0 x60")
        self.assertLess(time.monotonic() - began, 30)
        self.assertEqual(server.requests, [])


if __name__ == "__main__":
    unittest.main()
