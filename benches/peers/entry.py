"""What the programs beside Leaflet append as the answer: the sources, or all that Leaflet's entry says."""

import json
import uuid
from datetime import datetime, timezone

from events import AXONS, WITHIN

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:leaflet:event")


def plain(question, key, sources):
    """The rule, the key and the times of the sources, each of which is (time, value, type)."""
    return {"rule": question, "key": key, "sources": " ".join(str(source[0]) for source in sources)}


def full(question, key, sources):
    """The fields of Leaflet's integrated event."""
    ids = [f"{AXONS[kind]}/{when}-0" for when, _, kind in sources]
    first, last = sources[0][0], sources[-1][0]
    lineage = {
        AXONS[kind].rpartition(":")[2]: {
            "event_id": id,
            "timestamp": rfc3339(when),
            "stream": AXONS[kind],
            "id": f"{when}-0",
            "type": kind,
            "value": value,
        }
        for id, (when, value, kind) in zip(ids, sources)
    }
    return {
        "event_id": str(uuid.uuid5(NAMESPACE, "\0".join(["default", "", question, *ids]))),
        "timestamp": rfc3339(last),
        "event_type": "MULTI_ORIGINATED",
        "source_events": json.dumps(ids),
        "correlation_rule": question,
        "integrated_value": sum(source[1] for source in sources) / len(sources),
        "confidence": 1 - (last - first) / (2 * WITHIN),
        "lineage": json.dumps(lineage),
    }


def rfc3339(when):
    moment = datetime.fromtimestamp(when / 1000, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
