#!/usr/bin/env python3
"""`tenon check` through a proxy: through it alone, whatever it answers; without one in the configuration, through none."""
import base64
import os
import select
import shutil
import socket
import subprocess
import tempfile
import unittest
import urllib.parse

import device_cli_test
from certificates import Authority
from loopback import Listener
from network_tls_test import Server, context_of

LOGIN = base64.b64encode(b"user:secret").decode()
PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"


class Proxy(Listener):
    """A small proxy: requests in the clear by their absolute URL, and tunnels. `answer` in place of its work is what it
    says to everything; with a context it wants TLS for itself."""

    def __init__(self, answer=None, tunnel_to=None, login=None, context=None):
        self.answer, self.tunnel_to, self.login, self.context = answer, tunnel_to, login, context
        self.heads = []
        super().__init__()

    def url(self):
        return f"http://127.0.0.1:{self.server_port}" if self.context is None else f"https://localhost:{self.server_port}"

    def talk(self, connection):
        try:
            if self.context is not None:
                connection = self.context.wrap_socket(connection, server_side=True)
        except OSError:
            return  # the client does not believe us
        with connection:
            try:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    if not (byte := connection.recv(1)):
                        return
                    head += byte
                self.heads.append(head.decode(errors="replace"))
                if self.login and f"Proxy-Authorization: Basic {self.login}\r\n" not in self.heads[-1]:
                    connection.sendall(b"HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n")
                elif self.answer is not None:
                    connection.sendall(self.answer)
                else:
                    self.forward(connection, *self.heads[-1].split(" ")[:2], head)
            except OSError:
                pass  # one of the two has gone

    def forward(self, connection, method, target, head):
        if method == "CONNECT":
            host, port = target.rsplit(":", 1)
            with socket.create_connection(self.tunnel_to or (host, int(port))) as server:
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                self.pump(connection, server)
            return
        url = urllib.parse.urlsplit(target)
        lines = [line for line in head.split(b"\r\n")[1:] if not line.lower().startswith(b"proxy-")]
        with socket.create_connection((url.hostname, url.port)) as server:
            server.sendall(f"{method} {url.path} HTTP/1.1\r\n".encode() + b"\r\n".join(lines))
            self.pump(connection, server)

    @staticmethod
    def pump(one, other):
        while True:
            for ready in select.select([one, other], [], [])[0]:
                if not (data := ready.recv(65536)):
                    return
                (other if ready is one else one).sendall(data)


class ProxyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.device = device_cli_test.device_of(cls)
        cls.certificates = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.certificates)
        cls.authority = Authority(cls.certificates)
        cls.good = cls.authority.issue()

    def open(self, made):
        self.addCleanup(made.close)
        return made

    def check(self, url, proxy=None, environment=None, code="E_NET"):
        config = self.device.folder / "device.toml"
        self.device.write_config()
        text = config.read_text().replace(f"http://127.0.0.1:{self.device.server.server_port}", url)
        text = text.replace("[network]", f'[network]\nca_file = "{self.authority.certificate}"'
                            + (f'\nproxy = "{proxy}"' if proxy else ""))
        config.write_text(text)
        before = self.device.everything()
        done = subprocess.run([str(device_cli_test.BIN / "tenon"), "--config", str(config), "check"], capture_output=True,
                              text=True, env={**os.environ, **(environment or {})}, timeout=60)
        self.assertEqual(self.device.everything(), before)
        self.assertIn(f"error: {code} ", done.stderr)
        self.assertNotIn("secret", done.stderr + done.stdout)
        return done.stderr

    # Book: NET-23
    def test_every_request_goes_through_the_configured_proxy(self):
        origin, proxy = self.open(Server()), self.open(Proxy())
        self.check(origin.url("127.0.0.1"), proxy.url())
        self.assertGreater(len(origin.requests), 1)
        self.assertEqual(len(proxy.heads), len(origin.requests))
        self.assertTrue(proxy.heads[0].startswith(f"GET {origin.url('127.0.0.1')}/metadata/2.root.json HTTP/1.1\r\n"))

    # Book: NET-23, NET-11
    def test_tls_goes_through_a_tunnel_to_the_server_itself(self):
        origin, proxy = self.open(Server(context_of(self.good))), self.open(Proxy())
        self.check(origin.url(), proxy.url())
        self.assertTrue(origin.requests)
        for head in proxy.heads:
            self.assertTrue(head.startswith(f"CONNECT localhost:{origin.server_port} HTTP/1.1\r\n"), head)

    # Book: NET-23, NET-11, NET-17
    def test_a_proxy_that_puts_another_server_behind_the_tunnel_learns_nothing(self):
        false = self.open(Server(context_of(Authority(self.certificates, "false").issue())))
        proxy = self.open(Proxy(tunnel_to=("127.0.0.1", false.server_port)))
        origin = self.open(Server(context_of(self.good)))
        self.check(origin.url(), proxy.url())
        self.assertEqual((false.requests, origin.requests), ([], []))
        self.assertEqual(set(false.first_bytes), {b"\x16"})

    # Book: NET-23, NET-11
    def test_a_proxy_over_tls_is_the_one_that_it_should_be(self):
        origin, proxy = self.open(Server()), self.open(Proxy(context=context_of(self.good)))
        self.check(origin.url("127.0.0.1"), proxy.url())
        self.assertEqual(len(proxy.heads), len(origin.requests))
        self.assertTrue(origin.requests)
        false = self.open(Proxy(context=context_of(Authority(self.certificates, "proxys").issue())))
        asked = len(origin.requests)
        for url in (false.url(), false.url().replace("https:", "HTTPS:")):
            self.check(origin.url("127.0.0.1"), url)
        self.assertEqual((false.heads, len(origin.requests)), ([], asked))

    # Book: NET-23
    def test_a_proxy_that_is_down_is_not_gone_around(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        for origin in (self.open(Server()), self.open(Server(context_of(self.good)))):
            self.check(origin.url(), f"http://127.0.0.1:{port}")
            self.assertEqual(origin.first_bytes, [])

    # Book: NET-23
    def test_a_proxy_that_refuses_is_not_gone_around(self):
        answers = {"wants a login": b"HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n",
                   "wants another login": b"HTTP/1.1 407 x\r\nProxy-Authenticate: Digest realm=x, nonce=y\r\n"
                                          b"Content-Length: 0\r\n\r\n",
                   "forbids": b"HTTP/1.1 403 x\r\nContent-Length: 0\r\n\r\n",
                   "is broken": b"HTTP/1.1 502 x\r\nContent-Length: 6\r\n\r\n<html>",
                   "says nothing": b"", "is no proxy": b"SSH-2.0-x\r\n",
                   "sends headers without end": b"HTTP/1.1 200 x\r\n" + b"X: " + b"x" * 1000 + b"\r\n"}
        for what, answer in answers.items():
            for origin in (self.open(Server()), self.open(Server(context_of(self.good)))):
                with self.subTest(what=what, url=origin.url()):
                    proxy = self.open(Proxy(answer=answer))
                    stderr = self.check(origin.url(), proxy.url().replace("//", "//user:secret@"))
                    self.assertTrue(proxy.heads)
                    self.assertEqual(origin.first_bytes, [], stderr)

    # Book: NET-23, NET-17
    def test_a_page_of_the_proxy_is_no_file_of_the_repository(self):
        proxy = self.open(Proxy(answer=PAGE))
        self.check(self.open(Server()).url(), proxy.url(), code="E_PARSE")
        # For a tunnel the page is taken for the server's handshake, which it is not.
        self.check(self.open(Server(context_of(self.good))).url(), self.open(Proxy(answer=PAGE)).url())

    # Book: NET-23, NET-12
    def test_the_login_of_the_proxy_is_for_the_proxy_alone(self):
        for origin in (self.open(Server()), self.open(Server(context_of(self.good)))):
            proxy = self.open(Proxy(login=LOGIN))
            self.check(origin.url(), proxy.url().replace("//", "//user:secret@"))
            self.assertTrue(origin.requests)
            for request in origin.requests:
                self.assertNotIn("Authorization", request)
                self.assertNotIn(LOGIN, request)

    # Book: NET-23, NET-12
    def test_the_login_of_the_server_is_not_the_proxys_to_read_in_a_tunnel(self):
        origin, proxy = self.open(Server(context_of(self.good))), self.open(Proxy())
        self.check(origin.url().replace("//", "//user:secret@"), proxy.url())
        self.assertIn(f"Authorization: Basic {LOGIN}", origin.requests[0])
        for head in proxy.heads:
            self.assertNotIn("uthorization", head)

    # Book: NET-23
    def test_proxies_of_the_environment_are_ignored(self):
        origin, proxy = self.open(Server()), self.open(Proxy())
        names = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        self.check(origin.url(), environment={name: proxy.url() for name in names})
        self.check(self.open(Server(context_of(self.good))).url(), environment={name: proxy.url() for name in names})
        self.assertEqual(proxy.heads, [])
        self.assertTrue(origin.requests)
        self.check(origin.url(), proxy.url(), environment={"no_proxy": "*", "NO_PROXY": "*"})
        self.assertTrue(proxy.heads, "nor does it take the configured one away")


if __name__ == "__main__":
    unittest.main()
