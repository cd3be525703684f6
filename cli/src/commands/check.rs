//! `check`: everything that can be known of a graph before it runs.

use crate::arguments::Global;
use crate::console::Console;
use crate::failure::Failure;
use crate::source::Loaded;
use crate::units;
use graphmill::Graph;
use graphmill::graph::Diagnostic;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

/// Checks a graph file.
pub(crate) fn run(console: &Console, global: &Global, file: &Path) -> Result<ExitCode, Failure> {
    let Loaded { graph, spec, .. } = Loaded::from_file(*console, global, file)?;
    let name = spec.source_name();
    if console.is_json() {
        let warnings: Vec<_> = graph.warnings().iter().map(Diagnostic::to_json).collect();
        console.json(&json!({
            "ok": true,
            "file": name,
            "name": graph.name(),
            "description": graph.description(),
            "nodes": graph.nodes().len(),
            "links": graph.links().len(),
            "workers": workers(&graph),
            "warnings": warnings,
        }))?;
    } else if !console.is_quiet() {
        let parts = [
            units::count(graph.nodes().len() as u64, "node"),
            units::count(graph.links().len() as u64, "link"),
            units::count(workers(&graph) as u64, "worker"),
            units::count(graph.warnings().len() as u64, "warning"),
        ];
        let about = graph.description().map_or_else(String::new, |text| format!("  {text}\n"));
        console.result(&format!("{name}: ok, {}\n{about}", parts.join(", ")))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// How many threads the graph runs on.
fn workers(graph: &Graph) -> usize {
    let nodes = || graph.nodes().iter().filter(|node| node.kind().is_some());
    let shared: BTreeSet<_> = nodes().filter_map(|node| node.worker()).collect();
    shared.len() + nodes().filter(|node| node.worker().is_none()).count()
}
