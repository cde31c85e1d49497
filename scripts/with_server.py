"""Runs a command against a private Redis with Leaflet in it, and leaves nothing behind.

    with_server.py CMD...    CMD gets `--url redis://127.0.0.1:PORT` appended

REDIS_SERVER names the redis-server. The port is a free one, the data a temporary folder; server and
data go away with the command, also on Ctrl-C, a kill or a failure.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODULE = Path(__file__).resolve().parent.parent / "target/release/libleaflet.so"
START_SECONDS = 20
GRACE_SECONDS = 5


class Stopped(Exception):
    """A signal asked for the end."""


def stop(number, _frame):
    raise Stopped(number)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as link:
            link.sendall(b"PING\r\n")
            return link.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def start(folder, module=MODULE):
    """A server (None: without a module) that answers, and its port. Another process can take a free port first: try again."""
    for _ in range(5):
        port = free_port()
        log = Path(folder, f"{port}.log")
        options = {"port": port, "bind": "127.0.0.1", "dir": folder, "save": ""}
        if module:
            options["loadmodule"] = module
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        with open(log, "wb") as sink:
            # Out of the terminal's reach: Ctrl-C is for the command, which may still want the server.
            server = subprocess.Popen(
                [os.environ["REDIS_SERVER"], *words], stdout=sink, stderr=sink, start_new_session=True
            )
        try:
            deadline = time.monotonic() + START_SECONDS
            while server.poll() is None and time.monotonic() < deadline:
                if answers(port):
                    return server, port
                time.sleep(0.02)
        except BaseException:
            end(server)
            raise
        end(server)
        said = log.read_text(errors="replace")
        if "Address already in use" not in said:
            break
    sys.exit("leaflet: redis-server did not start:\n" + "\n".join(said.splitlines()[-12:]))


def end(process):
    """Ends a process, gently first."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def run(command, port):
    """Runs the command to its end; on a signal it gets a moment to finish by itself."""
    child = subprocess.Popen([*command, "--url", f"redis://127.0.0.1:{port}"])
    try:
        return child.wait()
    except Stopped as reason:
        number = reason.args[0]
        if number != signal.SIGINT:  # the terminal has sent Ctrl-C to the command already
            child.send_signal(number)
        try:
            child.wait(GRACE_SECONDS)
        except (Stopped, subprocess.TimeoutExpired):
            pass
        return 128 + number
    finally:
        end(child)


def main():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    folder, server = tempfile.mkdtemp(prefix="leaflet-"), None
    try:
        server, port = start(folder)
        status = run(sys.argv[1:], port)
    except Stopped as reason:
        status = 128 + reason.args[0]
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if server:
            end(server)
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()
