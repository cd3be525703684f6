//! Every function that stands in a table of the ABI is called by a test that runs under Miri.

use super::Source;
use crate::lanes::miri::{FILE, Lane, Plan};
use crate::workspace::Package;
use std::collections::BTreeSet;

/// Where the tables are.
const LAYOUT: &str = "plugin-sdk/abi/src/layout.rs";

/// Functions without a test under Miri, and entries of the list that name nothing.
pub(super) fn check(sources: &[Source], plan: &Plan, packages: &[Package]) -> Vec<String> {
    let Some(layout) = sources.iter().find(|source| source.path == LAYOUT) else {
        return vec![format!("{LAYOUT}: is not there")];
    };
    let functions = functions(layout);
    let listed = |name: &String| plan.functions.iter().any(|(function, _)| function == name);
    let missing = functions.iter().filter(|name| !listed(name));
    let missing = missing.map(|name| format!("{FILE}: names no test of `{name}`, which {LAYOUT} has"));
    let wrong = plan.functions.iter().filter_map(|(function, test)| {
        if !functions.contains(function) {
            return Some(format!("{FILE}: `{function}` is no function of {LAYOUT}"));
        }
        let is_run = test.starts_with("- ") || plan.lanes.iter().any(|lane| runs(lane, test, sources, packages));
        (!is_run).then(|| format!("{FILE}: `{test}` of `{function}` is no test that a lane runs"))
    });
    missing.chain(wrong).collect()
}

/// The functions of the tables, as `struct.field`.
fn functions(layout: &Source) -> BTreeSet<String> {
    let mut table = "";
    let mut functions = BTreeSet::new();
    let lines: Vec<&str> = layout.lines().map(|(_, code)| code.trim()).collect();
    for (at, line) in lines.iter().enumerate() {
        if let Some(rest) = line.strip_prefix("pub struct ") {
            table = rest.split([' ', '{']).next().unwrap_or_default();
        }
        let Some((field, kind)) = line.strip_prefix("pub ").and_then(|rest| rest.split_once(": Option<")) else {
            continue;
        };
        // A long type begins on the next line.
        if kind.contains("extern") || lines.get(at + 1).is_some_and(|next| next.contains("extern")) {
            functions.insert(format!("{table}.{field}"));
        }
    }
    functions
}

/// Whether a lane runs a test of this name.
fn runs(lane: &Lane, test: &str, sources: &[Source], packages: &[Package]) -> bool {
    let Some(package) = packages.iter().find(|package| package.name == lane.package) else { return false };
    let folder = format!("{}/src/", package.folder.display());
    let files = sources.iter().filter_map(|source| Some((source, source.path.strip_prefix(&folder)?)));
    files.filter(|(source, _)| source.tests().contains(&test)).any(|(_, file)| {
        let path = format!("{}::{test}", file.trim_end_matches(".rs").replace('/', "::"));
        lane.filters.is_empty() || lane.filters.iter().any(|filter| path.contains(filter.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::sources;
    use crate::workspace::Workspace;

    #[test]
    fn functions_of_tables_are_found_on_one_line_and_on_two() {
        let text = "pub struct a {\n    pub b: Option<unsafe extern \"C\" fn()>,\n    pub c: Option<\n        \
            unsafe extern \"C\" fn(),\n    >,\n    pub d: u32,\n}";
        let found = functions(&Source::new(LAYOUT, text));
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a.b", "a.c"]);
    }

    #[test]
    fn function_without_a_test_under_miri_is_named() {
        let workspace = Workspace::find().unwrap();
        let sources = sources::read(&workspace.root).unwrap();
        let mut plan = Plan::read(&workspace).unwrap();
        assert_eq!(check(&sources, &plan, &workspace.packages), Vec::<String>::new());
        let (last, _) = plan.functions.pop().unwrap();
        plan.functions[0].1 = "no_such_test".into();
        plan.lanes.retain(|lane| lane.name != "host-logging");
        let broken = check(&sources, &plan, &workspace.packages).join("\n");
        assert!(broken.contains(&format!("names no test of `{last}`")), "{broken}");
        assert!(broken.contains("`no_such_test` of `gm_buffer_ops.retain`"), "{broken}");
        assert!(broken.contains("of `gm_host_api.log`"), "{broken}");
    }
}
