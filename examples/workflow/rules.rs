//! Rules that stand in a server for a while.

use redis::{Connection, RedisResult, Value};
use std::collections::HashMap;

/// A rule of the default domain, and what stood under its name before.
pub struct BorrowedRule {
    name: &'static str,
    before: Option<Before>,
}

struct Before {
    text: String,
    paused: bool,
}

impl BorrowedRule {
    /// Adds the rule, in place of one of the same name.
    ///
    /// # Errors
    /// What the server answers to a rule it can't take, with the column in its text.
    pub fn put(
        connection: &mut Connection,
        name: &'static str,
        text: &'static str,
    ) -> RedisResult<Self> {
        let before = find(connection, name)?;
        add(connection, name, text, false)?;
        Ok(Self { name, before })
    }

    /// Deletes the rule, or puts back the one that stood there before.
    pub fn give_back(&self, connection: &mut Connection) -> RedisResult<()> {
        match &self.before {
            Some(before) => add(connection, self.name, &before.text, before.paused),
            None => redis::cmd("LEAFLET.RULE.DEL")
                .arg(self.name)
                .exec(connection),
        }
    }
}

fn find(connection: &mut Connection, name: &str) -> RedisResult<Option<Before>> {
    let rules: Vec<HashMap<String, Value>> = redis::cmd("LEAFLET.RULE.LIST").query(connection)?;
    for mut rule in rules {
        let mut take = |field: &str| rule.remove(field).unwrap_or(Value::Nil);
        if redis::from_redis_value::<String>(take("name"))? == name {
            return Ok(Some(Before {
                text: redis::from_redis_value(take("text"))?,
                paused: redis::from_redis_value(take("paused"))?,
            }));
        }
    }
    Ok(None)
}

fn add(connection: &mut Connection, name: &str, text: &str, paused: bool) -> RedisResult<()> {
    let mut add = redis::cmd("LEAFLET.RULE.ADD");
    add.arg(name).arg(text).arg("REPLACE");
    if paused {
        add.arg("PAUSED");
    }
    add.exec(connection)
}
