//! Messages for the person who wrote the graph: what is wrong, where, and the way out.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

/// Most diagnostics that one check reports; the rest is counted, since nobody reads more and rendering them takes time.
pub const DIAGNOSTICS_MAX: usize = 100;

/// Longest text of one part of a diagnostic; names from the input may be as long as the input.
const PART_LEN_MAX: usize = 1_000;

/// Bytes shown on each side of the fault in a line that is too long to be shown.
const NEAR_LEN: usize = 500;

/// The part of a text that is shown.
struct Window<'a> {
    text: &'a str,
    line: usize,
    /// The fault inside the part.
    span: Range<usize>,
    /// Whether the line is longer than the part.
    is_cut: bool,
}

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// The graph cannot be built.
    Error,
    /// The graph can be built, and is probably not what was meant.
    Warning,
}

/// One thing to say about a graph.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line that is clear without the snippet.
    pub title: String,
    /// Name of the file or other text; `None` when the graph was built in code.
    pub source: Option<String>,
    /// Bytes of the text that are at fault.
    pub span: Option<Range<usize>>,
    /// What stands at the caret.
    pub label: Option<String>,
    /// The way out.
    pub help: Option<String>,
    /// Further facts.
    pub notes: Vec<String>,
    /// The whole text that `span` points into.
    text: Option<Arc<str>>,
}

impl Diagnostic {
    pub(crate) fn new(severity: Severity, title: impl Into<String>) -> Self {
        Self {
            severity,
            title: shorten(title.into()),
            source: None,
            span: None,
            label: None,
            help: None,
            notes: Vec::new(),
            text: None,
        }
    }

    pub(crate) fn error(title: impl Into<String>) -> Self {
        Self::new(Severity::Error, title)
    }

    pub(crate) fn in_source(mut self, name: &str, text: &Arc<str>, span: Option<Range<usize>>) -> Self {
        self.source = Some(name.to_owned());
        self.span = span.map(|span| clamp(text, span));
        self.text = Some(Arc::clone(text));
        self
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(shorten(label.into()));
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(shorten(help.into()));
        self
    }

    /// Adds the way out when there is one to offer.
    pub(crate) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.map(shorten).or(self.help);
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(shorten(note.into()));
        self
    }

    /// Line and column of the fault, both counted from 1, columns in characters.
    #[must_use]
    pub fn line_column(&self) -> Option<(usize, usize)> {
        let start = self.span.as_ref()?.start;
        let before = self.text.as_ref()?.get(..start)?;
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        Some((line, before.get(line_start..)?.chars().count() + 1))
    }

    /// The diagnostic as a person reads it, with the line at fault when there is one.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(self.title.as_str()));
        group = self.add_place(group);
        group = group.elements(self.notes.iter().map(|note| Level::NOTE.message(note.as_str())));
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }

    fn add_place<'a>(&'a self, group: Group<'a>) -> Group<'a> {
        let Some(name) = &self.source else {
            return group;
        };
        let Some(window) = self.window() else {
            return group.element(Origin::path(name.as_str()));
        };
        let mut annotation = AnnotationKind::Primary.span(window.span);
        if let Some(label) = &self.label {
            annotation = annotation.label(label.as_str());
        }
        let snippet = Snippet::source(window.text).line_start(window.line).annotation(annotation);
        if !window.is_cut {
            return group.element(snippet.path(name.as_str()));
        }
        let (line, column) = self.line_column().unwrap_or((window.line, 1));
        group.element(Origin::path(name.as_str()).line(line).char_column(column)).element(snippet)
    }

    /// Only the line at fault goes to the renderer, and of a very long line only what is near, because the renderer walks through the
    /// whole text that it is given.
    fn window(&self) -> Option<Window<'_>> {
        let text = self.text.as_deref()?;
        let span = self.span.clone()?;
        let before = text.get(..span.start)?;
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line_end = text.get(span.start..)?.find('\n').map_or(text.len(), |at| span.start + at);
        let start = text.ceil_char_boundary(line_start.max(span.start.saturating_sub(NEAR_LEN)));
        let end = text.floor_char_boundary(line_end.min(span.start + NEAR_LEN)).max(start);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        Some(Window {
            text: text.get(start..end)?,
            line,
            span: span.start - start..span.end.clamp(span.start, end.max(span.start)) - start,
            is_cut: start > line_start || end < line_end,
        })
    }

    /// The diagnostic as data for tools.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let (line, column) = self.line_column().unzip();
        json!({
            "severity": match self.severity { Severity::Error => "error", Severity::Warning => "warning" },
            "title": self.title,
            "source": self.source,
            "line": line,
            "column": column,
            "start": self.span.as_ref().map(|span| span.start),
            "end": self.span.as_ref().map(|span| span.end),
            "label": self.label,
            "help": self.help,
            "notes": self.notes,
        })
    }
}

/// Cuts a text that is too long to be read anyway.
fn shorten(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(PART_LEN_MAX) {
        text.truncate(end);
        text.push_str("...");
    }
    text
}

/// A span that a parser got wrong must not make the report fail, so it is moved to the nearest characters.
fn clamp(text: &str, span: Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start);
    let end = text.ceil_char_boundary(span.end).max(start);
    start..end
}

impl fmt::Debug for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

/// Why a graph could not be read or built: everything that was found, not only the first fault.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GraphError {
    /// What was found, in the order of the checks; at most [`DIAGNOSTICS_MAX`].
    pub diagnostics: Vec<Diagnostic>,
    /// How many more there were.
    pub omitted: usize,
}

impl GraphError {
    pub(crate) fn new(mut diagnostics: Vec<Diagnostic>) -> Self {
        let omitted = diagnostics.len().saturating_sub(DIAGNOSTICS_MAX);
        diagnostics.truncate(DIAGNOSTICS_MAX);
        Self { diagnostics, omitted }
    }

    /// All diagnostics as a person reads them, with terminal colours or without.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let mut parts: Vec<String> = self.diagnostics.iter().map(|diagnostic| diagnostic.render(color)).collect();
        if self.omitted > 0 {
            parts.push(format!("and {} more", self.omitted));
        }
        parts.join("\n\n")
    }

    /// All diagnostics as data for tools.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let diagnostics: Vec<Value> = self.diagnostics.iter().map(Diagnostic::to_json).collect();
        json!({ "diagnostics": diagnostics, "omitted": self.omitted })
    }
}

impl From<Diagnostic> for GraphError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::new(vec![diagnostic])
    }
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for GraphError {}
