// The whole story with ioredis: define, produce, consume, ask, clean up.
//
// Usage: story.js URL NAME

const assert = require("node:assert/strict");
const Redis = require("ioredis");

const pairs = (flat) =>
  Object.fromEntries(
    Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]),
  );

async function story(db, name) {
  const [a, b, out] = ["axon_1", "axon_2", "out"].map((key) => `${name}:${key}`);

  assert.equal(
    await db.call("LEAFLET.DOMAIN.CREATE", name, "AXONS", `${name}:axon_*`, "OUTPUT", out),
    "OK",
  );
  assert.equal(
    await db.call(
      "LEAFLET.RULE.ADD", "seed", "MATCH A@axon_1 AND B@axon_2 WITHIN 2s", "DOMAIN", name,
    ),
    "OK",
  );
  await db.xgroup("CREATE", out, "readers", "0", "MKSTREAM");

  await db.xadd(a, "1000-0", "type", "A", "event_id", "a", "value", 10);
  assert.equal(await db.xlen(out), 0);
  await db.xadd(b, "1500-0", "type", "B", "event_id", "b", "value", 20);
  assert.equal(await db.xlen(out), 1);

  // The same again, in a transaction.
  const results = await db
    .multi()
    .xadd(b, "2000-0", "type", "B", "event_id", "b2")
    .xadd(a, "2100-0", "type", "A", "event_id", "a2")
    .exec();
  assert.deepEqual(results, [[null, "2000-0"], [null, "2100-0"]]);

  const [[, entries]] = await db.xreadgroup(
    "GROUP", "readers", "one", "COUNT", 10, "STREAMS", out, ">",
  );
  assert.equal(entries.length, 2);
  const event = pairs(entries[0][1]);
  assert.deepEqual(Object.keys(event), [
    "event_id",
    "timestamp",
    "event_type",
    "source_events",
    "correlation_rule",
    "integrated_value",
    "confidence",
    "lineage",
  ]);
  assert.equal(event.event_type, "MULTI_ORIGINATED");
  assert.deepEqual(JSON.parse(event.source_events), ["a", "b"]);
  assert.equal(event.correlation_rule, "seed");
  assert.equal(Number(event.integrated_value), 15);
  assert.equal(Number(event.confidence), 0.875);
  assert.equal(event.timestamp, "1970-01-01T00:00:01.500Z");
  assert.deepEqual(JSON.parse(event.lineage).axon_2, {
    event_id: "b",
    timestamp: "1970-01-01T00:00:01.500Z",
    stream: b,
    id: "1500-0",
    type: "B",
    value: 20,
  });
  assert.deepEqual(JSON.parse(pairs(entries[1][1]).source_events), ["b2", "a2"]);
  assert.equal(await db.xack(out, "readers", ...entries.map(([id]) => id)), 2);

  await assert.rejects(
    db.call("LEAFLET.RULE.ADD", "bad", "MATCH A AND WITHIN 2s", "DOMAIN", name),
    /^ReplyError: ERR LEAFLET: column 13: expected /,
  );

  const stats = pairs(await db.call("LEAFLET.STATS", "DOMAIN", name));
  assert.deepEqual([stats.events_seen, stats.matches, stats.emitted], [4, 2, 2]);
  const rule = pairs(await db.call("LEAFLET.RULE.GET", "seed", "DOMAIN", name));
  assert.equal(rule.text, "MATCH A@axon_1 AND B@axon_2 WITHIN 2s");
  assert.equal(rule.matches, 2);

  await db.call("LEAFLET.RULE.DEL", "seed", "DOMAIN", name);
  assert.deepEqual(await db.call("LEAFLET.RULE.LIST", "DOMAIN", name), []);
  await db.call("LEAFLET.DOMAIN.DROP", name);
  await db.del(out, a, b);
}

async function main() {
  const [url, name] = process.argv.slice(2);
  const db = new Redis(url);
  try {
    await story(db, name);
  } finally {
    db.disconnect();
  }
  console.log("ok");
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
