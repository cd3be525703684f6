//! Which package may be built with which: plugins → SDK → ABI ← runtime ← command line.

use crate::workspace::Package;

/// Packages of ours that the packages of a folder may be built with; the first folder that fits counts.
const ALLOWED: [(&str, &[&str]); 13] = [
    ("plugin-sdk/abi", &[]),
    ("plugin-sdk/dead-letters", &["graphmill-abi"]),
    ("plugin-sdk", &["graphmill-abi"]),
    ("runtime", &["graphmill-abi", "graphmill-dead-letters"]),
    ("models", &[]),
    ("cli", &["graphmill", "graphmill-models"]),
    ("plugins/packets", &["graphmill-plugin-sdk", "graphmill-dead-letters"]),
    ("plugins/onnx", &["graphmill-plugin-sdk", "graphmill-dsp", "graphmill-models"]),
    // What plugins share is a plain library on top of the SDK.
    ("plugins", &["graphmill-plugin-sdk", "graphmill-dsp"]),
    ("benches", &["graphmill", "graphmill-abi", "graphmill-plugin-sdk", "graphmill-fixture-flow"]),
    ("examples", &["graphmill"]),
    ("tests", &["graphmill", "graphmill-abi", "graphmill-audio", "graphmill-dead-letters", "graphmill-plugin-sdk"]),
    ("xtask", &[]),
];

/// Packages that may be built with nothing but the standard library, unless a feature asks for it.
const ALONE: [(&str, &[&str]); 2] = [("plugin-sdk/abi", &["bytes"]), ("xtask", &[])];

/// Dependencies that point in a wrong direction.
pub(super) fn check(packages: &[Package]) -> Vec<String> {
    let is_ours = |name: &str| packages.iter().any(|package| package.name == name);
    packages.iter().flat_map(|package| check_package(package, is_ours)).collect()
}

fn check_package(package: &Package, is_ours: impl Fn(&str) -> bool) -> Vec<String> {
    let folder = package.folder.to_string_lossy();
    let Some((_, allowed)) = ALLOWED.iter().find(|(prefix, _)| package.folder.starts_with(prefix)) else {
        return vec![format!(
            "{folder}: no rule says what this folder may depend on; add it to xtask/src/tidy/crates.rs"
        )];
    };
    let ours = package.dependencies.iter().filter(|name| is_ours(name) && !allowed.contains(&name.as_str()));
    let alone = ALONE.iter().find(|(prefix, _)| package.folder.starts_with(prefix));
    let others = package
        .dependencies
        .iter()
        .filter(|name| alone.is_some_and(|(_, optional)| !is_ours(name) && !optional.contains(&name.as_str())));
    ours.chain(others).map(|name| format!("{folder}/Cargo.toml: must not depend on `{name}`")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, folder: &str, dependencies: &[&str]) -> Package {
        let dependencies = dependencies.iter().map(|name| (*name).to_owned()).collect();
        Package {
            name: name.into(),
            folder: folder.into(),
            dependencies,
            plugin_file: None,
            examples: Vec::new(),
            lane: None,
        }
    }

    #[test]
    fn dependencies_point_towards_the_abi() {
        let mut packages = vec![
            package("graphmill", "runtime", &["graphmill-abi", "serde"]),
            package("graphmill-abi", "plugin-sdk/abi", &["bytes"]),
            package("graphmill-plugin-sdk", "plugin-sdk", &["graphmill-abi"]),
            package("graphmill-x", "plugins/fixtures/x", &["graphmill-plugin-sdk"]),
        ];
        assert_eq!(check(&packages), Vec::<String>::new());
        packages.push(package("a", "plugin-sdk", &["graphmill"]));
        packages.push(package("b", "runtime", &["graphmill-plugin-sdk"]));
        packages.push(package("c", "plugin-sdk/abi", &["serde"]));
        packages.push(package("d", "elsewhere", &[]));
        let broken = check(&packages);
        assert_eq!(broken.len(), 4, "{broken:#?}");
        assert_eq!(broken[0], "plugin-sdk/Cargo.toml: must not depend on `graphmill`");
    }
}
