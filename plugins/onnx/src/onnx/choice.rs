//! Which tensors of a model are pins of the node, and what the pins are called: known from the signature alone.

use std::collections::BTreeSet;

use graphmill_plugin_sdk::{Error, Pins, Result};

use super::node::OnnxParams;
use crate::engine::{Element, Side, Signature, TensorInfo};

/// Most pins on one side of a node.
const PINS_MAX: usize = 32;
/// Longest name of a pin.
const NAME_LEN_MAX: usize = 64;
/// Most dimensions that the format of a pin can tell.
const DIMENSIONS_MAX: usize = 8;

/// The tensors that are pins, in the order of the pins.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) inputs: Vec<TensorInfo>,
    pub(super) outputs: Vec<TensorInfo>,
}

impl Choice {
    /// Gives each tensor of the model its place.
    ///
    /// # Errors
    /// A param names a tensor that the model has not, one has two places or none, or there are more than a node has pins.
    pub(super) fn new(signature: &Signature, params: &OnnxParams) -> Result<Self> {
        let is_given = |name: &str| params.state.contains_key(name) || params.constants.contains_key(name);
        let is_state = |name: &str| params.state.values().any(|output| output == name);
        let choice = Self {
            inputs: chosen(signature, Side::Input, &params.inputs, is_given)?,
            outputs: chosen(signature, Side::Output, &params.outputs, is_state)?,
        };
        for name in params.state.keys().chain(params.constants.keys()) {
            signature.position(Side::Input, name)?;
        }
        for name in params.state.values() {
            signature.position(Side::Output, name)?;
        }
        let pins = choice.inputs.iter().map(|info| &info.name);
        check_places(signature, pins.chain(params.state.keys()).chain(params.constants.keys()))?;
        Ok(choice)
    }

    /// The pins of the node: inputs take what the engine makes of a packet, outputs give what the engine holds.
    pub(super) fn pins(&self) -> Pins {
        let (inputs, outputs) = (names(&self.inputs), names(&self.outputs));
        let mut pins = Pins::new();
        for (number, (info, name)) in self.inputs.iter().zip(inputs).enumerate() {
            pins = pins.input(name.clone(), taken(info)).describe_input(number, description(info, &name));
        }
        for (number, (info, name)) in self.outputs.iter().zip(outputs).enumerate() {
            // Without a link to its first output a model runs for nobody; the others are there for those who need them.
            pins = if number == 0 {
                pins.output(name.clone(), given(info))
            } else {
                pins.optional_output(name.clone(), given(info))
            };
            pins = pins.describe_output(number, description(info, &name));
        }
        pins
    }
}

/// The tensors that were named, or all of the model that have no other place.
fn chosen(
    signature: &Signature,
    side: Side,
    given: &[String],
    is_elsewhere: impl Fn(&str) -> bool,
) -> Result<Vec<TensorInfo>> {
    let all = signature.side(side);
    let chosen: Vec<TensorInfo> = if given.is_empty() {
        all.iter().filter(|info| !is_elsewhere(&info.name)).cloned().collect()
    } else {
        let found = given.iter().map(|name| signature.position(side, name));
        let found = found.collect::<std::result::Result<Vec<_>, _>>()?;
        found.into_iter().filter_map(|at| all.get(at).cloned()).collect()
    };
    let side = side.name();
    match chosen.len() {
        0 => Err(Error::invalid(format!("no {side} of the model is left for a pin; name one in `{side}s`"))),
        len if len > PINS_MAX => Err(Error::invalid(format!(
            "{len} {side}s of the model are left for pins, at most {PINS_MAX} can be; name those that are needed in `{side}s`"
        ))),
        _ => Ok(chosen),
    }
}

/// A model runs when each of its inputs gets something, and gets it once.
fn check_places<'a>(signature: &Signature, places: impl Iterator<Item = &'a String>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for name in places {
        if !seen.insert(name.as_str()) {
            return Err(Error::invalid(format!(
                "input `{name}` of the model has two places; name it in one of `inputs`, `state` and `constants`"
            )));
        }
    }
    let missing = signature.inputs().iter().find(|info| !seen.contains(info.name.as_str()));
    missing.map_or(Ok(()), |info| {
        let name = &info.name;
        Err(Error::invalid(format!(
            "input `{name}` ({info}) of the model gets nothing; name it in `inputs`, `state` or `constants`"
        )))
    })
}

/// What the pin of an input takes: all that becomes elements of the right type, see [`crate::tensors::to_value`].
fn taken(info: &TensorInfo) -> String {
    let words: &[&str] = match info.element {
        Some(Element::F32) => &["f32 ", "f64 "],
        Some(Element::I32) => &["i32 ", "i64 ", "bool "],
        Some(Element::I8) => &["i8 "],
        Some(Element::U8) => &["u8 "],
        None => &[""],
    };
    let formats: Vec<String> = words.iter().map(|word| format!("tensor {word}{}", shape(info))).collect();
    formats.join(" | ")
}

/// What the pin of an output gives.
fn given(info: &TensorInfo) -> String {
    let word = info.element.map_or("", Element::name);
    format!("tensor {word} {}", shape(info))
}

/// The shape of a tensor as formats write it. What formats cannot say is left open: more dimensions than a packet has, a
/// length of 0.
fn shape(info: &TensorInfo) -> String {
    let Some(lengths) = info.shape.as_ref().filter(|shape| shape.len() <= DIMENSIONS_MAX) else {
        return String::new();
    };
    let length = |length: &Option<usize>| {
        let length = length.and_then(|length| u32::try_from(length).ok()).filter(|length| *length > 0);
        length.map_or("?".to_owned(), |length| length.to_string())
    };
    format!("[{}]", lengths.iter().map(length).collect::<Vec<_>>().join(","))
}

fn description(info: &TensorInfo, name: &str) -> String {
    if info.name == name { String::new() } else { format!("`{}` of the model", info.name) }
}

/// Names for pins: those of the tensors in small letters, with `_` for what the name of a pin cannot have, without what
/// it cannot begin with, and with a number where two would be the same.
fn names(infos: &[TensorInfo]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(infos.len());
    for info in infos {
        let plain = legal(&info.name);
        let mut name = plain.clone();
        for number in 2.. {
            if !names.contains(&name) {
                break;
            }
            let tail = format!("_{number}");
            name = format!("{}{tail}", plain.get(..NAME_LEN_MAX - tail.len()).unwrap_or(&plain));
        }
        names.push(name);
    }
    names
}

fn legal(name: &str) -> String {
    let letter = |c: char| match c.to_ascii_lowercase() {
        c @ ('a'..='z' | '0'..='9' | '_' | '.' | '-') => c,
        _ => '_',
    };
    let mapped: String = name.chars().map(letter).collect();
    let begun = mapped.trim_start_matches(['_', '.', '-']);
    let cut = begun.get(..NAME_LEN_MAX).unwrap_or(begun);
    if cut.is_empty() { "tensor".to_owned() } else { cut.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(name: &str, element: Option<Element>, shape: Option<&[Option<usize>]>) -> TensorInfo {
        TensorInfo { name: name.to_owned(), element, shape: shape.map(<[_]>::to_vec) }
    }

    #[test]
    fn names_of_pins_are_legal_different_and_near_to_those_of_the_model() {
        let long = "x".repeat(70);
        let table = [
            ("input_ids", "input_ids"),
            ("past_key_values.0.decoder.key", "past_key_values.0.decoder.key"),
            ("Identity:0", "identity_0"),
            ("/model/Softmax_output", "model_softmax_output"),
            ("identity-0", "identity-0"),
            ("IDENTITY:0", "identity_0_2"),
            ("identity 0", "identity_0_3"),
            ("Größe", "gr__e"),
            ("--", "tensor"),
            ("", "tensor_2"),
            (&long, &long[..64]),
            (&long[..65], &format!("{}_2", &long[..62])),
        ];
        let infos: Vec<TensorInfo> = table.iter().map(|(name, _)| info(name, None, None)).collect();
        for ((name, expected), found) in table.iter().zip(names(&infos)) {
            assert_eq!(found, *expected, "{name}");
        }
    }

    #[test]
    fn formats_say_what_the_engine_takes_and_gives() {
        let table = [
            (
                info("a", Some(Element::F32), Some(&[None, Some(3)])),
                "tensor f32 [?,3] | tensor f64 [?,3]",
                "tensor f32 [?,3]",
            ),
            (
                info("b", Some(Element::I32), Some(&[])),
                "tensor i32 [] | tensor i64 [] | tensor bool []",
                "tensor i32 []",
            ),
            (info("c", Some(Element::U8), None), "tensor u8 ", "tensor u8 "),
            (info("d", None, Some(&[Some(0)])), "tensor [?]", "tensor  [?]"),
            (info("e", Some(Element::I8), Some(&[Some(1); 9])), "tensor i8 ", "tensor i8 "),
        ];
        for (info, takes, gives) in table {
            assert_eq!((taken(&info).as_str(), given(&info).as_str()), (takes, gives), "{}", info.name);
            for text in [takes, gives] {
                text.parse::<graphmill::graph::FormatSet>().unwrap();
            }
        }
    }
}
