//! What a measurement on a server has to be read with.

use redis::{Connection, RedisResult};
use serde::{Deserialize, Serialize};

use super::machine::{value_of, Machine};

/// Where and on what it was measured.
#[derive(Serialize, Deserialize)]
pub struct Facts {
    #[serde(flatten)]
    machine: Machine,
    /// Its name and version.
    pub server: String,
}

impl Facts {
    /// Asks the machine and the server.
    pub fn gather(connection: &mut Connection) -> RedisResult<Self> {
        Ok(Self {
            machine: Machine::gather(),
            server: server_version(connection)?,
        })
    }

    /// One line for people.
    pub fn line(&self) -> String {
        format!("{}, {}", self.machine.line(), self.server)
    }
}

fn server_version(connection: &mut Connection) -> RedisResult<String> {
    let info: String = redis::cmd("INFO").arg("server").query(connection)?;
    let valkey = value_of(&info, "valkey_version");
    Ok(if valkey.is_empty() {
        format!("Redis {}", value_of(&info, "redis_version"))
    } else {
        format!("Valkey {valkey}")
    })
}

/// The CPU time that the server's process has used so far, in seconds.
pub fn cpu_seconds(connection: &mut Connection) -> RedisResult<f64> {
    let info: String = redis::cmd("INFO").arg("cpu").query(connection)?;
    let seconds = |name| value_of(&info, name).parse::<f64>().unwrap_or(f64::NAN);
    Ok(seconds("used_cpu_user") + seconds("used_cpu_sys"))
}
