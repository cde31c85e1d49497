"""The consumer that a Redis user would write: redis-py, a consumer group on the axons, a dictionary by key.

    consumer.py FILE QUESTION                  measures it
    consumer.py --consume PORT QUESTION ENTRY  is the consumer
"""

import heapq
import sys
import time

import entry
import events
from job import Job
from matcher import QUESTIONS

GROUP = "peer"
COUNT = 1_000


class Consumer(Job):
    def prepare(self, link, question):
        self.streams = [events.AXONS[kind] for kind in QUESTIONS[question].TYPES]
        for stream in self.streams:
            link.command("XGROUP", "CREATE", stream, GROUP, 0, "MKSTREAM")

    def consumer(self, port, question):
        return [sys.executable, __file__, "--consume", str(port), question, self.entry]

    def wait(self, link):
        while not all(done(link.command("XINFO", "GROUPS", stream)) for stream in self.streams):
            time.sleep(0.01)


def done(groups):
    """Whether the group has read and acknowledged all."""
    [group] = groups
    facts = dict(zip(group[::2], group[1::2]))
    return facts["lag"] == 0 and facts["pending"] == 0


def consume(port, question, entry_of):
    """Reads, correlates, appends the answers and acknowledges, for ever."""
    import redis

    link = redis.Redis(port=port, decode_responses=True, protocol=2)
    matcher = QUESTIONS[question]()
    streams = {events.AXONS[kind]: ">" for kind in matcher.TYPES}
    held = []  # read, but another stream may still have older ones
    while True:
        # What is held waits for what is there, not for what is to come.
        read = link.xreadgroup(GROUP, "me", streams, count=COUNT, block=None if held else 0)
        for stream, entries in read:
            for id, fields in entries:
                heapq.heappush(held, (int(id.partition("-")[0]), stream, id, fields))
        # A stream that gave less than was asked for has been read to its end.
        full = [entries[-1][0] for _, entries in read if len(entries) == COUNT]
        until = min((int(id.partition("-")[0]) for id in full), default=None)
        answers, taken = link.pipeline(), {stream: [] for stream in streams}
        while held and (until is None or held[0][0] <= until):
            when, stream, id, fields = heapq.heappop(held)
            taken[stream].append(id)
            match = matcher.feed(when, fields["type"], fields["key"], float(fields["value"]))
            if match:
                answers.xadd(events.OUTPUT, entry_of(question, fields["key"], match))
        for stream, ids in taken.items():
            if ids:
                answers.xack(stream, GROUP, *ids)
        answers.execute()


if __name__ == "__main__":
    if sys.argv[1] == "--consume":
        consume(int(sys.argv[2]), sys.argv[3], getattr(entry, sys.argv[4]))
    else:
        Consumer().main()
