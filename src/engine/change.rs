//! What was changed of the definitions, for whoever keeps a record of it.

use super::Engine;

/// A definition that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// What was done, as the command calls it: `RULE.ADD`.
    pub action: &'static str,
    pub domain: String,
    /// The rule, or what else of the domain was changed.
    pub name: Option<String>,
    /// The version that is in force now, or of what is gone.
    pub version: Option<u64>,
    /// What was in force before, where there was something.
    pub old: Option<String>,
    /// What is in force now, where there is something.
    pub new: Option<String>,
    /// Of a rule that is there now.
    pub paused: Option<bool>,
}

impl Engine {
    /// What has changed of the definitions since the last call.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }
}
