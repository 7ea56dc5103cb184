"""OpenStack Swift with its s3api, from Debian's packages: an object store that checks signatures and digests, on loopback
and in one folder.

  with swift_server() as store:   # store.endpoint, store.key (KEY_ID SECRET), store.region
"""
import contextlib
import getpass
import os
import subprocess
import tempfile
from pathlib import Path

from loopback import free_port, wait_until_it_answers

PYTHON = "/usr/bin/python3"  # Debian's, which has Swift's modules
HASH = "[swift-hash]\nswift_hash_path_suffix = tenon\nswift_hash_path_prefix = tenon\n"
STARTER = """
import sys
from swift.common import utils
utils.SWIFT_CONF_FILE = sys.argv[1]
from swift.common.wsgi import run_wsgi
sys.exit(run_wsgi(sys.argv[2], sys.argv[3]))
"""
DEFAULT = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {folder}
log_address = {folder}/no-log
"""
SERVER = DEFAULT + """devices = {folder}/devices
mount_check = false
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""
PROXY = DEFAULT + """[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats bulk slo s3api tempauth copy dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{memcache}
""" + "".join(f"[filter:{name}]\nuse = egg:swift#{name}\n"
              for name in ("catch_errors", "gatekeeper", "healthcheck", "listing_formats", "bulk", "slo", "copy", "dlo"))


class Store:
    def __init__(self, port):
        self.endpoint, self.region = f"http://127.0.0.1:{port}", "us-east-1"
        self.key = "test:tester testing"


def is_installed():
    return all(Path(path).exists() for path in ("/usr/bin/swift-ring-builder", "/usr/bin/memcached"))


def quiet(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def swift_server():
    with tempfile.TemporaryDirectory(prefix="tenon-swift-") as name, contextlib.ExitStack() as ends:
        folder = Path(name)
        (folder / "swift.conf").write_text(HASH + "[storage-policy:0]\nname = one\ndefault = yes\n")
        (folder / "devices/d1").mkdir(parents=True)
        ports = {kind: free_port() for kind in ("account", "container", "object", "proxy", "memcache")}
        user = getpass.getuser()
        for kind in ("account", "container", "object"):
            ring = str(folder / f"{kind}.builder")
            quiet("swift-ring-builder", ring, "create", "4", "1", "0")
            quiet("swift-ring-builder", ring, "add", f"r1z1-127.0.0.1:{ports[kind]}/d1", "1")
            quiet("swift-ring-builder", ring, "rebalance")
            conf = SERVER.format(folder=folder, port=ports[kind], user=user, kind=kind)
            (folder / f"{kind}-server.conf").write_text(conf)
        (folder / "proxy-server.conf").write_text(
            PROXY.format(folder=folder, port=ports["proxy"], memcache=ports["memcache"], user=user))

        def start(kind, *words):
            log = ends.enter_context(open(folder / "log", "ab"))
            process = subprocess.Popen(words, stdout=log, stderr=log, cwd=folder, env=os.environ | {"HOME": name})
            ends.callback(process.wait)
            ends.callback(process.kill)
            started.append((process, ports[kind]))

        started = []
        start("memcache", "memcached", "-l", "127.0.0.1", "-p", str(ports["memcache"]), "-U", "0", "-u", user)
        for kind in ("account", "container", "object", "proxy"):
            start(kind, PYTHON, "-c", STARTER, str(folder / "swift.conf"), str(folder / f"{kind}-server.conf"),
                  f"{kind}-server")
        for process, port in started:
            wait_until_it_answers(process, port, folder / "log")
        yield Store(ports["proxy"])
