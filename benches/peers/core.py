"""CORE, through its Python package pycer: one query of its own kind, every match of a sequence, and events made before."""

import json
import os
import sys
import time
from importlib.metadata import version
from itertools import islice

import pycer

import events
from job import peak_mb

PIECE = 10_000
STREAM = "CREATE STREAM S { %s }" % ", ".join(
    f"EVENT {kind} {{ key:string, value:double, time:int }}" for kind in events.TYPES
)
# What is exactly as old as its bound is out, so one more.
QUERY = f"SELECT * FROM S WHERE A ; B ; C PARTITION BY [key] WITHIN {events.WITHIN + 1} [time]"


def main(file):
    server = pycer.PyOfflineServer()
    types = {event.name: event.id for event in server.declare_stream(STREAM).events_info}
    server.add_query(QUERY)
    lines, took, cpu, sent = events.read(file), 0, 0, 0
    while piece := [make(types, *line) for line in islice(lines, PIECE)]:
        start = time.perf_counter(), time.process_time()
        server.send_events(piece)
        took += time.perf_counter() - start[0]
        cpu += time.process_time() - start[1]
        sent += len(piece)
    start = time.perf_counter(), time.process_time()
    found = server.get_output()
    figures = {
        "events": sent,
        "seconds": took + time.perf_counter() - start[0],
        "cpu_seconds": cpu + time.process_time() - start[1],
        "peak_mb": peak_mb([os.getpid()]),
        "matches": found.count("\n"),
        "version": f"CORE {version('pycer')}",
    }
    print(json.dumps(figures))


def make(types, when, kind, key, value):
    """An event as the engine takes it."""
    fields = [pycer.PyStringValue(key), pycer.PyDoubleValue(float(value)), pycer.PyIntValue(when)]
    return pycer.PyEvent(types[kind], fields)


if __name__ == "__main__":
    main(sys.argv[1])
