//! The parsed form of a rule.
//!
//! The tree keeps what was written (an explicit `SELECT LAST` stays one), except for what has no meaning:
//! white space, comments, the case of keywords, redundant parentheses and quotes. Printing it (`Display`)
//! gives the rule's *canonical text*, from which the `event_id` of every match is derived; parsing that text
//! gives the same tree again.

/// A place in the rule's text: 1-based, in characters.
///
/// Two columns always compare equal, so that trees compare by meaning and not by layout.
#[derive(Debug, Clone, Copy, Default)]
pub struct Column(pub u32);

impl PartialEq for Column {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A rule: what `LEAFLET.RULE.ADD` takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    Match(Match),
    Integrate(Integrate),
}

/// `MATCH pattern … WITHIN d …`
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    pub pattern: Pattern,
    /// `WHERE`: sees every event of the match.
    pub filter: Option<Expr>,
    /// `PARTITION BY`: bare paths, read from each event; empty where the rule has none.
    pub partition_by: Vec<Path>,
    pub within: Duration,
    pub select: Option<Select>,
    pub consume: Option<Consume>,
    pub having: Option<Expr>,
    pub limit: Option<Limit>,
    pub emit: Vec<Emit>,
}

/// `INTEGRATE atom WEIGHT w, … DECAY d THRESHOLD n …`
#[derive(Debug, Clone, PartialEq)]
pub struct Integrate {
    pub inputs: Vec<Input>,
    pub decay: Duration,
    pub threshold: f64,
    /// `FROM n AXONS`: how many different axons must have contributed.
    pub from_axons: Option<u64>,
    pub refractory: Option<Duration>,
    pub reset: Option<Reset>,
    pub partition_by: Vec<Path>,
    pub within: Duration,
    pub limit: Option<Limit>,
    pub emit: Vec<Emit>,
}

/// One weighted input of an `INTEGRATE` rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    pub atom: Atom,
    /// Sees that event alone; 1 where it is not given.
    pub weight: Option<Expr>,
}

/// What a `MATCH` rule looks for. Lists have at least two members and never hold their own kind
/// (`(A -> B) -> C` parses as one `Seq` of three).
#[derive(Debug, Clone, PartialEq)]
pub enum Pattern {
    /// `p -> q`: all of `p`'s events before all of `q`'s.
    Seq(Vec<Pattern>),
    /// `p OR q`
    Or(Vec<Pattern>),
    /// `p AND q`: any order, different events.
    And(Vec<Pattern>),
    /// `n OF (p, q, …)`: exactly `n` of them. The list may have a single member.
    Of {
        count: u64,
        patterns: Vec<Pattern>,
        column: Column,
    },
    /// `NOT atom [FOR d]`
    Not {
        atom: Atom,
        for_: Option<Duration>,
        column: Column,
    },
    Atom(Atom),
}

/// One place in a pattern that events can fill.
#[derive(Debug, Clone, PartialEq)]
pub struct Atom {
    /// `None` for `ANY`.
    pub event_type: Option<String>,
    /// `@axon`: a glob on the axon's short name (on the whole key without its tag where it holds a `:`).
    pub axon: Option<String>,
    /// `[expr]`: sees that event alone.
    pub predicate: Option<Expr>,
    pub quantifier: Option<Quantifier>,
    /// `AS name`
    pub alias: Option<String>,
    pub column: Column,
}

/// How many events an atom takes: `+`, `*`, `?`, `{n}`, `{n,}`, `{n,m}`.
///
/// The parser reduces each spelling to its bounds and the printer writes the shortest spelling of them
/// (`{1,}` prints `+`, `{0,1}` prints `?`). `{1}` is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantifier {
    pub min: u64,
    /// `None`: no upper bound.
    pub max: Option<u64>,
}

/// A dotted name: `value`, `metadata.user.id`, `p.amount`, `p.metadata.user.id`. At least one segment.
///
/// A segment that is no plain identifier, or is a reserved word, is written in double quotes: `p."user-id"`.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    pub segments: Vec<String>,
    pub column: Column,
}

/// An SQL expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    Text(String),
    Number(f64),
    Bool(bool),
    Null,
    Path(Path),
    Negate(Box<Expr>),
    Not(Box<Expr>),
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    In {
        expr: Box<Expr>,
        list: Vec<Expr>,
        negated: bool,
    },
    Between {
        expr: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
        negated: bool,
    },
    Like {
        expr: Box<Expr>,
        pattern: Box<Expr>,
        /// One character.
        escape: Option<char>,
        negated: bool,
    },
    IsNull {
        expr: Box<Expr>,
        negated: bool,
    },
    Call {
        function: Function,
        args: Vec<Expr>,
        column: Column,
    },
    Aggregate {
        aggregate: Aggregate,
        over: Over,
        column: Column,
    },
}

/// Binary operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOp {
    Or,
    And,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}

/// Scalar functions; names in any case, printed in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    Abs,
    Round,
    Floor,
    Ceil,
    Coalesce,
    Lower,
    Upper,
    Length,
    Least,
    Greatest,
}

/// Aggregates over the events of a match; names in any case, printed in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    Count,
    Sum,
    Avg,
    Min,
    Max,
    First,
    Last,
}

/// What an aggregate runs over.
#[derive(Debug, Clone, PartialEq)]
pub enum Over {
    /// `*` or `*.value`: all matched events; the path is empty for `*` alone.
    All(Vec<String>),
    /// `f` or `f.value`: the events of one atom.
    Name(Path),
}

/// Which of the matches that end at one trigger counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Select {
    Last,
    First,
    All,
}

/// What a match uses up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consume {
    Matched,
    Partition,
    None,
}

/// What a firing of an `INTEGRATE` rule does to the level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    Zero,
    Subtract,
}

/// `LIMIT count PER per`
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    pub count: u64,
    pub per: Duration,
}

/// `EMIT field = expr`
#[derive(Debug, Clone, PartialEq)]
pub struct Emit {
    pub field: String,
    pub expr: Expr,
    pub column: Column,
}

/// A duration as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duration {
    pub count: u64,
    pub unit: Unit,
}

/// Units of durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
}

impl Duration {
    /// A whole number and a unit, in any case, with nothing between.
    ///
    /// ```
    /// use leaflet::engine::rule::ast::Duration;
    /// assert_eq!(Duration::parse("2s").and_then(Duration::millis), Some(2000));
    /// assert_eq!(Duration::parse("2"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (count, unit) = text.split_at(digits);
        let unit = super::words::UNITS
            .iter()
            .find(|(name, _)| unit.eq_ignore_ascii_case(name))?;
        Some(Self {
            count: count.parse().ok()?,
            unit: unit.1,
        })
    }

    /// The duration in milliseconds, or `None` where it does not fit.
    ///
    /// ```
    /// use leaflet::engine::rule::ast::{Duration, Unit};
    /// assert_eq!(Duration { count: 2, unit: Unit::Second }.millis(), Some(2000));
    /// ```
    pub fn millis(self) -> Option<u64> {
        let factor = match self.unit {
            Unit::Millisecond => 1,
            Unit::Second => 1_000,
            Unit::Minute => 60_000,
            Unit::Hour => 3_600_000,
            Unit::Day => 86_400_000,
        };
        self.count.checked_mul(factor)
    }
}
