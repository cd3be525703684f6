//! What may lie in the root of the repository.

use crate::command::Outcome;
use std::fs;
use std::path::Path;

/// Everything that has its place in the root; the last line is what git ignores.
const ALLOWED: [&str; 36] = [
    "Cargo.toml",
    "Cargo.lock",
    "clippy.toml",
    "rustfmt.toml",
    "rust-toolchain.toml",
    "deny.toml",
    "miri.toml",
    "README.md",
    "ARCHITECTURE.md",
    "SPECIFICATION.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    ".gitignore",
    ".gitattributes",
    ".editorconfig",
    ".cargo",
    ".ci",
    ".config",
    ".github",
    "runtime",
    "plugin-sdk",
    "plugins",
    "cli",
    "models",
    "benches",
    "fuzz",
    "examples",
    "tests",
    "docs",
    "xtask",
    ".git",
    "target",
    "out",
];

/// Entries of the root that have no place there.
///
/// # Errors
/// The root cannot be read.
pub(super) fn check(root: &Path) -> Outcome<Vec<String>> {
    let entries = fs::read_dir(root).map_err(|error| format!("{}: {error}", root.display()))?;
    let names = entries.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut strangers: Vec<_> = names.filter(|name| !ALLOWED.contains(&name.as_str())).collect();
    strangers.sort();
    Ok(strangers.iter().map(|name| format!("{name}: has no place in the root of the repository")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    #[test]
    fn r1_the_root_holds_only_what_belongs_there() {
        assert_eq!(check(&Workspace::find().unwrap().root).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_stranger_in_the_root_is_named() {
        let plugins = Workspace::find().unwrap().root.join("plugins");
        let broken = check(&plugins).unwrap();
        assert!(broken.contains(&"audio: has no place in the root of the repository".to_owned()), "{broken:?}");
    }
}
