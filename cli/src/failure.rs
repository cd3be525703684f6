//! Why a command did not do what it was asked for, as people and as programs read it.

use graphmill::exec::{FaultClass, NodeFailure};
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
    Node { failure: Box<NodeFailure>, place: Option<String> },
    /// Anything else that was wrong before something ran.
    Other { message: String, notes: Vec<String> },
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
            Self::Node { .. } | Self::ReaderLeft => {}
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

    /// A session could not be started; `place` is the file of the graph.
    pub(crate) fn start(error: StartError, place: Option<String>) -> Self {
        match error {
            StartError::Node(failure) => Self::Node { failure, place },
            other => Self::new(other.to_string()),
        }
    }

    /// The failure as people read it; nothing where nobody reads.
    pub(crate) fn render(&self) -> Option<String> {
        match self {
            Self::Graph { error, notes } => Some(with_notes(error.render(true), notes)),
            Self::Node { failure, place } => Some(render_node_failure(failure, place.as_deref())),
            Self::Other { message, notes } => Some(with_notes(titled(ERROR, "error", message), notes)),
            Self::ReaderLeft => None,
        }
    }

    /// The failure as programs read it.
    pub(crate) fn to_json(&self) -> Option<Value> {
        let (mut json, notes) = match self {
            Self::Graph { error, notes } => (error.to_json(), notes.as_slice()),
            Self::Node { failure, .. } => (json!({ "failure": failure, "message": failure.to_string() }), &[][..]),
            Self::Other { message, notes } => (json!({ "message": message }), notes.as_slice()),
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
    for note in notes {
        // Writing to a string cannot fail.
        let _ = match note.split_once(": ") {
            Some((word, rest)) => write!(text, "\n  {MARK}={MARK:#} {STRONG}{word}{STRONG:#}: {rest}"),
            None => write!(text, "\n  {MARK}={MARK:#} {note}"),
        };
    }
    text
}

/// The failure of a node as people read it: what, where, and the way out.
pub(crate) fn render_node_failure(failure: &NodeFailure, place: Option<&str>) -> String {
    let NodeFailure { node, kind, operation, message, .. } = failure;
    let (blame, help) = blame(failure.class);
    let title = format!("node `{node}` failed in {}: {blame}{message}", operation.name());
    let mut text = titled(ERROR, "error", &title);
    if let Some(place) = place {
        let _ = write!(text, "\n {MARK}-->{MARK:#} {place}, node `{node}`");
    }
    let plugin =
        failure.plugin_file.as_deref().map_or_else(|| "linked into this program".into(), Path::to_string_lossy);
    let mut notes = vec![format!("kind: {kind}"), format!("plugin: {plugin}")];
    notes.extend(failure.detail.as_ref().map(|detail| format!("note: {}", detail.trim_end().replace('\n', "\n    "))));
    notes.extend(help.map(|help| format!("help: {help}")));
    with_notes(text, &notes)
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
