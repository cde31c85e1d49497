//! Starts real servers with the module, and always stops them.
//!
//! Every server has a free port and a private folder. A watchdog shell holds the other end of a pipe: when
//! this process ends, however it ends, the pipe closes and the watchdog kills the server and removes the folder.

// Tests, benches and examples each use their own part of this.
#![allow(dead_code)]

use std::fs::File;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to come up, to load its data, or to reach a state that is waited for.
pub const PATIENCE: Duration = Duration::from_secs(30);

const LOG: &str = "server.log";

/// `$1` is the server's folder, the rest its command line. A line on the pipe means that the folder stays. A file that
/// can't grow beyond a limit is a full disk to the server, and not its end.
const WATCHDOG: &str = r#"
folder=$1; shift
trap '' XFSZ
exec 3<&0
(trap '' INT HUP TERM; keep=; read keep <&3; kill -9 $$; [ -n "$keep" ] || rm -rf "$folder") >/dev/null 2>&1 &
exec "$@" 3<&- </dev/null
"#;

/// What kind of server to start.
#[derive(Clone)]
pub struct Options {
    binary: PathBuf,
    /// What runs the server, with its own words.
    under: Vec<String>,
    module: bool,
    args: Vec<String>,
}

impl Options {
    /// A server with the module, in memory only.
    pub fn new() -> Self {
        Self {
            binary: server_binary(),
            under: Vec::new(),
            module: true,
            args: Vec::new(),
        }
    }

    /// Another server binary than the usual one.
    pub fn binary(mut self, path: impl Into<PathBuf>) -> Self {
        self.binary = path.into();
        self
    }

    /// Run by another program, such as valgrind, that takes the server's command line after these words.
    pub fn under(mut self, words: impl IntoIterator<Item = String>) -> Self {
        self.under = words.into_iter().collect();
        self
    }

    /// A bare server.
    pub fn without_module(mut self) -> Self {
        self.module = false;
        self
    }

    /// With an append-only file that is synced at each write.
    pub fn aof(self) -> Self {
        self.arg("--appendonly", "yes")
            .arg("--appendfsync", "always")
    }

    /// A replica of this server.
    pub fn replica_of(self, primary: &Server) -> Self {
        self.arg("--replicaof", &format!("127.0.0.1 {}", primary.port))
    }

    /// A cluster node; it still owns no slots.
    pub fn cluster(self) -> Self {
        let bus = free_port().to_string();
        self.arg("--cluster-enabled", "yes")
            .arg("--cluster-port", &bus)
    }

    /// A setting, `--name value`.
    pub fn arg(mut self, name: &str, value: &str) -> Self {
        self.args.extend([name.into(), value.into()]);
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Panics
    /// When it does not come up; the panic's message holds its log.
    pub fn start(self) -> Server {
        match self.try_start() {
            Ok(server) => server,
            Err(log) => panic!("the server did not come up:\n{log}"),
        }
    }

    /// Starts the server, or gives the log of one that ended by itself before it answered.
    pub fn try_start(self) -> Result<Server, String> {
        loop {
            let dir = tempfile::Builder::new()
                .prefix("leaflet-")
                .tempdir()
                .expect("a temporary folder");
            let port = free_port();
            let process = Process::spawn(&self, dir.path(), port);
            let mut server = Server {
                options: self.clone(),
                dir,
                port,
                process: Some(process),
            };
            if server.wait_until_up() {
                return Ok(server);
            }
            let log = server.log();
            // Somebody else took the port in between.
            if !log.contains("Address already in use") {
                return Err(log);
            }
        }
    }

    fn command_line(&self, dir: &Path, port: u16) -> Vec<String> {
        let mut line = self.under.clone();
        line.push(self.binary.display().to_string());
        for (name, value) in [
            ("--port", port.to_string()),
            ("--bind", "127.0.0.1".into()),
            ("--dir", dir.display().to_string()),
            ("--save", String::new()),
            ("--daemonize", "no".into()),
            // A replica need not wait for others that might want the same copy.
            ("--repl-diskless-sync-delay", "0".into()),
        ] {
            line.extend([name.into(), value]);
        }
        line.extend(self.args.iter().cloned());
        if self.module {
            line.extend(["--loadmodule".into(), module_path().display().to_string()]);
        }
        line
    }
}

/// A running server; stopped, and its folder removed, when dropped.
pub struct Server {
    options: Options,
    // Before the folder, so that the server is gone when the folder is removed.
    process: Option<Process>,
    dir: tempfile::TempDir,
    port: u16,
}

impl Server {
    /// A server with the module, in memory only.
    pub fn start() -> Self {
        Options::new().start()
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its private folder, with its log and data.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("a running server").child.id()
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.dir().join(LOG)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    /// Has it start with this setting from the next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.options = self.options.clone().arg(name, value);
    }

    /// Has it be a cluster node from the next start on.
    pub fn become_cluster(&mut self) {
        self.options = self.options.clone().cluster();
    }

    /// Has it start without the module from now on.
    pub fn forget_module(&mut self) {
        self.options = self.options.clone().without_module();
    }

    /// Starts it again after `kill` or a `SHUTDOWN`; it has to end by itself. Its log.
    ///
    /// # Panics
    /// When it comes up.
    pub fn refuses_to_start(&mut self) -> String {
        if let Some(mut process) = self.process.take() {
            process.wait();
            process.kill();
        }
        self.process = Some(Process::spawn(&self.options, self.dir.path(), self.port));
        assert!(!self.wait_until_up(), "the server came up");
        self.log()
    }

    /// Kills it where it stands; its folder stays for `restart`.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// Starts it again after `kill` or a `SHUTDOWN`, with the same port and data.
    ///
    /// # Panics
    /// When it does not come up; the panic's message holds its log.
    pub fn restart(&mut self) {
        assert!(
            self.try_restart(),
            "the server did not come up again:\n{}",
            self.log_tail()
        );
    }

    /// The same; false where it ended by itself.
    pub fn try_restart(&mut self) -> bool {
        if let Some(mut process) = self.process.take() {
            process.wait();
            process.kill();
        }
        self.process = Some(Process::spawn(&self.options, self.dir.path(), self.port));
        self.wait_until_up()
    }

    /// False where the process ended by itself.
    fn wait_until_up(&mut self) -> bool {
        let client = redis::Client::open(self.url()).expect("a valid address");
        let start = Instant::now();
        loop {
            if let Ok(mut connection) = client.get_connection_with_timeout(PATIENCE) {
                let info: redis::RedisResult<String> =
                    redis::cmd("INFO").arg("server").query(&mut connection);
                let loaded = redis::cmd("PING").exec(&mut connection).is_ok();
                // The port may have gone to another server in between.
                let ours = format!("process_id:{}\r", self.pid());
                if loaded && info.is_ok_and(|info| info.contains(&ours)) {
                    return true;
                }
            }
            if self.process.as_mut().is_some_and(Process::ended) {
                return false;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "the server does not answer:\n{}",
                self.log_tail()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of {}:\n{}", self.url(), self.log_tail());
        }
        self.kill();
    }
}

struct Process {
    child: Child,
    pipe: ChildStdin,
}

impl Process {
    fn spawn(options: &Options, dir: &Path, port: u16) -> Self {
        let log = File::options()
            .create(true)
            .append(true)
            .open(dir.join(LOG))
            .expect("a log file");
        let mut child = Command::new("sh")
            .args(["-c", WATCHDOG, "watchdog"])
            .arg(dir)
            .args(options.command_line(dir, port))
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("sh starts");
        let pipe = child.stdin.take().expect("a pipe");
        Self { child, pipe }
    }

    fn ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    fn wait(&mut self) {
        let start = Instant::now();
        while !self.ended() && start.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn kill(mut self) {
        // The folder belongs to `Server` as long as this process lives.
        let _ = self.pipe.write_all(b"keep\n");
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server binary: `REDIS_SERVER`, else the project's own, else the one on the `PATH`.
pub fn server_binary() -> PathBuf {
    if let Some(path) = std::env::var_os("REDIS_SERVER") {
        return path.into();
    }
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/bin/redis-server");
    if own.exists() {
        own
    } else {
        "redis-server".into()
    }
}

/// The module: `LEAFLET_MODULE`, else the one built together with this program, else a release or debug build.
pub fn module_path() -> PathBuf {
    if let Some(path) = std::env::var_os("LEAFLET_MODULE") {
        return path.into();
    }
    let here = std::env::current_exe().expect("this program's path");
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    here.ancestors()
        .skip(1)
        .take(2)
        .map(Path::to_path_buf)
        .chain([target.join("release"), target.join("debug")])
        .map(|folder| folder.join("libleaflet.so"))
        .find(|path| path.exists())
        .expect("the module is not built: cargo build --release")
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}
