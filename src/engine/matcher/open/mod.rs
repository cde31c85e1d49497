//! Open matches, for `SELECT ALL`: all beginnings of matches that a partition holds, in little more memory than their
//! events take.
//!
//! The structure is the compact one of CORE (Bucchi, Grez, Quintana, Riveros, Vansummeren: *CORE: a Complex Event
//! Recognition Engine*, VLDB 2022, section 5). Its *output* node is a [`Node`]: all open matches of a state of the
//! [`Automaton`] that end with one event. Its *bottom* node is the origin [`NOTHING`]. Its *union* nodes are the
//! [`Chain`]s: what stands for the open matches that an event goes on from is a stretch of the chain of a state, up to
//! the event, so that all later events share it and nothing has to be linked. Each node knows its *max-start*, as there:
//! of the oldest times of its matches the youngest, so that what has left the window is not walked into.
//!
//! Other than in CORE the matches are wanted in an order (newest first, as `SELECT LAST` compares them), and times need not
//! rise with the processing order. Chains are ordered by their events, therefore, and not by max-start; that those which
//! are too old are passed over all the same is what the blocks of a [`Chain`] are for.
//!
//! An event costs a step for each state it can lead to, of which there is a bounded number, and a few looks into chains;
//! a match that is listed costs as much as it has events. Neither depends on how many matches are open, but for the
//! logarithms of the binary searches in chains.

mod chain;
mod list;

use std::collections::VecDeque;
use std::mem::size_of;

use smallvec::SmallVec;

use crate::engine::partition::{Candidate, More, Seen};
use crate::engine::rule::automaton::{Automaton, NotSet, Origin, Source, Step, NOTHING};
use crate::engine::rule::pattern::{members, AtomSet};
use chain::{Chain, Node};
pub(super) use list::Listing;

/// The open matches of a partition.
#[derive(Debug, Default)]
pub struct OpenMatches {
    /// By kept state.
    chains: Vec<Chain>,
    /// By NOT: the largest time of what it has seen.
    latest: SmallVec<[Option<u64>; 1]>,
}

/// What NOTs have seen: see [`More::seen`].
type AllSeen = [VecDeque<Seen>];

/// An event that comes.
#[derive(Clone, Copy)]
pub struct Coming {
    pub event: Candidate,
    /// The atoms it fits.
    pub fits: AtomSet,
    /// The NOTs that see it.
    pub seen: NotSet,
    /// Older events have left the window.
    pub floor: u64,
}

impl OpenMatches {
    /// At most what an event takes that fits these atoms: as if there were open matches that each of them could go on
    /// from. Chains are partly empty.
    pub fn event_bytes(automaton: &Automaton, fits: AtomSet) -> u64 {
        let nodes = automaton.reached(fits).count_ones() as usize;
        (3 * nodes * size_of::<Node>() / 2) as u64
    }

    /// What it takes in a partition apart from its events, with the first block of a chain.
    pub fn bytes(automaton: &Automaton) -> u64 {
        let chains = automaton.kept() * size_of::<Chain>();
        (size_of::<More>() + size_of::<Self>() + chains + 3 * size_of::<Node>()) as u64
    }

    /// An event comes that is kept; `seen` is what NOTs have seen before it.
    pub fn grow(&mut self, automaton: &Automaton, seen: &AllSeen, coming: Coming) {
        self.chains.resize_with(automaton.kept(), Chain::default);
        let event = coming.event;
        for state in members(automaton.reached(coming.fits)) {
            let (mut steps, mut start) = (0, None);
            for (number, step) in (0..).zip(&automaton.states()[usize::from(state)].steps) {
                let possible = coming.fits & (1 << step.atom) != 0
                    && coming.seen & step.among == step.seen
                    && self.may_lead(step, event, automaton.within);
                if !possible {
                    continue;
                }
                let reached = self.start(automaton, step.from, event, seen);
                if reached >= Some(coming.floor) {
                    steps |= 1 << number;
                    start = start.max(reached);
                }
            }
            if let Some(start) = start {
                self.chains[usize::from(state)].push(event, start, steps);
            }
        }
    }

    /// A NOT has seen something of this time.
    pub fn see(&mut self, absence: usize, time: u64) {
        if self.latest.len() <= absence {
            self.latest.resize(absence + 1, None);
        }
        self.latest[absence] = self.latest[absence].max(Some(time));
    }

    /// The event that was kept first is gone.
    pub fn forget(&mut self, automaton: &Automaton, seq: u64, fits: AtomSet) {
        for state in members(automaton.reached(fits)) {
            if let Some(chain) = self.chains.get_mut(usize::from(state)) {
                chain.forget(seq);
            }
        }
    }

    /// The leading NOTs of a step have seen nothing that keeps an event, which comes after all that they have seen, from
    /// being a first one.
    fn may_lead(&self, step: &Step, event: Candidate, within: u64) -> bool {
        members(step.leading).all(|absence| {
            let latest = self.latest.get(usize::from(absence)).copied().flatten();
            latest.is_none_or(|latest| latest < event.time.saturating_sub(within))
        })
    }

    /// The max-start of what an event makes of the open matches of an origin.
    fn start(
        &self,
        automaton: &Automaton,
        origin: Origin,
        event: Candidate,
        seen: &AllSeen,
    ) -> Option<u64> {
        if origin == NOTHING {
            return Some(event.time);
        }
        let stretches = automaton.sources(origin).iter();
        let latest = stretches.filter_map(|source| {
            let (chain, from, to) = self.stretch(source, event.seq, seen)?;
            chain.latest(from, to)
        });
        Some(latest.max()?.min(event.time))
    }

    /// Where the open matches stand that an event at this place in processing order goes on from: a chain, and the
    /// numbers of its nodes.
    fn stretch(&self, source: &Source, seq: u64, seen: &AllSeen) -> Option<(&Chain, u64, u64)> {
        let chain = self.chains.get(usize::from(source.state))?;
        let last = |absence: u8| {
            let seen = seen.get(usize::from(absence))?;
            let at = seen.partition_point(|s| s.seq < seq);
            Some(seen.get(at.checked_sub(1)?)?.seq)
        };
        let from = members(source.since).filter_map(last).max();
        let mut to = seq;
        for absence in members(source.before) {
            to = to.min(last(absence)?);
        }
        let (from, to) = (chain.from(from.unwrap_or(0)), chain.from(to));
        (from < to).then_some((chain, from, to))
    }
}

impl More {
    /// Makes the open matches anew, of the events that are kept, in processing order and with the atoms they fit, and of
    /// what NOTs have seen.
    pub fn regrow(
        &mut self,
        automaton: &Automaton,
        events: impl Iterator<Item = (Candidate, AtomSet)>,
    ) {
        let mut open = OpenMatches::default();
        let mut seen: Vec<(u64, usize, u64)> = Vec::new();
        for (absence, list) in self.seen.iter().enumerate() {
            seen.extend(list.iter().map(|s| (s.seq, absence, s.time)));
        }
        seen.sort_unstable();
        let mut seen = seen.into_iter().peekable();
        for (event, fits) in events {
            while let Some((_, absence, time)) = seen.next_if(|(seq, ..)| *seq < event.seq) {
                open.see(absence, time);
            }
            // What sees the event itself counts after it.
            let own = seen.clone().take_while(|(seq, ..)| *seq == event.seq);
            let coming = Coming {
                event,
                fits,
                seen: own.fold(0, |set, (_, absence, _)| set | 1 << absence),
                floor: 0,
            };
            open.grow(automaton, &self.seen, coming);
        }
        seen.for_each(|(_, absence, time)| open.see(absence, time));
        self.open = Some(Box::new(open));
    }
}
