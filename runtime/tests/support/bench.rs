//! A node without an executor: a clock that stands still and outputs that keep what they are given.

use graphmill::exec::{
    Clock, EmitError, Factories, Fault, Instance, NoWake, NodeContext, NodeName, Outputs, VirtualClock, Wait,
};
use graphmill::{Packet, Plugins};
use std::sync::Arc;

/// What an instance shares with its worker.
pub(crate) fn context(kind: &str) -> Arc<NodeContext> {
    let clock: Arc<dyn Clock> = Arc::new(VirtualClock::new());
    Arc::new(NodeContext::new(NodeName::new("session", "node", kind), 1, clock, Arc::new(NoWake)))
}

/// Makes an instance that the calling thread owns.
pub(crate) fn create(plugins: &Plugins, kind: &str, params: &str) -> Result<Box<dyn Instance>, Fault> {
    plugins.factory(kind).expect("a plugin offers the kind").create(&context(kind), params)
}

/// Keeps packets; like the executor it knows how many outputs there are.
#[derive(Debug, Default)]
pub(crate) struct Kept(pub(crate) Vec<Packet>);

impl Outputs for Kept {
    fn emit(&mut self, pin: usize, _wait: Wait, packet: &mut Box<Packet>) -> Result<(), EmitError> {
        if pin != 0 {
            return Err(EmitError::NoSuchPin { pin, count: 1 });
        }
        self.0.push(packet.take());
        Ok(())
    }
}

/// Has the instance process one text.
pub(crate) fn process(instance: &mut dyn Instance) -> Result<(), Fault> {
    instance.process(0, &mut Packet::from_text("x").unwrap(), &mut Kept::default())
}
