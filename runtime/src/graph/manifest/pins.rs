//! The pins of a kind, in a manifest or told by a plugin for the params of one node.

use serde::Deserialize;

use super::{ManifestError, PINS_MAX, check_count, check_id, check_unique, invalid, read_json};
use crate::graph::format::FormatTemplate;
use crate::graph::kind::{KindInfo, PinInfo, PinsError, Role};

/// Longest text with pins that is read: all pins that a kind may have, each with the longest format.
pub(crate) const PINS_TEXT_LEN_MAX: usize = 192 * 1024;

#[derive(Deserialize)]
pub(super) struct RawPin {
    name: String,
    format: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    optional: bool,
}

#[derive(Deserialize)]
struct RawPins {
    #[serde(default)]
    inputs: Vec<RawPin>,
    #[serde(default)]
    outputs: Vec<RawPin>,
}

impl KindInfo {
    /// The same kind with the pins of one node, as a plugin tells them: a JSON object with `inputs` and `outputs`.
    ///
    /// # Errors
    /// The text is too long, no JSON of the right shape, or breaks a rule that holds for the pins of a manifest too.
    pub fn with_pins(&self, text: &str) -> Result<Self, PinsError> {
        let wrong = |error: ManifestError| PinsError::Wrong {
            reason: match error {
                ManifestError::Invalid { path, reason } | ManifestError::Malformed { path, reason } => {
                    format!("at `{path}`: {reason}")
                }
                ManifestError::TooLong { len } => {
                    format!("they take {len} bytes, at most {PINS_TEXT_LEN_MAX} are read")
                }
            },
        };
        let (inputs, outputs) = parse(self.role, text).map_err(wrong)?;
        Ok(Self { inputs, outputs, ..self.clone() })
    }
}

fn parse(role: Role, text: &str) -> Result<(Vec<PinInfo>, Vec<PinInfo>), ManifestError> {
    if text.len() > PINS_TEXT_LEN_MAX {
        return Err(ManifestError::TooLong { len: text.len() });
    }
    let raw: RawPins = read_json(text)?;
    let (inputs, outputs) = (read_pins(raw.inputs, "inputs")?, read_pins(raw.outputs, "outputs")?);
    check_role(role, &inputs, &outputs, "")?;
    Ok((inputs, outputs))
}

pub(super) fn read_pins(raw: Vec<RawPin>, path: &str) -> Result<Vec<PinInfo>, ManifestError> {
    check_count(raw.len(), PINS_MAX, path)?;
    check_unique(raw.iter().map(|pin| pin.name.as_str()), |index| format!("{path}[{index}].name"))?;
    let read = |(index, pin): (usize, RawPin)| {
        check_id(&pin.name, &format!("{path}[{index}].name"))?;
        let format = FormatTemplate::parse(&pin.format)
            .map_err(|error| invalid(&format!("{path}[{index}].format"), error.to_string()))?;
        Ok(PinInfo { name: pin.name, format, description: pin.description, optional: pin.optional })
    };
    raw.into_iter().enumerate().map(read).collect()
}

/// Whether a kind of this role may have these pins; `path` is that of the kind, with a dot at its end where there is one.
pub(super) fn check_role(role: Role, inputs: &[PinInfo], outputs: &[PinInfo], path: &str) -> Result<(), ManifestError> {
    let fault = |side: &str, reason: String| Err(invalid(&format!("{path}{side}"), reason));
    match role {
        Role::Source if !inputs.is_empty() => fault("inputs", "a source has no inputs".to_owned()),
        Role::Source if outputs.is_empty() => fault("outputs", "a source needs an output".to_owned()),
        Role::Sink if !outputs.is_empty() => fault("outputs", "a sink has no outputs".to_owned()),
        Role::Sink | Role::Processor if inputs.is_empty() => {
            fault("inputs", format!("a {} needs an input", role.as_str()))
        }
        Role::Source | Role::Processor | Role::Sink => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Manifest;

    fn kind() -> KindInfo {
        let text = r#"{"plugin": {"id": "p", "version": "1.0.0"}, "kinds": [{
            "id": "p.kind", "role": "processor", "title": "", "description": "",
            "inputs": [{"name": "in", "format": "any"}], "params_schema": {}, "capabilities": ["pins_by_params"]}]}"#;
        Manifest::parse(text).unwrap().kinds.remove(0)
    }

    #[test]
    fn pins_of_a_node_take_the_place_of_those_of_its_kind() {
        let text = r#"{"inputs": [{"name": "x", "format": "tensor f32 [?,2]"}],
            "outputs": [{"name": "y.0", "format": "tensor", "optional": true, "description": "d"}], "later": 1}"#;
        let with = kind().with_pins(text).unwrap();
        let [x] = with.inputs.as_slice() else { panic!("{with:?}") };
        let [y] = with.outputs.as_slice() else { panic!("{with:?}") };
        assert_eq!((x.name.as_str(), x.format.to_string().as_str(), x.optional), ("x", "tensor f32 [?,2]", false));
        assert_eq!((y.name.as_str(), y.description.as_str(), y.optional), ("y.0", "d", true));
        assert_eq!(with.id, "p.kind");
    }

    #[test]
    fn pins_that_no_node_can_have_are_refused_with_their_place() {
        let pin = |name: &str| format!(r#"{{"name": "{name}", "format": "any"}}"#);
        let many = format!(r#"{{"inputs": [{}]}}"#, vec![pin("x"); PINS_MAX + 1].join(","));
        let twice = format!(r#"{{"inputs": [{}, {}]}}"#, pin("x"), pin("x"));
        let long = "x".repeat(PINS_TEXT_LEN_MAX + 1);
        let table = [
            ("", "EOF"),
            ("[7]", "at `"),
            ("{} {}", "trailing"),
            ("{}", "at `inputs`: a processor needs an input"),
            (r#"{"inputs": [{"name": "X", "format": "any"}]}"#, "at `inputs[0].name`: `X` is no id"),
            (r#"{"inputs": [{"name": "x", "format": "sound"}]}"#, "at `inputs[0].format`: unknown format `sound`"),
            (r#"{"inputs": [{"name": "x"}]}"#, "missing field `format`"),
            (&twice, "at `inputs[1].name`: `x` is used twice"),
            (&many, "33 entries, at most 32"),
            (&long, "they take 196609 bytes"),
        ];
        for (text, reason) in table {
            let said = kind().with_pins(text).unwrap_err().to_string();
            assert!(said.contains(reason), "{reason:?} in {said:?}");
        }
    }
}
