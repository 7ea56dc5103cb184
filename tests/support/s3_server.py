"""An S3 server of our own for what no real one shows: it fails at the n-th request, lies, or does not know conditions. It
checks every signature and digest. Objects are files in a folder, whole or not there, so that clients can read beside it.

  with S3Server(folder, key_id, secret) as server:
      server.fault = lambda number, method, name: "503" if number == 3 else None

A fault is a status to answer with and nothing done ("500", "403", ...); "done-500": it is done, and the answer says 500;
"drop": the connection ends without an answer; conditions: "known", "refused" with 501, or "ignored"; "lie": what is stored differs from what came; or a function to call.
"""
import contextlib
import hashlib
import http.server
import os
import re
import threading
from pathlib import Path

from sigv4 import signature

CODES = {400: "BadDigest", 403: "SignatureDoesNotMatch", 404: "NoSuchKey", 412: "PreconditionFailed", 500: "InternalError",
         501: "NotImplemented", 503: "SlowDown"}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=(), code=None):
        if status >= 300 and self.command != "HEAD":
            body = f"<?xml version='1.0'?><Error><Code>{code or CODES.get(status, 'Error')}</Code></Error>".encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if "Content-Length" not in dict(headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def is_signed(self, body):
        found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=(.+)/(\d{8})/([^/]+)/s3/aws4_request, ?"
                             r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})", self.headers.get("authorization", ""))
        if not found:
            return False
        key_id, day, region, signed, value = found.groups()
        headers = {name.lower(): text for name, text in self.headers.items()}
        stamp, payload = headers.get("x-amz-date", ""), headers.get("x-amz-content-sha256", "")
        names = signed.split(";")
        server = self.server.owner
        return (key_id == server.key_id and day == stamp[:8] and names == sorted(names)
                and {"host", "x-amz-content-sha256", "x-amz-date"} <= set(names) and payload == hashlib.sha256(body).hexdigest()
                and value == signature(self.command, self.path, headers, names, payload, stamp, region, server.secret))

    def handle_one(self):
        server = self.server.owner
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        fault = server.next_fault(self.command, self.path)
        if callable(fault):
            fault = fault()
        if fault == "drop":
            self.close_connection = True
            return
        if fault and fault.isdigit():
            self.answer(int(fault))
        elif not self.is_signed(body):
            self.answer(403)
        elif fault == "done-500":
            with contextlib.redirect_stdout(None):
                server.done(self, body, fault, lambda *_, **__: None)
            self.answer(500)
        else:
            server.done(self, body, fault, self.answer)

    do_GET = do_PUT = do_HEAD = handle_one


class S3Server:
    def __init__(self, folder, key_id, secret, conditions="known"):
        self.folder, self.key_id, self.secret, self.conditions = Path(folder), key_id, secret, conditions
        self.fault, self.requests, self.lock = None, 0, threading.Lock()
        self.labels, self.headers = {}, {}

    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.owner = self
        self.server.handle_error = lambda *_: None  # a client that was killed is no news
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def next_fault(self, method, name):
        with self.lock:
            self.requests += 1
            return self.fault(self.requests, method, name) if self.fault else None

    def done(self, request, body, fault, answer):
        with self.lock:
            path = self.folder / request.path.lstrip("/")
            there = path.read_bytes() if path.is_file() else None
            tag = None if there is None else f'"{hashlib.md5(there).hexdigest()}"'
            if request.command != "PUT":
                if there is None:
                    return answer(404)
                label = self.labels.get(request.path)
                return answer(200, there, [("ETag", tag), ("Content-Length", str(len(there)))]
                              + ([("x-amz-meta-sha256", label)] if label else []))
            absent, same = request.headers.get("if-none-match"), request.headers.get("if-match")
            if (absent or same) and self.conditions == "refused":
                return answer(501)
            if self.conditions == "ignored":
                absent = same = None
            if absent and there is not None or same and same != tag:
                return answer(412)
            if fault == "lie":
                body = body[:-1] + b"?"
            path.parent.mkdir(parents=True, exist_ok=True)
            scratch = path.parent / f".{path.name}"
            scratch.write_bytes(body)
            os.replace(scratch, path)
            self.labels[request.path] = request.headers.get("x-amz-meta-sha256")
            self.headers[request.path] = dict(request.headers)
            return answer(200)
