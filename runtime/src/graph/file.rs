//! Graph files: which language, how large, and where from.
//!
//! [`GraphSpec::load`] is the one place of this module tree that does I/O, and it does it when it is called and at no other time.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::build::{self, Env};
use super::diagnostic::{Diagnostic, GraphError};
use super::kind::Kinds;
use super::model::Graph;
use super::source::{Place, Source, Strictness, parse_json, parse_toml};
use super::spec::GraphSpec;
use super::{launch, spec};

/// Largest graph file that is read; the largest allowed graph written by hand stays below.
pub const FILE_LEN_MAX: usize = 1024 * 1024;

/// The language of a graph file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileType {
    /// TOML 1.1, ending `.toml`.
    Toml,
    /// JSON, ending `.json`.
    Json,
    /// JSON with comments, trailing commas, single quotes and bare keys, ending `.json5` or `.jsonc`.
    Json5,
}

impl FileType {
    /// The language that a path's ending stands for.
    #[must_use]
    pub fn of_path(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "toml" => Some(Self::Toml),
            "json" => Some(Self::Json),
            "json5" | "jsonc" => Some(Self::Json5),
            _ => None,
        }
    }
}

/// A spec together with the text it came from, so that later checks can point into it.
#[derive(Debug, Clone)]
pub struct SourcedSpec {
    spec: GraphSpec,
    source: Arc<Source>,
    base_dir: Option<PathBuf>,
}

impl GraphSpec {
    /// Reads a graph from a text; `name_for_messages` stands where a file name would.
    ///
    /// # Errors
    /// When the text is too long, is not valid in its language, or has unknown keys or wrong types; all of them at once.
    pub fn parse(text: &str, name_for_messages: &str, file_type: FileType) -> Result<SourcedSpec, GraphError> {
        check_len(text.len(), name_for_messages)?;
        let text: Arc<str> = Arc::from(text);
        let source = match file_type {
            FileType::Toml => parse_toml(name_for_messages, &text),
            FileType::Json => parse_json(name_for_messages, &text, Strictness::Json),
            FileType::Json5 => parse_json(name_for_messages, &text, Strictness::Json5),
        }?;
        SourcedSpec::from_source(source)
    }

    /// Reads a graph file; its ending says which language it is, and relative paths in it start at its folder.
    ///
    /// # Errors
    /// When the file cannot be read, is not a graph file by its ending, is too long, is not UTF-8, or cannot be parsed.
    pub fn load(path: impl AsRef<Path>) -> Result<SourcedSpec, GraphError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        if path.is_dir() {
            return Err(Diagnostic::error(format!("`{name}` is a folder"))
                .help("name the graph file inside it")
                .into());
        }
        let file_type = FileType::of_path(path).ok_or_else(|| {
            let help = "name it `.toml`, `.json` or `.json5` after the language it is written in";
            Diagnostic::error(format!("`{name}` is no graph file by its ending")).help(help)
        })?;
        let text = read_text(path, &name)?;
        let mut sourced = Self::parse(&text, &name, file_type)?;
        sourced.base_dir = path.parent().map(Path::to_path_buf);
        Ok(sourced)
    }

    /// Reads a graph from one line: `wav.source path=a.wav name=mic ! rnnoise ! wav.sink path=b.wav`.
    ///
    /// A word is a kind, and `key=value` after it sets one of its params; `name=` sets the id of the node instead. `!` links. A value is
    /// read as JSON if it is JSON, else as text; quotes keep spaces. `id.` stands for a node of the line, and `id.pin` for one of its
    /// pins when the node has a `name=`. A word after a chain starts the next chain. Without `name=` the id is the kind with `_` for
    /// dots, and a number when it is taken.
    ///
    /// # Errors
    /// When the line cannot be read, with the place in it.
    pub fn parse_launch(line: &str) -> Result<SourcedSpec, GraphError> {
        check_len(line.len(), launch::NAME)?;
        SourcedSpec::from_source(launch::parse(line)?)
    }
}

impl SourcedSpec {
    fn from_source(source: Source) -> Result<Self, GraphError> {
        let spec = spec::spec_from_source(&source)?;
        Ok(Self { spec, source: Arc::new(source), base_dir: None })
    }

    /// The spec alone.
    #[must_use]
    pub const fn spec(&self) -> &GraphSpec {
        &self.spec
    }

    /// The spec, giving up the text.
    #[must_use]
    pub fn into_spec(self) -> GraphSpec {
        self.spec
    }

    /// Name of the text in messages.
    #[must_use]
    pub fn source_name(&self) -> &str {
        &self.source.name
    }

    /// The folder that relative paths start at; `None` when the graph is not from a file.
    #[must_use]
    pub fn base_dir(&self) -> Option<&Path> {
        self.base_dir.as_deref()
    }

    /// Sets the folder that relative paths start at.
    #[must_use]
    pub fn with_base_dir(mut self, base_dir: impl Into<PathBuf>) -> Self {
        self.base_dir = Some(base_dir.into());
        self
    }

    /// The plugin files and folders that the graph wants loaded, relative to its folder.
    #[must_use]
    pub fn plugin_paths(&self) -> Vec<PathBuf> {
        let base_dir = self.base_dir.as_deref().unwrap_or(Path::new(""));
        self.spec.plugins.iter().map(|plugin| base_dir.join(plugin)).collect()
    }

    /// How long loading one of these plugins may take, if the graph says so.
    #[must_use]
    pub fn load_timeout(&self) -> Option<Duration> {
        self.spec.defaults.deadlines.load_ms.map(Duration::from_millis)
    }

    /// An error that points at a node of the text: for what shows only when the node is created.
    ///
    /// A node that the text does not have is pointed at by what surrounds it.
    #[must_use]
    pub fn error_at_node(&self, node: &str, title: impl Into<String>) -> GraphError {
        let span = self.source.span(&Place::of(&["nodes", node]).at_key());
        Diagnostic::error(title).in_source(&self.source.name, &self.source.text, Some(span)).into()
    }

    /// Checks the graph against the kinds and makes it.
    ///
    /// # Errors
    /// Everything that is wrong with the graph, at once.
    pub fn build(&self, kinds: &dyn Kinds) -> Result<Graph, GraphError> {
        self.build_with_env(kinds, &build::process_env)
    }

    /// As [`SourcedSpec::build`], with `${VAR}` looked up in `env` instead of the environment of the process.
    ///
    /// # Errors
    /// Everything that is wrong with the graph, at once.
    pub fn build_with_env(&self, kinds: &dyn Kinds, env: Env<'_>) -> Result<Graph, GraphError> {
        let input = build::Input {
            spec: &self.spec,
            source: Some(&self.source),
            base_dir: self.base_dir.as_deref(),
            kinds,
            env,
        };
        build::build(&input, Vec::new())
    }
}

fn check_len(len: usize, name: &str) -> Result<(), GraphError> {
    if len > FILE_LEN_MAX {
        let error = Diagnostic::error(format!("`{name}` is larger than {FILE_LEN_MAX} bytes")).help("split the graph");
        return Err(error.into());
    }
    Ok(())
}

/// Reads at most one byte more than the limit, so that a device or a huge file costs no memory.
fn read_text(path: &Path, name: &str) -> Result<String, GraphError> {
    let cannot_read = |error: std::io::Error| Diagnostic::error(format!("cannot read `{name}`: {error}"));
    let mut bytes = Vec::new();
    let limit = u64::try_from(FILE_LEN_MAX).unwrap_or(u64::MAX).saturating_add(1);
    if !path.metadata().map_err(cannot_read)?.is_file() {
        return Err(Diagnostic::error(format!("`{name}` is no regular file"))
            .help("copy the graph into a file")
            .into());
    }
    File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(cannot_read)?;
    check_len(bytes.len(), name)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Diagnostic::error(format!("`{name}` is not UTF-8 text: byte {at} is no character"))
            .help("save the file as UTF-8")
            .into()
    })
}
