//! Any bytes where saved windows should be are refused, or make an engine that works: what it holds is saved and read
//! again, it takes events and answers questions, and nothing is left of a rule that is gone.

use leaflet::engine::saved::{block, seal, VERSION};
use leaflet::engine::whynot::Question;
use leaflet::engine::{Emission, Engine, EntryId, Error, Event, Settings};

use super::bytes::Bytes;
use super::events::{self, Step, KEYS, TYPES, VALUES};

/// Up to so many things happen before an engine is saved, and to one that was read.
const MAX_STEPS: usize = 64;
/// Up to so many things happen to what was saved.
const MAX_DAMAGES: usize = 16;

const SETTINGS: Settings = Settings {
    max_lineage_memory: 16 << 20,
    max_window_memory: 1 << 28,
    match_budget: 1_000,
    max_matches_per_trigger: 8,
    max_sources: 4,
    max_hops: 8,
    max_time_ahead: 86_400_000,
    cluster: false,
};

/// Reads the first byte as what the others are: saved bytes as they are; the two blocks in them, the first with its
/// length in front; or an engine's life, and what happens to the bytes that it is saved as.
pub fn check(data: &[u8]) {
    let mut bytes = Bytes(data);
    match bytes.byte() % 4 {
        0 => {
            let version = i32::from(bytes.byte() % 4);
            survive(Engine::from_saved(SETTINGS, version, bytes.0));
        }
        1 => {
            let length = usize::from(bytes.byte()) << 8 | usize::from(bytes.byte());
            let definitions = bytes.take(length);
            survive(Engine::from_saved(
                SETTINGS,
                VERSION,
                &seal(&[definitions, bytes.0]),
            ));
        }
        _ => {
            let mut engine = live(&mut bytes);
            let saved = engine.save().expect("it can be saved");
            let (definitions, windows) = block(&saved).expect("it is whole");
            let (windows, _) = block(windows).expect("it is whole");
            let (mut definitions, mut windows) = (definitions.to_vec(), windows.to_vec());
            let whole = bytes.is_empty();
            for _ in 0..MAX_DAMAGES {
                if bytes.is_empty() {
                    break;
                }
                // The windows are of more interest: the definitions are texts that others read, too.
                let what = bytes.byte();
                let of = if what >= 240 {
                    &mut definitions
                } else {
                    &mut windows
                };
                damage(&mut bytes, what, of);
            }
            let read = Engine::from_saved(SETTINGS, VERSION, &seal(&[&definitions, &windows]));
            if whole {
                let (mut read, lost) = read.expect("nothing was changed");
                assert_eq!(lost, None);
                assert!(read.save().as_ref() == Ok(&saved), "it has become another");
                assert_eq!(go_on(&mut read), go_on(&mut engine));
                return;
            }
            survive(read);
        }
    }
}

/// An engine to which something has happened.
fn live(bytes: &mut Bytes) -> Engine {
    let mut engine = events::engine(SETTINGS, events::choose(bytes));
    let count = usize::from(bytes.byte()) % MAX_STEPS;
    let mut now = events::START;
    let steps: Vec<Step> = (0..count).map(|_| events::step(bytes, &mut now)).collect();
    events::feed(&mut engine, &steps);
    engine
}

/// Changes, puts in, takes out or repeats some of these bytes.
fn damage(bytes: &mut Bytes, what: u8, of: &mut Vec<u8>) {
    let mut place =
        |length: usize| (usize::from(bytes.byte()) << 8 | usize::from(bytes.byte())) % (length + 1);
    let at = place(of.len());
    match what % 6 {
        0 | 1 => {
            if let Some(byte) = of.get_mut(at) {
                *byte = bytes.byte();
            }
        }
        2 => {
            if let Some(byte) = of.get_mut(at) {
                *byte ^= 1 << (bytes.byte() % 8);
            }
        }
        3 => of.insert(at, bytes.byte()),
        4 => {
            let end = (at + usize::from(bytes.byte() % 16)).min(of.len());
            of.drain(at..end);
        }
        _ => {
            // A number of the largest kind, as postcard writes it.
            let end = (at + 1).min(of.len());
            let largest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
            of.splice(at..end, largest);
        }
    }
}

/// An engine that could be read holds what can be held, and works. Windows that can't be read are lost as a whole.
fn survive(read: Result<(Engine, Option<Error>), Error>) {
    let Ok((mut engine, None)) = read else {
        return;
    };
    let saved = engine.save().expect("it can be saved");
    let again = Engine::from_saved(SETTINGS, VERSION, &saved);
    let (mut again, lost) = again.expect("what it holds can be held");
    assert_eq!(lost, None);
    assert_eq!(again.definitions(), engine.definitions());
    assert!(again.save() == Ok(saved), "it has become another");
    ask(&engine);
    assert_eq!(go_on(&mut again), go_on(&mut engine));
    assert!(again.save() == engine.save(), "it goes on in another way");
    nothing_remains(&mut engine);
}

/// Questions are asked about every rule.
fn ask(engine: &Engine) {
    for domain in engine.definitions().domains {
        for rule in &domain.rules {
            for tag in [&b""[..], b"t"] {
                let question = Question {
                    tag,
                    partition: None,
                };
                let answer = engine.why_not(&domain.spec.name, &rule.name, question);
                answer.expect("an answer");
            }
        }
    }
}

/// Events and ticks come.
fn go_on(engine: &mut Engine) -> Vec<Emission> {
    let definitions = engine.definitions().domains;
    let mut out = Vec::new();
    for round in 0..3 {
        for (number, key) in KEYS.into_iter().enumerate() {
            let fields: [(&[u8], &[u8]); 4] = [
                (b"type", TYPES[(round + number) % TYPES.len()]),
                (b"value", VALUES[number]),
                (b"user", VALUES[round]),
                (b"k", VALUES[round]),
            ];
            let event = Event {
                key,
                id: EntryId {
                    ms: events::START + (round * 2_000 + number) as u64,
                    seq: 0,
                },
                fields: &fields,
                hops: 0,
            };
            for domain in &definitions {
                if let Some(route) = engine.route(domain.spec.db, key) {
                    engine.on_event(route, &event, &mut out);
                }
            }
        }
        for domain in &definitions {
            let time = events::START + (round as u64) * 3_000;
            for tag in [&b""[..], b"t", b"u"] {
                let ticked = engine.tick(&domain.spec.name, tag, time, &mut out);
                ticked.expect("a domain");
            }
        }
    }
    engine.wakes().for_each(drop);
    out
}

/// Everything that is held is a rule's, or waits for its turn.
fn nothing_remains(engine: &mut Engine) {
    for domain in engine.definitions().domains {
        for rule in &domain.rules {
            let deleted = engine.delete_rule(&domain.spec.name, &rule.name);
            deleted.expect("it is there");
        }
    }
    let left = engine.stats(None, None).expect("of everything");
    assert_eq!([left.window_events, left.partitions], [0; 2]);
    engine.flush(None);
    let left = engine.stats(None, None).expect("of everything");
    assert_eq!([left.window_bytes, left.events_held, left.leaflets], [0; 3]);
}
