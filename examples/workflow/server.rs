//! A connection to a Redis server that has Leaflet, or one clear message why not.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use redis::{Client, Connection, ConnectionAddr, RedisError, Value};

/// How long a connection attempt may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Why a program gives up: a message for a person and an exit code for a script.
#[derive(Debug)]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// Anything without an exit code of its own (1).
    pub fn other(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: 1,
        }
    }

    /// Prints the message to standard error and gives the exit code.
    pub fn report(&self) -> ExitCode {
        eprintln!("{self}");
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        Self::other(explain(&error))
    }
}

/// The server's own words where it sent any: the client's display wraps them in its own terms.
fn explain(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("the server answers: {code} {detail}"),
        _ => error.to_string(),
    }
}

/// A server that was reached and has the module.
pub struct Server {
    client: Client,
    address: ConnectionAddr,
}

impl Server {
    /// Connects to `url` (`redis://[user:password@]host[:port][/db]`) and checks for the module.
    ///
    /// # Errors
    /// Exit code 3 where the server can't be reached, 4 where it has no Leaflet, 1 for the rest.
    pub fn open(url: &str) -> Result<Self, Failure> {
        let client = Client::open(url)
            .map_err(|error| Failure::other(format!("--url is not a redis:// address: {error}")))?;
        let address = client.get_connection_info().addr().clone();
        let server = Self { client, address };
        let mut connection = server.connect()?;
        match redis::cmd("LEAFLET.STATS").query::<Value>(&mut connection) {
            Ok(_) => Ok(server),
            Err(error) if is_unknown_command(&error) => Err(server.without_module()),
            Err(error) => Err(error.into()),
        }
    }

    /// A further connection to the same server.
    pub fn connect(&self) -> Result<Connection, Failure> {
        self.client
            .get_connection_with_timeout(CONNECT_TIMEOUT)
            .map_err(|error| {
                if error.is_io_error() {
                    Failure {
                        message: format!(
                            "no Redis server answers at {} ({error})\n  \
                             start one with Leaflet in it:  make run\n  \
                             or name another:               --url redis://host:port",
                            self.address
                        ),
                        code: 3,
                    }
                } else {
                    error.into()
                }
            })
    }

    /// How to call `redis-cli` for this server.
    pub fn redis_cli(&self) -> String {
        match &self.address {
            ConnectionAddr::Tcp(host, port) if host == "127.0.0.1" || host == "localhost" => {
                format!("redis-cli -p {port}")
            }
            ConnectionAddr::Tcp(host, port) => format!("redis-cli -h {host} -p {port}"),
            ConnectionAddr::Unix(path) => format!("redis-cli -s {}", path.display()),
            other => format!("redis-cli -u redis://{other}"),
        }
    }

    /// Host and port (or socket), without user and password.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    fn without_module(&self) -> Failure {
        Failure {
            message: format!(
                "the server at {} runs without Leaflet\n  \
                 a server that has it:  make run\n  \
                 or give it to yours:   make build, then\n                         \
                 redis-server --loadmodule target/release/libleaflet.so",
                self.address
            ),
            code: 4,
        }
    }
}

fn is_unknown_command(error: &RedisError) -> bool {
    error
        .detail()
        .is_some_and(|detail| detail.contains("unknown command"))
}
