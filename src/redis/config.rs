//! The settings: `CONFIG SET leaflet.<name>`, redis.conf, or `--leaflet.<name>` at start.

use super::ffi::noted;
use super::state::{self, State};
use crate::engine::Settings;
use std::ffi::CStr;

/// A setting that is a number.
pub struct Setting {
    /// Without the `leaflet.` in front.
    pub name: &'static CStr,
    pub default: i64,
    pub min: i64,
    pub max: i64,
    /// A number of bytes: `256mb` is accepted.
    pub memory: bool,
    read: fn(&State) -> i64,
    write: fn(&mut State, i64),
}

/// All settings.
pub const SETTINGS: [Setting; 8] = [
    Setting {
        name: c"max-window-memory",
        default: 256 << 20,
        min: 1 << 20,
        max: i64::MAX,
        memory: true,
        read: |state| state.engine.settings().max_window_memory as i64,
        write: |state, value| change(state, |settings| settings.max_window_memory = value as u64),
    },
    Setting {
        name: c"match-budget",
        default: 25_000,
        min: 1,
        max: i64::MAX,
        memory: false,
        read: |state| state.engine.settings().match_budget as i64,
        write: |state, value| change(state, |settings| settings.match_budget = value as u64),
    },
    Setting {
        name: c"max-matches-per-trigger",
        default: 128,
        min: 1,
        max: 100_000,
        memory: false,
        read: |state| state.engine.settings().max_matches_per_trigger as i64,
        write: |state, value| {
            change(state, |settings| {
                settings.max_matches_per_trigger = value as usize
            })
        },
    },
    Setting {
        name: c"max-sources",
        default: 64,
        min: 1,
        max: 100_000,
        memory: false,
        read: |state| state.engine.settings().max_sources as i64,
        write: |state, value| change(state, |settings| settings.max_sources = value as usize),
    },
    Setting {
        name: c"max-time-ahead",
        default: 86_400_000,
        min: 0,
        max: i64::MAX,
        memory: false,
        read: |state| state.engine.settings().max_time_ahead as i64,
        write: |state, value| change(state, |settings| settings.max_time_ahead = value as u64),
    },
    Setting {
        name: c"max-hops",
        default: 8,
        min: 0,
        max: 64,
        memory: false,
        read: |state| i64::from(state.engine.settings().max_hops),
        write: |state, value| change(state, |settings| settings.max_hops = value as u32),
    },
    Setting {
        name: c"max-lineage-memory",
        default: 16 << 20,
        min: 0,
        max: i64::MAX,
        memory: true,
        read: |state| state.engine.settings().max_lineage_memory as i64,
        write: |state, value| change(state, |settings| settings.max_lineage_memory = value as u64),
    },
    Setting {
        name: c"audit-maxlen",
        default: 10_000,
        min: 1,
        max: i64::MAX,
        memory: false,
        read: |state| state.audit.maxlen as i64,
        write: |state, value| state.audit.maxlen = value as u64,
    },
];

/// Changes one of the engine's.
fn change(state: &mut State, change: impl FnOnce(&mut Settings)) {
    let mut settings = state.engine.settings();
    change(&mut settings);
    state.engine.set_settings(settings);
}

/// A setting that is `yes` or `no`.
pub struct Switch {
    /// Without the `leaflet.` in front.
    pub name: &'static CStr,
    pub default: bool,
    pub get: fn() -> bool,
    pub set: fn(bool),
}

/// All of those.
pub const SWITCHES: [Switch; 1] = [Switch {
    name: c"read-arguments",
    default: true,
    get: noted::wanted,
    set: noted::want,
}];

/// A setting's value.
pub fn get(setting: &Setting) -> i64 {
    state::with(|state| (setting.read)(state)).unwrap_or(setting.default)
}

/// Changes a setting; the server has checked the bounds. False: it could not be changed.
pub fn set(setting: &Setting, value: i64) -> bool {
    state::with(|state| (setting.write)(state, value)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_the_engines_and_values_come_back() {
        state::init(Settings::default());
        for setting in &SETTINGS {
            assert_eq!(
                state::with(|state| (setting.read)(state)),
                Ok(setting.default)
            );
            assert!((setting.min..=setting.max).contains(&setting.default));
            for value in [setting.min, setting.max] {
                assert!(set(setting, value));
                assert_eq!(get(setting), value);
            }
        }
    }
}
