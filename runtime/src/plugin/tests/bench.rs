//! What the tests share: a node without an executor, and outputs that do what they are told.

use crate::exec::control::{Mail, NodeControl, Params};
use crate::exec::{
    Clock, EmitError, Factories, Fault, Hint, Instance, NodeContext, NodeName, Outputs, Upstream, VirtualClock, Wait,
    Wake,
};
use crate::plugin::host::Home;
use crate::plugin::{Plugin, Plugins};
use crate::resource::Resources;
use graphmill_abi::Packet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Miri's clock runs with the work that is done, so the deadline of a load has to be far away there.
const LOAD_TIMEOUT: Duration = Duration::from_secs(3600);

pub(super) fn plugins() -> (Plugins, Arc<Plugin>) {
    let plugins = Plugins::new().with_load_timeout(LOAD_TIMEOUT);
    let plugin = plugins.link(super::sample::module()).unwrap();
    (plugins, plugin)
}

/// Counts how often it was asked.
#[derive(Debug, Default)]
pub(super) struct Wakes(AtomicU64);

impl Wakes {
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A node with a clock that stands still.
pub(super) struct Bench {
    pub(super) clock: Arc<VirtualClock>,
    pub(super) wakes: Arc<Wakes>,
    pub(super) context: Arc<NodeContext>,
    /// What contexts that the test makes itself find.
    pub(super) resources: Resources,
    /// The node whose output 3 feeds the input.
    upstream: Arc<NodeControl>,
}

impl Bench {
    pub(super) fn new(kind: &str) -> Self {
        let clock = Arc::new(VirtualClock::new());
        let wakes = Arc::new(Wakes::default());
        let name = NodeName::new("session", "node", kind);
        let context =
            NodeContext::new(name, 7, Arc::clone(&clock) as Arc<dyn Clock>, Arc::clone(&wakes) as Arc<dyn Wake>);
        let upstream = Arc::new(NodeControl::new(Params::new(), Arc::default()));
        let feeds = Upstream::new(vec![vec![(Arc::clone(&upstream), 3)]]);
        let context = Arc::new(context.with_upstream(Arc::new(feeds)));
        Self { clock, wakes, context, resources: Resources::new(), upstream }
    }

    /// Where a context of plugin 1 finds its resources.
    pub(super) fn home(&self) -> Home {
        Home::new(&self.resources, 1)
    }

    /// The next hint that the node upstream got.
    pub(super) fn heard(&self) -> Option<Hint> {
        self.upstream.take().map(|mail| match mail {
            Mail::Hint(hint) => hint,
            Mail::Update(_) => unreachable!("nobody updates the node upstream"),
        })
    }

    pub(super) fn create(&self, params: &str) -> Result<Box<dyn Instance>, Fault> {
        let (plugins, _) = plugins();
        plugins.factory(self.context.kind()).expect("the sample plugin has the kind").create(&self.context, params)
    }
}

/// Makes an instance of a kind of the sample plugin.
pub(super) fn create(kind: &str, params: &str) -> Result<(Bench, Box<dyn Instance>), Fault> {
    let bench = Bench::new(kind);
    let instance = bench.create(params)?;
    Ok((bench, instance))
}

/// Keeps what it is given, or refuses as it is told.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) packets: Vec<(usize, Wait, Packet)>,
    pub(super) refuse: Option<EmitError>,
    pub(super) panics: bool,
}

impl Outputs for Kept {
    fn emit(&mut self, pin: usize, wait: Wait, packet: &mut Box<Packet>) -> Result<(), EmitError> {
        assert!(!self.panics, "the links panic on purpose");
        match self.refuse.clone() {
            Some(error) => Err(error),
            None => {
                self.packets.push((pin, wait, packet.take()));
                Ok(())
            }
        }
    }
}
