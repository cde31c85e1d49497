//! What a domain's saccules make of an event before anything else looks at it.

use std::rc::Rc;

use super::Domain;
use crate::engine::emission::Host;
use crate::engine::event::Event;
use crate::engine::saccule::{Letter, Outcome, Saccule, View};
use crate::engine::Result;

impl Domain {
    /// Adds a saccule at the end of the line, or puts it in the place of the one of its name.
    pub fn put_saccule(&mut self, saccule: Saccule, replace: bool) -> Result<()> {
        self.fresh |= self.saccules.put(saccule, replace, &self.name)?;
        Ok(())
    }

    /// Lets the saccules of an axon look at an event, and lets in what they leave of it.
    #[inline(never)]
    pub(super) fn sift(&mut self, axon: usize, tag: &[u8], event: &Event<'_>, host: &mut Host) {
        let line = self.saccules.of(axon, self.index.name(axon));
        if line.is_empty() {
            return self.let_in(axon, tag, event, host);
        }
        let line = Rc::clone(line);
        let mut view = View::new(event);
        // What is read again was judged when it came.
        let past = self.rebuild.is_some().then_some(event.id);
        let (outcome, by) = self.saccules.run(&line, &mut view, past);
        match (outcome, past) {
            (Outcome::Passes, _) => {
                view.with_event(|event| self.let_in(axon, tag, event, host));
            }
            (_, Some(_)) => {}
            (_, None) => self.note(outcome, by, tag, event, host),
        }
    }

    /// Lets the saccules of an axon look at an event that is not let in now, but read from its stream later.
    pub(super) fn judge(&mut self, axon: usize, tag: &[u8], event: &Event<'_>, host: &mut Host) {
        if self.saccules.is_empty() {
            return;
        }
        let line = Rc::clone(self.saccules.of(axon, self.index.name(axon)));
        let (outcome, by) = self.saccules.run(&line, &mut View::new(event), None);
        self.note(outcome, by, tag, event, host);
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
