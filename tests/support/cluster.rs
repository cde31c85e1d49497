//! A Redis Cluster of servers on this machine.

use super::client::Client;
use super::saved::windows;
use super::server::{Options, Server};

/// A node of a cluster.
pub struct Node {
    pub server: Server,
    pub client: Client,
    /// The name the cluster knows it by.
    pub id: String,
}

impl Node {
    fn start(options: &Options) -> Self {
        // Nodes hear of each other soon, and nobody takes over, or stops, because this machine is slow.
        let options = options
            .clone()
            .arg("--cluster-node-timeout", "5000")
            .arg("--cluster-replica-no-failover", "yes")
            .arg("--cluster-require-full-coverage", "no");
        let server = options.cluster().start();
        let mut client = Client::connect(&server.url());
        let id = client.text(&["CLUSTER", "MYID"]);
        Self { server, client, id }
    }

    /// What its windows hold, byte for byte.
    pub fn windows(&mut self) -> Vec<u8> {
        windows(&self.server, &mut self.client)
    }

    fn meet(&mut self, other: &mut Node) {
        let port = self.server.port().to_string();
        let bus = self.client.text(&["CONFIG", "GET", "cluster-port"]);
        let bus = bus.split(' ').next_back().expect("a port");
        other
            .client
            .ok(&["CLUSTER", "MEET", "127.0.0.1", &port, bus]);
    }
}

/// Primaries that share the slots evenly.
pub struct Cluster {
    pub primaries: Vec<Node>,
}

impl Cluster {
    /// So many primaries, each started with these options.
    pub fn start(options: &Options, count: usize) -> Self {
        let mut primaries: Vec<Node> = (0..count).map(|_| Node::start(options)).collect();
        for (i, node) in primaries.iter_mut().enumerate() {
            let [first, end] = [i, i + 1].map(|i| 16_384 * i / count);
            let [first, last] = [first, end - 1].map(|slot| slot.to_string());
            let epoch = (i + 1).to_string();
            node.client.ok(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch]);
            node.client.ok(&["CLUSTER", "ADDSLOTSRANGE", &first, &last]);
        }
        let (hub, others) = primaries.split_first_mut().expect("a node");
        others.iter_mut().for_each(|node| node.meet(hub));
        let mut cluster = Self { primaries };
        cluster.wait_until_known(count);
        cluster
    }

    /// Gives each primary a replica.
    pub fn add_replicas(&mut self, options: &Options) -> Vec<Node> {
        let count = self.primaries.len();
        let mut replicas: Vec<Node> = (0..count).map(|_| Node::start(options)).collect();
        for replica in &mut replicas {
            replica.meet(&mut self.primaries[0]);
        }
        self.wait_until_known(2 * count);
        for (replica, primary) in replicas.iter_mut().zip(&self.primaries) {
            let follow = ["CLUSTER", "REPLICATE", &primary.id];
            let client = &mut replica.client;
            client.wait_until("it knows its primary", |client| {
                client.try_call(&follow).is_ok()
            });
            client.wait_until("it follows", |client| {
                let info = client.info("replication");
                info.get("master_link_status")
                    .is_some_and(|link| link == "up")
            });
        }
        // Each primary knows who follows whom: a replica needs their votes.
        let ids: Vec<String> = self.primaries.iter().map(|node| node.id.clone()).collect();
        for node in &mut self.primaries {
            node.client.wait_until("it knows the replicas", |client| {
                ids.iter()
                    .all(|id| !client.text(&["CLUSTER", "REPLICAS", id]).is_empty())
            });
        }
        replicas
    }

    fn wait_until_known(&mut self, count: usize) {
        for node in &mut self.primaries {
            let known = format!("cluster_known_nodes:{count}");
            node.client.wait_until("the cluster is up", |client| {
                let info = client.text(&["CLUSTER", "INFO"]);
                info.contains("cluster_state:ok") && info.contains(&known)
            });
        }
    }

    /// Carries a command out on every primary.
    pub fn everywhere(&mut self, command: &[&str]) {
        for node in &mut self.primaries {
            node.client.ok(command);
        }
    }

    /// The slot of a key.
    pub fn slot(&mut self, key: &str) -> String {
        self.primaries[0].client.text(&["CLUSTER", "KEYSLOT", key])
    }

    /// Where the primary of a key is.
    pub fn place(&mut self, key: &str) -> usize {
        let slot = self.slot(key);
        let serves = |node: &mut Node| node.client.try_call(&["EXISTS", key]).is_ok();
        let place = self.primaries.iter_mut().position(serves);
        place.unwrap_or_else(|| panic!("nobody serves slot {slot}"))
    }

    /// Opens a slot at two primaries, so that its keys can go from one to the other.
    pub fn open_slot(&mut self, slot: &str, from: usize, to: usize) {
        let [old, new] = [from, to].map(|place| self.primaries[place].id.clone());
        let set = ["CLUSTER", "SETSLOT", slot];
        let importing = [&set[..], &["IMPORTING", &old]].concat();
        self.primaries[to].client.ok(&importing);
        let migrating = [&set[..], &["MIGRATING", &new]].concat();
        self.primaries[from].client.ok(&migrating);
    }

    /// Moves keys of an open slot.
    pub fn move_keys(&mut self, from: usize, to: usize, keys: &[&str]) {
        let port = self.primaries[to].server.port().to_string();
        let migrate = ["MIGRATE", "127.0.0.1", &port, "", "0", "10000", "KEYS"];
        let migrate = [&migrate[..], keys].concat();
        self.primaries[from].client.ok(&migrate);
    }

    /// Gives an open slot, whose keys have all been moved, to its new node.
    pub fn close_slot(&mut self, slot: &str, to: usize) {
        let id = self.primaries[to].id.clone();
        self.primaries[to]
            .client
            .ok(&["CLUSTER", "SETSLOT", slot, "NODE", &id]);
        self.everywhere(&["CLUSTER", "SETSLOT", slot, "NODE", &id]);
    }
}

/// Who appends to a tag's axons, and goes where the cluster sends it.
pub struct Producer {
    place: usize,
}

impl Producer {
    /// One that begins at this primary.
    pub fn at(place: usize) -> Self {
        Self { place }
    }

    /// Carries a command out where its key is.
    pub fn call(&mut self, cluster: &mut Cluster, command: &[&str]) {
        for _ in 0..1_000 {
            let client = &mut cluster.primaries[self.place].client;
            let Err(error) = client.try_call(command) else {
                return;
            };
            // `MOVED 15891 127.0.0.1:7000`
            let port = error.rsplit(':').next().expect("a port");
            let mut nodes = cluster.primaries.iter();
            let place = nodes.position(|node| node.server.port().to_string() == port);
            if error.starts_with("MOVED ") {
                self.place = place.expect("a primary");
            } else if error.starts_with("ASK ") {
                let client = &mut cluster.primaries[place.expect("a primary")].client;
                client.ok(&["ASKING"]);
                client.call(command);
                return;
            } else {
                panic!("{command:?}: {error}");
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        panic!("{command:?}: sent from node to node");
    }
}
