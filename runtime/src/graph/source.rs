//! A text with the place of every key and value in it, whatever language it was written in.
//!
//! TOML, JSON, JSON5 and launch lines all become one [`Tree`]; the spec is read from the tree, and diagnostics look their places up in it.

mod de;
mod json;
mod toml;
mod tree;

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

pub(crate) use de::{path_text, read};
pub(crate) use json::{Strictness, parse_json};
pub(crate) use toml::parse_toml;
pub(crate) use tree::{DEPTH_MAX, Entry, Tree, TreeValue};

use super::diagnostic::{DIAGNOSTICS_MAX, Diagnostic, Severity};

/// One step into a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

/// A place in a graph, independent of the language it is written in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) steps: Vec<Step>,
    target: Target,
}

/// What of an entry is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Target {
    #[default]
    Value,
    Key,
    /// Bytes of a string value, counted in the value without its quotes.
    Part(Range<usize>),
}

impl Place {
    /// The place of a value below some keys.
    pub(crate) fn of(keys: &[&str]) -> Self {
        Self { steps: keys.iter().map(|key| Step::Key((*key).to_owned())).collect(), target: Target::Value }
    }

    /// The place of a value at the end of some steps.
    pub(crate) const fn from_steps(steps: Vec<Step>) -> Self {
        Self { steps, target: Target::Value }
    }

    pub(crate) fn key(mut self, key: &str) -> Self {
        self.steps.push(Step::Key(key.to_owned()));
        self
    }

    pub(crate) fn index(mut self, index: usize) -> Self {
        self.steps.push(Step::Index(index));
        self
    }

    /// Means the key of the entry instead of its value.
    pub(crate) fn at_key(mut self) -> Self {
        self.target = Target::Key;
        self
    }

    /// Means only a part of a string value.
    pub(crate) fn part(mut self, range: Range<usize>) -> Self {
        self.target = Target::Part(range);
        self
    }
}

/// A parsed text: its name for messages, its bytes and its tree.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: Arc<str>,
    pub(crate) tree: Tree,
}

impl Source {
    /// The bytes of a place; of the nearest surrounding value when the place itself is not written in the text.
    pub(crate) fn span(&self, place: &Place) -> Range<usize> {
        let mut tree = &self.tree;
        let mut key_span = tree.span.clone();
        for step in &place.steps {
            let entry = match (step, &tree.value) {
                (Step::Key(key), TreeValue::Object(entries)) => {
                    entries.get(key).map(|entry| (&entry.value, entry.key_span.clone()))
                }
                (Step::Index(index), TreeValue::List(items)) => items.get(*index).map(|item| (item, item.span.clone())),
                _ => None,
            };
            let Some((next, span)) = entry else {
                return key_span;
            };
            (tree, key_span) = (next, span);
        }
        match &place.target {
            Target::Value => tree.span.clone(),
            Target::Key => key_span,
            Target::Part(range) => self.part_span(tree, range),
        }
    }

    /// The bytes of a part of a string; of the whole string when escapes make the two differ.
    fn part_span(&self, tree: &Tree, range: &Range<usize>) -> Range<usize> {
        let TreeValue::String(value) = &tree.value else {
            return tree.span.clone();
        };
        let offset = self.text.get(tree.span.clone()).and_then(|raw| raw.find(value.as_str()));
        match offset {
            Some(offset) => tree.span.start + offset + range.start..tree.span.start + offset + range.end,
            None => tree.span.clone(),
        }
    }
}

/// Collects what is found, with its places, so that all of it can be reported at once.
#[derive(Debug)]
pub(crate) struct Reporter<'a> {
    source: Option<&'a Source>,
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    /// Start and title of what was filed; a node in the middle of a chain is looked at twice and reported once.
    filed: HashSet<(usize, String)>,
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(source: Option<&'a Source>) -> Self {
        Self { source, errors: Vec::new(), warnings: Vec::new(), filed: HashSet::new() }
    }

    /// Files a diagnostic under a place.
    pub(crate) fn report(&mut self, place: &Place, diagnostic: Diagnostic) {
        let diagnostic = match self.source {
            Some(source) => diagnostic.in_source(&source.name, &source.text, Some(source.span(place))),
            None => diagnostic,
        };
        let start = diagnostic.span.as_ref().map_or(0, |span| span.start);
        if !self.filed.insert((start, diagnostic.title.clone())) {
            return;
        }
        match diagnostic.severity {
            Severity::Error => self.errors.push(diagnostic),
            Severity::Warning => self.warnings.push(diagnostic),
        }
    }

    pub(crate) fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// How many errors were found so far.
    pub(crate) fn count(&self) -> usize {
        self.errors.len()
    }

    /// Whether more was found than will be shown, so that nobody needs another suggestion.
    pub(crate) fn is_flooded(&self) -> bool {
        self.errors.len() > DIAGNOSTICS_MAX
    }

    /// The errors and the warnings, each in the order of the text.
    pub(crate) fn finish(mut self) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        for found in [&mut self.errors, &mut self.warnings] {
            found.sort_by_key(|diagnostic| diagnostic.span.as_ref().map_or(0, |span| span.start));
        }
        (self.errors, self.warnings)
    }
}
