//! The settings: `CONFIG SET leaflet.<name>`, redis.conf, or `--leaflet.<name>` at start.

use super::ffi::noted;
use super::state;
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
    read: fn(&Settings) -> i64,
    write: fn(&mut Settings, i64),
}

/// All settings.
pub const SETTINGS: [Setting; 7] = [
    Setting {
        name: c"max-window-memory",
        default: 256 << 20,
        min: 1 << 20,
        max: i64::MAX,
        memory: true,
        read: |settings| settings.max_window_memory as i64,
        write: |settings, value| settings.max_window_memory = value as u64,
    },
    Setting {
        name: c"match-budget",
        default: 25_000,
        min: 1,
        max: i64::MAX,
        memory: false,
        read: |settings| settings.match_budget as i64,
        write: |settings, value| settings.match_budget = value as u64,
    },
    Setting {
        name: c"max-matches-per-trigger",
        default: 128,
        min: 1,
        max: 100_000,
        memory: false,
        read: |settings| settings.max_matches_per_trigger as i64,
        write: |settings, value| settings.max_matches_per_trigger = value as usize,
    },
    Setting {
        name: c"max-sources",
        default: 64,
        min: 1,
        max: 100_000,
        memory: false,
        read: |settings| settings.max_sources as i64,
        write: |settings, value| settings.max_sources = value as usize,
    },
    Setting {
        name: c"max-time-ahead",
        default: 86_400_000,
        min: 0,
        max: i64::MAX,
        memory: false,
        read: |settings| settings.max_time_ahead as i64,
        write: |settings, value| settings.max_time_ahead = value as u64,
    },
    Setting {
        name: c"max-hops",
        default: 8,
        min: 0,
        max: 64,
        memory: false,
        read: |settings| i64::from(settings.max_hops),
        write: |settings, value| settings.max_hops = value as u32,
    },
    Setting {
        name: c"max-lineage-memory",
        default: 16 << 20,
        min: 0,
        max: i64::MAX,
        memory: true,
        read: |settings| settings.max_lineage_memory as i64,
        write: |settings, value| settings.max_lineage_memory = value as u64,
    },
];

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
    state::with(|state| (setting.read)(&state.engine.settings())).unwrap_or(setting.default)
}

/// Changes a setting; the server has checked the bounds. False: it could not be changed.
pub fn set(setting: &Setting, value: i64) -> bool {
    state::with(|state| {
        let mut settings = state.engine.settings();
        (setting.write)(&mut settings, value);
        state.engine.set_settings(settings);
    })
    .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_the_engines_and_values_come_back() {
        let mut settings = Settings::default();
        for setting in &SETTINGS {
            assert_eq!((setting.read)(&settings), setting.default);
            assert!((setting.min..=setting.max).contains(&setting.default));
            for value in [setting.min, setting.max] {
                (setting.write)(&mut settings, value);
                assert_eq!((setting.read)(&settings), value);
            }
        }
    }
}
