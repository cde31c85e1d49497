"""What the right answers are: the definitions of README.md word by word, without a thought for speed.

    reference.py FILE    prints the number of matches of each question as JSON
"""

import json
import sys
from collections import defaultdict

import events


def pairs(held, last):
    """The matches of `pair` that end with an event, the one to select first."""
    other = {"A": "B", "B": "A"}.get(last[1])
    return [(x, last) for x in reversed(held) if x[1] == other]


def rises(held, last, rising=True):
    """The matches of `rise` (and, without its condition, of `all`)."""
    if last[1] != "C":
        return []
    return [
        (a, b, last)
        for place, b in reversed(list(enumerate(held)))
        if b[1] == "B"
        for a in reversed(held[:place])
        if a[1] == "A" and (not rising or float(b[3]) > float(a[3]))
    ]


def count(found, matches, consume):
    """Matches of a question in a file. `consume` says what one uses up: its events, its partition (key), or nothing."""
    held, total = defaultdict(list), 0
    for event in found:
        window = [x for x in held[event[2]] if event[0] - x[0] <= events.WITHIN]
        ends = matches(window, event)
        if consume == "none":
            total += len(ends)
            window.append(event)
        elif ends:
            total += 1
            window = [] if consume == "partition" else [x for x in window if x not in ends[0]]
        else:
            window.append(event)
        held[event[2]] = window
    return total


def answers(path):
    """Each question's number of matches; of those that consume, by what a match uses up."""
    found = list(events.read(path))
    counted = {"all": {"none": count(found, lambda held, last: rises(held, last, rising=False), "none")}}
    for question, matches in (("pair", pairs), ("rise", rises)):
        counted[question] = {consume: count(found, matches, consume) for consume in ("matched", "partition")}
    return counted


if __name__ == "__main__":
    print(json.dumps(answers(sys.argv[1]), indent=1))
