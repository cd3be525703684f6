//! Why a command did not do what it was asked for, as people and as programs read it.

use graphmill::exec::{FaultClass, NodeFailure};
use graphmill::graph::SourcedSpec;
use graphmill::{GraphError, LoadError, StartError};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// Style of the word `error`.
pub(crate) const ERROR: anstyle::Style = anstyle::AnsiColor::BrightRed.on_default().bold();
/// Style of the word `warning`.
pub(crate) const WARNING: anstyle::Style = anstyle::AnsiColor::Yellow.on_default().bold();
/// Style of what stands out.
pub(crate) const STRONG: anstyle::Style = anstyle::Style::new().bold();
/// Style of the marks beside text.
pub(crate) const MARK: anstyle::Style = anstyle::AnsiColor::BrightBlue.on_default().bold();

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The graph is wrong.
    Graph { error: GraphError, notes: Vec<String> },
    /// A node could not be created or started.
    Node { failure: Box<NodeFailure>, error: GraphError },
    /// Anything else that was wrong before something ran.
    Other { message: String, notes: Vec<String> },
    /// A running session did not do what it was asked for, or ended without a word.
    Session(String),
    /// Whoever read the output has enough of it.
    ReaderLeft,
}

impl Failure {
    /// A sentence.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::Other { message: message.into(), notes: Vec::new() }
    }

    /// Adds a fact or a way out, such as `help: ...`.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        match &mut self {
            Self::Graph { notes, .. } | Self::Other { notes, .. } => notes.push(note.into()),
            Self::Node { .. } | Self::Session(_) | Self::ReaderLeft => {}
        }
        self
    }

    /// Something could not be written.
    pub(crate) fn output(name: &str, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderLeft,
            _ => Self::new(format!("cannot write to {name}: {error}")),
        }
    }

    /// A plugin could not be loaded; `named_by` says who wanted it.
    pub(crate) fn load(error: &LoadError, named_by: &str) -> Self {
        Self::new(error.to_string()).note(format!("note: it is named by {named_by}"))
    }

    /// A session of this graph could not be started.
    pub(crate) fn start(error: StartError, spec: &SourcedSpec) -> Self {
        match error {
            StartError::Node(failure) => Self::Node { error: error_of(&failure, spec), failure },
            other => Self::new(other.to_string()),
        }
    }

    /// The failure as people read it; nothing where nobody reads.
    pub(crate) fn render(&self) -> Option<String> {
        match self {
            Self::Graph { error, notes } => Some(with_notes(error.render(true), notes)),
            Self::Node { failure, error } => Some(with_notes(error.render(true), &facts_of(failure))),
            Self::Other { message, notes } => Some(with_notes(titled(ERROR, "error", message), notes)),
            Self::Session(message) => Some(titled(ERROR, "error", message)),
            Self::ReaderLeft => None,
        }
    }

    /// The failure as programs read it.
    pub(crate) fn to_json(&self) -> Option<Value> {
        let (mut json, notes) = match self {
            Self::Graph { error, notes } => (error.to_json(), notes.clone()),
            Self::Node { failure, error } => {
                let mut json = error.to_json();
                if let Some(object) = json.as_object_mut() {
                    object.insert("failure".into(), json!(failure));
                }
                (json, facts_of(failure))
            }
            Self::Other { message, notes } => (json!({ "message": message }), notes.clone()),
            Self::Session(message) => (json!({ "message": message }), Vec::new()),
            Self::ReaderLeft => return None,
        };
        if let Some(object) = json.as_object_mut() {
            object.insert("ok".into(), false.into());
            object.insert("notes".into(), notes.into());
        }
        Some(json)
    }

    /// What the program ends with.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::ReaderLeft => ExitCode::SUCCESS,
            Self::Session(_) => ExitCode::FAILURE,
            Self::Graph { .. } | Self::Node { .. } | Self::Other { .. } => ExitCode::from(2),
        }
    }
}

impl From<GraphError> for Failure {
    fn from(error: GraphError) -> Self {
        Self::Graph { error, notes: Vec::new() }
    }
}

/// A line such as `error: no such file`.
pub(crate) fn titled(style: anstyle::Style, word: &str, message: &str) -> String {
    format!("{style}{word}{style:#}{STRONG}: {message}{STRONG:#}")
}

/// Puts facts below a message, in the look of the diagnostics of graphs.
fn with_notes(mut text: String, notes: &[String]) -> String {
    let gutter = " ".repeat(gutter_len(&text));
    for note in notes {
        // Writing to a string cannot fail.
        let _ = match note.split_once(": ") {
            Some((word, rest)) => write!(text, "\n{gutter}{MARK}={MARK:#} {STRONG}{word}{STRONG:#}: {rest}"),
            None => write!(text, "\n{gutter}{MARK}={MARK:#} {note}"),
        };
    }
    text
}

/// How far in the facts of a diagnostic stand: as far as the bars of its snippet, one further than its arrow.
fn gutter_len(text: &str) -> usize {
    let plain = anstream::adapter::strip_str(text).to_string();
    let arrow =
        plain.lines().find_map(|line| line.find("--> ").filter(|at| line.trim_start().len() + at == line.len()));
    arrow.map_or(2, |at| at + 1)
}

/// The failure of a node as people read it: what, where, and the way out.
pub(crate) fn render_node_failure(failure: &NodeFailure, spec: &SourcedSpec) -> String {
    with_notes(error_of(failure, spec).render(true), &facts_of(failure))
}

/// What went wrong, at the place of the node in its graph.
fn error_of(failure: &NodeFailure, spec: &SourcedSpec) -> GraphError {
    let NodeFailure { node, operation, message, .. } = failure;
    let (blame, _) = blame(failure.class);
    spec.error_at_node(node, format!("node `{node}` failed in {}: {blame}{message}", operation.name()))
}

/// Which plugin it was, what else is known, and the way out.
fn facts_of(failure: &NodeFailure) -> Vec<String> {
    let file = failure.plugin_file.as_deref().map_or_else(|| "linked into this program".into(), Path::to_string_lossy);
    let mut facts = vec![format!("plugin: {file}")];
    facts.extend(failure.detail.as_ref().map(|detail| format!("note: {}", detail.trim_end().replace('\n', "\n    "))));
    facts.extend(blame(failure.class).1.map(|help| format!("help: {help}")));
    facts
}

/// Whose fault it is and what to do about it; an error of the plugin's own says both itself.
fn blame(class: FaultClass) -> (&'static str, Option<&'static str>) {
    match class {
        FaultClass::Panic => (
            "the plugin panicked: ",
            Some("a panic is a fault of the plugin: report it to its author, or use another version of the plugin"),
        ),
        FaultClass::Contract => (
            "the plugin broke its contract: ",
            Some("report it to the plugin's author, or use a build of the plugin for this version of Graphmill"),
        ),
        _ => ("", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_stand_under_the_bars_of_the_snippet() {
        for (text, expected) in
            [("error: x", 2), ("error: x\n --> a:1:1\n  |", 2), ("error: x\n   --> a:123:1", 4), ("a --> b", 2)]
        {
            assert_eq!(gutter_len(text), expected, "{text}");
        }
    }
}
