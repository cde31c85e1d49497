//! What a domain's saccules make of an event before anything else looks at it.

use std::rc::Rc;

use super::Domain;
use crate::engine::emission::Host;
use crate::engine::event::Event;
use crate::engine::router::Route;
use crate::engine::saccule::{Letter, Outcome, Saccule, View};
use crate::engine::Result;

impl Domain {
    /// Adds a saccule at the end of the line, or puts it in the place of the one of its name.
    pub fn put_saccule(&mut self, saccule: Saccule, replace: bool) -> Result<()> {
        self.fresh |= self.saccules.put(saccule, replace, &self.name)?;
        Ok(())
    }

    /// There is nothing to sift events with.
    pub fn is_open(&self) -> bool {
        self.saccules.is_empty()
    }

    /// Lets the saccules of an axon look at an event that comes, and [feeds](Self::feed) what they leave of it. Also one that
    /// is not taken in now but read from its stream later is judged now.
    #[inline(never)]
    pub fn sift(&mut self, axon: usize, route: Route, event: &Event<'_>, host: &mut Host) {
        self.note_first(event);
        let line = self.saccules.of(axon, self.index.name(axon));
        if line.is_empty() {
            return self.feed(axon, route, event, host);
        }
        let line = Rc::clone(line);
        let mut view = View::new(event);
        let (outcome, by) = self.saccules.run(&line, &mut view, None);
        match (outcome, &mut self.rebuild) {
            (Outcome::Passes, _) => {
                return view.with_event(|event| self.feed(axon, route, event, host));
            }
            // When it is read again, it has to be found out.
            (_, Some(rebuild)) => rebuild.touch(event.key),
            (_, None) => self.stats.events_seen += 1,
        }
        self.note(outcome, by, route.tag(event.key), event, host);
    }

    /// The same of an event of the past, which was judged when it came.
    pub(super) fn resift(
        &mut self,
        axon: usize,
        event: &Event<'_>,
        take_in: impl FnOnce(&mut Self, &Event<'_>),
    ) {
        let line = Rc::clone(self.saccules.of(axon, self.index.name(axon)));
        let mut view = View::new(event);
        match self.saccules.run(&line, &mut view, Some(event.id)) {
            (Outcome::Passes, _) => view.with_event(|event| take_in(self, event)),
            _ => self.stats.events_seen += 1,
        }
    }

    /// Counts and tells what has come of an event, and by which saccule.
    fn note(
        &mut self,
        outcome: Outcome,
        by: Option<usize>,
        tag: &[u8],
        event: &Event<'_>,
        host: &mut Host,
    ) {
        let reason = match outcome {
            Outcome::Passes => return,
            Outcome::Skipped => {
                self.stats.events_skipped += 1;
                return;
            }
            Outcome::Rejected(reason) => reason,
        };
        self.stats.events_rejected += 1;
        let Some(saccule) = by.and_then(|place| self.saccules.iter().nth(place)) else {
            return;
        };
        let letter = Letter {
            domain: &self.name,
            spec: &self.spec,
            tag,
            event,
            saccule,
            reason: saccule.reason(reason),
        };
        if let Some(emission) = letter.emission() {
            let cut = emission.hops > host.settings.max_hops;
            self.stats.hops_cut += u64::from(cut);
            host.out.extend((!cut).then_some(emission));
        }
    }
}
