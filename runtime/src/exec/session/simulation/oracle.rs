//! What every instance gave and got, and whether the report of the session tells the same.

use super::fault::Trouble;
use super::world::Dice;
use crate::exec::EmitError;
use crate::exec::instance::{Fault, FaultClass};
use crate::exec::report::{LinkReport, NodeReport};
use crate::exec::supervise::NodeState;
use crate::graph::{Graph, OnTrip};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A packet that an instance gave to an output.
#[derive(Debug, Clone, Copy)]
struct Given {
    number: u64,
    fate: Fate,
}

/// What the host answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is on every link of the output, or was counted there.
    Taken,
    /// Refused, and counted on every link that did not take it.
    Counted,
    /// Refused, and still the instance's own.
    Refused,
}

/// One `process`.
#[derive(Debug)]
struct Call {
    node: String,
    pin: usize,
    number: u64,
    end: End,
}

/// How a call ended, as far as the instance knows, and then the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    UnderWay,
    Done,
    /// A typed error.
    Refused,
    /// The instance was lost, and the packet with it.
    Lost,
}

/// Keeps the books of one run.
#[derive(Debug)]
pub(super) struct Oracle {
    /// Nodes that let packets pass by when they have tripped.
    may_bypass: BTreeSet<String>,
    given: BTreeMap<(String, usize), Vec<Given>>,
    calls: Vec<Call>,
    /// Packets that each source still has to give.
    left: HashMap<String, usize>,
    numbers: u64,
    is_running: bool,
    created: u64,
    freed: u64,
    pub(super) troubles: BTreeMap<&'static str, u64>,
}

impl Oracle {
    /// Empty books for a graph.
    pub(super) fn new(graph: &Graph, dice: &mut Dice) -> Self {
        let sources = graph.nodes().iter().filter(|node| node.is_source());
        let left = sources.map(|node| (node.id().to_owned(), 5 + dice.below(60))).collect();
        let bypassing = graph.nodes().iter().filter(|node| node.policy().on_trip == OnTrip::Bypass);
        Self {
            may_bypass: bypassing.map(|node| node.id().to_owned()).collect(),
            given: BTreeMap::new(),
            calls: Vec::new(),
            left,
            numbers: 0,
            is_running: false,
            created: 0,
            freed: 0,
            troubles: BTreeMap::new(),
        }
    }

    pub(super) fn runs(&mut self) {
        self.is_running = true;
    }

    pub(super) fn is_running(&self) -> bool {
        self.is_running
    }

    pub(super) fn created(&mut self) {
        self.created += 1;
    }

    pub(super) fn freed(&mut self) {
        self.freed += 1;
    }

    pub(super) fn trouble(&mut self, trouble: Trouble) {
        let name = match trouble {
            Trouble::None => return,
            Trouble::Preempted => "preempted",
            Trouble::Slow => "slow",
            Trouble::Hang => "hang",
            Trouble::Error => "error",
            Trouble::Panic => "panic",
            Trouble::Contract => "contract",
        };
        *self.troubles.entry(name).or_default() += 1;
    }

    /// A number that no other packet has.
    pub(super) fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// How many packets a source gives in this tick; `None` at its end.
    pub(super) fn next_burst(&mut self, node: &str, dice: &mut Dice) -> Option<usize> {
        let left = self.left.get_mut(node)?;
        let count = (1 + dice.below(3)).min(*left);
        *left -= count;
        (count > 0).then_some(count)
    }

    pub(super) fn gave(&mut self, node: &str, pin: usize, number: u64, outcome: &Result<(), EmitError>) {
        let fate = match outcome {
            Ok(()) => Fate::Taken,
            Err(EmitError::WouldBlock | EmitError::Cancelled) => Fate::Refused,
            Err(_) => Fate::Counted,
        };
        self.given.entry((node.to_owned(), pin)).or_default().push(Given { number, fate });
    }

    /// A call begins; gives its number.
    pub(super) fn got(&mut self, node: &str, pin: usize, number: u64) -> usize {
        self.calls.push(Call { node: node.to_owned(), pin, number, end: End::UnderWay });
        self.calls.len() - 1
    }

    /// A call ends.
    pub(super) fn processed(&mut self, call: usize, outcome: &Result<(), Fault>) {
        self.calls[call].end = match outcome {
            Ok(()) => End::Done,
            Err(fault) if matches!(fault.class, FaultClass::Panic | FaultClass::Contract) => End::Lost,
            Err(_) => End::Refused,
        };
    }

    /// Compares the books with the report.
    pub(super) fn check(&self, graph: &Graph, nodes: &[NodeReport], links: &[LinkReport]) -> Result<(), String> {
        if self.created != self.freed {
            return Err(format!("{} instances were made and {} freed", self.created, self.freed));
        }
        let nodes: HashMap<&str, &NodeReport> = nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        for (link, report) in graph.links().iter().zip(links) {
            self.check_link(graph, link, (report, &nodes))?;
        }
        for (at, node) in graph.nodes().iter().enumerate() {
            let feeds = graph.links().iter().zip(links).filter(|(link, _)| link.to().node == at);
            let delivered = feeds.map(|(_, report)| report.delivered).sum();
            self.check_node(node, (nodes[node.id()], delivered), self.is_fed_past_a_node(graph, at, &nodes))?;
        }
        Ok(())
    }

    /// Nothing is lost on a link without a count, and what arrives keeps its order.
    fn check_link(
        &self,
        graph: &Graph,
        link: &crate::graph::Link,
        (report, nodes): (&LinkReport, &HashMap<&str, &NodeReport>),
    ) -> Result<(), String> {
        let id = |at: usize| graph.nodes()[at].id();
        let (from, to) = (id(link.from().node), id(link.to().node));
        let none = Vec::new();
        let given = self.given.get(&(from.to_owned(), link.from().pin)).unwrap_or(&none);
        let passed_by = self.passed_by(nodes[from]);
        if passed_by > 0 && self.is_fed_past_a_node(graph, link.from().node, nodes) {
            return Ok(());
        }
        let sent = given.iter().filter(|given| given.fate != Fate::Refused).count() as u64 + passed_by;
        if sent != report.delivered + report.dropped_total() + report.depth {
            return Err(format!("{}: {sent} packets were given to it: {report:?}", report.link));
        }
        if self.is_fed_past_a_node(graph, link.to().node, nodes) {
            return Ok(());
        }
        let order: HashMap<u64, usize> = given.iter().enumerate().map(|(at, given)| (given.number, at)).collect();
        let mut newest = None;
        let mut arrived = BTreeSet::new();
        let calls = self.calls.iter().filter(|call| call.node == to && call.pin == link.to().pin);
        for (number, place) in calls.filter_map(|call| Some((call.number, *order.get(&call.number)?))) {
            if given[place].fate == Fate::Refused {
                return Err(format!("{}: packet {number} was refused, and arrived", report.link));
            }
            if newest > Some(place) {
                return Err(format!("{}: packet {number} arrived after one that was given later", report.link));
            }
            newest = Some(place);
            arrived.insert(number);
        }
        if arrived.len() as u64 > report.delivered {
            return Err(format!("{}: {} different packets arrived: {report:?}", report.link, arrived.len()));
        }
        Ok(())
    }

    /// Packets that a node took and that passed it by; with the number that their links refused.
    fn passed_by(&self, report: &NodeReport) -> u64 {
        let of_node = self.calls.iter().filter(|call| call.node == report.id);
        let handed_over: BTreeSet<_> = of_node.map(|call| (call.number, call.pin)).collect();
        if report.state == NodeState::Tripped && self.may_bypass.contains(&report.id) {
            report.packets_in - handed_over.len() as u64
        } else {
            0
        }
    }

    /// Whether packets came to a node that passed another one by. They keep their numbers, so that it cannot be told
    /// over which link one came: then only the sums are compared.
    fn is_fed_past_a_node(&self, graph: &Graph, node: usize, nodes: &HashMap<&str, &NodeReport>) -> bool {
        graph.links_to(node).any(|(_, feed)| self.passed_by(nodes[graph.nodes()[feed.from().node].id()]) > 0)
    }

    /// Every packet that a node took was handed over, passed it by, or is counted; none twice without the policy's leave.
    fn check_node(
        &self,
        node: &crate::graph::Node,
        (report, delivered): (&NodeReport, u64),
        is_fed_past_a_node: bool,
    ) -> Result<(), String> {
        // One packet may come in on several pins.
        let mut attempts: BTreeMap<(u64, usize), u32> = BTreeMap::new();
        for call in self.calls.iter().filter(|call| call.node == node.id()) {
            *attempts.entry((call.number, call.pin)).or_default() += 1;
        }
        let fault = |what: String| Err(format!("node {}: {what}: {report:?}", node.id()));
        if report.packets_in != delivered {
            return fault(format!("its links delivered {delivered} packets"));
        }
        if is_fed_past_a_node {
            return Ok(());
        }
        if let Some(((number, _), count)) = attempts.iter().find(|(_, count)| **count > 1 + node.policy().redeliver) {
            return fault(format!("packet {number} was handed over {count} times"));
        }
        let handed_over = attempts.len() as u64;
        let passed_by = self.passed_by(report);
        // A link may refuse what passes the node by; it counts it, and the node an error.
        let is_told = (report.bypassed..=report.bypassed + report.errors).contains(&passed_by);
        if handed_over + passed_by != report.packets_in || !is_told {
            return fault(format!("{handed_over} packets were handed over"));
        }
        Ok(())
    }
}
