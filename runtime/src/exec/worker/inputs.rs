//! Where the packets of a node come from.

use crate::exec::link::{DropReason, Link};
use crate::exec::worker::local::{LocalLink, Locals};
use crate::exec::worker::outputs::{Output, Route};
use graphmill_abi::Packet;
use std::sync::Arc;

/// An input of a node and the links that reach it.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) name: Arc<str>,
    pub(crate) feeds: Vec<Feed>,
    /// The node was told that the input has ended, or nothing ever reaches it.
    pub(crate) is_flushed: bool,
}

/// One link that reaches an input.
#[derive(Debug)]
pub(crate) struct Feed {
    from: Route,
    /// Number of the link in the graph.
    pub(crate) number: usize,
    /// The link closes a cycle: it does not hold back the end of its input.
    pub(crate) is_feedback: bool,
    /// How many packets may be under way around the cycle.
    pub(crate) credits: Option<Credits>,
    pub(crate) is_ended: bool,
}

/// The window of a cycle at its head: every packet that the head gives into the cycle takes a credit, every packet that
/// comes back returns one. Packets from outside wait while there is none left.
#[derive(Debug, Clone)]
pub(crate) struct Credits {
    initial: u64,
    returned: u64,
    /// Outputs of the head from which the cycle starts.
    outputs: Vec<usize>,
}

impl Credits {
    pub(crate) fn new(initial: u32, outputs: Vec<usize>) -> Self {
        Self { initial: u64::from(initial), returned: 0, outputs }
    }

    /// Counts a packet that came back.
    pub(crate) fn packet_returned(&mut self) {
        self.returned += 1;
    }

    /// Packets that may enter now.
    pub(crate) fn left(&self, outputs: &[Output]) -> usize {
        let given: u64 = self.outputs.iter().filter_map(|at| outputs.get(*at)).map(|output| output.given).sum();
        let under_way = given.saturating_sub(self.returned);
        usize::try_from(self.initial.saturating_sub(under_way)).unwrap_or(usize::MAX)
    }

    /// Gives all credits again; returns how many were out.
    pub(crate) fn take_back(&mut self, outputs: &[Output]) -> u64 {
        let out = self.initial - self.left(outputs) as u64;
        self.returned += out;
        out
    }

    /// Whether nothing is under way.
    pub(crate) fn are_all_left(&self, outputs: &[Output]) -> bool {
        self.left(outputs) as u64 == self.initial
    }
}

impl Input {
    /// The same input for another instance: nothing was taken yet, and the cycles are empty as far as it knows.
    pub(crate) fn replica(&self) -> Self {
        let feeds = self.feeds.iter().map(Feed::replica).collect();
        Self { name: self.name.clone(), feeds, is_flushed: self.feeds.is_empty() }
    }

    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.into(), feeds: Vec::new(), is_flushed: false }
    }

    /// Whether every link that is no feedback has ended.
    pub(crate) fn is_ended(&self) -> bool {
        self.feeds.iter().all(|feed| feed.is_feedback || feed.is_ended)
    }
}

impl Feed {
    fn replica(&self) -> Self {
        let credits = self.credits.as_ref().map(|credits| Credits { returned: 0, ..credits.clone() });
        Self { from: self.from.clone(), number: self.number, is_feedback: self.is_feedback, credits, is_ended: false }
    }

    pub(crate) fn new(from: Route, number: usize, is_feedback: bool, credits: Option<Credits>) -> Self {
        Self { from, number, is_feedback, credits, is_ended: false }
    }

    pub(crate) fn remote(&self) -> Option<&Arc<Link>> {
        match &self.from {
            Route::Remote(link) => Some(link),
            Route::Local(_) => None,
        }
    }

    pub(crate) fn len(&self, locals: &Locals) -> usize {
        match &self.from {
            Route::Remote(link) => link.len(),
            Route::Local(at) => locals.get(*at).map_or(0, LocalLink::len),
        }
    }

    /// Whether so many packets wait, or as many as hold the producer up.
    pub(crate) fn has(&self, wanted: usize, locals: &Locals) -> bool {
        match &self.from {
            Route::Remote(link) => link.has(wanted),
            Route::Local(_) => self.len(locals) > 0,
        }
    }

    /// Takes the next packet, in exchange for a box without content; whether there was one.
    #[inline]
    pub(crate) fn take(&self, packet: &mut Box<Packet>, locals: &mut Locals) -> bool {
        match &self.from {
            Route::Remote(link) => link.take(packet),
            Route::Local(at) => locals.take(*at, packet),
        }
    }

    /// Notes the depth before a batch.
    pub(crate) fn saw_depth(&self, depth: usize, locals: &Locals) {
        match &self.from {
            Route::Remote(link) => link.counters.saw_depth(depth),
            Route::Local(at) => {
                if let Some(link) = locals.get(*at) {
                    link.counters.saw_depth(depth);
                }
            }
        }
    }

    /// After a batch: lets a held producer go on.
    pub(crate) fn let_producer_go(&self) {
        if let Route::Remote(link) = &self.from {
            link.let_producer_go();
        }
    }

    pub(crate) fn is_finished(&self, locals: &Locals) -> bool {
        match &self.from {
            Route::Remote(link) => link.is_finished(),
            Route::Local(at) => locals.get(*at).is_none_or(LocalLink::is_finished),
        }
    }

    /// Takes no more.
    pub(crate) fn close(&self, reason: DropReason, locals: &mut Locals) {
        match &self.from {
            Route::Remote(link) => link.close(reason),
            Route::Local(at) => {
                if let Some(link) = locals.get_mut(*at) {
                    link.close(reason);
                }
            }
        }
    }
}
