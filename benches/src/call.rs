//! Calls into a plugin without a session, and what they are compared with.

use graphmill::exec::{
    EmitError, Factories as _, Instance, MonotonicClock, NoWake, NodeContext, NodeName, Outputs, Wait,
};
use graphmill::{Packet, Plugins};
use std::hint::black_box;
use std::sync::Arc;

/// An instance of a kind, on this thread.
///
/// # Panics
/// When there is no such kind, or it refuses the params.
#[must_use]
pub fn instance(plugins: &Plugins, kind: &str, params: &str) -> Box<dyn Instance> {
    let name = NodeName::new("bench", "node", kind);
    let context = Arc::new(NodeContext::new(name, 1, Arc::new(MonotonicClock::new()), Arc::new(NoWake)));
    let made = plugins.factory(kind).map(|factory| factory.create(&context, params));
    made.and_then(Result::ok).unwrap_or_else(|| panic!("the plugin offers `{kind}`"))
}

/// Hands back what a node gives, as a link of the same worker would.
#[derive(Debug, Default)]
pub struct Back(Box<Packet>);

impl Back {
    /// Has a node take a packet and give it back.
    ///
    /// # Panics
    /// When the node does not.
    #[inline]
    pub fn call(&mut self, node: &mut dyn Instance, packet: &mut Packet) {
        assert!(node.process(0, packet, self).is_ok());
        self.0.move_to(packet);
    }
}

impl Outputs for Back {
    fn emit(&mut self, _pin: usize, _wait: Wait, packet: &mut Box<Packet>) -> Result<(), EmitError> {
        std::mem::swap(&mut self.0, packet);
        Ok(())
    }
}

type Emit = extern "C" fn(&mut Packet);

extern "C" fn bare_process(packet: &mut Packet, emit: Emit) {
    emit(packet);
}

extern "C" fn bare_emit(packet: &mut Packet) {
    black_box(packet);
}

/// Two bare functions of C: one is given a packet and calls the other one with it.
#[inline]
pub fn bare_call(packet: &mut Packet) {
    let process: extern "C" fn(&mut Packet, Emit) = bare_process;
    black_box(process)(packet, black_box(bare_emit));
}
