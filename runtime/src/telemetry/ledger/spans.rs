//! The ways of followed packets as spans: one for each emit of a source, each wait on a link and each call.
//!
//! The spans of a packet make a chain: the emit at its source, the wait on the first link, the call of the next node, the
//! wait after that, and so on; where a packet goes several ways the chain becomes a tree. Nothing is kept for it beside
//! the ledger: the number of a hop and that of a link make the number of a span.

use super::{Hop, HopId, Ledger, LedgerNames, Taken};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

/// Spans that are kept until they are read.
const SPANS_MAX: usize = 16_384;
/// Bits of a span's number for the link and the part.
const LINK_BITS: u32 = 18;
const PART_BITS: u32 = 2;

/// What a packet does during a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SpanPart {
    /// Its source gives it: from the emit until it is on its links.
    Emit,
    /// It waits on a link.
    Wait,
    /// A node has it.
    Call,
}

impl SpanPart {
    /// The word for exporters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Emit => "emit",
            Self::Wait => "wait",
            Self::Call => "process",
        }
    }
}

/// One part of the way of one packet. Times are in nanoseconds of the reader's clock, see [`SpanReader::now_ns`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Span {
    /// The same for all spans of a packet and of what nodes made of it.
    pub trace: u128,
    /// Number of the span in its trace; never 0.
    pub id: u64,
    /// The span before it; `None` at the source.
    pub parent: Option<u64>,
    /// What the packet does.
    pub part: SpanPart,
    /// Id of the node, or the link as a person writes it.
    pub place: String,
    /// When it began.
    pub begun_ns: u64,
    /// When it ended.
    pub ended_ns: u64,
}

/// Spans that were read.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SpanBatch {
    /// In the order in which they ended.
    pub spans: Vec<Span>,
    /// Spans that were forgotten, because nobody read them in time.
    pub lost: u64,
}

/// A span with numbers for names.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawSpan {
    root: HopId,
    id: u64,
    parent: Option<u64>,
    part: SpanPart,
    at: usize,
    times_ns: [u64; 2],
}

/// The newest spans.
#[derive(Debug, Default)]
pub(super) struct Spans {
    newest: VecDeque<RawSpan>,
    lost: u64,
}

impl Spans {
    pub(super) fn push(&mut self, span: RawSpan) {
        if self.newest.len() >= SPANS_MAX {
            self.newest.pop_front();
            self.lost += 1;
        }
        self.newest.push_back(span);
    }
}

impl RawSpan {
    pub(super) fn emit(hop: &Hop) -> Self {
        let times_ns = [hop.emitted_ns, hop.sent_ns];
        Self {
            root: hop.root,
            id: number(hop.id, 0, SpanPart::Emit),
            parent: None,
            part: SpanPart::Emit,
            at: hop.by,
            times_ns,
        }
    }

    pub(super) fn wait(hop: &Hop, taken: Taken) -> Self {
        let before = hop
            .cause
            .map_or_else(|| number(hop.id, 0, SpanPart::Emit), |cause| number(cause.hop, cause.link, SpanPart::Call));
        Self {
            root: hop.root,
            id: number(hop.id, taken.link, SpanPart::Wait),
            parent: Some(before),
            part: SpanPart::Wait,
            at: taken.link,
            times_ns: [hop.sent_ns.min(taken.begun_ns), taken.begun_ns],
        }
    }

    pub(super) fn call(hop: &Hop, taken: Taken, node: usize, ended_ns: u64) -> Self {
        Self {
            root: hop.root,
            id: number(hop.id, taken.link, SpanPart::Call),
            parent: Some(number(hop.id, taken.link, SpanPart::Wait)),
            part: SpanPart::Call,
            at: node,
            times_ns: [taken.begun_ns, ended_ns],
        }
    }
}

/// The number of a span; never 0.
fn number(hop: HopId, link: usize, part: SpanPart) -> u64 {
    let link = link as u64 & ((1 << LINK_BITS) - 1);
    let part = match part {
        SpanPart::Emit => 1,
        SpanPart::Wait => 2,
        SpanPart::Call => 3,
    };
    (hop.0 << (LINK_BITS + PART_BITS)) | (link << PART_BITS) | part
}

/// The ledger of a session, and its time and names.
pub(crate) trait SpanSource: Send + Sync + fmt::Debug {
    fn ledger(&self) -> &Ledger;
    fn names(&self) -> LedgerNames;
    fn now_ns(&self) -> u64;
}

/// Reads the ways of followed packets as spans, from any thread, also after the end of the session.
#[derive(Debug, Clone)]
pub struct SpanReader {
    source: Arc<dyn SpanSource>,
    /// The first half of every trace's number: no other reader of any process has it.
    salt: u64,
}

impl SpanReader {
    pub(crate) fn new(source: impl SpanSource + 'static) -> Self {
        use std::hash::{BuildHasher as _, Hasher as _, RandomState};
        source.ledger().take_spans();
        Self { source: Arc::new(source), salt: RandomState::new().build_hasher().finish() }
    }

    /// The spans that ended since the last call. They are kept from the making of the reader on, the newest 16,384.
    pub fn take(&self) -> SpanBatch {
        let Spans { newest, lost } = self.source.ledger().take_spans();
        let names = self.source.names();
        let named = |raw: RawSpan| {
            let list = if raw.part == SpanPart::Wait { &names.links } else { &names.nodes };
            let [begun_ns, ended_ns] = raw.times_ns;
            Span {
                trace: (u128::from(self.salt) << 64) | u128::from(raw.root.0 + 1),
                id: raw.id,
                parent: raw.parent,
                part: raw.part,
                place: list.get(raw.at).cloned().unwrap_or_default(),
                begun_ns,
                ended_ns,
            }
        };
        SpanBatch { spans: newest.into_iter().map(named).collect(), lost }
    }

    /// The time now on the clock of the spans.
    pub fn now_ns(&self) -> u64 {
        self.source.now_ns()
    }
}
