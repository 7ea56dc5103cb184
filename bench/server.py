"""server: nginx on loopback for a folder, with a log of what it sent."""
import contextlib
import os
import socket
import subprocess
import time
from dataclasses import dataclass


@dataclass
class Sent:
    """One request as nginx saw it; bytes with all headers."""
    uri: str
    status: int
    bytes: int


class Nginx:
    def __init__(self, folder, work):
        self.work = work / "nginx"
        self.work.mkdir()
        self.log = self.work / "access.log"
        with contextlib.closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        (self.work / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; pid {self.work}/pid; error_log {self.work}/error.log;
{"user root;" if os.geteuid() == 0 else ""}
events {{ worker_connections 64; }}
http {{
  log_format sent '$request_uri $status $bytes_sent';
  access_log {self.log} sent; sendfile on; tcp_nopush on; types {{ }} default_type application/octet-stream;
  client_body_temp_path {self.work}/body; proxy_temp_path {self.work}/proxy; fastcgi_temp_path {self.work}/fcgi;
  uwsgi_temp_path {self.work}/uwsgi; scgi_temp_path {self.work}/scgi;
  server {{ listen 127.0.0.1:{self.port}; root {folder}; }}
}}
""")
        self.process = subprocess.Popen(["nginx", "-c", self.work / "nginx.conf", "-p", self.work],
                                        stderr=subprocess.DEVNULL, env={"PATH": "/usr/sbin:/usr/bin"})
        end = time.monotonic() + 30
        while not self._answers():
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError(f"nginx does not answer: {(self.work / 'error.log').read_text()[-300:]}")
            time.sleep(0.01)

    def _answers(self):
        with contextlib.closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @contextlib.contextmanager
    def watched(self):
        """Gives a list that holds, after the block, what was sent in it."""
        before = self.log.stat().st_size
        sent = []
        yield sent
        time.sleep(0.1)  # nginx logs a request just after its last byte left
        with open(self.log) as log:
            log.seek(before)
            for line in log:
                uri, status, count = line.split()
                sent.append(Sent(uri, int(status), int(count)))

    def stop(self):
        self.process.terminate()
        self.process.wait()
