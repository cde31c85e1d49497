"""The integrated events that the rules in examples/nycflights must give, computed without Leaflet.

    python3 tests/flights_expected.py DIR [LIMIT]

reads DIR/flights.csv and DIR/weather.csv and prints one line per integrated event, in the order
in which they come: the rule's name, a tab, and the sources as stream/entry-id, separated by blanks.

Each rule is written down here as what it means for this data, from the definition of the rule
language: events in arrival order, the window measured against the newest event, SELECT LAST (the
most recent partners), CONSUME MATCHED (a source is used once) or CONSUME PARTITION (all is
forgotten at a match).
"""

import csv
import sys
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from pathlib import Path

MINUTE = 60_000
HOUR = 60 * MINUTE


def utc(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


def milliseconds(moment):
    return int(moment.timestamp()) * 1000


def known(text):
    return None if text in ("NA", "") else text


def read(folder):
    """All events as (time, stream, row), in arrival order."""
    events = []
    with open(folder / "weather.csv", newline="") as file:
        for row in csv.DictReader(file):
            events.append((milliseconds(utc(row["time_hour"])), "flights:weather", row))
    with open(folder / "flights.csv", newline="") as file:
        for row in csv.DictReader(file):
            if known(row["dep_delay"]) is None:
                continue
            late = timedelta(minutes=int(row["minute"]) + int(row["dep_delay"]))
            events.append((milliseconds(utc(row["time_hour"]) + late), "flights:departures", row))
    events.sort(key=lambda event: event[0])
    return events


def knock_on():
    """A first departure that is still waiting, by aircraft; the newest one is taken."""
    waiting = defaultdict(list)

    def take(time, stream, row, name):
        aircraft = stream == "flights:departures" and known(row["tailnum"])
        if not aircraft or int(row["dep_delay"]) < 30:
            return None
        firsts = waiting[aircraft]
        firsts[:] = [first for first in firsts if time - first[0] <= 12 * HOUR]
        if firsts:
            return [firsts.pop()[1], name]
        if int(row["dep_delay"]) >= 60:
            firsts.append((time, name))
        return None

    return take


def gust():
    """Gusts and late departures that have found no partner, by airport."""
    waiting = defaultdict(lambda: {"flights:weather": [], "flights:departures": []})

    def take(time, stream, row, name):
        if stream == "flights:weather":
            fits = known(row["wind_gust"]) is not None and float(row["wind_gust"]) >= 40
            other = "flights:departures"
        else:
            fits = int(row["dep_delay"]) >= 60
            other = "flights:weather"
        if not fits:
            return None
        airport = waiting[row["origin"]]
        partners = airport[other]
        partners[:] = [partner for partner in partners if time - partner[0] <= HOUR]
        if partners:
            return [partners.pop()[1], name]
        airport[stream].append((time, name))
        return None

    return take


def ground_stop():
    """Late departures since the last signal, by airport."""
    late = defaultdict(list)

    def take(time, stream, row, name):
        if stream != "flights:departures" or int(row["dep_delay"]) <= 60:
            return None
        airport = late[row["origin"]]
        airport[:] = [event for event in airport if time - event[0] <= 30 * MINUTE]
        airport.append((time, name))
        if len(airport) < 5:
            return None
        sources = [event[1] for event in airport[-5:]]
        airport.clear()
        return sources

    return take


def main():
    events = read(Path(sys.argv[1]))
    limit = int(sys.argv[2]) if len(sys.argv) > 2 else len(events)
    rules = {"knock_on": knock_on(), "gust": gust(), "ground_stop": ground_stop()}
    lines = []
    last_time, sequence = None, 0
    for time, stream, row in events[:limit]:
        sequence = sequence + 1 if time == last_time else 0
        last_time = time
        for rule, take in rules.items():
            sources = take(time, stream, row, f"{stream}/{time}-{sequence}")
            if sources:
                lines.append(f"{rule}\t{' '.join(sources)}\n")
    sys.stdout.writelines(lines)


if __name__ == "__main__":
    main()
