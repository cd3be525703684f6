//! What cargo knows of the workspace: its packages, what they depend on, and where things are built.

use crate::command::{self, Outcome};
use crate::json::Json;
use std::path::{Path, PathBuf};

/// The workspace that this program belongs to.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Folder of the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Where cargo builds; the environment can move it.
    pub(crate) target: PathBuf,
    /// The members, in the order of their names.
    pub(crate) packages: Vec<Package>,
}

/// A member of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Its folder, relative to the root of the workspace.
    pub(crate) folder: PathBuf,
    /// What it is built with, tests aside; whatever the features and targets.
    pub(crate) dependencies: Vec<String>,
    /// File of its library, when it is a plugin.
    pub(crate) plugin_file: Option<String>,
    /// Its examples, in the order of their names.
    pub(crate) examples: Vec<String>,
    /// The lane that builds and tests it, when it takes too long for the others: `package.metadata.graphmill.lane`.
    pub(crate) lane: Option<String>,
}

impl Workspace {
    /// Asks cargo.
    ///
    /// # Errors
    /// Cargo fails or answers something else than expected.
    pub(crate) fn find() -> Outcome<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.parent().unwrap_or(here).to_path_buf();
        let text = command::output(&mut command::cargo(&root, ["metadata", "--no-deps", "--format-version", "1"]))?;
        let json = Json::parse(&text).map_err(|fault| format!("cargo metadata cannot be read: {fault}"))?;
        let target = json.text("target_directory").ok_or("cargo metadata names no target folder")?;
        let packages = json.get("packages").map(Json::list).unwrap_or_default();
        let mut packages: Vec<_> = packages.iter().filter_map(|package| Package::read(package, &root)).collect();
        packages.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { target: target.into(), root, packages })
    }

    /// The plugins that are for users: fixtures are broken on purpose, and loading one may be the fault it shows.
    pub(crate) fn shipped_plugins(&self) -> impl Iterator<Item = &Package> {
        self.plugins().filter(|package| !package.folder.starts_with("plugins/fixtures"))
    }

    /// The plugins among the members, fixtures of the tests included; those of a lane of their own are left out.
    pub(crate) fn plugins(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.plugin_file.is_some() && package.lane.is_none())
    }

    /// The members that a lane of their own builds and tests.
    pub(crate) fn of_lanes(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.lane.is_some())
    }
}

impl Package {
    fn read(json: &Json, root: &Path) -> Option<Self> {
        let manifest = Path::new(json.text("manifest_path")?);
        let plugin = json.get("targets")?.list().iter().find(|target| {
            let types = target.get("crate_types").map(Json::list).unwrap_or_default();
            types.contains(&Json::Text("cdylib".into()))
        });
        let is_example = |target: &&Json| {
            target.get("kind").map(Json::list).unwrap_or_default().contains(&Json::Text("example".into()))
        };
        let examples = json.get("targets")?.list().iter().filter(is_example);
        let mut examples: Vec<String> = examples.filter_map(|target| target.text("name").map(Into::into)).collect();
        examples.sort();
        let is_built_in = |dependency: &&Json| dependency.text("kind") != Some("dev");
        let dependencies = json.get("dependencies")?.list().iter().filter(is_built_in);
        Some(Self {
            name: json.text("name")?.into(),
            folder: manifest.parent()?.strip_prefix(root).ok()?.into(),
            dependencies: dependencies.filter_map(|dependency| dependency.text("name").map(Into::into)).collect(),
            plugin_file: plugin.and_then(|target| target.text("name")).map(library_file),
            examples,
            lane: json
                .get("metadata")
                .and_then(|all| all.get("graphmill"))
                .and_then(|ours| ours.text("lane"))
                .map(Into::into),
        })
    }
}

/// The file that a library of this name is built as.
fn library_file(name: &str) -> String {
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    format!("{prefix}{}{suffix}", name.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_knows_its_plugins_and_its_runtime() {
        let workspace = Workspace::find().unwrap();
        assert!(["graphmill", "xtask"].iter().all(|name| workspace.packages.iter().any(|member| member.name == *name)));
        let audio = workspace.plugins().find(|package| package.name == "graphmill-audio").unwrap();
        assert_eq!(audio.folder, Path::new("plugins/audio"));
        assert!(workspace.plugins().any(|package| package.name == "graphmill-fixture-flow"));
        assert!(!workspace.shipped_plugins().any(|package| package.name == "graphmill-fixture-flow"));
        assert_eq!(audio.plugin_file.as_deref(), Some("libgraphmill_audio.so"));
        assert_eq!(audio.lane, None);
        assert!(audio.dependencies.iter().any(|name| name == "graphmill-plugin-sdk"));
        assert!(!audio.dependencies.iter().any(|name| name == "tempfile"), "tests aside");
    }

    #[test]
    fn what_takes_minutes_to_build_is_left_to_its_lane() {
        let workspace = Workspace::find().unwrap();
        let onnx = workspace.of_lanes().find(|package| package.name == "graphmill-onnx").unwrap();
        assert_eq!(onnx.lane.as_deref(), Some("models"));
        assert!(onnx.examples.iter().any(|example| example == "microphone"), "{onnx:?}");
        assert!(!workspace.plugins().any(|package| package.name == "graphmill-onnx"));
    }

    #[test]
    fn only_what_has_a_lane_is_no_default_member() {
        let workspace = Workspace::find().unwrap();
        let metadata = ["metadata", "--no-deps", "--format-version", "1"];
        let text = command::output(&mut command::cargo(&workspace.root, metadata)).unwrap();
        let json = Json::parse(&text).unwrap();
        let ids = json.get("workspace_default_members").unwrap().list();
        let is_default = |package: &Package| {
            let folder = format!("{}#", workspace.root.join(&package.folder).display());
            ids.iter().any(|id| matches!(id, Json::Text(id) if id.contains(&folder)))
        };
        let wrong = workspace.packages.iter().filter(|package| is_default(package) == package.lane.is_some());
        let wrong: Vec<_> = wrong.map(|package| package.name.as_str()).collect();
        assert_eq!(wrong, [""; 0], "list them under `default-members`, or take them out");
    }
}
