//! A client that does nothing but ask whether the server is there.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Sends one `PING` after the other on a thread and a connection of its own, and remembers the longest time to a reply.
pub struct Pinger {
    ends: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<Gaps>>,
}

/// What it saw.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gaps {
    pub pings: u64,
    pub longest: Duration,
}

impl Pinger {
    /// Starts to ask the server on this port; from the first reply on it counts.
    ///
    /// # Errors
    /// When there is no connection.
    pub fn start(port: u16) -> io::Result<Self> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        ping(&mut stream)?;
        let ends = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ends);
        let thread = std::thread::spawn(move || {
            let mut gaps = Gaps::default();
            while !end.load(Ordering::Relaxed) {
                gaps.longest = gaps.longest.max(ping(&mut stream)?);
                gaps.pings += 1;
                // Others need the processor too.
                std::thread::sleep(Duration::from_micros(100));
            }
            Ok(gaps)
        });
        Ok(Self { ends, thread })
    }

    /// Ends it.
    ///
    /// # Errors
    /// When the connection failed meanwhile.
    pub fn stop(self) -> io::Result<Gaps> {
        self.ends.store(true, Ordering::Relaxed);
        self.thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the pinger panicked")))
    }
}

fn ping(stream: &mut TcpStream) -> io::Result<Duration> {
    let mut reply = [0; 7];
    let start = Instant::now();
    stream.write_all(b"PING\r\n")?;
    stream.read_exact(&mut reply)?;
    let took = start.elapsed();
    match &reply {
        b"+PONG\r\n" => Ok(took),
        other => Err(io::Error::other(format!(
            "no PONG: {}",
            other.escape_ascii()
        ))),
    }
}
