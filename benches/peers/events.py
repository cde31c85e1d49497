"""The file of events that every peer is fed: `time,type,key,value` a line, the same bytes for the same count everywhere."""

import random
from pathlib import Path

START = 1_700_000_000_000
KEYS = 1_000
TYPES = "ABC"
# The stream of each type.
AXONS = {"A": "stream:axon_1", "B": "stream:axon_2", "C": "stream:axon_3"}
OUTPUT = "stream:integrated_events"
WITHIN = 2_000


def write(path, count):
    """Writes the file, unless it is there: events 1 ms apart, of a random type, key and value (0.0 to 99.9)."""
    path = Path(path)
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    # Only random() itself gives the same numbers in every version of Python.
    draw = random.Random(7).random
    part = path.with_suffix(".part")
    with open(part, "w", newline="\n") as sink:
        for n in range(count):
            kind, key, value = TYPES[int(draw() * 3)], int(draw() * KEYS), int(draw() * 1000) / 10
            sink.write(f"{START + n},{kind},k{key},{value}\n")
    part.rename(path)
    return path


def read(path):
    """The events: time, type, key and the value as it is written."""
    with open(path) as source:
        for line in source:
            time, kind, key, value = line.rstrip("\n").split(",")
            yield int(time), kind, key, value
