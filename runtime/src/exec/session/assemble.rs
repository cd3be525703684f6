//! From a graph to the plans of its workers: who runs where, and which links are local.

use crate::exec::clock::{CallTimer, Measure};
use crate::exec::context::{CurrentContext, NodeContext, NodeName};
use crate::exec::control::NodeControl;
use crate::exec::counters::{NodeCounters, NodeFailure, Operation};
use crate::exec::doorbell::Doorbell;
use crate::exec::ends::{EndPlan, Inlet, Outlet};
use crate::exec::follow::Follower;
use crate::exec::hint::Upstream;
use crate::exec::instance::{Factories, Factory, Fault, FaultClass, Instance};
use crate::exec::lease::Lease;
use crate::exec::link::{Link, LinkCounters};
use crate::exec::report::{LinkEntry, NodeEntry};
use crate::exec::session::handle::LedgerEntry;
use crate::exec::session::{SessionOptions, StartError};
use crate::exec::shared::SessionShared;
use crate::exec::supervise::{SharedSupervisor, Supervisor};
use crate::exec::sys::Barrier;
use crate::exec::watch::{WatchedNode, WatchedWorker};
use crate::exec::worker::{
    Credits, Feed, Input, Kept, LocalLink, Locals, NodePlan, Output, RoomWait, Route, TickWaker, Ticks, WorkerPlan,
};
use crate::graph::{self, Graph, KindInfo, PolicyError};
use crate::telemetry::ledger::Ledger;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

/// Everything that a session consists of before its threads run.
pub(super) struct Assembly {
    pub(super) shared: Arc<SessionShared>,
    pub(super) workers: Vec<WorkerPlan>,
    pub(super) watched: Vec<WatchedWorker>,
    pub(super) nodes: Vec<NodeEntry>,
    pub(super) links: Vec<LinkEntry>,
    /// Where the time of packets goes, if the session wants to know.
    pub(super) ledger: Option<LedgerEntry>,
    pub(super) inner_links: Vec<Arc<Link>>,
    pub(super) outlet_links: Vec<Arc<Link>>,
    pub(super) inlets: BTreeMap<String, Inlet>,
    pub(super) outlets: BTreeMap<String, Outlet>,
}

/// A vertex of the graph on its way to a worker or to the application.
struct Vertex {
    /// Position of its worker; `None` for inlets and outlets.
    worker: Option<usize>,
    bell: Arc<Doorbell>,
    inputs: Vec<Input>,
    outputs: Vec<Output>,
    counters: Arc<NodeCounters>,
    control: Arc<NodeControl>,
    follower: Option<Follower>,
}

/// Numbers of instances in this process.
static INSTANCES: AtomicU64 = AtomicU64::new(1);

/// A number that no other instance of this process has.
pub(crate) fn next_instance_id() -> u64 {
    INSTANCES.fetch_add(1, Ordering::Relaxed)
}

pub(super) fn assemble(
    graph: &Graph,
    factories: &dyn Factories,
    session: &str,
    options: &SessionOptions,
) -> Result<Assembly, StartError> {
    let shared = Arc::new(SessionShared::default());
    let mut workers: Vec<WorkerPlan> = Vec::new();
    let ledger = options.follow_every.map(|every| {
        let timer = CallTimer::new(Measure::Times);
        LedgerEntry { ledger: Arc::new(Ledger::new(every.get())), origin: timer.now(), timer }
    });
    let follower = |at: usize, node: &graph::Node| {
        let is_source = node.inputs().is_empty();
        let LedgerEntry { ledger, timer, origin } = ledger.clone()?;
        Some(Follower::new(ledger, (timer, origin), at, is_source))
    };
    let vertices = graph.nodes().iter().enumerate();
    let vertices = vertices.map(|(at, node)| vertex(node, &mut workers, follower(at, node), (&shared, options)));
    let mut vertices: Vec<Vertex> = vertices.collect();
    let mut links = Vec::new();
    let (mut inner_links, mut outlet_links) = (Vec::new(), Vec::new());
    for (number, link) in graph.links().iter().enumerate() {
        let name = graph.link_text(link);
        let wired = wire((graph, link, number), &name, &mut vertices, &mut workers);
        let Some(Wired { counters, remote, role }) = wired else { continue };
        links.push(LinkEntry { name, counters, remote: remote.as_ref().map_or_else(Weak::new, Arc::downgrade) });
        let Some(remote) = remote else { continue };
        if role.from_inlet {
            shared.add_inlet(remote.clone());
        }
        if role.to_outlet { outlet_links.push(remote) } else { inner_links.push(remote) }
    }
    let session: Arc<str> = session.into();
    let mut assembly = Assembly {
        shared,
        watched: workers.iter().map(watched).collect(),
        workers,
        nodes: Vec::new(),
        links,
        ledger,
        inner_links,
        outlet_links,
        inlets: BTreeMap::new(),
        outlets: BTreeMap::new(),
    };
    let controls: Vec<_> = vertices.iter().map(|vertex| vertex.control.clone()).collect();
    for ((at, node), vertex) in graph.nodes().iter().enumerate().zip(vertices) {
        let upstream = Arc::new(upstream(graph, at, &controls));
        place(node, (vertex, upstream), &mut assembly, (factories, &session, options))?;
    }
    for (worker, watched) in assembly.workers.iter().zip(&mut assembly.watched) {
        watched.replica = Some(worker.replica());
        assembly.shared.add_worker();
    }
    Ok(assembly)
}

fn vertex(
    node: &graph::Node,
    workers: &mut Vec<WorkerPlan>,
    follower: Option<Follower>,
    (shared, options): (&Arc<SessionShared>, &SessionOptions),
) -> Vertex {
    let worker = node.kind().map(|_| worker_of(node, workers, shared, options));
    let bell = match worker.and_then(|at| workers.get(at)) {
        Some(plan) => plan.bell.clone(),
        None => {
            let bell = Arc::new(Doorbell::new(options.idle));
            shared.add_bell(bell.clone());
            bell
        }
    };
    let params = node.params().as_object().cloned().unwrap_or_default();
    let control = Arc::new(NodeControl::new(params, bell.clone()));
    let counters: Arc<NodeCounters> = Arc::default();
    let wait = RoomWait::new(CallTimer::new(options.measure), counters.clone());
    let output =
        |pin: &graph::Pin| Output::new(format!("{}.{}", node.id(), pin.name()), pin.format().clone(), wait.clone());
    Vertex {
        worker,
        bell,
        inputs: node.inputs().iter().map(|pin| Input::new(pin.name())).collect(),
        outputs: node.outputs().iter().map(output).collect(),
        counters,
        control,
        follower,
    }
}

/// The worker of a node: the named one that it shares, or one of its own.
fn worker_of(
    node: &graph::Node,
    workers: &mut Vec<WorkerPlan>,
    shared: &Arc<SessionShared>,
    options: &SessionOptions,
) -> usize {
    // A shared worker and a node may have the same name; only the former is looked up.
    let name = node.worker().map_or_else(|| node.id().to_string(), |worker| format!("worker {worker}"));
    if let Some(at) = workers.iter().position(|worker| node.worker().is_some() && worker.name == name) {
        return at;
    }
    let bell = Arc::new(Doorbell::new(options.idle));
    shared.add_bell(bell.clone());
    workers.push(WorkerPlan {
        name,
        nodes: Vec::new(),
        locals: Locals::default(),
        bell,
        shared: shared.clone(),
        clock: options.clock.clone(),
        timer: CallTimer::new(options.measure),
        lease: Arc::new(Lease::new(Barrier::new())),
        thread: Arc::default(),
    });
    workers.len() - 1
}

/// A worker as the watch sees it; its nodes come as they are placed.
fn watched(worker: &WorkerPlan) -> WatchedWorker {
    WatchedWorker {
        name: worker.name.clone(),
        lease: worker.lease.clone(),
        thread: worker.thread.clone(),
        nodes: Vec::new(),
        locals: worker.locals.iter().map(|link| link.counters.clone()).collect(),
        was_replaced: false,
        replica: None,
    }
}

struct Wired {
    counters: Arc<LinkCounters>,
    remote: Option<Arc<Link>>,
    role: LinkRole,
}

struct LinkRole {
    from_inlet: bool,
    to_outlet: bool,
}

/// Makes the queue of a link and hangs its two ends into the vertices.
fn wire(
    (graph, link, number): (&Graph, &graph::Link, usize),
    name: &str,
    vertices: &mut [Vertex],
    workers: &mut [WorkerPlan],
) -> Option<Wired> {
    let end = |at: usize| vertices.get(at).map(|vertex| (vertex.worker, vertex.bell.clone()));
    let (from, to) = (end(link.from().node)?, end(link.to().node)?);
    let role = LinkRole { from_inlet: from.0.is_none(), to_outlet: to.0.is_none() };
    let shared_worker = from.0.filter(|_| from.0 == to.0).and_then(|at| workers.get_mut(at));
    let (route, counters, remote) = match shared_worker {
        Some(worker) => {
            let local = LocalLink::new(name.to_string(), link.capacity(), link.when_full());
            let counters = local.counters.clone();
            (Route::Local(worker.locals.add(local)), counters, None)
        }
        None => {
            let bells = [from.1, to.1];
            let remote = Arc::new(Link::new(name.to_string(), link.capacity(), link.when_full(), bells));
            (Route::Remote(remote.clone()), remote.counters.clone(), Some(remote))
        }
    };
    let output = vertices.get_mut(link.from().node)?.outputs.get_mut(link.from().pin)?;
    output.add_target(route.clone(), link.format().clone());
    let input = vertices.get_mut(link.to().node)?.inputs.get_mut(link.to().pin)?;
    let credits = link.credits().map(|credits| Credits::new(credits, cycle_outputs(graph, link)));
    input.feeds.push(Feed::new(route, number, link.is_feedback(), credits));
    Some(Wired { counters, remote, role })
}

/// The outputs of the head of a cycle from which the start of its feedback link can be reached.
fn cycle_outputs(graph: &Graph, feedback: &graph::Link) -> Vec<usize> {
    let (head, last) = (feedback.to().node, feedback.from().node);
    let reaches_last = |start: usize| {
        let mut seen = vec![false; graph.nodes().len()];
        let mut open = vec![start];
        while let Some(node) = open.pop() {
            if node == last {
                return true;
            }
            let is_new = seen.get_mut(node).is_some_and(|seen| !std::mem::replace(seen, true));
            if is_new && node != head {
                open.extend(graph.links_from(node).map(|(_, link)| link.to().node));
            }
        }
        false
    };
    let starts = graph.links_from(head).filter(|(_, link)| reaches_last(link.to().node));
    let mut outputs: Vec<usize> = starts.map(|(_, link)| link.from().pin).collect();
    outputs.sort_unstable();
    outputs.dedup();
    outputs
}

/// Who hears the hints of a vertex.
fn upstream(graph: &Graph, at: usize, controls: &[Arc<NodeControl>]) -> Upstream {
    let n_inputs = graph.nodes().get(at).map_or(0, |node| node.inputs().len());
    let feeds = |pin: usize| {
        let links = graph.links_to(at).filter(move |(_, link)| link.to().pin == pin);
        let outputs = links.map(|(_, link)| link.from());
        outputs.filter_map(|from| Some((controls.get(from.node)?.clone(), from.pin))).collect()
    };
    Upstream::new((0..n_inputs).map(feeds).collect())
}

/// In the place of a factory that could make nothing that fits the links of its node.
#[derive(Debug)]
struct Missing {
    reason: String,
}

impl Factory for Missing {
    fn create(&self, _context: &Arc<NodeContext>, _params: &str) -> Result<Box<dyn Instance>, Fault> {
        Err(Fault::new(FaultClass::Error, self.reason.as_str()))
    }
}

/// Gives a wired vertex to its worker or to the application.
fn place(
    node: &graph::Node,
    (vertex, upstream): (Vertex, Arc<Upstream>),
    assembly: &mut Assembly,
    (factories, session, options): (&dyn Factories, &Arc<str>, &SessionOptions),
) -> Result<(), StartError> {
    let worker_name = vertex.worker.and_then(|at| assembly.workers.get(at)).map(|worker| worker.name.clone());
    assembly.nodes.push(NodeEntry {
        id: node.id().to_string(),
        kind: node.role().label().to_string(),
        worker: worker_name.unwrap_or_default(),
        counters: vertex.counters.clone(),
        control: vertex.control.clone(),
        kind_info: node.kind().cloned(),
        is_source: node.is_source(),
        outputs: node.outputs().iter().map(|pin| pin.name().to_string()).collect(),
        deadlines: *node.deadlines(),
        send_timeout: node.send_timeout(),
        speaker: None,
    });
    if let Some(kind) = node.kind() {
        let factory = factories.factory(&kind.id).ok_or_else(|| {
            let (node, kind) = (node.id().to_string(), kind.id.clone());
            StartError::UnknownKind { node, kind }
        })?;
        let factory: Arc<dyn Factory> = match node.missing() {
            Some(reason) => Arc::new(Missing { reason: reason.to_owned() }),
            None => factory,
        };
        return place_node(node, kind, (vertex, upstream, factory), (assembly, session, options));
    }
    let Vertex { worker: _, bell, inputs, outputs, counters, control, follower } = vertex;
    let name = node.id().to_string();
    let (timer, shared) = (CallTimer::new(options.measure), assembly.shared.clone());
    let plan = EndPlan { name: name.clone(), counters, control, upstream, timer, follower, shared };
    match (inputs.into_iter().next(), outputs.into_iter().next()) {
        (Some(input), _) => drop(assembly.outlets.insert(name, Outlet::new(plan, &input.feeds, bell))),
        (None, Some(output)) => drop(assembly.inlets.insert(name, Inlet::new(plan, output))),
        (None, None) => {}
    }
    Ok(())
}

/// Gives a node to its worker, and to the watch.
fn place_node(
    node: &graph::Node,
    kind: &KindInfo,
    (vertex, upstream, factory): (Vertex, Arc<Upstream>, Arc<dyn Factory>),
    (assembly, session, options): (&mut Assembly, &Arc<str>, &SessionOptions),
) -> Result<(), StartError> {
    let Vertex { worker, bell, inputs, outputs, counters, control, follower } = vertex;
    let waker = Arc::new(TickWaker::new(bell));
    let name = NodeName::new(session.clone(), node.id(), kind.id.as_str());
    let context = NodeContext::new(name, next_instance_id(), options.clock.clone(), waker.clone());
    let context = Arc::new(context.with_upstream(upstream));
    if let Some(entry) = assembly.nodes.last_mut() {
        entry.speaker = Some(context.speaker().clone());
    }
    let current = Arc::new(CurrentContext::new(context.clone()));
    assembly.shared.add_context(current.clone());
    let policy = *node.policy();
    // The entry of this node is the newest.
    let seed = options.jitter_seed.map_or(context.instance_id(), |seed| seed ^ assembly.nodes.len() as u64);
    let supervisor = Supervisor::new(&policy, node.pass_through(), seed);
    let supervisor = supervisor.map_err(|error| invalid_policy(&context, &error))?;
    let events = assembly.shared.events().clone();
    let supervisor = Arc::new(SharedSupervisor::new(supervisor, context.clone(), counters.clone(), events));
    let kept = Arc::new(Kept::new(inputs.iter().map(|input| input.name.clone()).collect(), policy));
    let watched = WatchedNode {
        current: current.clone(),
        supervisor: supervisor.clone(),
        kept: kept.clone(),
        counters: counters.clone(),
        control: control.clone(),
        deadlines: *node.deadlines(),
        slow_until_ns: None,
        plugin_file: kind.plugin.file.clone(),
        inputs: inputs.iter().flat_map(|input| &input.feeds).filter_map(Feed::remote).cloned().collect(),
        outputs: outputs.iter().flat_map(Output::remote_links).cloned().collect(),
    };
    let timer = (!node.is_source() && factory.has_timer()).then(|| Ticks::on_wake(waker.clone()));
    let plan = NodePlan {
        context,
        current,
        factory,
        plugin_file: kind.plugin.file.clone(),
        control,
        timer,
        ticks: node.is_source().then(|| Ticks::new(node.tick(), waker)),
        send_timeout: node.send_timeout(),
        inputs,
        outputs,
        counters,
        kept,
        follower,
        supervisor,
    };
    let Some(at) = worker else { return Ok(()) };
    if let (Some(worker), Some(watch)) = (assembly.workers.get_mut(at), assembly.watched.get_mut(at)) {
        worker.nodes.push(plan);
        watch.nodes.push(watched);
    }
    Ok(())
}

fn invalid_policy(context: &NodeContext, error: &PolicyError) -> StartError {
    let fault = Fault::new(FaultClass::Error, error.to_string());
    let names = [context.node(), context.kind()];
    StartError::Node(Box::new(NodeFailure::new(names, None, Operation::Create, fault)))
}
