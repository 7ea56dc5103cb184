"""Servers of tests on this machine's loopback address."""
import socket
import threading
import time


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until_it_answers(process, port, log):
    """Looks at the port until somebody listens; raises with the server's log when it has ended, or after a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)  # between two looks
    raise AssertionError("the server does not answer: " + log.read_text())


class Listener:
    """Listens on a port of its own until it is closed; talk(connection) of the class below it has a thread for each."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.server_port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        raise NotImplementedError

    def close(self):
        self.listener.close()
