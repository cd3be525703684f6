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
    inputs: Vec<PinText>,
    outputs: Vec<PinText>,
    capabilities: Vec<&'static str>,
}

#[derive(Debug, Clone)]
struct PinText {
    name: &'static str,
    format: String,
    optional: bool,
}

impl Kind {
    /// A kind without pins, named as in graph files: `[a-z0-9][a-z0-9_.-]*`.
    pub fn new(id: &'static str) -> Self {
        Self {
            id,
            title: String::new(),
            description: String::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            capabilities: Vec::new(),
        }
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
        self.add_input(name, format, false)
    }

    /// Adds an input that may stay without a link.
    pub fn optional_input(self, name: &'static str, format: impl Into<String>) -> Self {
        self.add_input(name, format, true)
    }

    fn add_input(mut self, name: &'static str, format: impl Into<String>, optional: bool) -> Self {
        self.inputs.push(PinText { name, format: format.into(), optional });
        self
    }

    /// Adds an output; its number is the count of outputs before it. What is emitted without a link is dropped.
    pub fn output(mut self, name: &'static str, format: impl Into<String>) -> Self {
        self.outputs.push(PinText { name, format: format.into(), optional: false });
        self
    }

    /// Adds an output that is meant to stay without a link where nobody needs it.
    pub fn optional_output(mut self, name: &'static str, format: impl Into<String>) -> Self {
        self.outputs.push(PinText { name, format: format.into(), optional: true });
        self
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

    pub(crate) fn to_json<P: JsonSchema>(&self, role: &str) -> Value {
        let pins = |pins: &[PinText]| -> Vec<Value> {
            pins.iter().map(|pin| json!({ "name": pin.name, "format": pin.format, "optional": pin.optional })).collect()
        };
        let mut schema = schemars::schema_for!(P);
        schema.remove("$schema");
        json!({
            "id": self.id,
            "role": role,
            "title": self.title,
            "description": self.description,
            "inputs": pins(&self.inputs),
            "outputs": pins(&self.outputs),
            "params_schema": schema,
            "capabilities": self.capabilities,
        })
    }
}
