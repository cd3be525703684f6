//! Builds the plugins as the libraries that the runtime loads.

use crate::command::{self, Outcome};
use crate::workspace::{Package, Workspace};
use std::path::PathBuf;

/// How plugins are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// For the tests, with their fixtures.
    Dev,
    /// For the demo: what users get.
    Release,
}

impl Profile {
    /// The folder below cargo's target folder.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// Builds every plugin and prints where it is.
///
/// # Errors
/// A plugin cannot be built.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let folder = build(workspace, Profile::Dev, &[])?;
    for plugin in workspace.plugins() {
        println!("{}", folder.join(plugin.plugin_file.as_deref().unwrap_or_default()).display());
    }
    Ok(())
}

/// Builds plugins, and some packages more, and gives the folder that they are in.
///
/// # Errors
/// A package cannot be built.
pub(crate) fn build(workspace: &Workspace, profile: Profile, more: &[&str]) -> Outcome<PathBuf> {
    let (mut arguments, plugins) = match profile {
        Profile::Dev => (vec!["build"], names(workspace.plugins())),
        Profile::Release => (vec!["build", "--release"], names(workspace.shipped_plugins())),
    };
    for package in plugins.into_iter().chain(more.iter().copied()) {
        arguments.extend(["--package", package]);
    }
    command::run(&mut command::cargo(&workspace.root, arguments))?;
    Ok(workspace.target.join(profile.folder()))
}

fn names<'a>(packages: impl Iterator<Item = &'a Package>) -> Vec<&'a str> {
    packages.map(|package| package.name.as_str()).collect()
}
