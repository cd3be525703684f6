//! The node: waits for a tensor on each input, runs the model, gives its tensors out.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;

use graphmill_plugin_sdk::Waker;
use graphmill_plugin_sdk::prelude::*;
use rten::Value;

use super::batch;
use super::binding::Binding;
use super::choice::Choice;
use crate::engine::{self, Model, ModelSource, Signature};
use crate::tensors;

/// Tensors that may wait on one input for those of the others.
const WAITING_MAX: usize = 64;

/// Params of `onnx`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OnnxParams {
    /// Model file; or name a `model` of the manifest.
    #[serde(default)]
    #[schemars(extend("x-env" = true, "format" = "path"))]
    path: Option<PathBuf>,
    /// Model of the manifest, and its `file`.
    #[serde(default)]
    model: Option<String>,
    /// File of the `model`.
    #[serde(default)]
    file: Option<String>,
    /// Inputs of the model that are pins, in this order; all that have no other place, in the order of the model.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub(super) inputs: Vec<String>,
    /// Outputs of the model that are pins, in this order; all that are no state, in the order of the model.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub(super) outputs: Vec<String>,
    /// What the model remembers: the input for what an output gave in the run before; zeros at first.
    #[serde(default)]
    pub(super) state: BTreeMap<String, String>,
    /// Inputs that are the same in each run: one number for all of the tensor, or all of its numbers.
    #[serde(default)]
    pub(super) constants: BTreeMap<String, Vec<f64>>,
    /// So many packets run as one, along the first dimension.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 64))]
    batch_max: u32,
    /// A batch that is not full runs when its first packet has waited so long, whether another one comes or not.
    #[serde(default = "wait")]
    #[schemars(range(max = 60_000))]
    batch_wait_ms: u32,
}

fn one() -> u32 {
    1
}

fn wait() -> u32 {
    100
}

impl OnnxParams {
    fn source(&self) -> Result<ModelSource> {
        match (&self.path, &self.model, &self.file) {
            (Some(path), None, None) => Ok(path.into()),
            (None, Some(model), Some(file)) => Ok(ModelSource::stored(model, file)?),
            _ => Err(Error::invalid("give either the `path` of a model file, or `model` and `file` of the manifest")),
        }
    }

    fn check(&self) -> Result<()> {
        if !(1..=64).contains(&self.batch_max) {
            return Err(Error::invalid(format!("`batch_max` must be 1 to 64, not {}", self.batch_max)));
        }
        if self.batch_max > 1 && !self.state.is_empty() {
            return Err(Error::invalid("a model with `state` sees one packet after the other; set `batch_max = 1`"));
        }
        Ok(())
    }
}

/// A tensor that waits for its run, with the header of its packet.
#[derive(Debug)]
struct Waiting {
    value: Value,
    timing: Packet,
    since_ns: i64,
}

/// Runs a model.
#[derive(Debug)]
pub(crate) struct OnnxNode {
    model: Resource<Model>,
    binding: Binding,
    waiting: Vec<VecDeque<Waiting>>,
    batch_max: usize,
    batch_wait_ns: i64,
    waker: Waker,
    /// A tick will come for the batch that waits.
    is_awaiting_tick: bool,
}

impl Node for OnnxNode {
    type Params = OnnxParams;

    fn kind() -> Kind {
        Kind::new("onnx")
            .title("ONNX model")
            .description(
                "Runs any model: a tensor for each input in, a tensor for each output out. The pins are those of the \
                 model that the params name, with their types and shapes.",
            )
            .input("in", "tensor")
            .output("out", "tensor")
            .pins_by_params()
            .capability("judges_shapes")
    }

    fn pins(params: &OnnxParams) -> Result<Pins> {
        params.check()?;
        Ok(Choice::new(&Signature::read(params.source()?)?, params)?.pins())
    }

    fn create(params: OnnxParams, cx: &mut CreateContext<'_>) -> Result<Self> {
        params.check()?;
        let model = engine::load(cx, params.source()?)?;
        let binding = Binding::new(&model, &params)?;
        let waiting = binding.inputs.iter().map(|_| VecDeque::new()).collect();
        let batch_wait_ns = i64::from(params.batch_wait_ms) * 1_000_000;
        Ok(Self {
            model,
            binding,
            waiting,
            batch_max: params.batch_max as usize,
            batch_wait_ns,
            waker: cx.waker(),
            is_awaiting_tick: false,
        })
    }
}

impl Processor for OnnxNode {
    fn process(&mut self, pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        self.wait_for_others(pin, packet, cx.now_ns())?;
        let outcome = self.run_what_is_due(cx);
        self.await_tick();
        outcome
    }

    /// Runs a batch that is not full when its time is up, although no packet comes.
    fn tick(&mut self, cx: &mut Context<'_>) -> Result<Tick> {
        self.is_awaiting_tick = false;
        if let Err(error) = self.run_what_is_due(cx) {
            self.await_tick();
            return Err(error);
        }
        if self.complete() == 0 {
            return Ok(Tick::OnWake);
        }
        self.is_awaiting_tick = true;
        Ok(Tick::At(self.oldest_ns().saturating_add(self.batch_wait_ns)))
    }

    fn flush(&mut self, _pin: usize, cx: &mut Context<'_>) -> Result<()> {
        while let len @ 1.. = self.complete().min(self.batch_max) {
            self.run(len, cx)?;
        }
        let left: usize = self.waiting.iter().map(VecDeque::len).sum();
        if left > 0 {
            tracing::warn!(packets = left, "an input has ended, and packets wait on others in vain");
        }
        Ok(())
    }
}

impl OnnxNode {
    /// Puts a tensor behind those that wait on its input.
    fn wait_for_others(&mut self, pin: usize, packet: &Packet, now_ns: i64) -> Result<()> {
        let (Some(info), Some(queue)) = (self.binding.inputs.get(pin), self.waiting.get_mut(pin)) else {
            let has = self.binding.inputs.len();
            return Err(Error::invalid(format!("there is no input {pin}; the model takes {has}")));
        };
        let value = tensors::to_value(packet)?;
        info.check(&value)?;
        if queue.len() >= WAITING_MAX {
            let name = &info.name;
            return Err(Error::invalid(format!(
                "{WAITING_MAX} packets wait on `{name}` for those of the other inputs"
            )));
        }
        let mut timing = Packet::EMPTY;
        timing.copy_timing(packet);
        queue.push_back(Waiting { value, timing, since_ns: now_ns });
        Ok(())
    }

    /// Sets of one tensor for each input that are there.
    fn complete(&self) -> usize {
        self.waiting.iter().map(VecDeque::len).min().unwrap_or(0)
    }

    /// Asks for a tick while a batch waits that is not full.
    fn await_tick(&mut self) {
        if self.complete() > 0 && !self.is_awaiting_tick {
            self.is_awaiting_tick = true;
            self.waker.wake();
        }
    }

    /// When the packet came that has waited longest.
    fn oldest_ns(&self) -> i64 {
        let oldest = self.waiting.iter().filter_map(|queue| queue.front()).map(|first| first.since_ns).min();
        oldest.unwrap_or(i64::MAX)
    }

    fn run_what_is_due(&mut self, cx: &mut Context<'_>) -> Result<()> {
        while let Some(len) = self.batch_len(cx.now_ns()) {
            self.run(len, cx)?;
        }
        Ok(())
    }

    /// How many sets are to run as one now.
    fn batch_len(&self, now_ns: i64) -> Option<usize> {
        let complete = self.complete();
        let is_due = complete >= self.batch_max || now_ns.saturating_sub(self.oldest_ns()) >= self.batch_wait_ns;
        (complete > 0 && is_due).then(|| complete.min(self.batch_max))
    }

    /// Runs up to `len` sets, fewer where the shapes change.
    fn run(&mut self, len: usize, cx: &mut Context<'_>) -> Result<()> {
        let agree = |index: usize| {
            self.waiting.iter().all(|queue| match (queue.front(), queue.get(index)) {
                (Some(first), Some(other)) => batch::agree(&first.value, &other.value),
                _ => false,
            })
        };
        let len = (1..len).find(|index| !agree(*index)).unwrap_or(len);
        let mut columns: Vec<Vec<Waiting>> =
            self.waiting.iter_mut().map(|queue| queue.drain(..len.min(queue.len())).collect()).collect();
        // The first input tells where in the stream the outputs belong.
        let first = columns.first_mut().map(std::mem::take).unwrap_or_default();
        let parts: Vec<usize> = first.iter().map(|waiting| batch::rows(&waiting.value)).collect();
        let (first, timings): (Vec<_>, Vec<_>) =
            first.into_iter().map(|waiting| (waiting.value, waiting.timing)).unzip();
        let mut inputs = vec![batch::join(first)?];
        for column in columns.into_iter().skip(1) {
            inputs.push(batch::join(column.into_iter().map(|waiting| waiting.value).collect())?);
        }
        let outputs = self.outputs(inputs)?;
        emit(outputs, &parts, &timings, cx)
    }

    /// Runs the model, and keeps its state for the next run.
    fn outputs(&mut self, inputs: Vec<Value>) -> Result<Vec<Value>> {
        let Binding { plan, state, constants, outputs, .. } = &mut self.binding;
        let mut values: Vec<_> = inputs.into_iter().map(rten::ValueOrView::from).collect();
        values.extend(state.iter().chain(constants.iter()).map(rten::ValueOrView::from));
        let mut given = self.model.run(plan, values)?;
        *state = given.split_off((*outputs).min(given.len()));
        Ok(given)
    }
}

/// Gives out each output, part by part, with the timing of the input that it was made of.
fn emit(outputs: Vec<Value>, parts: &[usize], timings: &[Packet], cx: &mut Context<'_>) -> Result<()> {
    let split = outputs.into_iter().map(|value| batch::split(value, parts)).collect::<Result<Vec<_>>>()?;
    for (index, timing) in timings.iter().enumerate() {
        for (pin, parts) in split.iter().enumerate() {
            let Some(value) = parts.get(index) else { continue };
            let mut packet = tensors::to_packet(value, cx)?;
            packet.copy_timing(timing);
            cx.emit(pin, packet)?;
        }
    }
    Ok(())
}
