//! Which plugins are loaded, in which order.

use crate::arguments::Global;
use crate::failure::Failure;
use graphmill::Plugins;
use graphmill::graph::{Deadlines, KindInfo, Kinds as _, PinsError, PinsQuestion, SourcedSpec};
use graphmill::plugin::preflight::preflight;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fs};

/// Folder beside the program that installed plugins are put into.
const FOLDER: &str = "plugins";

/// Loads what is named by the arguments, by the graph and by the environment, then what lies beside the program.
///
/// # Errors
/// Something that is named cannot be loaded.
pub(crate) fn load(plugins: &Plugins, global: &Global, graph: Option<&SourcedSpec>) -> Result<(), Failure> {
    for path in &global.plugins {
        plugins.load_path(path).map_err(|error| Failure::load(&error, "--plugins"))?;
    }
    if let Some(spec) = graph {
        plugins
            .load_graph(spec)
            .map_err(|error| Failure::load(&error, &format!("`plugins` in {}", spec.source_name())))?;
    }
    plugins.load_env().map_err(|error| Failure::load(&error, "GRAPHMILL_PLUGIN_PATH"))?;
    for folder in own_folders() {
        load_found(plugins, &folder);
    }
    Ok(())
}

/// The params of `--params`.
///
/// # Errors
/// The text is no JSON.
pub(crate) fn params(text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::new(format!("--params is no JSON object: {error}")))
}

/// The kind as a node with these params has it, asked within the usual deadline.
///
/// # Errors
/// The plugin does not tell its pins.
pub(crate) fn kind_of_node(
    plugins: &Plugins,
    kind: &Arc<KindInfo>,
    (node, params): (&str, &Value),
) -> Result<Arc<KindInfo>, PinsError> {
    plugins.kind_with(kind, &PinsQuestion::new(node, params, Deadlines::default().pins))
}

/// What to say where there is not one plugin.
pub(crate) fn none_found() -> String {
    "note: no plugin is loaded: name some with --plugins PATH, in the graph file, or in GRAPHMILL_PLUGIN_PATH".into()
}

/// The folders beside the program, without the names that led to it.
fn own_folders() -> Vec<PathBuf> {
    let program = env::current_exe().and_then(fs::canonicalize).unwrap_or_default();
    program.parent().map_or_else(Vec::new, |folder| vec![folder.join(FOLDER), folder.to_owned()])
}

/// Loads what a folder happens to hold: nobody named these files, so what does not fit is left out.
fn load_found(plugins: &Plugins, folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| is_library(path)).collect();
    files.sort();
    for file in files.iter().filter(|file| preflight(file).is_ok()) {
        match plugins.load(file) {
            Ok(_) => {}
            Err(graphmill::LoadError::KindTaken { kind, .. }) => {
                tracing::debug!(file = %file.display(), kind, "left out: another plugin offers its kind");
            }
            Err(error) => tracing::warn!("left out: {error}"),
        }
    }
}

fn is_library(path: &Path) -> bool {
    let name = path.file_name().map_or(&[][..], |name| name.as_encoded_bytes());
    name.starts_with(b"lib") && name.ends_with(b".so")
}
