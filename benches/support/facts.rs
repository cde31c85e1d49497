//! What a measurement has to be read with: machine, versions.

use std::fs::read_to_string;

use redis::{Connection, RedisResult};
use serde::Serialize;

/// Where and on what it was measured.
#[derive(Serialize)]
pub struct Facts {
    cpu: String,
    cores: usize,
    kernel: String,
    /// Of the last minute, before the start.
    load_average: String,
    server: String,
    leaflet: &'static str,
}

impl Facts {
    /// Asks the machine and the server.
    pub fn gather(connection: &mut Connection) -> RedisResult<Self> {
        let first_word = |text: String| text.split_whitespace().next().map(str::to_owned);
        Ok(Self {
            cpu: value_of(&file("/proc/cpuinfo"), "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: file("/proc/sys/kernel/osrelease").trim().to_owned(),
            load_average: first_word(file("/proc/loadavg")).unwrap_or_default(),
            server: server_version(connection)?,
            leaflet: env!("CARGO_PKG_VERSION"),
        })
    }

    /// One line for people.
    pub fn line(&self) -> String {
        format!(
            "{}, {} cores, Linux {}, load {}; {}, Leaflet {}",
            self.cpu, self.cores, self.kernel, self.load_average, self.server, self.leaflet
        )
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

/// What stands after the colon on the line of this name.
fn value_of(text: &str, name: &str) -> String {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
        .unwrap_or_default()
}

fn file(path: &str) -> String {
    read_to_string(path).unwrap_or_default()
}
