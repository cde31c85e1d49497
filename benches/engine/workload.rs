//! What is measured: rules, and the events that are fed to them.

use fastrand::Rng;

use super::stream::{Made, Piece};

/// The n-th event of a stream.
type Next = Box<dyn FnMut(&mut Rng, u64) -> Made>;

/// Rules and an endless stream.
pub struct Workload {
    pub title: String,
    /// The rule that is measured comes first.
    pub rules: Vec<String>,
    /// What events meet first: its text and its axon.
    pub saccule: Option<(&'static str, &'static str)>,
    /// How many events come within `within` ms.
    pub per_window: u64,
    within: u64,
    next: Next,
    rng: Rng,
    made: u64,
}

const MINUTE: u64 = 60_000;
/// Events within the window of most rules.
const USUAL: u64 = 20_000;
const KEYED: &str =
    "MATCH Login AS l -> Pay[amount > 1000] AS p WHERE p.ip != l.ip PARTITION BY user WITHIN 5m";
const JOINED: &str =
    "MATCH Login AS l -> Pay[amount > 1000] AS p WHERE p.user = l.user AND p.ip != l.ip WITHIN 5m";
/// In how many of a hundred payments the address is another than at the login.
const FEW: u64 = 2;

impl Workload {
    fn new(
        title: impl Into<String>,
        rule: &str,
        (per_window, within): (u64, u64),
        next: impl FnMut(&mut Rng, u64) -> Made + 'static,
    ) -> Self {
        Self {
            title: title.into(),
            rules: vec![rule.to_owned()],
            saccule: None,
            per_window,
            within,
            next: Box::new(next),
            rng: Rng::with_seed(7),
            made: 0,
        }
    }

    /// The next events of the stream.
    pub fn piece(&mut self, events: usize) -> Piece {
        let mut piece = Piece::default();
        for n in (self.made..).take(events) {
            let made = (self.next)(&mut self.rng, n);
            piece.push(n, n * self.within / self.per_window, &made);
        }
        self.made += events as u64;
        piece
    }

    /// One of each kind of rule.
    pub fn operators() -> Vec<Self> {
        vec![
            Self::seed(),
            Self::new(
                "keyed pair",
                KEYED,
                (USUAL, 5 * MINUTE),
                payments(USUAL, FEW),
            ),
            Self::new(
                "keyed pair, 1 in 4 completes",
                KEYED,
                (USUAL, 5 * MINUTE),
                payments(USUAL, 100),
            ),
            Self::new(
                "pair joined in WHERE",
                JOINED,
                (USUAL, 5 * MINUTE),
                payments(USUAL, FEW),
            ),
            Self::three_steps(),
            Self::kleene(),
            Self::all(),
            Self::not_between(),
            Self::not_for(),
            Self::integrate(),
            Self::behind("keyed pair behind a saccule", "axon_1"),
            Self::behind("keyed pair, a saccule for another axon", "axon_2"),
        ]
    }

    /// The keyed pair with a saccule for an axon: all events come from the first one.
    fn behind(title: &str, axon: &'static str) -> Self {
        const SACCULE: &str = "REQUIRE user IS NOT NULL ELSE 'user is missing'; \
                               REQUIRE value IS NULL OR value >= 0 ELSE 'value is less than 0'; \
                               SET amount = amount * 1";
        let next = payments(USUAL, FEW);
        Self {
            saccule: Some((SACCULE, axon)),
            ..Self::new(title, KEYED, (USUAL, 5 * MINUTE), next)
        }
    }

    /// The keyed pair beside rules that can't use its events.
    pub fn beside(others: usize) -> Self {
        let title = match others {
            0 => "keyed pair alone".to_owned(),
            1 => "and 1 other rule".to_owned(),
            _ => format!("and {others} other rules"),
        };
        let mut workload = Self::new(title, KEYED, (USUAL, 5 * MINUTE), payments(USUAL, FEW));
        let other = |n| {
            format!("MATCH Open_{n} AS o -> Close_{n} AS c WHERE c.ip != o.ip PARTITION BY user WITHIN 5m")
        };
        workload.rules.extend((0..others).map(other));
        workload
    }

    /// The keyed pair with about so many events in its window: the logins, which are half of all.
    pub fn holding(held: u64) -> Self {
        let title = format!("{held} events held");
        let next = payments(2 * held, FEW);
        Self::new(title, KEYED, (2 * held, 5 * MINUTE), next)
    }

    fn seed() -> Self {
        let rule = "MATCH A@axon_1 AND B@axon_2 WITHIN 2s";
        Self::new(
            "two axons (the seed rule)",
            rule,
            (2_000, 2_000),
            |rng, _| {
                let axon = rng.u8(1..=2);
                made(axon, ["A", "B"][usize::from(axon) - 1], rng, vec![])
            },
        )
    }

    fn three_steps() -> Self {
        let rule = "MATCH Login AS l -> Edit AS e -> Pay AS p \
                    WHERE p.ip != l.ip AND p.amount > e.amount PARTITION BY user WITHIN 5m";
        let mut payment = payments(USUAL, FEW);
        Self::new("three steps", rule, (USUAL, 5 * MINUTE), move |rng, n| {
            let mut made = payment(rng, n);
            if n % 3 == 0 {
                made.event_type = "Edit";
            }
            made
        })
    }

    fn kleene() -> Self {
        let rule = "MATCH Fail{5,} AS f -> Ok PARTITION BY user WITHIN 60s CONSUME PARTITION EMIT n = count(f)";
        Self::new("five or more", rule, (USUAL, MINUTE), |rng, _| {
            let event_type = if rng.u8(..100) < 85 { "Fail" } else { "Ok" };
            let user = user(rng.u64(..USUAL / 8));
            made(1, event_type, rng, vec![user])
        })
    }

    fn all() -> Self {
        let rule = "MATCH A AS a -> B AS b PARTITION BY user WITHIN 60s SELECT ALL";
        Self::new("SELECT ALL", rule, (USUAL, MINUTE), |rng, _| {
            let event_type = if rng.u8(..100) < 2 { "B" } else { "A" };
            let user = user(rng.u64(..USUAL / 4));
            made(1, event_type, rng, vec![user])
        })
    }

    fn not_between() -> Self {
        let rule = "MATCH Order AS o -> NOT Check -> Ship AS s PARTITION BY order_id WITHIN 60s";
        Self::new("NOT between", rule, (USUAL, MINUTE), |rng, n| {
            // Every order is checked, as good as, and then shipped.
            let steps = [("Order", n / 3), ("Check", n / 3), ("Ship", n / 3)];
            let (event_type, order) = steps[(n % 3) as usize];
            let event_type = match event_type {
                "Check" if rng.u8(..100) < 5 => "Wait",
                other => other,
            };
            made(1, event_type, rng, vec![order_id(order)])
        })
    }

    fn not_for() -> Self {
        let rule = "MATCH Order AS o -> NOT Ship FOR 30s PARTITION BY order_id WITHIN 60s";
        /// How many orders there are between an order and its shipment.
        const DELAY: u64 = 2_000;
        Self::new("NOT … FOR", rule, (USUAL, MINUTE), |rng, n| {
            let (event_type, order) = match n % 2 {
                0 => ("Order", n / 2),
                _ if rng.u8(..100) < 5 => ("Wait", n / 2),
                _ => ("Ship", (n / 2).saturating_sub(DELAY)),
            };
            made(1, event_type, rng, vec![order_id(order)])
        })
    }

    fn integrate() -> Self {
        let rule = "INTEGRATE A@axon_1 WEIGHT value/100, B@axon_2 WEIGHT 0.5, ANY@axon_3 WEIGHT 0.2 \
                    DECAY 500ms THRESHOLD 1.0 FROM 2 AXONS REFRACTORY 1s PARTITION BY room WITHIN 2s";
        Self::new("INTEGRATE", rule, (USUAL, 2_000), |rng, _| {
            let axon = rng.u8(1..=3);
            let room = ("room", format!("r{}", rng.u64(..USUAL / 4)));
            made(
                axon,
                ["A", "B", "C"][usize::from(axon) - 1],
                rng,
                vec![room],
            )
        })
    }
}

/// Logins and payments, as many of the one as of the other. A user has about four logins in a window, all from the same
/// address; of a hundred payments so many come from another.
fn payments(per_window: u64, elsewhere: u64) -> impl FnMut(&mut Rng, u64) -> Made {
    move |rng, n| {
        let number = rng.u64(..per_window / 8);
        let (event_type, away) = match n % 2 {
            0 => ("Login", false),
            _ => ("Pay", rng.u64(..100) < elsewhere),
        };
        let net = if away { 192 } else { 10 };
        let address = format!(
            "{net}.{}.{}.{}",
            number >> 16,
            (number >> 8) & 255,
            number & 255
        );
        let amount = rng.u32(1..2_001).to_string();
        let fields = vec![user(number), ("ip", address), ("amount", amount)];
        made(1, event_type, rng, fields)
    }
}

fn made(
    axon: u8,
    event_type: &'static str,
    rng: &mut Rng,
    fields: Vec<(&'static str, String)>,
) -> Made {
    Made {
        axon,
        event_type,
        value: rng.u32(..100),
        fields,
    }
}

fn user(number: u64) -> (&'static str, String) {
    ("user", format!("user-{number}"))
}

fn order_id(number: u64) -> (&'static str, String) {
    ("order_id", format!("order-{number}"))
}
