//! `kinds`: what the plugins offer.

use crate::arguments::Global;
use crate::console::Console;
use crate::failure::Failure;
use crate::{describe, plugins};
use graphmill::Runtime;
use graphmill::graph::{KindInfo, Kinds};
use std::process::ExitCode;
use std::sync::Arc;

/// Lists every kind, or shows one.
pub(crate) fn run(
    console: &Console,
    global: &Global,
    (kind, params): (Option<&str>, Option<&str>),
) -> Result<ExitCode, Failure> {
    let runtime = Runtime::new();
    plugins::load(runtime.plugins(), global, None)?;
    let kinds = runtime.plugins().kinds();
    if kinds.is_empty() {
        console.note(&plugins::none_found());
    }
    let Some(id) = kind else {
        return list(*console, &kinds).map(|()| ExitCode::SUCCESS);
    };
    let Some(kind) = runtime.plugins().kind(id) else {
        let offered: Vec<_> = kinds.iter().map(|kind| kind.id.as_str()).collect();
        let failure = Failure::new(format!("no plugin offers the kind `{id}`"));
        return Err(failure.note(format!("help: these are offered: {}", offered.join(", "))));
    };
    let kind = params.map_or(Ok(kind.clone()), |params| of_node(&runtime, &kind, params))?;
    if console.is_json() {
        console.json(&serde_json::to_value(kind.as_ref()).unwrap_or_default())?;
    } else {
        console.result(&describe::kind(&kind, params.is_some()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The kind as a node with these params has it; they are checked as those in a graph are.
fn of_node(runtime: &Runtime, kind: &Arc<KindInfo>, params: &str) -> Result<Arc<KindInfo>, Failure> {
    let params = plugins::params(params)?;
    kind.check_params(&params).map_err(|error| Failure::new(error.to_string()))?;
    let untold = |error| Failure::new(format!("the pins of `{}` are not known: {error}", kind.id));
    plugins::kind_of_node(runtime.plugins(), kind, (&kind.id, &params)).map_err(untold)
}

fn list(console: Console, kinds: &[Arc<KindInfo>]) -> Result<(), Failure> {
    if console.is_json() {
        let kinds: Vec<&KindInfo> = kinds.iter().map(AsRef::as_ref).collect();
        return console.json(&serde_json::to_value(kinds).unwrap_or_default());
    }
    console.result(&describe::list(kinds))
}
