//! Which module of the runtime may use which.

use super::Source;

/// The modules with what each may use; a module may always use itself.
const ALLOWED: [(&str, &[&str]); 5] = [
    ("graph", &[]),
    ("telemetry", &["exec::sys"]),
    ("resource", &["exec::sys"]),
    ("exec", &["graph", "telemetry"]),
    ("plugin", &["exec", "graph", "resource", "telemetry"]),
];

/// Uses that point in a wrong direction.
pub(super) fn check(sources: &[Source]) -> Vec<String> {
    sources.iter().flat_map(check_source).collect()
}

fn check_source(source: &Source) -> Vec<String> {
    let Some((module, allowed)) = ALLOWED.iter().find(|(module, _)| is_of(source, module)) else {
        return Vec::new();
    };
    let is_allowed = |used: &str| {
        let starts =
            |prefix: &str| used == prefix || used.strip_prefix(prefix).is_some_and(|rest| rest.starts_with("::"));
        starts(module) || allowed.iter().any(|allowed| starts(allowed))
    };
    let used = source.lines().flat_map(|(line, code)| uses(code).into_iter().map(move |used| (line, used)));
    let broken = used.filter(|(_, used)| !is_allowed(used));
    broken.map(|(line, used)| format!("{}:{line}: `{module}` must not use `crate::{used}`", source.path)).collect()
}

fn is_of(source: &Source, module: &str) -> bool {
    let folder = format!("runtime/src/{module}");
    source.is_in(&folder) || source.path == format!("{folder}.rs")
}

/// What a line uses of its crate, as far as two steps down; all members of a `{...}` one by one.
fn uses(code: &str) -> Vec<String> {
    let mut used = Vec::new();
    for (at, found) in code.match_indices("crate::") {
        let before = code.get(..at).and_then(|before| before.chars().next_back());
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = code.get(at + found.len()..).unwrap_or_default();
        match rest.strip_prefix('{') {
            Some(group) => used.extend(members(group).map(|member| path_of(member.trim()))),
            None => used.push(path_of(rest)),
        }
    }
    used
}

/// The members of a group at its own level; those of inner groups are cut off with it.
fn members(group: &str) -> impl Iterator<Item = &str> {
    let mut depth = 1;
    let mut is_at_end = false;
    group.split(move |c| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        is_at_end |= depth == 0;
        !is_at_end && depth == 1 && c == ','
    })
}

/// The first two steps of a path.
fn path_of(text: &str) -> String {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let steps = text.split("::").take(2).map(|step| step.split(|c| !is_name(c)).next().unwrap_or_default());
    let steps: Vec<_> = steps.take_while(|step| !step.is_empty()).collect();
    steps.join("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_are_found_one_by_one() {
        let table: [(&str, &[&str]); 6] = [
            ("use crate::graph::{Graph, Kinds};", &["graph"]),
            ("use crate::exec::sys::{AtomicU64, Ordering};", &["exec::sys"]),
            ("use crate::{exec::{self, Clock}, plugin::Plugins};", &["exec", "plugin::Plugins"]),
            ("let x = crate::plugin::load(); crate::graph::y();", &["plugin::load", "graph::y"]),
            ("use my_crate::plugin; $crate::plugin::x", &[]),
            ("pub(in crate::exec) fn f()", &["exec"]),
        ];
        for (code, expected) in table {
            assert_eq!(uses(code), expected, "{code}");
        }
    }

    #[test]
    fn a_use_in_the_wrong_direction_is_named_with_its_line() {
        let table = [
            ("runtime/src/graph/file.rs", "\nuse crate::exec::Clock;", Some(2)),
            ("runtime/src/graph.rs", "use crate::graph::spec;", None),
            ("runtime/src/telemetry/counter.rs", "use crate::exec::sys::AtomicU64;", None),
            ("runtime/src/telemetry/counter.rs", "use crate::exec::Clock;", Some(1)),
            ("runtime/src/exec/worker/mod.rs", "// crate::plugin\nuse crate::plugin::Plugins;", Some(2)),
            ("runtime/src/plugin/call.rs", "use crate::exec::Factory;", None),
            ("runtime/src/plugin/call.rs", "use crate::runtime::Runtime;", Some(1)),
            ("runtime/src/runtime.rs", "use crate::plugin::Plugins;", None),
        ];
        for (path, text, expected) in table {
            let broken = check(&[Source::new(path, text)]);
            let at = expected.map(|line| format!("{path}:{line}: "));
            assert_eq!(broken.len(), usize::from(at.is_some()), "{path}: {broken:?}");
            assert!(at.is_none_or(|at| broken[0].starts_with(&at)), "{broken:?}");
        }
    }
}
