//! A tree becomes a spec; every unknown key and every wrong type is reported at once.

use indexmap::IndexMap;
use serde::de::DeserializeOwned;

use super::{DefaultsSpec, EndSpec, GraphSpec, LinkSpec, NodeSpec, WarmUpSpec, keys};
use crate::graph::diagnostic::{Diagnostic, GraphError};
use crate::graph::source::{Entry, Place, Reporter, Source, Tree, TreeValue, read};
use crate::graph::suggest;

/// Reads the spec from a parsed text.
pub(crate) fn spec_from_source(source: &Source) -> Result<GraphSpec, GraphError> {
    let mut reporter = Reporter::new(Some(source));
    let spec = Reading { reporter: &mut reporter }.graph(&source.tree);
    let (errors, _) = reporter.finish();
    if errors.is_empty() { Ok(spec) } else { Err(GraphError::new(errors)) }
}

struct Reading<'r, 'a> {
    reporter: &'r mut Reporter<'a>,
}

impl Reading<'_, '_> {
    fn graph(&mut self, root: &Tree) -> GraphSpec {
        let place = Place::default();
        let Some(entries) = root.as_object() else {
            let error = Diagnostic::error("a graph is an object").help("write an object with `nodes` and `links`");
            self.reporter.report(&place, error);
            return GraphSpec::default();
        };
        self.check_keys(root, &place, ("a graph", keys::GRAPH));
        GraphSpec {
            name: self.field(entries, "name"),
            description: self.field(entries, "description"),
            plugins: self.field(entries, "plugins").unwrap_or_default(),
            warm_up: self.warm_ups(entries),
            nodes: self.table(entries, "nodes", Self::node),
            inlets: self.table(entries, "inlets", Self::end),
            outlets: self.table(entries, "outlets", Self::end),
            links: self.links(entries),
            defaults: self.defaults(entries),
        }
    }

    fn node(&mut self, tree: &Tree, place: &Place) -> Option<NodeSpec> {
        self.check_keys(tree, place, ("a node", keys::NODE));
        let mut known = known_part(tree, keys::NODE);
        self.clean(&mut known, place, ("tick", "a tick", keys::TICK));
        self.clean_settings(&mut known, place);
        if self.has_params(tree, place) { read(&known, place, self.reporter) } else { None }
    }

    fn warm_up(&mut self, tree: &Tree, place: &Place) -> Option<WarmUpSpec> {
        self.check_keys(tree, place, ("an entry of `warm_up`", keys::WARM_UP));
        let known = known_part(tree, keys::WARM_UP);
        if self.has_params(tree, place) { read(&known, place, self.reporter) } else { None }
    }

    /// Whether the params, if there are any, are an object.
    fn has_params(&mut self, tree: &Tree, place: &Place) -> bool {
        let params = tree.as_object().and_then(|entries| entries.get("params"));
        if params.is_none_or(|params| params.value.as_object().is_some()) {
            return true;
        }
        let error = Diagnostic::error("`params` is an object")
            .help("write the params by name, like `params = { gain_db = -6 }`");
        self.reporter.report(&place.clone().key("params"), error);
        false
    }

    fn end(&mut self, tree: &Tree, place: &Place) -> Option<EndSpec> {
        self.check_keys(tree, place, ("an inlet or outlet", keys::END));
        read(&known_part(tree, keys::END), place, self.reporter)
    }

    fn defaults(&mut self, entries: &IndexMap<String, Entry>) -> DefaultsSpec {
        let Some(entry) = entries.get("defaults") else {
            return DefaultsSpec::default();
        };
        let place = Place::of(&["defaults"]);
        self.check_keys(&entry.value, &place, ("`defaults`", keys::DEFAULTS));
        let mut known = known_part(&entry.value, keys::DEFAULTS);
        self.clean_settings(&mut known, &place);
        read(&known, &place, self.reporter).unwrap_or_default()
    }

    /// What a node and the defaults have in common.
    fn clean_settings(&mut self, tree: &mut Tree, place: &Place) {
        self.clean(tree, place, ("deadlines", "`deadlines`", keys::DEADLINES));
        if let Some(policy) = self.clean(tree, place, ("policy", "`policy`", keys::POLICY)) {
            self.clean(policy, &place.clone().key("policy"), ("restart", "`restart`", keys::RESTART));
        }
    }

    /// Reports unknown keys of the object under a key, and takes them out; gives what is left of it.
    fn clean<'t>(
        &mut self,
        tree: &'t mut Tree,
        place: &Place,
        (key, what, known): (&str, &str, &[&str]),
    ) -> Option<&'t mut Tree> {
        let TreeValue::Object(entries) = &mut tree.value else { return None };
        let entry = entries.get_mut(key)?;
        self.check_keys(&entry.value, &place.clone().key(key), (what, known));
        entry.value = known_part(&entry.value, known);
        Some(&mut entry.value)
    }

    fn links(&mut self, entries: &IndexMap<String, Entry>) -> Vec<LinkSpec> {
        self.list(entries, ("links", "write `links = [\"a -> b\"]`"), |reading, item, place| {
            reading.check_keys(item, place, ("a link", keys::LINK));
            read(&known_part(item, keys::LINK), place, reading.reporter)
        })
    }

    fn warm_ups(&mut self, entries: &IndexMap<String, Entry>) -> Vec<WarmUpSpec> {
        self.list(entries, ("warm_up", "write `[[warm_up]]` with a `kind`"), Self::warm_up)
    }

    fn list<T>(
        &mut self,
        entries: &IndexMap<String, Entry>,
        (name, help): (&str, &str),
        read_one: fn(&mut Self, &Tree, &Place) -> Option<T>,
    ) -> Vec<T> {
        let Some(entry) = entries.get(name) else {
            return Vec::new();
        };
        let place = Place::of(&[name]);
        let TreeValue::List(items) = &entry.value.value else {
            self.reporter.report(&place, Diagnostic::error(format!("`{name}` is a list")).help(help));
            return Vec::new();
        };
        let read_item = |(index, item)| read_one(self, item, &place.clone().index(index));
        items.iter().enumerate().filter_map(read_item).collect()
    }

    fn table<T>(
        &mut self,
        entries: &IndexMap<String, Entry>,
        name: &str,
        read_one: fn(&mut Self, &Tree, &Place) -> Option<T>,
    ) -> IndexMap<String, T> {
        let Some(entry) = entries.get(name) else {
            return IndexMap::new();
        };
        let place = Place::of(&[name]);
        let Some(items) = entry.value.as_object() else {
            self.reporter
                .report(&place, Diagnostic::error(format!("`{name}` is an object with one entry for each id")));
            return IndexMap::new();
        };
        let read_entry =
            |(id, item): (&String, &Entry)| Some((id.clone(), read_one(self, &item.value, &place.clone().key(id))?));
        items.iter().filter_map(read_entry).collect()
    }

    fn field<T: DeserializeOwned>(&mut self, entries: &IndexMap<String, Entry>, name: &str) -> Option<T> {
        let entry = entries.get(name)?;
        read(&entry.value, &Place::of(&[name]), self.reporter)
    }

    fn check_keys(&mut self, tree: &Tree, place: &Place, (what, known): (&str, &[&str])) {
        let Some(entries) = tree.as_object() else {
            return;
        };
        for key in entries.keys().filter(|key| !known.contains(&key.as_str())) {
            let error = Diagnostic::error(format!("{what} has no key `{key}`"))
                .label("unknown key")
                .maybe_help(suggest::help_for(key, known.iter().copied()));
            self.reporter.report(&place.clone().key(key).at_key(), error);
        }
    }
}

/// An object without its unknown keys, which have been reported already and would hide other faults from the reader.
fn known_part(tree: &Tree, known: &[&str]) -> Tree {
    let Some(entries) = tree.as_object() else {
        return tree.clone();
    };
    let kept = entries.iter().filter(|(key, _)| known.contains(&key.as_str()));
    let kept = kept.map(|(key, entry)| (key.clone(), entry.clone())).collect();
    Tree::new(tree.span.clone(), TreeValue::Object(kept))
}
