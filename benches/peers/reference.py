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


def goes_on(question, begun, event):
    """Whether an event is the next one of a match that has begun."""
    if question == "pair":
        return event[1] != "C" and all(event[1] != x[1] for x in begun)
    if event[1] != "ABC"[len(begun)]:
        return False
    return event[1] != "B" or float(event[3]) > float(begun[0][3])


def count_one(found, question):
    """Matches where a key has one at a time, which began with the first event that could and waits until it is too old."""
    open_ones, total = defaultdict(list), 0
    for event in found:
        begun = open_ones[event[2]]
        if begun and event[0] - begun[0][0] > events.WITHIN:
            begun.clear()
        if goes_on(question, begun, event):
            begun.append(event)
            if len(begun) == {"pair": 2, "rise": 3}[question]:
                total += 1
                begun.clear()
    return total


def answers(path):
    """Each question's number of matches, by what a match uses up; `one` is one match at a time."""
    found = list(events.read(path))
    counted = {"all": {"none": count(found, lambda held, last: rises(held, last, rising=False), "none")}}
    for question, matches in (("pair", pairs), ("rise", rises)):
        counted[question] = {consume: count(found, matches, consume) for consume in ("matched", "partition")}
        counted[question]["one"] = count_one(found, question)
    return counted


if __name__ == "__main__":
    print(json.dumps(answers(sys.argv[1]), indent=1))
