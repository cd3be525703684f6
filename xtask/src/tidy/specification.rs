//! Every promise of `SPECIFICATION.md` names what shows it, or says that it is pending.
//!
//! A promise is a row `| S1 | promise | figure | shown by |`. The last cell holds names in backquotes: a test, `lane X` for
//! a command of this program, or `bench X` for a bench; or it begins with *pending*.

use super::Source;
use crate::command::Outcome;
use crate::lanes;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const FILE: &str = "SPECIFICATION.md";
/// Commands that show something beside the lanes.
const COMMANDS: [&str; 7] = ["check", "compare", "demo", "endurance", "soak", "targets", "tidy"];

/// Promises that name nothing, or something that is not there.
///
/// # Errors
/// The file cannot be read.
pub(super) fn check(root: &Path, sources: &[Source]) -> Outcome<Vec<String>> {
    let text = fs::read_to_string(root.join(FILE)).map_err(|error| format!("{FILE}: {error}"))?;
    let tests = sources.iter().flat_map(Source::tests).collect();
    let is_bench = |name: &str| root.join("benches/benches").join(format!("{name}.rs")).is_file();
    Ok(check_text(&text, &tests, is_bench))
}

fn check_text(text: &str, tests: &BTreeSet<&str>, is_bench: impl Fn(&str) -> bool) -> Vec<String> {
    let mut broken = Vec::new();
    let mut ids = BTreeSet::new();
    for (line, text) in (1..).zip(text.lines()) {
        let Some([id, .., shown_by]) = row(text) else { continue };
        let mut report = |what: String| broken.push(format!("{FILE}:{line}: {id} {what}"));
        if !ids.insert(id.to_owned()) {
            report("stands there twice".into());
        }
        let names: Vec<&str> = shown_by.split('`').skip(1).step_by(2).collect();
        if names.is_empty() && !shown_by.starts_with("*pending*") {
            report("names nothing that shows it; write *pending* if nothing does".into());
        }
        let is_there = |name: &str| match name.split_once(' ') {
            Some(("lane", lane)) => lanes::NAMES.contains(&lane) || COMMANDS.contains(&lane),
            Some(("bench", bench)) => is_bench(bench),
            _ => tests.contains(name),
        };
        for name in names.into_iter().filter(|name| !is_there(name)) {
            report(format!("names `{name}`, which is no test, lane or bench"));
        }
    }
    if ids.is_empty() {
        broken.push(format!("{FILE}: there is no promise in it"));
    }
    broken
}

/// The four cells of a promise.
fn row(text: &str) -> Option<[&str; 4]> {
    let mut cells = text.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim);
    let cells = [cells.next()?, cells.next()?, cells.next()?, cells.next()?];
    let number = cells.first()?.strip_prefix('S')?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promise_without_anything_that_shows_it_is_named() {
        let text = "| Id | Promise | Figure | Shown by |\n|---|---|---|---|\n\
            | S1 | a | - | `a_test`, `lane miri` |\n| S2 | b | - | *pending*: later |\n| S3 | c | - | somebody |\n\
            | S3 | d | - | `no_test` and `lane nowhere` |\n| S4 | e | - | `bench x`, `bench y` |";
        let broken = check_text(text, &BTreeSet::from(["a_test"]), |name| name == "x");
        let expected = [
            "SPECIFICATION.md:5: S3 names nothing that shows it; write *pending* if nothing does",
            "SPECIFICATION.md:6: S3 stands there twice",
            "SPECIFICATION.md:6: S3 names `no_test`, which is no test, lane or bench",
            "SPECIFICATION.md:6: S3 names `lane nowhere`, which is no test, lane or bench",
            "SPECIFICATION.md:7: S4 names `bench y`, which is no test, lane or bench",
        ];
        assert_eq!(broken, expected);
    }

    #[test]
    fn text_without_promises_is_no_specification() {
        assert_eq!(check_text("# S1", &BTreeSet::new(), |_| true), ["SPECIFICATION.md: there is no promise in it"]);
    }
}
