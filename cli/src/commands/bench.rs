//! `bench`: how fast a graph or a kind is, and whether it was faster before.

use crate::arguments::{Global, Measuring};
use crate::bench::{compare, figures::Figures, graph, kind};
use crate::console::Console;
use crate::failure::Failure;
use crate::plugins;
use crate::source::Loaded;
use graphmill::Runtime;
use graphmill::graph::Kinds as _;
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;

/// Measures a graph file or a kind, and compares it with a baseline if there is one.
pub(crate) fn run(console: Console, global: &Global, (subject, how): (&Path, &Measuring)) -> Result<ExitCode, Failure> {
    // Read first: a typing error should not cost a measurement.
    let baseline = how.baseline.as_deref().map(compare::read).transpose()?;
    let figures = if is_file(subject) {
        graph::measure(console, &Loaded::from_file(console, global, subject)?, how)?
    } else {
        measure_kind(global, &subject.to_string_lossy(), how)?
    };
    tell(console, &figures, baseline.as_ref().map(|baseline| (baseline, how.max_regress)))
}

fn measure_kind(global: &Global, id: &str, how: &Measuring) -> Result<Figures, Failure> {
    let runtime = Runtime::new();
    plugins::load(runtime.plugins(), global, None)?;
    let Some(info) = runtime.plugins().kind(id) else {
        let kinds = runtime.plugins().kinds();
        let offered: Vec<_> = kinds.iter().map(|kind| kind.id.as_str()).collect();
        let failure = Failure::new(format!("no plugin offers the kind `{id}`, and there is no such file"));
        return Err(failure.note(format!("help: these are offered: {}", offered.join(", "))));
    };
    kind::measure(&runtime, &info, how)
}

fn tell(console: Console, figures: &Figures, baseline: Option<(&Figures, f64)>) -> Result<ExitCode, Failure> {
    let changes = baseline.map(|(then, max_regress)| compare::changes(then, figures, max_regress));
    let is_worse = changes.iter().flatten().any(|change| change.is_regression);
    console.note(&figures.render());
    if let Some(changes) = &changes {
        console.note(&format!("\n{}", compare::render(changes)));
    }
    if console.is_json() {
        let mut json = serde_json::to_value(figures).unwrap_or_default();
        if let (Some(object), Some(changes)) = (json.as_object_mut(), changes) {
            object.insert("changes".into(), json!(changes));
        }
        console.json(&json)?;
    }
    Ok(if is_worse { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Kinds have no `/` and do not end like a graph file; a file in this folder counts as one all the same.
fn is_file(subject: &Path) -> bool {
    let text = subject.as_os_str().as_encoded_bytes();
    let is_named_so = [&b".toml"[..], b".json", b".json5"].into_iter().any(|end| text.ends_with(end));
    is_named_so || text.contains(&b'/') || subject.exists()
}
