"""bytewax: a dataflow with the matcher as the state of each key. The events are in memory before; the sink counts."""

import json
import os
import sys
import time
from importlib.metadata import version

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import TestingSource, run_main

import events
from job import peak_mb
from matcher import QUESTIONS

BATCH = 1_000


class Counter(DynamicSink, StatelessSinkPartition):
    """A sink that counts what it gets."""

    matches = 0

    def build(self, step_id, worker_index, worker_count):
        return self

    def write_batch(self, items):
        self.matches += len(items)


def main(file, question):
    matcher = QUESTIONS[question]
    all_events = [(key, (when, kind, float(value))) for when, kind, key, value in events.read(file)]

    def step(state, event):
        state = state or matcher()
        match = state.feed(event[0], event[1], None, event[2])
        return state, [match] if match else []

    counter = Counter()
    flow = Dataflow("peer")
    stream = op.input("events", flow, TestingSource(all_events, BATCH))
    wanted = op.filter("types", stream, lambda keyed: keyed[1][1] in matcher.TYPES)
    op.output("count", op.stateful_flat_map("match", wanted, step), counter)
    cpu, start = time.process_time(), time.perf_counter()
    run_main(flow)
    figures = {
        "events": len(all_events),
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mb": peak_mb([os.getpid()]),
        "matches": counter.matches,
        "version": f"bytewax {version('bytewax')}",
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
