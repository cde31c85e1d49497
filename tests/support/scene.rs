//! A domain of a test's own on a server that many tests share.

use super::client::{Client, Entry};
use super::server::{Options, Server};
use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::OnceLock;

/// The address of a running server to test, where one is given.
pub fn given_url() -> Option<String> {
    std::env::var("LEAFLET_URL")
        .ok()
        .filter(|url| !url.is_empty())
}

/// A server that the test owns, or `None`, with a printed line, where a running one is to be tested.
pub fn own(options: Options) -> Option<Server> {
    if given_url().is_some() {
        skip("it needs a server of its own, and LEAFLET_URL names a running one");
        return None;
    }
    Some(options.start())
}

/// Says that the running test does not take place. Goes past the harness, which hides what passing tests print.
pub fn skip(why: &str) {
    let test = std::thread::current();
    let name = test.name().unwrap_or_default();
    let _ = writeln!(std::io::stderr(), "skipped {name}: {why}");
}

/// The server all tests of this process share; it ends with the process.
static SHARED: OnceLock<Server> = OnceLock::new();

fn running_url() -> String {
    given_url().unwrap_or_else(|| SHARED.get_or_init(Server::start).url())
}

/// A domain with axons `<domain>:axon_*` and output `<domain>:out`, removed with all its keys when dropped.
pub struct Scene {
    pub client: Client,
    pub domain: String,
    url: String,
}

impl Scene {
    /// On the given server, else on the one all tests share.
    pub fn new(test: &str) -> Self {
        Self::with(&running_url(), test, &[])
    }

    /// On this server.
    pub fn on(server: &Server, test: &str) -> Self {
        Self::with(&server.url(), test, &[])
    }

    /// On this server, with further arguments of `LEAFLET.DOMAIN.CREATE`.
    pub fn on_with_options(server: &Server, test: &str, options: &[&str]) -> Self {
        Self::with(&server.url(), test, options)
    }

    /// With further arguments of `LEAFLET.DOMAIN.CREATE`.
    pub fn with_options(test: &str, options: &[&str]) -> Self {
        Self::with(&running_url(), test, options)
    }

    fn with(url: &str, test: &str, options: &[&str]) -> Self {
        let mut client = Client::connect(url);
        let domain = unique(test);
        let (axons, output) = (format!("{domain}:axon_*"), format!("{domain}:out"));
        let mut command = vec!["LEAFLET.DOMAIN.CREATE", &domain];
        command.extend(["AXONS", &axons, "OUTPUT", &output]);
        command.extend(options);
        client.ok(&command);
        Self {
            client,
            domain,
            url: url.into(),
        }
    }

    /// The server's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A further connection.
    pub fn connect(&self) -> Client {
        Client::connect(&self.url)
    }

    /// A key of this scene.
    pub fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.domain)
    }

    /// Adds a rule to the scene's domain.
    pub fn rule(&mut self, name: &str, text: &str) {
        self.client
            .ok(&["LEAFLET.RULE.ADD", name, text, "DOMAIN", &self.domain]);
    }

    /// The line with which a rule is refused.
    pub fn refused_rule(&mut self, text: &str) -> String {
        self.client
            .refused(&["LEAFLET.RULE.ADD", "refused", text, "DOMAIN", &self.domain])
    }

    /// Appends events, each written `<event_id> <type>@<axon> <ms> [name=value …]`.
    pub fn feed(&mut self, events: &[&str]) {
        for event in events {
            let mut words = event.split_whitespace();
            let (id, place, ms) = (words.next(), words.next(), words.next());
            let (event_type, axon) = place.and_then(|p| p.split_once('@')).expect("type@axon");
            let mut fields = vec![("type", event_type), ("event_id", id.expect("an id"))];
            fields.extend(words.map(|word| word.split_once('=').expect("name=value")));
            self.add(axon, &format!("{}-*", ms.expect("a time")), &fields);
        }
    }

    /// Appends an entry to an axon and gives its id.
    pub fn add(&mut self, axon: &str, id: &str, fields: &[(&str, &str)]) -> String {
        let key = self.key(axon);
        let mut command = vec!["XADD", &key, id];
        command.extend(fields.iter().flat_map(|(name, value)| [*name, *value]));
        self.client.text(&command)
    }

    /// The output stream.
    pub fn out(&mut self) -> Vec<Entry> {
        let key = self.key("out");
        self.client.entries(&key)
    }

    /// The sources of each integrated event so far.
    pub fn matches(&mut self) -> Vec<String> {
        self.out().iter().map(Entry::sources).collect()
    }

    /// One figure of the domain's statistics.
    pub fn stat(&mut self, name: &str) -> u64 {
        stat(&mut self.client, &["DOMAIN", &self.domain], name)
    }
}

/// One figure of `LEAFLET.STATS`.
pub fn stat(client: &mut Client, of: &[&str], name: &str) -> u64 {
    let mut command = vec!["LEAFLET.STATS"];
    command.extend(of);
    let figures = client.map(&command);
    let figure = figures
        .get(name)
        .unwrap_or_else(|| panic!("no {name} in {figures:?}"));
    figure
        .parse()
        .unwrap_or_else(|_| panic!("{name} is no whole number: {figure}"))
}

impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() {
            if let Some(server) = SHARED.get().filter(|server| server.url() == self.url) {
                eprintln!("--- log of the shared server:\n{}", server.log_tail());
            }
        }
        // A scene that a test has already dropped is fine; its keys go all the same.
        let _ = self.client.try_call(&["LEAFLET.DOMAIN.DROP", &self.domain]);
        remove_keys(&mut self.client, &format!("{}*", self.domain));
    }
}

/// Removes the keys that match.
pub fn remove_keys(client: &mut Client, pattern: &str) {
    if let Ok(redis::Value::Array(keys)) = client.try_call(&["KEYS", pattern]) {
        for key in keys {
            if let redis::Value::BulkString(key) = key {
                let _ = client.try_call(&[b"DEL".as_slice(), &key]);
            }
        }
    }
}

/// A name no other test and no other run uses.
pub fn unique(test: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let since_epoch = std::time::UNIX_EPOCH.elapsed().expect("a clock after 1970");
    format!(
        "t_{test}_{:x}_{}",
        since_epoch.as_nanos(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}

/// Runs one rule over these events and compares the sources of what it emits.
pub fn check(rule: &str, events: &[&str], expected: &[&str]) {
    let mut scene = Scene::new("rule");
    scene.rule("rule", rule);
    scene.feed(events);
    assert_eq!(scene.matches(), expected, "{rule}\n{events:#?}");
}
