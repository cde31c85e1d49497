//! Leaflet's engine alone, as one of the peers (see README.md): reads the file of events, asks one rule, and prints what it
//! took as a line of JSON.
//!
//! ```text
//! cargo bench --bench peer_engine --no-default-features -- target/bench/peers/events-1000000.csv 'MATCH A AND B WITHIN 2s'
//! ```

mod feed;

use std::error::Error;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use clap::Parser;

#[derive(Parser)]
struct Args {
    /// The file of events
    file: PathBuf,
    /// The rule
    rule: String,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let took = feed::feed(BufReader::new(File::open(args.file)?), &args.rule)?;
    println!("{}", serde_json::to_string(&took)?);
    Ok(())
}
