//! The description of a kind, and the manifest made of it.

use schemars::JsonSchema;
use serde_json::{Value, json};

/// Describes a kind of node: its name, its pins and the formats that they take or give.
///
/// Formats are written as everywhere in Graphmill: `any`, `audio f32 48000 Hz mono`, `video rgb8 640x480`,
/// `tensor f32 [1,3,?,?]`, `text`, `event speech.segment`, `bytes image/png`, or several joined by ` | `. What is
/// left out is open. `{name}` stands for the value of a param: `audio f32 {rate_hz} Hz`.
#[derive(Debug, Clone)]
#[must_use]
pub struct Kind {
    id: &'static str,
    title: String,
    description: String,
    pins: Pins,
    capabilities: Vec<&'static str>,
}

/// The pins of a kind, or of a node whose params decide which it has: see [`crate::Node::pins`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Pins {
    inputs: Vec<PinText>,
    outputs: Vec<PinText>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct PinText {
    name: String,
    format: String,
    description: String,
    optional: bool,
}

impl PinText {
    fn new(name: impl Into<String>, format: impl Into<String>, optional: bool) -> Self {
        Self { name: name.into(), format: format.into(), description: String::new(), optional }
    }

    fn to_json(&self) -> Value {
        let Self { name, format, description, optional } = self;
        let mut pin = json!({ "name": name, "format": format, "optional": optional });
        if let (Some(pin), false) = (pin.as_object_mut(), description.is_empty()) {
            pin.insert("description".to_owned(), json!(description));
        }
        pin
    }
}

impl Pins {
    /// No pins yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an input with a name like that of a kind; its number is the count of inputs before it.
    pub fn input(mut self, name: impl Into<String>, format: impl Into<String>) -> Self {
        self.inputs.push(PinText::new(name, format, false));
        self
    }

    /// Adds an input that may stay without a link.
    pub fn optional_input(mut self, name: impl Into<String>, format: impl Into<String>) -> Self {
        self.inputs.push(PinText::new(name, format, true));
        self
    }

    /// Adds an output; its number is the count of outputs before it. What is emitted without a link is dropped.
    pub fn output(mut self, name: impl Into<String>, format: impl Into<String>) -> Self {
        self.outputs.push(PinText::new(name, format, false));
        self
    }

    /// Adds an output that is meant to stay without a link where nobody needs it.
    pub fn optional_output(mut self, name: impl Into<String>, format: impl Into<String>) -> Self {
        self.outputs.push(PinText::new(name, format, true));
        self
    }

    /// Says a few words about the input with this number; without such an input it says them to nobody.
    pub fn describe_input(mut self, number: usize, description: impl Into<String>) -> Self {
        if let Some(pin) = self.inputs.get_mut(number) {
            pin.description = description.into();
        }
        self
    }

    /// Says a few words about the output with this number; without such an output it says them to nobody.
    pub fn describe_output(mut self, number: usize, description: impl Into<String>) -> Self {
        if let Some(pin) = self.outputs.get_mut(number) {
            pin.description = description.into();
        }
        self
    }

    /// As it crosses the boundary, and as it stands in the manifest.
    pub(crate) fn to_json(&self) -> Value {
        let all = |pins: &[PinText]| pins.iter().map(PinText::to_json).collect::<Vec<_>>();
        json!({ "inputs": all(&self.inputs), "outputs": all(&self.outputs) })
    }
}

impl Kind {
    /// A kind without pins, named as in graph files: `[a-z0-9][a-z0-9_.-]*`.
    pub fn new(id: &'static str) -> Self {
        Self { id, title: String::new(), description: String::new(), pins: Pins::new(), capabilities: Vec::new() }
    }

    /// A few words for lists.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// A paragraph for those who want to use it.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Adds an input; its number is the count of inputs before it.
    pub fn input(self, name: &'static str, format: impl Into<String>) -> Self {
        Self { pins: self.pins.input(name, format), ..self }
    }

    /// Adds an input that may stay without a link.
    pub fn optional_input(self, name: &'static str, format: impl Into<String>) -> Self {
        Self { pins: self.pins.optional_input(name, format), ..self }
    }

    /// Adds an output; its number is the count of outputs before it. What is emitted without a link is dropped.
    pub fn output(self, name: &'static str, format: impl Into<String>) -> Self {
        Self { pins: self.pins.output(name, format), ..self }
    }

    /// Adds an output that is meant to stay without a link where nobody needs it.
    pub fn optional_output(self, name: &'static str, format: impl Into<String>) -> Self {
        Self { pins: self.pins.optional_output(name, format), ..self }
    }

    /// Lets the params of a node decide which pins it has: [`crate::Node::pins`] is asked. What the kind itself has is
    /// what people see who have no params yet, and what a host that cannot ask takes for the pins.
    pub fn pins_by_params(self) -> Self {
        self.capability(PINS_BY_PARAMS)
    }

    /// Declares something that the host may act on, for example `in_place`.
    pub fn capability(mut self, capability: &'static str) -> Self {
        self.capabilities.push(capability);
        self
    }

    /// Name of the kind.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// The pins that it has without params.
    pub fn pins(&self) -> &Pins {
        &self.pins
    }

    pub(crate) fn asks_for_pins(&self) -> bool {
        self.capabilities.contains(&PINS_BY_PARAMS)
    }

    pub(crate) fn to_json<P: JsonSchema>(&self, role: &str) -> Value {
        let mut schema = schemars::schema_for!(P);
        schema.remove("$schema");
        let mut kind = json!({
            "id": self.id,
            "role": role,
            "title": self.title,
            "description": self.description,
            "params_schema": schema,
            "capabilities": self.capabilities,
        });
        if let (Value::Object(kind), Value::Object(pins)) = (&mut kind, self.pins.to_json()) {
            kind.extend(pins);
        }
        kind
    }
}

/// Says in a manifest that the class has a function that tells the pins.
const PINS_BY_PARAMS: &str = "pins_by_params";
