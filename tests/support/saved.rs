//! What a server's windows hold, byte for byte, as it would save it.

use super::client::Client;
use super::server::Server;

/// The snapshot of all windows in the RDB that the server saves now. Two servers that agree give the same bytes.
pub fn windows(server: &Server, client: &mut Client) -> Vec<u8> {
    client.ok(&["CONFIG", "SET", "rdbcompression", "no"]);
    // Not while a replica gets its copy.
    client.wait_until("the RDB is saved", |client| {
        client.try_call(&["SAVE"]).is_ok()
    });
    let rdb = std::fs::read(server.dir().join("dump.rdb")).expect("the RDB");
    let start = b"{\"domains\":";
    let json = rdb
        .windows(start.len())
        .position(|bytes| bytes == start)
        .expect("definitions in the RDB");
    // Two blocks, each with its length and checksum in front: the definitions, and the windows.
    let length = |block: usize| {
        let bytes = rdb[block - 16..block - 8].try_into().expect("eight bytes");
        u64::from_le_bytes(bytes) as usize
    };
    let windows = json + length(json) + 16;
    rdb[windows..windows + length(windows)].to_vec()
}
