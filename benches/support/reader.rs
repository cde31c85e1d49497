//! How long a blocked reader waits for an entry.

use std::time::{Duration, Instant};

use redis::{Cmd, Connection, RedisResult};

/// A reply of XREAD: each stream's key and its entries, an id and a flat list of fields.
type Read = Vec<(String, Vec<(String, Vec<String>)>)>;

/// A reader of a stream's new entries that blocks before each is written.
pub struct BlockedReader {
    reader: Connection,
    control: Connection,
    stream: String,
    last_id: String,
}

impl BlockedReader {
    /// Reads `stream` from its start, which must be empty or missing, on `reader`;
    /// `control` watches whether the reader is blocked.
    pub fn new(reader: Connection, control: Connection, stream: &str) -> Self {
        Self {
            reader,
            control,
            stream: stream.to_owned(),
            last_id: "0".to_owned(),
        }
    }

    /// Blocks the reader, sends `write` on `writer`, and returns the time from then until the
    /// reader has the entry.
    pub fn time(&mut self, writer: &mut Connection, write: &Cmd) -> RedisResult<Duration> {
        let read = redis::cmd("XREAD")
            .arg("BLOCK")
            .arg(0)
            .arg("STREAMS")
            .arg(&self.stream)
            .arg(&self.last_id)
            .get_packed_command();
        let write = write.get_packed_command();
        self.reader.send_packed_command(&read)?;
        while !self.is_blocked()? {}
        let start = Instant::now();
        writer.send_packed_command(&write)?;
        let reply = self.reader.recv_response()?;
        let took = start.elapsed();
        writer.recv_response()?.extract_error()?;
        let reply: Read = redis::from_redis_value(reply.extract_error()?)?;
        let entries = reply.into_iter().flat_map(|(_, entries)| entries);
        self.last_id = entries.last().map(|(id, _)| id).unwrap_or_default();
        Ok(took)
    }

    fn is_blocked(&mut self) -> RedisResult<bool> {
        let clients: String = redis::cmd("INFO").arg("clients").query(&mut self.control)?;
        Ok(clients.contains("blocked_clients:1\r"))
    }
}
