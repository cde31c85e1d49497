"""The questions as a Python program would answer them: a dictionary of what waits, by key."""

from collections import defaultdict, deque

from events import WITHIN


def drop_old(waiting, now):
    while waiting and now - waiting[0][0] > WITHIN:
        waiting.popleft()


class Pair:
    """A AND B, consumed."""

    TYPES = "AB"

    def __init__(self):
        self.waiting = {"A": defaultdict(deque), "B": defaultdict(deque)}

    def feed(self, time, kind, key, value):
        """The match that this event completes, its sources from the oldest as (time, value, type), or None."""
        others = self.waiting["B" if kind == "A" else "A"][key]
        drop_old(others, time)
        if others:
            return [others.pop(), (time, value, kind)]
        own = self.waiting[kind][key]
        drop_old(own, time)
        own.append((time, value, kind))
        return None


class Rise:
    """A -> B -> C with B.value > A.value, consumed."""

    TYPES = "ABC"

    def __init__(self):
        self.waiting = {"A": defaultdict(deque), "B": defaultdict(deque)}

    def feed(self, time, kind, key, value):
        """The match that this event completes, its sources from the oldest as (time, value, type), or None."""
        if kind != "C":
            own = self.waiting[kind][key]
            drop_old(own, time)
            own.append((time, value, kind))
            return None
        starts, middles = self.waiting["A"][key], self.waiting["B"][key]
        drop_old(starts, time)
        drop_old(middles, time)
        for b in reversed(middles):
            for a in reversed(starts):
                if a[0] < b[0] and a[1] < b[1]:
                    starts.remove(a)
                    middles.remove(b)
                    return [a, b, (time, value, kind)]
        return None


QUESTIONS = {"pair": Pair, "rise": Rise}
