//! The work that a peer is asked to do.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Places of every queue between two threads.
pub const CAPACITY: usize = 64;

/// Part of the packets that a warm-up moves.
const WARM_UP_PART: u64 = 10;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// A source, `depth` nodes that hand packets on, and a sink, all on one thread.
    Inline,
    /// The same with a thread for each of them and queues of [`CAPACITY`] places between them.
    Threads,
    /// One source, a chain of `depth` nodes, and a sink at each of the nodes, all on one thread.
    Caterpillar,
    /// A request to one node on a thread of its own, and its reply, each with a time limit; the next one follows at once.
    Call,
    /// The application pushes a packet, a node on a thread of its own hands it on, the application takes it out; the
    /// next one follows at once.
    RoundTrip,
    /// The same with a packet every millisecond, so that every thread sleeps in between.
    Paced,
}

/// Every work with its name on the command line.
const NAMES: [(Work, &str); 6] = [
    (Work::Inline, "inline"),
    (Work::Threads, "threads"),
    (Work::Caterpillar, "caterpillar"),
    (Work::Call, "call"),
    (Work::RoundTrip, "round-trip"),
    (Work::Paced, "paced"),
];

impl Work {
    /// Whether each packet is timed by itself.
    #[must_use]
    pub fn is_latency(self) -> bool {
        matches!(self, Self::Call | Self::RoundTrip | Self::Paced)
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(work, _)| work == self).map_or("?", |(_, name)| name);
        f.pad(name)
    }
}

impl FromStr for Work {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|(_, name)| *name == text).map(|(work, _)| *work);
        let names = || NAMES.map(|(_, name)| name).join(", ");
        found.ok_or_else(|| format!("`{text}` is no case; there are {}", names()))
    }
}

/// One line of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Case {
    /// What is done.
    pub work: Work,
    /// Nodes between source and sink.
    pub depth: usize,
    /// Bytes of each packet; nobody reads or writes them.
    pub bytes: usize,
    /// Packets to move.
    pub packets: u64,
}

impl Case {
    /// Reads the four arguments of a peer.
    ///
    /// # Errors
    /// There are not four of them, or one is wrong; the message names it.
    pub fn parse(arguments: &[String]) -> Result<Self, String> {
        let [work, depth, bytes, packets] = arguments else {
            return Err(format!("{} arguments are there, 4 are wanted", arguments.len()));
        };
        Ok(Self {
            work: work.parse()?,
            depth: number("DEPTH", depth)?,
            bytes: number("BYTES", bytes)?,
            packets: number("PACKETS", packets)?,
        })
    }

    /// The arguments that [`Case::parse`] reads.
    #[must_use]
    pub fn arguments(&self) -> [String; 4] {
        [self.work.to_string(), self.depth.to_string(), self.bytes.to_string(), self.packets.to_string()]
    }

    /// The same with a tenth of the packets, and at least one.
    #[must_use]
    pub fn warm_up(&self) -> Self {
        Self { packets: (self.packets / WARM_UP_PART).max(1), ..*self }
    }
}

fn number<N: FromStr>(name: &str, text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("{name} is `{text}`, which is no number of this range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_of_every_case_are_read_again() {
        for (work, _) in NAMES {
            let case = Case { work, depth: 8, bytes: 64, packets: 1000 };
            assert_eq!(Case::parse(&case.arguments()), Ok(case));
        }
    }

    #[test]
    fn a_wrong_argument_is_named() {
        let parse = |line: &str| Case::parse(&line.split(' ').map(Into::into).collect::<Vec<_>>()).unwrap_err();
        assert!(parse("inline 1 64").contains("3 arguments"));
        assert!(parse("chain 1 64 1").contains("`chain` is no case; there are inline, "));
        assert!(parse("inline -1 64 1").contains("DEPTH is `-1`"));
    }

    #[test]
    fn a_warm_up_moves_at_least_one_packet() {
        let case = |packets| Case { work: Work::Inline, depth: 1, bytes: 0, packets };
        assert_eq!([case(5).warm_up().packets, case(1000).warm_up().packets], [1, 100]);
    }
}
