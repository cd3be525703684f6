//! The tensors of a loaded model, each with its place, and what the model is given beside the packets.

use std::collections::BTreeMap;

use graphmill_plugin_sdk::{Error, Result};
use rten::Value;

use super::choice::Choice;
use super::node::OnnxParams;
use crate::engine::{Element, Model, Plan, TensorInfo};
use crate::tensors;

/// The tensors of a model, each with its place.
#[derive(Debug)]
pub(super) struct Binding {
    /// Runs with the pins first, then state, then constants; gives the outputs first, then state.
    pub(super) plan: Plan,
    /// What the inputs of the node take, in their order.
    pub(super) inputs: Vec<TensorInfo>,
    /// Outputs of the node.
    pub(super) outputs: usize,
    /// What the model remembers from run to run, at the start nothing but zeros.
    pub(super) state: Vec<Value>,
    /// What is the same in each run.
    pub(super) constants: Vec<Value>,
}

impl Binding {
    /// Gives each tensor of the model the place that the pins of the node were told by.
    ///
    /// # Errors
    /// As for [`Choice::new`], and a constant does not fit its input.
    pub(super) fn new(model: &Model, params: &OnnxParams) -> Result<Self> {
        let Choice { inputs, outputs } = Choice::new(model.signature(), params)?;
        let name = |info: &'_ TensorInfo| info.name.clone();
        let others = params.state.keys().chain(params.constants.keys()).cloned();
        let all: Vec<String> = inputs.iter().map(name).chain(others).collect();
        let wanted: Vec<String> = outputs.iter().map(name).chain(params.state.values().cloned()).collect();
        let plan = model.plan(&all, &wanted)?;
        let info = |name: &str| model.inputs().iter().find(|info| info.name == name).cloned();
        let state =
            params.state.keys().filter_map(|name| info(name)).map(|info| zeros(&info)).collect::<Result<_>>()?;
        let constants = constants(&params.constants, info)?;
        Ok(Self { plan, inputs, outputs: outputs.len(), state, constants })
    }
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
