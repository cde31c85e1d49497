//! Random expressions. Names of atoms are given as a number, taken modulo how many there are.

use proptest::prelude::*;
use proptest::sample::select;

/// A template: `X` and `Y` stand for names of atoms.
#[derive(Debug, Clone)]
pub struct Template {
    text: String,
    names: (usize, usize),
}

impl Template {
    /// The expression over these names.
    pub fn render(&self, names: &[String]) -> String {
        let name = |n: usize| &names[n % names.len()];
        let text = self.text.replace("X.", &format!("{}.", name(self.names.0)));
        let text = text.replace("Y.", &format!("{}.", name(self.names.1)));
        text.replace("X)", &format!("{})", name(self.names.0)))
    }
}

fn template(texts: &'static [&'static str]) -> impl Strategy<Value = Template> + Clone {
    let text = select(texts).prop_map(str::to_owned);
    (text, (0usize..6, 0usize..6)).prop_map(|(text, names)| Template { text, names })
}

/// A condition on a single event, for `[ ]`.
pub fn predicate() -> impl Strategy<Value = String> {
    let simple = select(
        &[
            "value > 1",
            "value < 3",
            "value >= 2",
            "value != 2",
            "value = 1",
            "k = 1",
            "k = '2'",
            "value IS NOT NULL",
            "value IS NULL",
            "value IN (1, 3, NULL)",
            "value NOT IN (1, 3)",
            "value BETWEEN 1 AND 3",
            "NOT value = 2",
            "value % 2 = 0",
            "4 / value > 1",
            "metadata.m.n = 1",
            "metadata.m.n + value > 2",
            "type != 'C'",
            "type LIKE '_'",
            "event_id LIKE '%1%'",
            "coalesce(value, 9) > 2",
            "greatest(value, 2) = 2",
            "least(value, k) = 1",
            "length(upper(event_id)) = 2",
            "round(value / 2) = 1",
            "-value < -1",
            "abs(value) = 1",
        ][..],
    );
    let simple = simple.prop_map(str::to_owned);
    prop_oneof![
        4 => simple.clone(),
        1 => (simple.clone(), simple.clone()).prop_map(|(a, b)| format!("{a} OR {b}")),
        1 => (simple.clone(), simple).prop_map(|(a, b)| format!("NOT ({a} AND {b})")),
    ]
}

/// A condition on the events of a match, for `WHERE`.
pub fn filter() -> impl Strategy<Value = Template> {
    template(&[
        "X.value <= Y.value",
        "X.value != Y.value",
        "X.k = Y.k",
        "X.k != Y.k",
        "X.value + Y.value > 2",
        "X.value > 1 OR Y.value IS NULL",
        "X.value > 0 AND Y.value < 4",
        "NOT X.value = Y.value",
        "X.value IN (Y.value, 2)",
        "X.value BETWEEN 0 AND Y.value",
        "coalesce(X.value, 0) < 3",
        "X.type != 'D' AND Y.type < 'C'",
        "X.metadata.m.n IS NULL OR Y.metadata.m.n = 1",
        "X.value * Y.value % 3 != 1",
    ])
}

/// Equalities between events of a match, alone and among other conditions, for `WHERE`.
pub fn equality() -> impl Strategy<Value = Template> {
    template(&[
        "X.k = Y.k",
        "X.value = Y.value",
        "X.value = Y.k",
        "X.k = Y.k AND X.value = Y.value",
        "X.k = Y.k AND Y.value < 4",
        "X.metadata.m.n = Y.k",
        "X.metadata.m.n = Y.metadata.m.n",
        "X.type = Y.type",
    ])
}

/// A condition with aggregates, for `HAVING`.
pub fn having() -> impl Strategy<Value = Template> {
    template(&[
        "count(*) > 2",
        "count(*) < 3",
        "sum(*.value) > 3",
        "avg(*.value) >= 1.5",
        "min(X.value) <= max(Y.value)",
        "first(*.value) != last(*.value)",
        "count(X) = 1",
        "count(X.value) > 0 AND sum(Y.value) >= 1",
        "max(*.value) - min(*.value) < 3",
        "X.value >= Y.value OR count(*.k) = count(*)",
        "last(X.k) = 1",
    ])
}

/// Fields for `EMIT`.
pub fn emit() -> impl Strategy<Value = Vec<(&'static str, Template)>> {
    let item = template(&[
        "count(*)",
        "count(X)",
        "count(X.value)",
        "sum(*.value)",
        "avg(X.value)",
        "min(*.value)",
        "max(X.value)",
        "first(*.value)",
        "last(X.value)",
        "first(*.metadata.m.n)",
        "X.value",
        "X.value + Y.value",
        "X.value / Y.value",
        "X.event_id",
        "X.k",
        "lower(X.type)",
        "coalesce(X.value, Y.value, 'none')",
        "X.value > Y.value",
        "X.metadata.m.n",
    ]);
    let number = template(&[
        "sum(*.value)",
        "X.value - Y.value",
        "avg(*.value) / 4",
        "1.5",
        "NULL",
        "count(*) / 10",
    ]);
    (
        prop::option::of(item.clone()),
        prop::option::of(item),
        prop::option::weighted(0.3, number.clone()),
        prop::option::weighted(0.3, number),
    )
        .prop_map(|(a, b, value, confidence)| {
            let fields = [
                ("a", a),
                ("b", b),
                ("value", value),
                ("confidence", confidence),
            ];
            let given = fields.into_iter();
            given
                .filter_map(|(name, template)| Some((name, template?)))
                .collect()
        })
}
