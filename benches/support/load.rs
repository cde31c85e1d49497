//! A load generator that does next to nothing while it is timed: the commands are encoded before,
//! and of the replies only the first byte is looked at.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The key and the fields of an entry to append.
pub struct Entry {
    /// The stream.
    pub key: String,
    /// As `XADD` takes it: `*` for one of the server's.
    pub id: String,
    /// Names and values, one after the other.
    pub fields: Vec<String>,
}

/// Commands, encoded, in batches.
pub struct Load {
    bytes: Vec<u8>,
    /// Where each batch ends in `bytes`, and how many commands it holds.
    batches: Vec<(usize, usize)>,
}

impl Load {
    /// Encodes one `XADD` an entry. At most `depth` commands will be under way.
    pub fn new(entries: impl Iterator<Item = Entry>, depth: usize) -> Self {
        let xadd = |entry: Entry| {
            let head = ["XADD".to_owned(), entry.key, entry.id];
            head.into_iter().chain(entry.fields).collect()
        };
        Self::of(entries.map(xadd), depth)
    }

    /// Encodes commands whose replies are one text each. At most `depth` of them will be under way.
    pub fn of(commands: impl Iterator<Item = Vec<String>>, depth: usize) -> Self {
        // Two batches are under way at a time, so that the server never waits for the client.
        let size = (depth / 2).max(1);
        let mut load = Self {
            bytes: Vec::new(),
            batches: Vec::new(),
        };
        let mut count = 0;
        for command in commands {
            load.encode(&command);
            count += 1;
            if count == size {
                load.batches.push((load.bytes.len(), count));
                count = 0;
            }
        }
        if count > 0 {
            load.batches.push((load.bytes.len(), count));
        }
        load
    }

    fn encode(&mut self, words: &[String]) {
        self.bytes.extend(format!("*{}\r\n", words.len()).bytes());
        for word in words {
            self.bytes
                .extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
        }
    }

    /// Sends everything to the server on this port and returns how long it took to the last reply.
    ///
    /// # Errors
    /// When the connection fails or a reply is an error.
    pub fn run(&self, port: u16) -> io::Result<Duration> {
        let mut sender = TcpStream::connect(("127.0.0.1", port))?;
        sender.set_nodelay(true)?;
        let mut replies = BufReader::with_capacity(1 << 16, sender.try_clone()?);
        let start = Instant::now();
        let mut from = 0;
        let mut waiting = None;
        for &(to, count) in &self.batches {
            sender.write_all(&self.bytes[from..to])?;
            from = to;
            if let Some(earlier) = waiting.replace(count) {
                read_texts(&mut replies, earlier)?;
            }
        }
        if let Some(last) = waiting {
            read_texts(&mut replies, last)?;
        }
        Ok(start.elapsed())
    }
}

/// Reads as many replies, each a text: `$15`, line end, the text, line end; or `+OK`, line end.
fn read_texts(replies: &mut impl BufRead, count: usize) -> io::Result<()> {
    let mut line = Vec::with_capacity(64);
    for _ in 0..count {
        line.clear();
        replies.read_until(b'\n', &mut line)?;
        let length = match line.split_first() {
            Some((b'+', _)) => continue,
            Some((b'$', length)) => std::str::from_utf8(length)
                .ok()
                .and_then(|length| length.trim_end().parse::<usize>().ok()),
            _ => None,
        };
        let Some(length) = length else {
            let said = String::from_utf8_lossy(&line).into_owned();
            return Err(io::Error::other(format!("not a text: {said}")));
        };
        line.resize(length + 2, 0);
        replies.read_exact(&mut line)?;
    }
    Ok(())
}
