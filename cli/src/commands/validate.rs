//! `validate`: whether a library keeps the contract of a plugin.

use crate::arguments::ValidateOf;
use crate::console::Console;
use crate::failure::Failure;
use crate::validate::{self, Order, Plan};
use graphmill::plugin::preflight::{PreflightError, preflight};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Judges a library, or lists the rules.
pub(crate) fn run(console: &Console, of: &ValidateOf) -> Result<ExitCode, Failure> {
    let Some(library) = &of.library else {
        list(console)?;
        return Ok(ExitCode::SUCCESS);
    };
    check_readable(library)?;
    let scratch = tempfile::tempdir()
        .map_err(|error| Failure::new(format!("cannot make a folder for files of the trials: {error}")))?;
    let timeout = Duration::from_secs(of.timeout_s);
    let order = Order { library, seed: of.seed, timeout, scratch: scratch.path() };
    let plan = Plan { order, params: params(&of.params)?, only: only(&of.only)? };
    let begun = Instant::now();
    let judgement = plan.carry_out()?;
    if console.is_json() {
        console.json(&validate::to_json(&plan, &judgement))?;
    } else {
        console.result(&validate::human(&plan, &judgement, begun.elapsed()))?;
    }
    Ok(if validate::is_clean(&judgement) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn list(console: &Console) -> Result<(), Failure> {
    if console.is_json() { console.json(&validate::list_json()) } else { console.result(&validate::list()) }
}

/// A file that nobody can read is a slip of whoever typed its name; everything else is for the rules.
fn check_readable(library: &Path) -> Result<(), Failure> {
    match preflight(library) {
        Err(
            error @ (PreflightError::NotFound { .. }
            | PreflightError::DanglingLink { .. }
            | PreflightError::Unreadable { .. }
            | PreflightError::Directory { .. }
            | PreflightError::NotRegular { .. }),
        ) => Err(Failure::new(error.to_string())),
        _ => Ok(()),
    }
}

/// Reads `KIND=JSON`.
fn params(words: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let read = |word: &String| {
        let (kind, json) = word
            .split_once('=')
            .ok_or_else(|| Failure::new(format!("--params `{word}` has no `=`; write KIND=JSON")))?;
        let value: Value = serde_json::from_str(json)
            .map_err(|error| Failure::new(format!("--params of `{kind}` is no JSON: {error}")))?;
        if !value.is_object() {
            return Err(Failure::new(format!(
                "--params of `{kind}` is no JSON object; write {kind}={{\"name\": value}}"
            )));
        }
        Ok((kind.to_owned(), json.to_owned()))
    };
    words.iter().map(read).collect()
}

fn only(words: &[String]) -> Result<BTreeSet<&'static str>, Failure> {
    let find = |word: &String| {
        validate::find_rule(word).map(|rule| rule.id).ok_or_else(|| {
            Failure::new(format!("there is no rule `{word}`")).note("help: `graphmill validate --list` shows them")
        })
    };
    words.iter().map(find).collect()
}
