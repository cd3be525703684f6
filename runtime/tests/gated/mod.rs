//! A kind whose calls can be held at a gate, so that a test decides when a hung call comes back.

use graphmill_plugin_sdk::prelude::*;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{LazyLock, Mutex, MutexGuard};
use std::thread::ThreadId;

/// Calls with the threads that made them.
pub(crate) type Calls = Vec<(&'static str, ThreadId)>;

/// All calls in their order, with their tests.
static ORDER: Mutex<Vec<(String, &'static str)>> = Mutex::new(Vec::new());
/// Who made which call, by test.
static CALLS: LazyLock<Mutex<BTreeMap<String, Calls>>> = LazyLock::new(Mutex::default);
/// What a gated call waits for, by test.
static GATES: LazyLock<Mutex<BTreeMap<String, Receiver<()>>>> = LazyLock::new(Mutex::default);

fn all_calls() -> MutexGuard<'static, BTreeMap<String, Calls>> {
    CALLS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The calls of a test's instance so far.
pub(crate) fn calls(test: &str) -> Calls {
    all_calls().get(test).cloned().unwrap_or_default()
}

/// Whether the first call was made before the second, each given by its test and name.
#[allow(dead_code, reason = "not every test file asks for the order")]
pub(crate) fn came_before(first: (&str, &str), second: (&str, &str)) -> bool {
    let order = ORDER.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let at = |(test, call): (&str, &str)| order.iter().position(|(of, name)| of == test && *name == call);
    matches!((at(first), at(second)), (Some(first), Some(second)) if first < second)
}

/// Waits until an instance was called; a call that never comes ends in the time limit of the test run.
#[allow(dead_code, reason = "not every test file waits for a call")]
pub(crate) fn await_call(test: &str, name: &str) {
    while !calls(test).iter().any(|(call, _)| *call == name) {
        std::thread::yield_now();
    }
}

/// Closes a gate; calls pass it when the returned end is dropped.
pub(crate) fn close_gate(test: &str) -> Sender<()> {
    let (open, gate) = channel();
    GATES.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(test.to_string(), gate);
    open
}

/// Params of both kinds.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatedParams {
    /// Name of the test that watches.
    test: String,
    /// The call that waits at the gate.
    #[serde(default)]
    gated: String,
    /// The call that fails.
    #[serde(default)]
    fails: String,
    /// Whether only the first instance fails.
    #[serde(default)]
    heals: bool,
    /// The call that panics.
    #[serde(default)]
    panics: String,
}

impl GatedParams {
    fn call(&self, name: &'static str) -> Result<()> {
        ORDER.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((self.test.clone(), name));
        all_calls().entry(self.test.clone()).or_default().push((name, std::thread::current().id()));
        if self.gated == name {
            let gate = GATES.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&self.test);
            if let Some(gate) = gate {
                // The gate opens when the test drops its end.
                let _opened = gate.recv();
            }
        }
        assert!(self.panics != name, "{name} panics as it should");
        let is_well = self.heals && calls(&self.test).iter().filter(|(call, _)| *call == "create").count() > 1;
        if self.fails == name && !is_well { Err(Error::new(format!("{name} fails as it should"))) } else { Ok(()) }
    }
}

/// Notes the thread of every call and hands packets on.
pub(crate) struct Gated(GatedParams);

impl Node for Gated {
    type Params = GatedParams;

    fn kind() -> Kind {
        Kind::new("gated").input("in", "any").output("out", "any")
    }

    fn create(params: GatedParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        params.call("create")?;
        Ok(Self(params))
    }

    fn start(&mut self, _cx: &mut Context<'_>) -> Result<()> {
        self.0.call("start")
    }

    fn stop(&mut self, _cx: &mut Context<'_>) -> Result<()> {
        self.0.call("stop")
    }

    fn update(&mut self, params: GatedParams, _cx: &mut Context<'_>) -> Result<()> {
        params.call("update")
    }

    fn hint(&mut self, _hint: &Hint<'_>, _cx: &mut Context<'_>) -> Result<HintAnswer> {
        self.0.call("hint").map(|()| HintAnswer::Pass)
    }
}

impl Processor for Gated {
    fn process(&mut self, _pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        self.0.call("process")?;
        cx.emit(0, packet)
    }

    fn flush(&mut self, _pin: usize, _cx: &mut Context<'_>) -> Result<()> {
        self.0.call("flush")
    }
}

impl Drop for Gated {
    fn drop(&mut self) {
        // A destroy cannot fail.
        let _noted = self.0.call("destroy");
    }
}

/// A source whose tick can be held.
pub(crate) struct GatedSource(GatedParams);

impl Node for GatedSource {
    type Params = GatedParams;

    fn kind() -> Kind {
        Kind::new("gated.source").output("out", "any")
    }

    fn create(params: GatedParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        Ok(Self(params))
    }
}

impl Source for GatedSource {
    fn tick(&mut self, _cx: &mut Context<'_>) -> Result<Tick> {
        self.0.call("tick")?;
        Ok(Tick::End)
    }
}
