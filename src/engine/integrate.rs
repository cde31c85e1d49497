//! The leaky sum of an `INTEGRATE` rule.

use serde::{Deserialize, Serialize};

use super::rule::ast::Reset;
use super::rule::program::Integrate;

/// A level that decays by itself: a leaky integrator, as of a cell's calcium.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Level {
    value: f64,
    /// When it was last raised, ms.
    last: u64,
    /// When the rule last fired, ms.
    fired: Option<u64>,
}

impl Level {
    /// The level before anything came.
    pub const NOTHING: Self = Self {
        value: 0.0,
        last: 0,
        fired: None,
    };

    /// Adds a contribution of this weight at this time (ms), after the level has decayed; the new level.
    ///
    /// ```text
    /// level = level * exp(-(time - last) / DECAY) + weight
    /// ```
    pub fn add(&mut self, weight: f64, time: u64, decay: u64) -> f64 {
        if time > self.last {
            let elapsed = (time - self.last) as f64;
            self.value *= libm::exp(-elapsed / decay as f64);
            self.last = time;
        }
        // It stays a number whatever comes.
        self.value = (self.value + weight).clamp(f64::MIN, f64::MAX);
        self.value
    }

    /// It is a level that can have come about until this time (ms).
    pub fn is_sound(&self, time: u64) -> bool {
        self.value.is_finite() && self.last.max(self.fired.unwrap_or(0)) <= time
    }

    /// The level at this time (ms), if nothing comes until then.
    pub fn at(&self, time: u64, decay: u64) -> f64 {
        let elapsed = time.saturating_sub(self.last) as f64;
        self.value * libm::exp(-elapsed / decay as f64)
    }

    /// When the rule last fired, ms.
    pub fn fired(&self) -> Option<u64> {
        self.fired
    }

    /// The refractory period is over.
    pub fn may_fire(&self, time: u64, rule: &Integrate) -> bool {
        self.fired.is_none_or(|fired| {
            time.checked_sub(fired)
                .is_some_and(|since| since >= rule.refractory)
        })
    }

    /// Takes note that the rule fired.
    pub fn fire(&mut self, time: u64, rule: &Integrate) {
        self.fired = Some(time);
        self.value = match rule.reset {
            Reset::Zero => 0.0,
            Reset::Subtract => self.value - rule.threshold,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_leaks_and_fires() {
        let rule = |reset| Integrate {
            weights: Vec::new(),
            decay: 100,
            threshold: 1.0,
            from_axons: 1,
            refractory: 50,
            reset,
        };
        let mut level = Level::NOTHING;
        assert_eq!(level.add(0.5, 1_000, 100), 0.5);
        assert_eq!(level.add(0.5, 1_100, 100), 0.5 * libm::exp(-1.0) + 0.5);
        // An event from before lets nothing leak.
        let before = level.value;
        assert_eq!(level.add(0.25, 1_050, 100), before + 0.25);
        assert!(level.may_fire(1_100, &rule(Reset::Zero)));
        let mut other = level;
        level.fire(1_100, &rule(Reset::Zero));
        other.fire(1_100, &rule(Reset::Subtract));
        assert_eq!((level.value, other.value), (0.0, before + 0.25 - 1.0));
        assert!(!level.may_fire(1_149, &rule(Reset::Zero)));
        assert!(level.may_fire(1_150, &rule(Reset::Zero)));
    }
}
