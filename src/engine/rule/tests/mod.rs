//! The language as a whole: what is read, how it prints, what is refused with which words.

mod contradictions;
mod errors;
mod random;
mod saccules;

use super::parse;

/// Rules in canonical form: they print as they are.
pub(super) const CANONICAL: &[&str] = &[
    "MATCH A@axon_1 AND B@axon_2 WITHIN 2s",
    "MATCH Login AS l -> Pay[amount > 1000] AS p WHERE p.ip != l.ip PARTITION BY user WITHIN 5m EMIT user = p.user",
    "MATCH Fail{5,} AS f -> Ok PARTITION BY user WITHIN 60s CONSUME PARTITION EMIT n = count(f)",
    "MATCH Order AS o -> NOT Ship FOR 1h PARTITION BY order_id WITHIN 1h",
    "MATCH 2 OF (Smoke, Heat[t > 60], Co) PARTITION BY room WITHIN 10s",
    "INTEGRATE A@axon_1 WEIGHT value / 100, B@axon_2 WEIGHT 0.5, ANY@axon_3 WEIGHT 0.2 DECAY 500ms THRESHOLD 1 FROM 2 AXONS REFRACTORY 1s WITHIN 2s",
    // Atoms.
    "MATCH ANY WITHIN 1ms",
    "MATCH ANY@'stream:axon_*'[value > 10]{2,3} AS x WITHIN 1d",
    "MATCH order.created-2@site-7.north WITHIN 1h",
    "MATCH 'order created'@'it''s' AS \"user-id\" WITHIN 1s",
    "MATCH 'in-stock' -> 'a--b' -> 'Übergabe' -> '5xx' WITHIN 1s",
    "MATCH A+ AND B* AND C? AND D{1} AND E{2} AND F{2,} AND G{0,2} AND H WITHIN 1s",
    // Patterns.
    "MATCH A -> B -> C WITHIN 1s",
    "MATCH A AND B OR C -> D WITHIN 1s",
    "MATCH A AND (B OR C) WITHIN 1s",
    "MATCH A AND (B -> C) OR (D -> E) WITHIN 1s",
    "MATCH 1 OF (A -> B, C OR D, 2 OF (E, F)) WITHIN 1s",
    "MATCH NOT A -> B -> NOT C[x = 1] -> D -> NOT E@e FOR 1d WITHIN 1s",
    "MATCH A -> (B -> NOT C FOR 1s) OR D WITHIN 1s",
    // Clauses.
    "MATCH A WITHIN 1s SELECT LAST CONSUME MATCHED",
    "MATCH A WITHIN 1s SELECT FIRST CONSUME NONE",
    "MATCH A WITHIN 1s SELECT ALL CONSUME PARTITION HAVING count(*) > 2 LIMIT 3 PER 1m",
    "MATCH A PARTITION BY user, metadata.site.\"id-2\" WITHIN 1s",
    "MATCH A WITHIN 1s EMIT value = 1, confidence = 0.5, limit = 2, \"a b\" = 3",
    "INTEGRATE ANY WEIGHT -1 DECAY 1s THRESHOLD 0.1 RESET ZERO WITHIN 1s",
    "INTEGRATE A[x > 1] AS a DECAY 1s THRESHOLD 1 REFRACTORY 0s RESET SUBTRACT PARTITION BY room WITHIN 1s LIMIT 1 PER 1h EMIT l = level, m = max(*.value)",
    // Expressions.
    "MATCH A WHERE a = 1 OR b != 2 AND NOT c < 3 WITHIN 1s",
    "MATCH A WHERE (a OR b) AND (c <= 1) = (d >= 2) WITHIN 1s",
    "MATCH A WHERE NOT (a AND b) AND NOT NOT c WITHIN 1s",
    "MATCH A WHERE a - (b - c) - d * (e + f) / g % h > -i WITHIN 1s",
    "MATCH A WHERE - -a < -(b + c) WITHIN 1s",
    "MATCH A WHERE a IN (1, 'x', b + 1) AND c NOT IN (TRUE, FALSE, NULL) WITHIN 1s",
    "MATCH A WHERE a BETWEEN 1 AND b + 2 AND c NOT BETWEEN 'x' AND 'y' WITHIN 1s",
    "MATCH A WHERE a LIKE 'x%' AND b NOT LIKE c ESCAPE '''' WITHIN 1s",
    "MATCH A WHERE a IS NULL AND b IS NOT NULL WITHIN 1s",
    "MATCH A WHERE p.metadata.\"user-id\".\"limit\".\"a\"\"b\" = 'it''s' WITHIN 1s",
    "MATCH A WHERE value + first + count + min + weight + from + by > 0 WITHIN 1s",
    "MATCH A[x = 1000 OR x = 0.1 OR x = 1e300 OR x = 2.5e-9] WITHIN 1s",
    "MATCH A WITHIN 1s EMIT a = abs(x) + round(x) + floor(x) + ceil(x), b = lower(upper(x)), c = length(x), d = coalesce(x), e = least(x, y), f = greatest(x, y, 1)",
    "MATCH A AS a WITHIN 1s HAVING sum(a.x) > avg(*.x) AND min(a.x.y) < max(*.\"x-y\") EMIT f = first(a.x), l = last(a.x), c = count(a.x)",
];

#[test]
fn canonical_rules_print_as_they_are() {
    for text in CANONICAL {
        let rule = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(&rule.to_string(), text);
    }
}

#[test]
fn other_spellings_print_in_canonical_form() {
    let cases = [
        (
            "match a@axon_1\n\tand\tB @ axon_2 -- the seed\nwithin 2 S",
            "MATCH a@axon_1 AND B@axon_2 WITHIN 2s",
        ),
        ("MATCH 'A'@'axon_1' WITHIN 1s", "MATCH A@axon_1 WITHIN 1s"),
        ("MATCH A-b->B WITHIN 1MS", "MATCH A-b -> B WITHIN 1ms"),
        (
            "MATCH A{1,} AND B{0,} AND C{0,1} AND D{1,1} WITHIN 1s",
            "MATCH A+ AND B* AND C? AND D{1} WITHIN 1s",
        ),
        (
            "MATCH ((A -> B) -> (C -> D)) WITHIN 1s",
            "MATCH A -> B -> C -> D WITHIN 1s",
        ),
        (
            "MATCH (A AND (B AND C)) OR (D OR E) WITHIN 1s",
            "MATCH A AND B AND C OR D OR E WITHIN 1s",
        ),
        ("MATCH A[(x <> 1)] WITHIN 1s", "MATCH A[x != 1] WITHIN 1s"),
        (
            "MATCH A[(x + y) - z = .5] WITHIN 1s",
            "MATCH A[x + y - z = 0.5] WITHIN 1s",
        ),
        (
            "MATCH A[a-b = 007.50] WITHIN 1s",
            "MATCH A[a - b = 7.5] WITHIN 1s",
        ),
        (
            "MATCH A[x = 1E3 AND \"y\" = 1] WITHIN 1s",
            "MATCH A[x = 1000 AND y = 1] WITHIN 1s",
        ),
        (
            "MATCH A[Abs(x) is not null] WITHIN 1s",
            "MATCH A[abs(x) IS NOT NULL] WITHIN 1s",
        ),
        (
            "MATCH A[NOT(a)and-b<1] WITHIN 1s",
            "MATCH A[NOT a AND -b < 1] WITHIN 1s",
        ),
        (
            "MATCH A WITHIN 1s EMIT \"limit\"=COUNT( * )",
            "MATCH A WITHIN 1s EMIT limit = count(*)",
        ),
        (
            "MATCH A WITHIN 01s LIMIT 03 PER 1M",
            "MATCH A WITHIN 1s LIMIT 3 PER 1m",
        ),
    ];
    for (text, canonical) in cases {
        let rule = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(rule.to_string(), canonical);
        assert_eq!(parse(canonical).as_ref(), Ok(&rule));
    }
}

#[test]
fn operators_bind_as_in_sql_and_epl() {
    let same = [
        ("a OR b AND c", "a OR (b AND c)"),
        ("NOT a = b AND c", "(NOT (a = b)) AND c"),
        ("a < b + c * -d", "a < (b + (c * (-d)))"),
        ("a - b - c", "(a - b) - c"),
        ("a / b % c * d", "((a / b) % c) * d"),
        ("a BETWEEN b AND c AND d", "(a BETWEEN b AND c) AND d"),
        ("a LIKE b + c", "a LIKE (b + c)"),
        ("- a.b IS NULL", "(-(a.b)) IS NULL"),
    ];
    for (loose, strict) in same {
        let rule = |expr: &str| parse(&format!("MATCH A[{expr}] WITHIN 1s")).unwrap();
        assert_eq!(rule(loose), rule(strict), "{loose}");
    }
    let different = [
        ("a OR b AND c", "(a OR b) AND c"),
        ("NOT a AND b", "NOT (a AND b)"),
        ("a - b - c", "a - (b - c)"),
        ("-a + b", "-(a + b)"),
    ];
    for (loose, strict) in different {
        let rule = |expr: &str| parse(&format!("MATCH A[{expr}] WITHIN 1s")).unwrap();
        assert_ne!(rule(loose), rule(strict), "{loose}");
    }
    let pattern = |p: &str| parse(&format!("MATCH {p} WITHIN 1s")).unwrap();
    assert_eq!(
        pattern("A AND B OR C -> D AND E"),
        pattern("((A AND B) OR C) -> (D AND E)")
    );
    assert_ne!(pattern("A AND B OR C"), pattern("A AND (B OR C)"));
}

#[test]
fn columns_are_counted_in_characters() {
    let error = |text: &str| parse(text).unwrap_err().to_string();
    assert_eq!(
        error("MATCH 'Käse' AND\n WITHIN 1s"),
        "column 19: expected an event type, found 'WITHIN'"
    );
    assert_eq!(
        error("MATCH A -- Käse\n AND"),
        "column 21: expected an event type, found end of rule"
    );
}

#[test]
fn limits_hold_without_a_deep_stack() {
    let error = |text: &str| parse(text).unwrap_err().to_string();
    let nested = |open: &str, n: usize| format!("MATCH A[{}", open.repeat(n));
    for open in [
        "(",
        "-(",
        "NOT (",
        "- ",
        "NOT ",
        "abs(",
        "foo(",
        "a IN (",
        "a OR b AND c BETWEEN d + e * (",
    ] {
        let message = error(&nested(open, 1000));
        assert!(
            message.ends_with("a rule nests at most 32 deep"),
            "{message}"
        );
        // As deep as can be, and then an error: must neither overflow nor be tried again and again.
        assert!(error(&nested(open, 15)).contains("expected"), "{open}");
    }
    for open in ["(", "1 OF ("] {
        let message = error(&format!("MATCH {}", open.repeat(1000)));
        assert!(
            message.ends_with("a rule nests at most 32 deep"),
            "{message}"
        );
        assert!(error(&format!("MATCH {}", open.repeat(32))).contains("expected"));
    }
    let chain = |n: usize| format!("MATCH A[a{}] WITHIN 1s", " + a".repeat(n));
    assert!(parse(&chain(512)).is_ok());
    assert!(error(&chain(513)).ends_with("a rule has at most 512 operators"));

    let atoms = |n: usize| format!("MATCH A{} WITHIN 1s", " -> A".repeat(n - 1));
    assert!(parse(&atoms(64)).is_ok());
    assert_eq!(
        error(&atoms(65)),
        "column 327: a rule has at most 64 event types"
    );

    let values = |n: usize| format!("MATCH A[x IN (1{})] WITHIN 1s", ",1".repeat(n));
    assert_eq!(
        error(&values(40_000)),
        "a rule's text has at most 65536 bytes, this one has 80027"
    );
    assert_eq!(
        error(&values(30_000)),
        "a rule's text has at most 65536 bytes, this one has 90027 in canonical form"
    );
}

#[test]
fn the_manual_lists_every_word() {
    let manual = include_str!("../../../../docs/rules.md");
    let words = super::words::RESERVED.join(" ");
    assert!(manual.contains(&words), "docs/rules.md lacks: {words}");
    let functions = super::words::FUNCTIONS.map(|(name, _)| name);
    let aggregates = super::words::AGGREGATES.map(|(name, _)| name);
    for name in functions.iter().chain(&aggregates) {
        assert!(
            manual.contains(&format!("`{name}(")),
            "docs/rules.md lacks {name}"
        );
    }
}

#[test]
fn the_manual_s_rules_can_be_read() {
    let manual = include_str!("../../../../docs/rules.md");
    let rules = manual
        .split("```sql\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap_or_default());
    let mut read = 0;
    for text in rules {
        parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        read += 1;
    }
    assert!(read >= 10, "only {read} rules found in docs/rules.md");
}

#[test]
fn the_manual_s_errors_are_those_that_are_given() {
    let manual = include_str!("../../../../docs/rules.md");
    for line in manual.lines().filter(|line| line.starts_with("column ")) {
        assert!(
            errors::REFUSED.iter().any(|(_, message)| *message == line),
            "{line}"
        );
    }
}
