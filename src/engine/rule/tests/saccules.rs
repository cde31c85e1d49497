//! The language of saccules: what is read, how it prints, what is refused with which words.

use crate::engine::rule::parse_saccule;
use crate::engine::{Engine, Settings};

/// Saccules in canonical form: they print as they are.
const CANONICAL: &[&str] = &[
    "REQUIRE value > 0",
    "REQUIRE metadata.user.id IS NOT NULL ELSE 'no user'",
    "REQUIRE type IN ('A', 'B') ELSE 'it''s another'; SET value = value / 100",
    "SKIP WHEN type = 'heartbeat' OR value < -1",
    "DEFAULT value = 1; DROP secret; RENAME ts TO timestamp",
    "CAST value AS NUMBER; CAST name AS TEXT; CAST ok AS BOOL; CAST ts AS TIME",
    "SET \"user-id\" = lower(user); SET \"limit\" = NULL; SET set = set; SET when = to",
    "RENAME \"a b\" TO \"in\"; DROP drop; CAST cast AS NUMBER; SKIP WHEN when",
];

/// Texts and what is said to them.
const REFUSED: &[(&str, &str)] = &[
    ("", "column 1: expected CAST, DEFAULT, DROP, RENAME, REQUIRE, SET or SKIP, found end of saccule"),
    ("REQIRE value > 0", "column 1: expected CAST, DEFAULT, DROP, RENAME, REQUIRE, SET or SKIP, found 'REQIRE' (did you mean REQUIRE?)"),
    ("REQUIRE value >", "column 16: expected a value, found end of saccule"),
    ("REQUIRE value > 0 DROP x", "column 19: expected an operator, ';' or end of saccule, found 'DROP'"),
    ("REQUIRE value > 0 ELS 'x'", "column 19: expected an operator, ';' or end of saccule, found 'ELS' (did you mean ELSE?)"),
    ("REQUIRE value > 0 ELSE negative", "column 24: expected a text in quotes, found 'negative'"),
    ("REQUIRE value > 0 ELSE ''", "column 24: a reason has 1 to 256 characters, this one has 0"),
    ("REQUIRE value > 0;; DROP x", "column 19: expected CAST, DEFAULT, DROP, RENAME, REQUIRE, SET, SKIP or end of saccule, found ';'"),
    ("SET value 3", "column 11: expected '=', found '3'"),
    ("SET metadata.user = 3", "column 5: only whole fields are changed, and 'metadata.user' is a part of 'metadata'"),
    ("SET = 3", "column 5: expected a field name, found '='"),
    ("SET limit = 3", "column 5: expected a field name, found 'limit' (a reserved word; as a name it needs double quotes)"),
    ("SET x = count(y)", "column 9: count belongs in HAVING or EMIT, not in a saccule"),
    ("SET x = abs(1, 2)", "column 9: abs takes 1 argument, not 2"),
    ("SET x = flor(1)", "column 9: there is no function 'flor' (did you mean floor?)"),
    ("RENAME a b", "column 10: expected TO, found 'b'"),
    ("RENAME a TO a", "column 8: 'a' has that name already"),
    ("CAST a AS INTEGER", "column 11: expected NUMBER, TEXT, BOOL or TIME, found 'INTEGER'"),
    ("CAST a AS NUMBR", "column 11: expected NUMBER, TEXT, BOOL or TIME, found 'NUMBR' (did you mean NUMBER?)"),
    ("CAST a NUMBER", "column 8: expected AS, found 'NUMBER'"),
    ("SKIP value > 0", "column 6: expected WHEN, found 'value'"),
    ("SKIP WHEN value > 0 ELSE 'x'", "column 21: expected an operator, ';' or end of saccule, found 'ELSE'"),
    ("DROP 'a'", "column 6: expected a field name, found 'a' (names take double quotes)"),
    ("DROP $", "column 6: unexpected character '$'"),
    ("REQUIRE value = NULL", "column 9: value = NULL can never hold: nothing compares with NULL (IS NULL tests for it)"),
    ("SKIP WHEN 1 = 2", "1 = 2 can never hold: it is FALSE or NULL without looking at any event"),
    ("REQUIRE (((((((((((((((((((((((((((((((((a)))))))))))))))))))))))))))))))))", "column 41: a saccule nests at most 32 deep"),
];

/// Schemas, and the statements they stand for.
const SCHEMAS: &[(&str, &str)] = &[
    (
        r#"{"required":["value"],"properties":{"value":{"type":"number","minimum":0,"maximum":1e2},"event_type":{"enum":["A","B"]}}}"#,
        "REQUIRE value IS NOT NULL ELSE 'value is missing'; \
         REQUIRE abs(value) IS NOT NULL ELSE 'value is no number'; \
         REQUIRE value >= 0 ELSE 'value is less than 0'; \
         REQUIRE value <= 100 ELSE 'value is more than 100'; \
         REQUIRE event_type IS NULL OR event_type IN ('A', 'B') ELSE 'event_type is none of A, B'",
    ),
    (
        r#" { "type" : "object", "title": "t", "properties": { "n": { "type": "integer", "exclusiveMinimum": -2.5, "exclusiveMaximum": 7 } } } "#,
        "REQUIRE n IS NULL OR n % 1 = 0 ELSE 'n is no whole number'; \
         REQUIRE n IS NULL OR n > -2.5 ELSE 'n is not more than -2.5'; \
         REQUIRE n IS NULL OR n < 7 ELSE 'n is not less than 7'",
    ),
    (
        r#"{"required":["metadata"],"properties":{"metadata":{"type":"object","required":["user"],"properties":{"user":{"type":"string","minLength":1,"maxLength":9},"ok":{"type":"boolean"}}}}}"#,
        "REQUIRE metadata IS NOT NULL ELSE 'metadata is missing'; \
         REQUIRE metadata.user IS NOT NULL ELSE 'metadata.user is missing'; \
         REQUIRE length(metadata.user) >= 1 ELSE 'metadata.user is shorter than 1 characters'; \
         REQUIRE length(metadata.user) <= 9 ELSE 'metadata.user is longer than 9 characters'; \
         REQUIRE metadata.ok IS NULL OR metadata.ok IN (TRUE, FALSE) ELSE 'metadata.ok is neither true nor false'",
    ),
    (
        r#"{"properties":{"a-b":{"const":"it's"},"v":{"enum":[1,-2,true,"a","b","c","d"]}}}"#,
        "REQUIRE \"a-b\" IS NULL OR \"a-b\" IN ('it''s') ELSE 'a-b is not it''s'; \
         REQUIRE v IS NULL OR v IN (1, -2, TRUE, 'a', 'b', 'c', 'd') ELSE 'v is none of 1, -2, true, a, b, …'",
    ),
    (
        r#"{"required":["metadata"],"properties":{"optional":{"required":["inner"]}}}"#,
        "REQUIRE metadata IS NOT NULL ELSE 'metadata is missing'; \
         REQUIRE optional IS NULL OR optional.inner IS NOT NULL ELSE 'optional.inner is missing'",
    ),
];

/// Schemas that are none, or say what can't be checked.
const REFUSED_SCHEMAS: &[(&str, &str)] = &[
    ("{", "column 1: EOF while parsing an object"),
    ("{}", "the schema asks for nothing"),
    (r#"{"type":"array"}"#, "column 15: unknown variant `array`, expected one of `object`, `string`, `number`, `integer`, `boolean`"),
    (r#"{"type":"string"}"#, "the schema of an event is one of an object"),
    (r#"{"properties":{"é":{"minimun":3}}}"#, "column 29: there is no 'minimun' here (did you mean 'minimum'?)"),
    (r#"{"properties":{"v":{"pattern":"x"}}}"#, "column 29: there is no 'pattern' here, only type, required, properties, enum, const, minimum, maximum, exclusiveMinimum, exclusiveMaximum, minLength, maxLength, $schema, title, description"),
    (r#"{"properties":{"v":{"minimum":"3"}}}"#, "column 33: invalid type: string \"3\", expected a number"),
    (r#"{"properties":{"v":{"enum":[]}}}"#, "column 30: an enumeration has at least one value"),
    (r#"{"properties":{"v":{"enum":[null]}}}"#, "column 32: invalid type: null, expected a text, a number, true or false"),
    (r#"{"properties":{"v":{"enum":[1],"const":1}}}"#, "column 38: 'enum' and 'const' exclude each other"),
    (r#"{"properties":{"v":{"minimum":1},"v":{"minimum":2}}}"#, "column 36: 'v' stands twice"),
    (r#"{"required":"v"}"#, "column 15: invalid type: string \"v\", expected a list"),
    (r#"{"required":[""]}"#, "column 17: a field's name can't be empty"),
    (r#"{"properties":{"v":{"maxLength":-1}}}"#, "column 34: invalid value: integer `-1`, expected a whole number"),
    (r#"{"required":["v"]} x"#, "column 20: trailing characters"),
];

#[test]
fn canonical_texts_stay_as_they_are() {
    for text in CANONICAL {
        let saccule = parse_saccule(text).unwrap_or_else(|error| panic!("{text}\n{error}"));
        assert_eq!(saccule.to_string(), *text);
    }
}

#[test]
fn layout_and_case_have_no_meaning() {
    let text = "require value>0 else 'x' ;\n -- a remark; and no end\n skip when (a)=1;";
    let saccule = parse_saccule(text).unwrap();
    let canonical = "REQUIRE value > 0 ELSE 'x'; SKIP WHEN a = 1";
    assert_eq!(saccule.to_string(), canonical);
    assert_eq!(parse_saccule(canonical), Ok(saccule));
}

/// What is said to a saccule that is added.
fn refusal(text: &str) -> String {
    let mut engine = Engine::new(Settings::default());
    match engine.add_saccule("default", "s", text, None, false) {
        Ok(()) => panic!("taken: {text}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn mistakes_are_named() {
    let mut wrong = Vec::new();
    for (text, expected) in REFUSED.iter().chain(REFUSED_SCHEMAS) {
        let found = refusal(text);
        if found != *expected {
            wrong.push(format!(
                "{text}\n  expected: {expected}\n  found:    {found}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_schema_stands_for_statements() {
    for (schema, expected) in SCHEMAS {
        let saccule = parse_saccule(schema).unwrap_or_else(|error| panic!("{schema}\n{error}"));
        assert_eq!(saccule.to_string(), *expected);
        assert_eq!(parse_saccule(expected), Ok(saccule), "{schema}");
    }
}
