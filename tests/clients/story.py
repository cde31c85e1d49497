"""The whole story with redis-py: define, produce, consume, ask, clean up.

Usage: story.py URL NAME
"""

import json
import sys

import redis


def story(db, name):
    axon = [f"{name}:axon_{i}" for i in range(4)]
    out = f"{name}:out"

    assert db.execute_command(
        "LEAFLET.DOMAIN.CREATE", name, "AXONS", f"{name}:axon_*", "OUTPUT", out
    ) in (True, "OK")
    assert db.execute_command(
        "LEAFLET.RULE.ADD", "seed", "MATCH A@axon_1 AND B@axon_2 WITHIN 2s", "DOMAIN", name
    ) in (True, "OK")
    db.xgroup_create(out, "readers", id="0", mkstream=True)

    db.xadd(axon[1], {"type": "A", "event_id": "a", "value": 10}, id="1000-0")
    assert db.xlen(out) == 0
    db.xadd(axon[2], {"type": "B", "event_id": "b", "value": 20}, id="1500-0")
    assert db.xlen(out) == 1

    # The same again, in a transaction.
    with db.pipeline(transaction=True) as transaction:
        transaction.xadd(axon[2], {"type": "B", "event_id": "b2"}, id="2000-0")
        transaction.xadd(axon[1], {"type": "A", "event_id": "a2"}, id="2100-0")
        transaction.execute()

    reply = db.xreadgroup("readers", "one", {out: ">"}, count=10)
    entries = dict(reply)[out]
    if entries and isinstance(entries[0], list):
        entries = entries[0]
    assert len(entries) == 2, entries
    entry_id, event = entries[0]
    assert list(event) == [
        "event_id",
        "timestamp",
        "event_type",
        "source_events",
        "correlation_rule",
        "integrated_value",
        "confidence",
        "lineage",
    ], event
    assert event["event_type"] == "MULTI_ORIGINATED"
    assert json.loads(event["source_events"]) == ["a", "b"]
    assert event["correlation_rule"] == "seed"
    assert float(event["integrated_value"]) == 15
    assert float(event["confidence"]) == 0.875
    assert event["timestamp"] == "1970-01-01T00:00:01.500Z"
    assert json.loads(event["lineage"])["axon_1"] == {
        "event_id": "a",
        "timestamp": "1970-01-01T00:00:01.000Z",
        "stream": axon[1],
        "id": "1000-0",
        "type": "A",
        "value": 10,
    }
    assert json.loads(entries[1][1]["source_events"]) == ["b2", "a2"]
    assert db.xack(out, "readers", *[entry_id for entry_id, _ in entries]) == 2
    assert db.xpending(out, "readers")["pending"] == 0

    try:
        db.execute_command("LEAFLET.RULE.ADD", "bad", "MATCH A AND WITHIN 2s", "DOMAIN", name)
    except redis.ResponseError as error:
        assert "LEAFLET: column 13: expected " in str(error), error
    else:
        raise AssertionError("a bad rule was taken")

    stats = as_map(db.execute_command("LEAFLET.STATS", "DOMAIN", name))
    assert (stats["events_seen"], stats["matches"], stats["emitted"]) == (4, 2, 2), stats
    rule = as_map(db.execute_command("LEAFLET.RULE.GET", "seed", "DOMAIN", name))
    assert rule["text"] == "MATCH A@axon_1 AND B@axon_2 WITHIN 2s"
    assert rule["matches"] == 2

    db.execute_command("LEAFLET.RULE.DEL", "seed", "DOMAIN", name)
    assert db.execute_command("LEAFLET.RULE.LIST", "DOMAIN", name) == []
    db.execute_command("LEAFLET.DOMAIN.DROP", name)
    db.delete(out, axon[1], axon[2])


def as_map(reply):
    return reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2]))


def main():
    url, name = sys.argv[1:]
    for protocol in (2, 3):
        with redis.Redis.from_url(url, protocol=protocol, decode_responses=True) as db:
            story(db, f"{name}_{protocol}")
    print("ok")


if __name__ == "__main__":
    main()
