"""Certificates of TLS servers for tests, good ones and all kinds of bad ones: made with openssl, a moment ago."""
import subprocess
from pathlib import Path

from moved_clock import moved_clock


class Authority:
    """A certificate authority in a folder of its own."""

    def __init__(self, folder, name="authority"):
        self.folder = Path(folder) / name
        self.folder.mkdir()
        self.certificate = self.folder / "ca.pem"
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out",
                     "ca.pem", "-days", "3650", "-subj", "/CN=" + name, "-addext", "basicConstraints=critical,CA:TRUE")

    def openssl(self, *words, clock="+0"):
        done = subprocess.run([*moved_clock(clock), "openssl", *words], cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def issue(self, name="server", san="DNS:localhost", extensions=(), clock="+0", days=30, digest="sha256", key="ec",
              issuer="ca"):
        """A certificate and its key in one file. `issuer` is "ca" or the name of another certificate of this folder."""
        form = ["-newkey", "rsa:" + key] if key != "ec" else ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        self.openssl("req", "-new", *form, "-nodes", "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=localhost")
        (self.folder / "extensions").write_text("\n".join([f"subjectAltName={san}", *extensions]) + "\n")
        self.openssl("x509", "-req", "-in", name + ".csr", "-CA", issuer + ".pem", "-CAkey", issuer + ".key", "-CAcreateserial",
                     "-days", str(days), "-" + digest, "-extfile", "extensions", "-out", name + ".pem", clock=clock)
        chain = self.folder / (name + ".chain")
        issuers = (self.folder / (issuer + ".pem")).read_text() if issuer != "ca" else ""
        chain.write_text((self.folder / (name + ".pem")).read_text() + issuers + (self.folder / (name + ".key")).read_text())
        return chain
