//! Packets that go around a cycle through a node: how many may enter, and how long they are awaited.

use super::{CYCLE_DRAIN_NS, Node};
use crate::exec::worker::inputs::Feed;
use crate::exec::worker::local::Locals;

impl Node {
    pub(super) fn feedback(&self) -> impl Iterator<Item = &Feed> {
        self.plan.inputs.iter().flat_map(|input| &input.feeds).filter(|feed| feed.is_feedback)
    }

    /// Whether packets that went around a cycle have been awaited for too long: a node of the cycle swallowed them.
    pub(super) fn cycle_gave_up(&mut self, locals: &Locals, now_ns: i64) -> bool {
        if self.feedback().any(|feed| feed.len(locals) > 0) {
            self.cycle_awaited_since_ns = None;
            return false;
        }
        now_ns.saturating_sub(*self.cycle_awaited_since_ns.get_or_insert(now_ns)) >= CYCLE_DRAIN_NS
    }

    /// Takes the packets that are under way around the cycles of this node for lost, so that others may enter.
    #[cold]
    pub(super) fn take_credits_back(&mut self) {
        let context = &self.plan.context;
        tracing::warn!(
            node = context.node(),
            kind = context.kind(),
            "packets that went around a cycle did not come back; they are taken for lost and their credits given again"
        );
        self.cycle_awaited_since_ns = None;
        let outputs = &self.plan.outputs;
        let feeds = self.plan.inputs.iter_mut().flat_map(|input| &mut input.feeds);
        for credits in feeds.filter_map(|feed| feed.credits.as_mut()) {
            self.plan.counters.lost_credits.add(credits.take_back(outputs));
        }
    }

    /// Whether nothing is under way around the cycle that a link closes, as far as its credits tell.
    pub(super) fn has_all_credits(&self, feed: &Feed) -> bool {
        feed.credits.as_ref().is_none_or(|credits| credits.are_all_left(&self.plan.outputs))
    }

    /// Packets that may enter the cycles through this node.
    pub(super) fn entry_credits(&self) -> usize {
        let feeds = self.plan.inputs.iter().flat_map(|input| &input.feeds).filter(|feed| !feed.is_ended);
        let credits = feeds.filter_map(|feed| feed.credits.as_ref());
        credits.map(|credits| credits.left(&self.plan.outputs)).min().unwrap_or(usize::MAX)
    }

    /// Counts a packet that came back around a cycle.
    pub(super) fn packet_returned(&mut self, pin: usize, feed_at: usize) {
        if let Some(credits) = self.feed_mut(pin, feed_at).and_then(|feed| feed.credits.as_mut()) {
            credits.packet_returned();
        }
        self.cycle_awaited_since_ns = None;
    }
}
