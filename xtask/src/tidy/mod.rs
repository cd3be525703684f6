//! The project's own rules, checked by reading what is there.

mod crates;
mod modules;
mod requirements;
mod root;
mod specification;
mod tables;
mod unsafety;

mod code;
mod sources;

use crate::command::{self, Outcome};
use crate::lanes::miri;
use crate::workspace::Workspace;
use sources::Source;

/// Checks every rule and prints all that breaks one.
///
/// # Errors
/// Something breaks a rule.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let broken = broken_rules(workspace)?;
    if broken.is_empty() {
        println!("every rule holds");
        return Ok(());
    }
    Err(format!("{} places break a rule:\n  {}", broken.len(), broken.join("\n  ")))
}

/// Everything that breaks a rule, each with its place.
fn broken_rules(workspace: &Workspace) -> Outcome<Vec<String>> {
    let sources = sources::read(&workspace.root)?;
    let mut broken = root::check(&workspace.root)?;
    broken.extend(crates::check(&workspace.packages));
    broken.extend(modules::check(&sources));
    broken.extend(unsafety::check(&sources));
    broken.extend(requirements::check(&sources));
    broken.extend(specification::check(&workspace.root, &sources)?);
    broken.extend(tables::check(&sources, &miri::Plan::read(workspace)?, &workspace.packages));
    broken.extend(without_dylib(workspace)?);
    Ok(broken)
}

/// Without the feature for plugin files, nothing that opens them may be built in.
fn without_dylib(workspace: &Workspace) -> Outcome<Vec<String>> {
    let arguments =
        ["tree", "--package", "graphmill", "--no-default-features", "--edges", "normal", "--prefix", "none"];
    let tree = command::output(&mut command::cargo(&workspace.root, arguments))?;
    let names = tree.lines().filter_map(|line| line.split_whitespace().next());
    let loaders = names.filter(|name| ["libloading", "object"].contains(name));
    Ok(loaders.map(|name| format!("runtime: depends on `{name}` without the feature `dylib`")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_project_holds() {
        let broken = broken_rules(&Workspace::find().unwrap()).unwrap();
        assert!(broken.is_empty(), "{broken:#?}");
    }

    #[test]
    fn r6_without_dylib_the_runtime_has_nothing_that_opens_libraries() {
        let workspace = Workspace::find().unwrap();
        assert_eq!(without_dylib(&workspace).unwrap(), Vec::<String>::new());
        let arguments = ["tree", "--package", "graphmill", "--edges", "normal", "--prefix", "none"];
        let with_it = command::output(&mut command::cargo(&workspace.root, arguments)).unwrap();
        assert!(with_it.contains("libloading v") && with_it.contains("object v"), "the check looks at the right names");
    }
}
