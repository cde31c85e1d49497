//! Conditions that can't hold together, and such that look alike and can.

use crate::engine::rule::{compile::compile, contradiction, parse};

fn refusal(text: &str) -> Option<String> {
    let rule = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    compile(&rule).unwrap_or_else(|error| panic!("{text}: {error}"));
    contradiction::check(&rule)
        .err()
        .map(|error| error.to_string())
}

#[test]
fn what_can_never_hold_together_is_refused() {
    for (condition, why) in [
        (
            "x > 5 AND x < 3",
            "column 19: x < 3 can never hold: x > 5 must hold too",
        ),
        (
            "x > 5 AND y = 1 AND 5 >= x",
            "column 34: 5 >= x can never hold: x > 5 must hold too",
        ),
        (
            "x = 1 AND x = 2",
            "column 19: x = 2 can never hold: x = 1 must hold too",
        ),
        (
            "x = '1' AND x = 2",
            "column 21: x = 2 can never hold: x = '1' must hold too",
        ),
        (
            "x = 'a' AND x = 'b'",
            "column 21: x = 'b' can never hold: x = 'a' must hold too",
        ),
        (
            "x = 'a' AND x > 3",
            "column 21: x > 3 can never hold: x = 'a' must hold too",
        ),
        (
            "x = 'a' AND x != 'a'",
            "column 21: x != 'a' can never hold: x = 'a' must hold too",
        ),
        (
            "x = 'abc' AND x LIKE 'z%'",
            "column 23: x LIKE 'z%' can never hold: x = 'abc' must hold too",
        ),
        (
            "x IN ('a', 'b') AND x NOT IN ('a', 'b', 'c')",
            "column 29: x NOT IN ('a', 'b', 'c') can never hold: x IN ('a', 'b') must hold too",
        ),
        (
            "x IN (1, 2) AND x BETWEEN 3 AND 4",
            "column 25: x BETWEEN 3 AND 4 can never hold: x IN (1, 2) must hold too",
        ),
        (
            "x BETWEEN 5 AND 3",
            "column 9: x BETWEEN 5 AND 3 can never hold: there is no such value",
        ),
        (
            "x > 5 AND NOT x > 5",
            "column 23: NOT x > 5 can never hold: x > 5 must hold too",
        ),
        (
            "x > 5 AND x IS NULL",
            "column 19: x IS NULL can never hold: x > 5 must hold too",
        ),
        (
            "x > x",
            "column 9: x > x can never hold: both sides are the same",
        ),
        (
            "x < y AND y < x",
            "column 19: y < x can never hold: x < y must hold too",
        ),
        (
            "abs(x) < 0",
            "column 9: abs(x) < 0 can never hold: abs(x) is always 0 or more",
        ),
        (
            "length(x) = -1",
            "column 9: length(x) = -1 can never hold: length(x) is always 0 or more",
        ),
        (
            "(x = 1 AND x = 2) OR (y > 1 AND y < 0)",
            "column 20: x = 2 can never hold: x = 1 must hold too",
        ),
        (
            "x = TRUE AND x > 1",
            "column 22: x > 1 can never hold: x = TRUE must hold too",
        ),
    ] {
        let found = refusal(&format!("MATCH A[{condition}] WITHIN 1s"));
        assert_eq!(found.as_deref(), Some(why), "{condition}");
    }
    for (rule, why) in [
        (
            "MATCH Fail{5,} AS f -> Ok WITHIN 1m HAVING count(f) < 5",
            "column 44: count(f) < 5 can never hold: count(f) is always 5 or more",
        ),
        (
            "MATCH A -> B? WITHIN 1m HAVING count(*) > 2",
            "column 32: count(*) > 2 can never hold: count(*) is always between 1 and 2",
        ),
        (
            "MATCH A{2} AS a WITHIN 1m HAVING count(a.x) > 2",
            "column 34: count(a.x) > 2 can never hold: count(a.x) is always between 0 and 2",
        ),
        (
            "MATCH A AS a -> B AS b WHERE a.value > a.value WITHIN 1m",
            "column 30: a.value > a.value can never hold: both sides are the same",
        ),
        (
            "MATCH A AS a -> B AS b WHERE a.x > 1 WITHIN 1m HAVING a.x < 0",
            "column 55: a.x < 0 can never hold: a.x > 1 must hold too",
        ),
        (
            "MATCH A AS a -> B AS b WHERE a.user != b.user PARTITION BY user WITHIN 1m",
            "column 30: a.user != b.user can never hold: PARTITION BY makes both sides equal",
        ),
        (
            "MATCH A[x > 5]+ AS a -> B WHERE a.x < 3 WITHIN 1m",
            "column 33: a.x < 3 can never hold: the [ ] of its atom must hold too",
        ),
        (
            "INTEGRATE A[x = 1 AND x = 2] DECAY 1s THRESHOLD 1 WITHIN 1s",
            "column 23: x = 2 can never hold: x = 1 must hold too",
        ),
    ] {
        assert_eq!(refusal(rule).as_deref(), Some(why), "{rule}");
    }
}

#[test]
fn what_may_hold_is_taken() {
    for condition in [
        "x > 3 AND x < 5",
        "x >= 3 AND x <= 3",
        // Texts in the order of bytes.
        "x > '10' AND x < '9'",
        "x > 'a' AND x < 'b'",
        "x = '1' AND x = '1.0'",
        "x = 1 AND x LIKE '1.%'",
        // JSON's true is equal to both.
        "x = 'true' AND x = 'TRUE'",
        "x = 1 OR x = 2",
        "(x = 1 AND x = 2) OR x = 3",
        "x NOT BETWEEN 5 AND 3",
        "NOT (x = 1 AND x = 2)",
        "x = y AND y = 1 AND x != 2",
        "x < y AND y < z AND z < x",
        "x IN ('a', 1) AND x != 'a'",
        "x > 5 AND x IS NOT NULL",
        "x = TRUE AND x = 'TRUE'",
    ] {
        let found = refusal(&format!("MATCH A[{condition}] WITHIN 1s"));
        assert_eq!(found, None, "{condition}");
    }
    for rule in [
        "MATCH Fail{5,} AS f -> Ok WITHIN 1m HAVING count(f) < 6",
        "MATCH Fail{5,} AS f OR Ok WITHIN 1m HAVING count(f) < 5",
        "MATCH Fail{5,} AS f WITHIN 1m HAVING count(f.x) < 5",
        "MATCH A AS a -> B AS b WHERE a.x > 1 AND b.x < 0 WITHIN 1m",
        "MATCH A AS a -> B AS b WHERE a.user != b.user PARTITION BY name WITHIN 1m",
        // The other branch has no a.
        "MATCH A[x > 5] AS a OR B WHERE a.x IS NULL WITHIN 1m",
        "MATCH A -> B WITHIN 1m EMIT x = A.x > A.x",
    ] {
        assert_eq!(refusal(rule), None, "{rule}");
    }
}
