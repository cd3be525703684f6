//! One instance from create to destroy, with every answer looked at.

use super::bench::Bench;
use super::outputs::Recorder;
use graphmill::exec::{
    Clock, Fault, FaultClass, Hint, HintAnswer, Instance, MonotonicClock, NextTick, NoWake, NodeContext, NodeName,
    Operation,
};
use graphmill::{Packet, abi};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The statuses that mean an error in version 1.
const ERRORS: std::ops::RangeInclusive<i32> = abi::layout::GM_E_TIMEOUT..=abi::layout::GM_E_INVALID;

/// A live instance. It belongs to the thread that made it.
pub(crate) struct Life<'a> {
    bench: &'a Bench,
    instance: Box<dyn Instance>,
    pub(crate) context: Arc<NodeContext>,
    pub(crate) outputs: Recorder,
    /// Whether it panicked or broke the contract: it can only be destroyed.
    pub(crate) is_dead: bool,
}

/// How a call ended, as far as a trial has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer<T = ()> {
    Well(T),
    /// A typed error; the text is that of the plugin.
    Error(String),
    /// A typed error that the host has to answer for: it refused a service meanwhile, which is told elsewhere.
    Refused,
    /// It panicked or broke the contract, which is told.
    Dead,
}

impl<T> Answer<T> {
    pub(crate) fn is_well(&self) -> bool {
        matches!(self, Self::Well(_))
    }
}

/// How long the host waits for a call unless a graph says otherwise.
fn deadline(operation: Operation) -> Duration {
    let ms = match operation {
        Operation::Create => 60_000,
        Operation::Start | Operation::Flush => 10_000,
        Operation::Stop | Operation::Destroy => 5_000,
        Operation::Hint => 200,
        _ => 1_000,
    };
    Duration::from_millis(ms)
}

impl<'a> Life<'a> {
    /// Makes an instance with the params of the bench; an error is told as a breach of D1.
    pub(crate) fn begin(bench: &'a Bench) -> Option<Self> {
        let params = bench.params();
        match Self::with_params(bench, &params) {
            Answer::Well(life) => Some(life),
            Answer::Error(message) => {
                bench.teller.found("D1", format!("`create` answers `{message}` to {params}"));
                None
            }
            Answer::Refused | Answer::Dead => None,
        }
    }

    /// Makes an instance with any params.
    pub(crate) fn with_params(bench: &'a Bench, params: &str) -> Answer<Self> {
        let id = bench.next_id.fetch_add(1, Ordering::Relaxed);
        let name = NodeName::new("validate", "node", bench.info.id.as_str());
        let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::new());
        let context = Arc::new(NodeContext::new(name, id, clock, Arc::new(NoWake)));
        let made = judged(bench, Operation::Create, || bench.factory().create(&context, params));
        match made {
            Answer::Well(instance) => {
                let outputs = Recorder::new(bench);
                Answer::Well(Self { bench, instance, context, outputs, is_dead: false })
            }
            Answer::Error(message) => Answer::Error(message),
            Answer::Refused => Answer::Refused,
            Answer::Dead => Answer::Dead,
        }
    }

    fn call<T>(
        &mut self,
        operation: Operation,
        body: impl FnOnce(&mut dyn Instance, &mut Recorder) -> Result<T, Fault>,
    ) -> Answer<T> {
        if self.is_dead {
            return Answer::Dead;
        }
        let complaints = self.outputs.complaints();
        let (instance, outputs) = (&mut *self.instance, &mut self.outputs);
        let answer = judged(self.bench, operation, || body(instance, outputs));
        self.is_dead = matches!(answer, Answer::Dead);
        match answer {
            Answer::Error(_) if self.outputs.complaints() != complaints => Answer::Refused,
            answer => answer,
        }
    }

    pub(crate) fn start(&mut self) -> Answer {
        self.call(Operation::Start, |instance, _| instance.start())
    }

    pub(crate) fn tick(&mut self, now_ns: i64) -> Answer<NextTick> {
        self.call(Operation::Tick, |instance, outputs| instance.tick(now_ns, outputs))
    }

    /// Hands a packet over and looks at what comes back.
    pub(crate) fn process(&mut self, pin: usize, packet: &mut Packet) -> Answer {
        let answer = self.call(Operation::Process, |instance, outputs| instance.process(pin, packet, outputs));
        if let Err(error) = packet.check_rest() {
            self.bench.teller.found("E3", format!("after `process` the packet cannot be read any more: {error}"));
        }
        answer
    }

    pub(crate) fn flush(&mut self, pin: usize) -> Answer {
        self.call(Operation::Flush, |instance, outputs| instance.flush(pin, outputs))
    }

    pub(crate) fn update(&mut self, params: &str) -> Answer {
        self.call(Operation::Update, |instance, _| instance.update(params))
    }

    pub(crate) fn hint(&mut self, hint: &Hint) -> Answer<HintAnswer> {
        self.call(Operation::Hint, |instance, _| instance.hint(hint))
    }

    pub(crate) fn stop(&mut self) -> Answer {
        self.call(Operation::Stop, |instance, _| instance.stop())
    }

    /// Destroys the instance, and gives what it emitted.
    pub(crate) fn end(self) -> Recorder {
        let Self { bench, instance, outputs, .. } = self;
        let errors = super::listener::errors();
        timed(bench, Operation::Destroy, || drop(instance), |()| true);
        if let Some(panic) = super::listener::errors_since(errors).into_iter().find(|text| text.contains("panic")) {
            bench.teller.found(bench.rule, format!("`destroy` panicked: {panic}"));
        }
        outputs
    }
}

/// Makes a call, and tells panics, breaches of the contract and errors that say nothing.
fn judged<T>(bench: &Bench, operation: Operation, body: impl FnOnce() -> Result<T, Fault>) -> Answer<T> {
    let refusals = Bench::refusals();
    let fault = match timed(bench, operation, body, Result::is_ok) {
        Ok(value) => return Answer::Well(value),
        Err(fault) => fault,
    };
    let name = operation.name();
    let status = fault.status.filter(|status| *status != 0 && !ERRORS.contains(status));
    if let Some(status) = status {
        bench.teller.found("D8", format!("`{name}` answers with the status {status}"));
    }
    match fault.class {
        FaultClass::Panic => {
            bench.teller.found(bench.rule, format!("`{name}` panicked in {}: {}", bench.teller.now(), fault.message));
            return Answer::Dead;
        }
        FaultClass::Contract if status.is_some() => return Answer::Dead,
        FaultClass::Contract => {
            bench.teller.found(bench.rule, format!("the contract is broken: {}", fault.message));
            return Answer::Dead;
        }
        _ => {}
    }
    if fault.status.is_some() && fault.message.ends_with("and says no more") {
        bench.teller.found("D9", fault.message.clone());
    } else if fault.message.contains(char::REPLACEMENT_CHARACTER) {
        bench.teller.found("D9", format!("the error of `{name}` is not UTF-8: `{}`", fault.message));
    }
    if Bench::refusals() == refusals {
        return Answer::Error(fault.message);
    }
    bench.note_refusal(fault.message);
    Answer::Refused
}

/// Makes a call; what comes back well and later than the host would wait is told.
fn timed<T>(bench: &Bench, operation: Operation, body: impl FnOnce() -> T, is_well: impl FnOnce(&T) -> bool) -> T {
    let (begun, queued_ns) = (Instant::now(), queued_ns());
    let value = body();
    let deadline = deadline(operation);
    if begun.elapsed() > deadline && is_well(&value) {
        // That others had the processor meanwhile is no fault of the plugin.
        let queued = Duration::from_nanos(self::queued_ns().saturating_sub(queued_ns));
        let took = begun.elapsed().saturating_sub(queued);
        if took > deadline {
            let (name, took, deadline) = (operation.name(), took.as_millis(), deadline.as_millis());
            bench.teller.found("I1", format!("`{name}` took {took} ms, and the host waits {deadline} ms"));
        }
    }
    value
}

/// How long this thread could have run and had no processor, where the system counts that.
fn queued_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}
