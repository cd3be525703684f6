//! The launch line: a graph in one line, for a shell.
//!
//! The line becomes the same tree that a file becomes, so everything after it is checked and reported in the same way.

mod words;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;

use super::diagnostic::{Diagnostic, GraphError};
use super::source::{Entry, Source, Tree, TreeValue};
use words::Word;

/// What stands where a file name would.
pub(crate) const NAME: &str = "launch line";
/// The key that sets the id of a node instead of a param.
const NAME_KEY: &str = "name";

/// A fault with its place in the line.
struct Fault {
    span: Range<usize>,
    title: String,
    help: &'static str,
}

/// One stop of a chain: a new node or a reference, with the words that belong to it.
struct Stop<'w> {
    word: Word<'w>,
    settings: Vec<Word<'w>>,
    /// Whether the stop before it is linked to this one.
    is_linked: bool,
}

/// Reads a launch line.
pub(crate) fn parse(line: &str) -> Result<Source, GraphError> {
    let text: Arc<str> = Arc::from(line);
    match read_line(line) {
        Ok(tree) => Ok(Source { name: NAME.to_owned(), text, tree }),
        Err(fault) => {
            Err(Diagnostic::error(fault.title).help(fault.help).in_source(NAME, &text, Some(fault.span)).into())
        }
    }
}

fn read_line(line: &str) -> Result<Tree, Fault> {
    let stops = group(&words::split(line)?)?;
    let mut names = HashSet::new();
    for stop in &stops {
        if let Some(name) = stop.name()? {
            names.insert(name);
        }
    }
    let mut drawing = Drawing {
        names,
        taken: HashSet::new(),
        next_number: HashMap::new(),
        nodes: IndexMap::new(),
        links: Vec::new(),
    };
    drawing.taken.clone_from(&drawing.names);
    let mut before: Option<Tree> = None;
    for stop in &stops {
        let end = drawing.stop(stop)?;
        if let Some(from) = before.filter(|_| stop.is_linked) {
            drawing.link(from, end.clone());
        }
        before = Some(end);
    }
    Ok(drawing.into_tree(line.len()))
}

/// Groups words into stops.
fn group<'w>(words: &[Word<'w>]) -> Result<Vec<Stop<'w>>, Fault> {
    let mut stops: Vec<Stop<'w>> = Vec::new();
    let mut open_link: Option<&Word<'w>> = None;
    for word in words {
        let fault = |title: &str, help| Fault { span: word.span.clone(), title: title.to_owned(), help };
        if word.raw == "!" {
            if stops.is_empty() || open_link.is_some() {
                return Err(fault("`!` links nothing here", "put a kind on both sides of `!`"));
            }
            open_link = Some(word);
        } else if word.setting().is_some() {
            match stops.last_mut().filter(|_| open_link.is_none()) {
                Some(stop) => stop.settings.push(word.clone()),
                None => {
                    return Err(fault("a param stands before its kind", "write the kind first, then `key=value`"));
                }
            }
        } else {
            stops.push(Stop { word: word.clone(), settings: Vec::new(), is_linked: open_link.take().is_some() });
        }
    }
    match open_link {
        Some(word) => Err(Fault {
            span: word.span.clone(),
            title: "the line ends with `!`".to_owned(),
            help: "write what the link goes to",
        }),
        None => Ok(stops),
    }
}

impl Stop<'_> {
    /// The id that a `name=` gives.
    fn name(&self) -> Result<Option<String>, Fault> {
        let mut names = self
            .settings
            .iter()
            .filter_map(|word| Some((word, word.setting()?)))
            .filter(|(_, (key, _))| *key == NAME_KEY);
        let Some((word, (_, value))) = names.next() else {
            return Ok(None);
        };
        if let Some((second, _)) = names.next() {
            return Err(Fault {
                span: second.span.clone(),
                title: "`name` is given twice".to_owned(),
                help: "leave one of them out",
            });
        }
        match words::unquote(value) {
            name if name.is_empty() => Err(Fault {
                span: word.span.clone(),
                title: "`name` is empty".to_owned(),
                help: "write `name=` and an id",
            }),
            name => Ok(Some(name)),
        }
    }
}

struct Drawing {
    /// Ids given by `name=`.
    names: HashSet<String>,
    /// All ids in use.
    taken: HashSet<String>,
    /// For each kind without a name, the number to try next.
    next_number: HashMap<String, u32>,
    nodes: IndexMap<String, Entry>,
    links: Vec<Tree>,
}

impl Drawing {
    /// Adds the node of a stop, or follows its reference; gives what a link to or from it names.
    fn stop(&mut self, stop: &Stop<'_>) -> Result<Tree, Fault> {
        let word = &stop.word;
        let reference = match word.raw.split_once('.') {
            Some((id, "")) => Some(id.to_owned()),
            Some((id, _)) if stop.settings.is_empty() && self.names.contains(id) => Some(word.raw.to_owned()),
            _ => None,
        };
        if let Some(reference) = reference {
            if let Some(setting) = stop.settings.first() {
                let title = format!("`{}` refers to a node and takes no params", word.raw);
                return Err(Fault { span: setting.span.clone(), title, help: "set params where the node is made" });
            }
            return Ok(Tree::string(word.span.clone(), reference));
        }
        let id = match stop.name()? {
            Some(name) => name,
            None => self.free_id(word.raw),
        };
        if self.nodes.contains_key(&id) {
            let title = format!("the id `{id}` is used twice");
            return Err(Fault {
                span: word.span.clone(),
                title,
                help: "refer to the first one with `ID.`, or choose another name",
            });
        }
        let node = node_tree(stop)?;
        self.nodes.insert(id.clone(), Entry { key_span: word.span.clone(), value: node });
        Ok(Tree::string(word.span.clone(), id))
    }

    /// The kind with `_` for dots, and the first free number from 2 when that is taken.
    fn free_id(&mut self, kind: &str) -> String {
        let base = kind.replace('.', "_");
        let number = self.next_number.entry(base.clone()).or_insert(1);
        loop {
            let id = if *number == 1 { base.clone() } else { format!("{base}{number}") };
            *number += 1;
            if self.taken.insert(id.clone()) {
                return id;
            }
        }
    }

    fn link(&mut self, from: Tree, to: Tree) {
        let span = from.span.start..to.span.end.max(from.span.start);
        let entry = |tree: Tree| Entry { key_span: tree.span.clone(), value: tree };
        let ends = IndexMap::from([("from".to_owned(), entry(from)), ("to".to_owned(), entry(to))]);
        self.links.push(Tree::new(span, TreeValue::Object(ends)));
    }

    fn into_tree(self, len: usize) -> Tree {
        let entry = |value: TreeValue| Entry { key_span: 0..len, value: Tree::new(0..len, value) };
        let nodes = entry(TreeValue::Object(self.nodes));
        let links = entry(TreeValue::List(self.links));
        Tree::new(0..len, TreeValue::Object(IndexMap::from([("nodes".to_owned(), nodes), ("links".to_owned(), links)])))
    }
}

fn node_tree(stop: &Stop<'_>) -> Result<Tree, Fault> {
    let start = stop.word.span.start;
    let end = stop.settings.last().map_or(stop.word.span.end, |word| word.span.end);
    let mut params = IndexMap::new();
    for word in &stop.settings {
        let Some((key, value)) = word.setting().filter(|(key, _)| *key != NAME_KEY) else {
            continue;
        };
        let key_span = word.span.start..word.span.start + key.len();
        let value_span = key_span.end + 1..word.span.end;
        let value = words::read_value(value, &value_span)?;
        if params.insert(key.to_owned(), Entry { key_span, value }).is_some() {
            let title = format!("param `{key}` is given twice");
            return Err(Fault { span: word.span.clone(), title, help: "leave one of them out" });
        }
    }
    let kind = Entry { key_span: stop.word.span.clone(), value: Tree::string(stop.word.span.clone(), stop.word.raw) };
    let mut entries = IndexMap::from([("kind".to_owned(), kind)]);
    if !params.is_empty() {
        let value = Tree::new(start..end, TreeValue::Object(params));
        entries.insert("params".to_owned(), Entry { key_span: start..end, value });
    }
    Ok(Tree::new(start..end, TreeValue::Object(entries)))
}
