"""What the peers with Redis in the job have in common: a private server, the load, the wait of a blocked reader."""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import events

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts"))
import with_server  # noqa: E402  (the path above)

# XADDs under way at a time: two batches, so that the server never waits for the client.
BATCH = 50
# Every reply is the id that was given: $15, line end, <time>-0, line end.
REPLY = 22


class Link:
    """A connection that does next to nothing by itself."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.replies = self.socket.makefile("rb")

    def send(self, *words):
        self.socket.sendall(encode(*words))

    def read(self):
        """The next reply."""
        line = self.replies.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            return None if rest == b"-1" else self.replies.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        if kind == b":":
            return int(rest)
        if kind == b"+":
            return rest.decode()
        raise RuntimeError(f"the server said {line.decode(errors='replace').strip()}")

    def command(self, *words):
        self.send(*words)
        return self.read()


def encode(*words):
    """A command as the server reads it."""
    texts = [str(word) for word in words]
    return "".join([f"*{len(texts)}\r\n", *(f"${len(text)}\r\n{text}\r\n" for text in texts)]).encode()


def xadd(event):
    """The command that appends an event."""
    when, kind, key, value = event
    return "XADD", events.AXONS[kind], f"{when}-0", "type", kind, "key", key, "value", value


def usage(pids):
    """CPU seconds of processes so far."""
    tick = os.sysconf("SC_CLK_TCK")
    fields = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids)
    return sum(int(field[11]) + int(field[12]) for field in fields) / tick


def peak_mb(pids):
    """The most memory that each process had so far, added up."""
    lines = (line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


class Job:
    """One way to answer a question with Redis in the job; a peer says in its own file what is its own."""

    # Whether the server has Leaflet in it.
    module = None
    # Whether anything answers; else the reader waits for the event itself.
    answers = True
    # The answer's entry, where it is not Leaflet that writes it: see entry.py.
    entry = "plain"

    def prepare(self, link, question):
        """Makes the server ready."""

    def command(self, question, event):
        """How a producer sends an event."""
        return xadd(event)

    def consumer(self, port, question):
        """The words that start the process that answers, where it is not the server that does."""

    def wait(self, link):
        """Returns when all that was sent has been answered."""

    def main(self):
        """Loads a server with the file, times a reader on a fresh one, and prints the figures."""
        parser = argparse.ArgumentParser()
        parser.add_argument("file")
        parser.add_argument("question")
        parser.add_argument("--reads", type=int, default=1000)
        parser.add_argument("--entry", choices=["plain", "full"], default=self.entry)
        asked = parser.parse_args()
        self.entry = asked.entry
        figures = self.on_server(asked.question, lambda *at: self.load(asked, *at))
        figures["latency_us"] = self.on_server(asked.question, lambda *at: self.latency(asked, *at))
        print(json.dumps(figures))

    def on_server(self, question, measure):
        """A measurement on a fresh server, with its consumer."""
        with tempfile.TemporaryDirectory(prefix="leaflet-") as folder:
            server, port = with_server.start(folder, self.module)
            consumer = None
            try:
                link = Link(port)
                self.prepare(link, question)
                words = self.consumer(port, question)
                if words:
                    consumer = subprocess.Popen(words, stdin=subprocess.DEVNULL)
                    until(lambda: blocked(link) == 1)
                return measure(link, port, [process.pid for process in (server, consumer) if process])
            finally:
                for process in filter(None, (consumer, server)):
                    with_server.end(process)

    def load(self, asked, link, port, pids):
        """Sends the whole file."""
        batches, batch, sent = [], [], 0
        for event in events.read(asked.file):
            batch.append(encode(*self.command(asked.question, event)))
            sent += 1
            if len(batch) == BATCH:
                batches.append((b"".join(batch), BATCH))
                batch = []
        if batch:
            batches.append((b"".join(batch), len(batch)))
        sender = Link(port)
        working = [*pids, os.getpid()]
        cpu, start = usage(working), time.perf_counter()
        waiting = 0
        for data, count in batches:
            sender.socket.sendall(data)
            take_ids(sender, waiting)
            waiting = count
        take_ids(sender, waiting)
        self.wait(link)
        seconds = time.perf_counter() - start
        return {
            "events": sent,
            "seconds": seconds,
            "cpu_seconds": usage(working) - cpu,
            "peak_mb": peak_mb(pids),
            "matches": link.command("XLEN", events.OUTPUT) if self.answers else None,
            "version": server_version(link),
        }

    def latency(self, asked, link, port, pids):
        """Times from a completing event to the blocked reader of what it leads to: the median and the 99th percentile."""
        writer, reader = Link(port), Link(port)
        times, last, waiting = [], "0", 1 if len(pids) == 1 else 2
        for n in range(asked.reads):
            # Of a key of its own each, with all that matters: a smaller and a greater value.
            *before, completing = (
                (events.START + 10 * n + at, kind, f"k{n}", str(at))
                for at, kind in enumerate("AB" if asked.question == "pair" else "ABC")
            )
            for event in before if self.answers else []:
                writer.command(*self.command(asked.question, event))
            stream = events.OUTPUT if self.answers else events.AXONS[completing[1]]
            reader.send("XREAD", "BLOCK", 0, "STREAMS", stream, last)
            until(lambda: blocked(link) == waiting)
            words = encode(*self.command(asked.question, completing))
            start = time.perf_counter()
            writer.socket.sendall(words)
            [[_, entries]] = reader.read()
            times.append(time.perf_counter() - start)
            writer.read()
            last = entries[-1][0]
        times.sort()
        return {"p50": times[len(times) // 2] * 1e6, "p99": times[len(times) * 99 // 100] * 1e6}


def take_ids(sender, count):
    """Reads as many ids; an error would be of another length or another beginning."""
    if count:
        data = sender.replies.read(REPLY * count)
        if data[:3] != b"$15" or data[-4:] != b"-0\r\n" or data.count(b"$15\r\n") != count:
            raise RuntimeError(f"the server said {data[:200]!r}")


def blocked(link):
    """How many clients wait in a blocking command."""
    clients = link.command("INFO", "clients")
    return int(clients.partition("blocked_clients:")[2].split()[0])


def server_version(link):
    return "Redis " + link.command("INFO", "server").partition("redis_version:")[2].split()[0]


def until(holds, seconds=60):
    """Waits until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise RuntimeError("waited in vain")
