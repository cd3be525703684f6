//! One run: a graph, its life, and the comparison at the end.

use super::graph::roll;
use super::node::Makers;
use super::oracle::Oracle;
use super::world::{self, Dice, World, with};
use crate::exec::clock::{Measure, VirtualClock};
use crate::exec::link::DropReason;
use crate::exec::report::{LinkEntry, NodeEntry, NodeReport};
use crate::exec::session::{SessionOptions, assemble};
use crate::exec::watch::Watch;
use crate::exec::worker::SteppedWorker;
use crossbeam_channel::unbounded;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What happened in one run, or in many.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) packets: u64,
    pub(super) dropped: u64,
    pub(super) restarts: u64,
    pub(super) timeouts: u64,
    pub(super) late_outputs: u64,
    pub(super) lost_in_flight: u64,
    pub(super) bypassed: u64,
    pub(super) failed_sessions: u64,
    pub(super) troubles: BTreeMap<&'static str, u64>,
    /// Everything in its order.
    story: u64,
}

impl Seen {
    pub(super) fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.dropped += other.dropped;
        self.restarts += other.restarts;
        self.timeouts += other.timeouts;
        self.late_outputs += other.late_outputs;
        self.lost_in_flight += other.lost_in_flight;
        self.bypassed += other.bypassed;
        self.failed_sessions += other.failed_sessions;
        for (trouble, count) in &other.troubles {
            *self.troubles.entry(trouble).or_default() += count;
        }
    }

    /// Whether many runs had some of everything; a simulation in which nothing goes wrong shows nothing.
    pub(super) fn check(&self) {
        let counts = [
            self.packets,
            self.dropped,
            self.restarts,
            self.timeouts,
            self.late_outputs,
            self.lost_in_flight,
            self.bypassed,
            self.failed_sessions,
        ];
        assert!(
            counts.iter().all(|count| *count > 0) && self.troubles.len() == 6,
            "something never happened: {self:?}"
        );
    }
}

/// Runs a seed to its end; the error says what the session lost, doubled or mixed up.
pub(super) fn run(seed: u64) -> Result<Seen, String> {
    let mut dice = Dice::new(seed);
    let graph = roll(&mut dice);
    let clock = Arc::new(VirtualClock::new());
    let mut options = SessionOptions { clock: clock.clone(), ..SessionOptions::default() };
    options.measure = Measure::Counts;
    options.jitter_seed = Some(seed);
    let assembly = assemble::assemble(&graph, &Makers, "simulation", &options).map_err(|error| error.to_string())?;
    let (milestones, _unheard) = unbounded();
    let watch = Watch {
        workers: assembly.watched,
        shared: assembly.shared.clone(),
        clock: clock.clone(),
        milestones,
        start: world::start_worker,
    };
    let oracle = Oracle::new(&graph, &mut dice);
    World::new(dice, clock, watch, oracle).enter();
    for plan in assembly.workers {
        let worker = SteppedWorker::begin(plan).map_err(|_| "the session does not start")?;
        with(|world| world.add_worker(worker));
    }
    with(|world| world.oracle.runs());
    live();
    let mut world = World::leave();
    let slots = world.tell_slots();
    let depths: Vec<_> = assembly.links.iter().map(|link| link.report().depth).collect();
    for link in &assembly.inner_links {
        link.close(DropReason::Closed);
    }
    let nodes: Vec<_> = assembly.nodes.iter().map(NodeEntry::report).collect();
    let links: Vec<_> = assembly.links.iter().map(LinkEntry::report).collect();
    let told = |fault| format!("{fault}\n{}\n{}", graph.to_mermaid(), tell(&nodes, &world));
    if !world.has_ended() {
        let depths: Vec<_> = depths
            .iter()
            .zip(&links)
            .map(|(depth, link)| (&link.link, depth, link.delivered, link.dropped_total()))
            .collect();
        return Err(told(format!("nobody has anything to do, and workers are left; {depths:?}; {slots}")));
    }
    world.oracle.check(&graph, &nodes, &links).map_err(told)?;
    let sum = |count: fn(&NodeReport) -> u64| nodes.iter().map(count).sum();
    Ok(Seen {
        packets: sum(|node| node.packets_out),
        dropped: links.iter().map(|link| link.dropped_total()).sum(),
        restarts: sum(|node| node.restarts),
        timeouts: sum(|node| node.timeouts),
        late_outputs: sum(|node| node.late_outputs),
        lost_in_flight: sum(|node| node.lost_in_flight),
        bypassed: sum(|node| node.bypassed),
        failed_sessions: u64::from(!world.shared.failures().is_empty()),
        troubles: world.oracle.troubles.clone(),
        story: world.story,
    })
}

/// What became of the nodes, for a person who looks for the reason of a fault.
fn tell(nodes: &[NodeReport], world: &World) -> String {
    let nodes = nodes.iter().map(|node| {
        format!(
            "  {} on {}: {:?}, {} in, {} out, {} errors, {} timeouts, {} restarts, {} late, {} lost, {:?}\n",
            node.id,
            node.worker,
            node.state,
            node.packets_in,
            node.packets_out,
            node.errors,
            node.timeouts,
            node.restarts,
            node.late_outputs,
            node.lost_in_flight,
            node.last_error
        )
    });
    let ends = (world.shared.is_draining(), world.shared.is_aborted(), world.shared.failures());
    format!("{}draining, aborted, failures: {ends:?}", nodes.collect::<String>())
}

/// Until everybody has ended; now and then somebody stops the session.
fn live() {
    let (drains_at, aborts_at) = with(|world| {
        let mut at = |one_in: usize| world.dice.one_in(one_in).then(|| world.dice.below(400));
        (at(4), at(8))
    });
    for round in 0.. {
        if drains_at == Some(round) {
            with(|world| world.shared.clone()).drain();
        }
        if aborts_at == Some(round) {
            with(|world| world.shared.clone()).abort();
        }
        if !world::step() {
            return;
        }
    }
}
