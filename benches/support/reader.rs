//! How long a blocked reader waits for an entry.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use redis::{Cmd, Connection, RedisResult};

/// A reply of XREAD: each stream's key and its entries, an id and a flat list of fields.
type Reply = Vec<(String, Vec<(String, Vec<String>)>)>;

/// A reader of a stream's new entries that blocks before each is written.
///
/// It looks for its reply without pause: how long this machine takes to wake a program that sleeps, which is more than the
/// server takes, is no part of the time.
pub struct BlockedReader {
    reader: TcpStream,
    control: Connection,
    stream: String,
    last_id: String,
}

impl BlockedReader {
    /// Reads `stream` from its start, which must be empty or missing, from the server on this port;
    /// `control` watches whether the reader is blocked.
    pub fn new(port: u16, control: Connection, stream: &str) -> std::io::Result<Self> {
        let reader = TcpStream::connect(("127.0.0.1", port))?;
        reader.set_nodelay(true)?;
        reader.set_nonblocking(true)?;
        Ok(Self {
            reader,
            control,
            stream: stream.to_owned(),
            last_id: "0".to_owned(),
        })
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
        self.reader.write_all(&read)?;
        while !self.is_blocked()? {}
        let start = Instant::now();
        writer.send_packed_command(&write)?;
        let (reply, took) = self.reply(start)?;
        writer.recv_response()?.extract_error()?;
        let entries = reply.into_iter().flat_map(|(_, entries)| entries);
        self.last_id = entries.last().map(|(id, _)| id).unwrap_or_default();
        Ok(took)
    }

    /// The whole reply, and how long after `start` it was there.
    fn reply(&mut self, start: Instant) -> RedisResult<(Reply, Duration)> {
        let mut bytes = Vec::new();
        let mut piece = [0; 1 << 14];
        loop {
            match self.reader.read(&mut piece) {
                Ok(0) => return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into()),
                Ok(length) => bytes.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    std::hint::spin_loop();
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
            let took = start.elapsed();
            if let Ok(reply) = redis::parse_redis_value(&bytes) {
                return Ok((redis::from_redis_value(reply.extract_error()?)?, took));
            }
        }
    }

    fn is_blocked(&mut self) -> RedisResult<bool> {
        let clients: String = redis::cmd("INFO").arg("clients").query(&mut self.control)?;
        Ok(clients.contains("blocked_clients:1\r"))
    }
}
