//! The thread of a single instance, and what it is asked.

use super::end::End;
use super::{Emitted, receive};
use crate::exec::clock::Clock;
use crate::exec::context::NodeContext;
use crate::exec::counters::Operation;
use crate::exec::current;
use crate::exec::instance::{EmitError, Factory, Fault, Instance, NextTick, Outputs, Wait};
use crate::exec::lookout::Lookout;
use crossbeam_channel::{Receiver, Sender};
use graphmill_abi::Packet;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Packets that one call may emit; a call that gives more gets an error for the rest.
const EMITTED_MAX: usize = 65_536;

/// What the instance is asked to do.

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "boxing the packet would allocate in every call")]
pub(super) enum Action {
    Process { pin: usize, packet: Packet },
    Flush { pin: usize },
    Tick,
    Update { params: String },
}

impl Action {
    pub(super) fn operation(&self) -> Operation {
        match self {
            Self::Process { .. } => Operation::Process,
            Self::Flush { .. } => Operation::Flush,
            Self::Tick => Operation::Tick,
            Self::Update { .. } => Operation::Update,
        }
    }
}

/// A call under way to the thread.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) action: Action,
    /// Where what is emitted goes.
    pub(super) emitted: Vec<Emitted>,
    /// Number of the handle.
    pub(super) caller: u64,
}

/// What a caller waits for.
#[derive(Debug)]
pub(super) enum Answer {
    /// What came of the call.
    Reply(Reply),
    /// The end has come; see [`End`].
    GivenUp,
}

/// What came of a call.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) result: Result<NextTick, Fault>,
    pub(super) emitted: Vec<Emitted>,
}

/// The thread's side.
pub(super) struct Worker {
    pub(super) context: Arc<NodeContext>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) n_outputs: usize,
    pub(super) end: Arc<End>,
    /// Closes with the thread: that is how a handle knows that the instance is freed.
    pub(super) _ended: Sender<()>,
}

impl Worker {
    pub(super) fn run(
        self,
        factory: &dyn Factory,
        params: &str,
        ready: &Sender<Result<(), (Operation, Fault)>>,
        inbox: &Receiver<Request>,
    ) {
        self.end.thread().lives_here();
        current::set_running(current::register(self.context.clone()));
        let mut instance = match factory.create(&self.context, params) {
            Ok(instance) => instance,
            Err(fault) => return drop(ready.send(Err((Operation::Create, fault)))),
        };
        if let Err(fault) = instance.start() {
            return drop(ready.send(Err((Operation::Start, fault))));
        }
        if ready.send(Ok(())).is_ok() {
            self.serve(&mut *instance, inbox);
        }
        if !self.end.has_come()
            && let Err(fault) = instance.stop()
        {
            tracing::warn!(kind = self.context.kind(), "stop: {fault}");
        }
    }

    fn serve(&self, instance: &mut dyn Instance, inbox: &Receiver<Request>) {
        let (mut known, lookout) = (Known::default(), Lookout::default());
        while let Ok(Request { action, emitted, caller }) = receive(inbox, &lookout, Duration::MAX) {
            // Its caller knows or is being told.
            if self.end.has_come() {
                return;
            }
            let mut outputs = Collector { emitted, n_outputs: self.n_outputs };
            let result = perform(instance, action, &mut outputs, &*self.clock);
            let failure = result.as_ref().err().filter(|fault| !fault.class.is_survivable());
            let failure = failure.map(|fault| fault.message.clone());
            let reply = Answer::Reply(Reply { result, emitted: outputs.emitted });
            // A caller that gave up has no use for the reply; what was emitted is dropped with it.
            let _late = known.caller(caller, &self.end).map(|caller| caller.try_send(reply));
            if let Some(message) = failure {
                return self.end.come(message);
            }
        }
    }
}

/// Where the replies of those go that have made a call, by the numbers of their handles. To get that from the end for
/// every call would have two processors fight for its lock and for the count of the sender.
#[derive(Default)]
struct Known(BTreeMap<u64, Sender<Answer>>);

impl Known {
    /// Where the replies of a handle go. Who asks for another one forgets those that are gone.
    fn caller(&mut self, number: u64, end: &End) -> Option<&Sender<Answer>> {
        if !self.0.contains_key(&number) {
            self.0.retain(|other, _| end.caller(*other).is_some());
            self.0.insert(number, end.caller(number)?);
        }
        self.0.get(&number)
    }
}

/// Nobody waits for a thread that is gone, however it went.
impl Drop for Worker {
    fn drop(&mut self) {
        self.end.come("its thread has ended");
        self.end.thread().ends();
    }
}

fn perform(
    instance: &mut dyn Instance,
    action: Action,
    outputs: &mut Collector,
    clock: &dyn Clock,
) -> Result<NextTick, Fault> {
    match action {
        Action::Process { pin, mut packet } => instance.process(pin, &mut packet, outputs).map(|()| NextTick::Now),
        Action::Flush { pin } => instance.flush(pin, outputs).map(|()| NextTick::Now),
        Action::Tick => instance.tick(clock.now_ns(), outputs),
        Action::Update { params } => instance.update(&params).map(|()| NextTick::Now),
    }
}

/// Keeps what is emitted for the caller.
struct Collector {
    emitted: Vec<Emitted>,
    n_outputs: usize,
}

impl Outputs for Collector {
    fn emit(&mut self, pin: usize, _wait: Wait, packet: &mut Box<Packet>) -> Result<(), EmitError> {
        if pin >= self.n_outputs {
            return Err(EmitError::NoSuchPin { pin, count: self.n_outputs });
        }
        if self.emitted.len() >= EMITTED_MAX {
            return Err(EmitError::Full { link: format!("to the caller ({EMITTED_MAX} packets in one call)") });
        }
        self.emitted.push(Emitted { pin, packet: packet.take() });
        Ok(())
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crossbeam_channel::bounded;

    #[test]
    fn handles_that_come_and_go_are_not_remembered() {
        let (end, mut known) = (End::new(bounded(1).1), Known::default());
        assert!(known.caller(end.join(bounded(1).0), &end).is_some());
        for _ in 0..100 {
            let number = end.join(bounded(1).0);
            assert!(known.caller(number, &end).is_some());
            end.leave(number);
        }
        assert_eq!(known.0.keys().copied().collect::<Vec<_>>(), [1, 101], "the first, and the last until the next");
    }
}
