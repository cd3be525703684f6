//! Which pin of the node is which tensor of the model, and what becomes of the tensors that are no pins.

use std::collections::BTreeMap;

use graphmill_plugin_sdk::{Error, Result};
use rten::Value;

use super::node::OnnxParams;
use crate::engine::{Element, Model, Plan, TensorInfo};
use crate::tensors;

/// Names of the inputs of the node, in the order of their numbers.
pub(super) const INPUTS: [&str; 8] = ["in", "in2", "in3", "in4", "in5", "in6", "in7", "in8"];

/// Names of the outputs of the node, in the order of their numbers.
pub(super) const OUTPUTS: [&str; 8] = ["out", "out2", "out3", "out4", "out5", "out6", "out7", "out8"];

/// The tensors of a model, each with its place.
#[derive(Debug)]
pub(super) struct Binding {
    /// Runs with the pins first, then state, then constants; gives the outputs first, then state.
    pub(super) plan: Plan,
    /// What the inputs of the node take, in their order.
    pub(super) inputs: Vec<TensorInfo>,
    /// Outputs of the node in use.
    pub(super) outputs: usize,
    /// What the model remembers from run to run, at the start nothing but zeros.
    pub(super) state: Vec<Value>,
    /// What is the same in each run.
    pub(super) constants: Vec<Value>,
}

impl Binding {
    /// Gives each tensor of the model its place.
    ///
    /// # Errors
    /// A param names a tensor that the model has not, or there are more tensors than pins.
    pub(super) fn new(model: &Model, params: &OnnxParams) -> Result<Self> {
        let is_given = |name: &str| params.state.contains_key(name) || params.constants.contains_key(name);
        let is_state = |name: &str| params.state.values().any(|output| output == name);
        let inputs = names(&params.inputs, model.inputs(), is_given);
        let outputs = names(&params.outputs, model.outputs(), is_state);
        check_count("input", &inputs, INPUTS.len())?;
        check_count("output", &outputs, OUTPUTS.len())?;
        let others = params.state.keys().chain(params.constants.keys()).map(String::as_str);
        let all: Vec<&str> = inputs.iter().copied().chain(others).collect();
        let wanted: Vec<&str> = outputs.iter().copied().chain(params.state.values().map(String::as_str)).collect();
        let plan = model.plan(&all, &wanted)?;
        check_complete(model, &all)?;
        let info = |name: &str| model.inputs().iter().find(|info| info.name == name).cloned();
        let state =
            params.state.keys().filter_map(|name| info(name)).map(|info| zeros(&info)).collect::<Result<_>>()?;
        let constants = constants(&params.constants, info)?;
        let infos = inputs.iter().filter_map(|name| info(name)).collect();
        Ok(Self { plan, inputs: infos, outputs: outputs.len(), state, constants })
    }
}

/// The names that were given, or all of the model that have no other place.
fn names<'a>(given: &'a [String], all: &'a [TensorInfo], is_elsewhere: impl Fn(&str) -> bool) -> Vec<&'a str> {
    if !given.is_empty() {
        return given.iter().map(String::as_str).collect();
    }
    all.iter().map(|info| info.name.as_str()).filter(|name| !is_elsewhere(name)).collect()
}

fn check_count(side: &str, names: &[&str], max: usize) -> Result<()> {
    match names.len() {
        0 => Err(Error::invalid(format!("no {side} of the model is left for a pin; name one in `{side}s`"))),
        len if len > max => Err(Error::invalid(format!(
            "the model has {len} {side}s and the node {max}; name those that are needed in `{side}s`"
        ))),
        _ => Ok(()),
    }
}

/// Without all of its inputs a model cannot run.
fn check_complete(model: &Model, given: &[&str]) -> Result<()> {
    let missing = model.inputs().iter().find(|info| !given.contains(&info.name.as_str()));
    missing.map_or(Ok(()), |info| {
        let name = &info.name;
        Err(Error::invalid(format!(
            "input `{name}` ({info}) of the model gets nothing; name it in `inputs`, `state` or `constants`"
        )))
    })
}

/// Nothing yet, in the shape of an input; an open length is 1.
fn zeros(info: &TensorInfo) -> Result<Value> {
    filled(info, &[0.0])
}

/// Numbers in the shape of an input: one for all, or as many as there are.
fn filled(info: &TensorInfo, numbers: &[f64]) -> Result<Value> {
    let name = &info.name;
    let own = info.shape.as_deref().unwrap_or_default();
    // The first open length is what the numbers fill; further ones are 1.
    let fixed = own.iter().flatten().fold(1_usize, |product, length| product.saturating_mul(*length));
    let mut open = Some((numbers.len() / fixed.max(1)).max(1));
    let shape: Vec<usize> = own.iter().map(|length| length.or_else(|| open.take()).unwrap_or(1)).collect();
    let len = shape.iter().try_fold(1_usize, |product, length| product.checked_mul(*length));
    let len =
        len.filter(|len| *len <= NUMBERS_MAX).ok_or_else(|| Error::unsupported(format!("`{name}` is too large")))?;
    let numbers = match numbers {
        [number] => vec![*number; len],
        numbers if numbers.len() == len => numbers.to_vec(),
        numbers => {
            let given = numbers.len();
            return Err(Error::invalid(format!("`{name}` ({info}) takes one number or {len}, not {given}")));
        }
    };
    #[expect(clippy::cast_possible_truncation, reason = "a cast saturates, and the numbers were written by hand")]
    match info.element {
        Some(Element::I32) => tensors::value(&shape, numbers.iter().map(|number| *number as i32).collect()),
        Some(Element::I8) => tensors::value(&shape, numbers.iter().map(|number| *number as i8).collect()),
        #[expect(clippy::cast_sign_loss, reason = "as above")]
        Some(Element::U8) => tensors::value(&shape, numbers.iter().map(|number| *number as u8).collect()),
        Some(Element::F32) | None => tensors::value(&shape, numbers.iter().map(|number| *number as f32).collect()),
    }
}

/// Most numbers of a state or constant: what a model remembers is small.
const NUMBERS_MAX: usize = 1 << 24;

fn constants(given: &BTreeMap<String, Vec<f64>>, info: impl Fn(&str) -> Option<TensorInfo>) -> Result<Vec<Value>> {
    let pairs = given.iter().filter_map(|(name, numbers)| info(name).map(|info| (info, numbers)));
    pairs.map(|(info, numbers)| filled(&info, numbers)).collect()
}
