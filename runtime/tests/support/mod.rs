//! What the tests of loaded plugins share: a folder to build in, libraries in C and Rust, a node without an executor.
#![allow(dead_code, reason = "every test binary uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

pub(crate) mod bench;
pub(crate) mod records;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

/// Longer than any machine takes; a test that waits this long has failed.
pub(crate) const LONG: Duration = Duration::from_secs(120);

/// Set in a child process of a test: the file that it is to load.
const CHILD_FILE: &str = "GRAPHMILL_TEST_CHILD_FILE";
/// A folder with cdylibs that are built already.
const PLUGINS_FOLDER: &str = "GRAPHMILL_TEST_PLUGINS";

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository").to_owned()
}

/// A temporary folder, by its canonical path.
#[derive(Debug)]
pub(crate) struct Lab {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().canonicalize().unwrap();
        Self { _folder: folder, path }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Builds `plugins/fixtures/load/NAME.c` as `libNAME.so`.
    pub(crate) fn fixture(&self, name: &str) -> PathBuf {
        self.fixture_as(name, name, &[])
    }

    /// Builds `plugins/fixtures/load/NAME.c` as `libOUTPUT.so`, with further options for the compiler.
    pub(crate) fn fixture_as(&self, name: &str, output: &str, options: &[String]) -> PathBuf {
        let source = repository().join("plugins/fixtures/load").join(name).with_extension("c");
        self.cc(&source, &format!("lib{output}.so"), options)
    }

    /// Builds a source file in C as a shared library.
    pub(crate) fn cc(&self, source: &Path, output: &str, options: &[String]) -> PathBuf {
        let library = self.path(output);
        let mut cc = Command::new("cc");
        cc.current_dir(&self.path);
        cc.args(["-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-I"]);
        cc.arg(repository().join("plugin-sdk/include")).arg("-o").arg(&library).arg(source).args(options).arg("-lm");
        succeed(&mut cc);
        library
    }
}

/// Runs a command that has to succeed.
pub(crate) fn succeed(command: &mut Command) -> Output {
    let output = command.output().expect("the command starts");
    assert!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// The cdylib of a crate of this workspace: from the folder of built ones if there is one, else built now, once.
pub(crate) fn cdylib(package: &str) -> PathBuf {
    static BUILT: LazyLock<Mutex<Vec<(String, PathBuf)>>> = LazyLock::new(Mutex::default);
    if let Some(folder) = env::var_os(PLUGINS_FOLDER) {
        return Path::new(&folder).join(library_name(package));
    }
    let mut built = BUILT.lock().unwrap();
    if let Some((_, path)) = built.iter().find(|(name, _)| name == package) {
        return path.clone();
    }
    let path = build(package);
    built.push((package.to_owned(), path.clone()));
    path
}

fn library_name(package: &str) -> String {
    format!("lib{}.so", package.replace('-', "_"))
}

fn build(package: &str) -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(cargo);
    cargo.current_dir(repository()).args(["build", "--locked", "--message-format=json", "-p", package]);
    let output = String::from_utf8(succeed(&mut cargo).stdout).unwrap();
    let name = library_name(package);
    let artifacts = output.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let files = artifacts.filter_map(|artifact| artifact.get("filenames")?.as_array().cloned()).flatten();
    let mut files = files.filter_map(|file| file.as_str().map(PathBuf::from));
    files.find(|file| file.ends_with(&name)).unwrap_or_else(|| panic!("cargo builds no {name}"))
}

/// In a child process of a test: the file that it is to load.
pub(crate) fn child_file() -> Option<PathBuf> {
    env::var_os(CHILD_FILE).map(PathBuf::from)
}

/// Runs one test of this binary again in a child process, which finds `file` with [`child_file`].
pub(crate) fn run_in_child(test: &str, file: &Path) -> Output {
    child(test, file).output().expect("the test starts again")
}

/// Like [`run_in_child`], with a variable in the environment of the child.
pub(crate) fn run_in_child_with(test: &str, file: &Path, name: &str, value: &str) -> Output {
    child(test, file).env(name, value).output().expect("the test starts again")
}

fn child(test: &str, file: &Path) -> Command {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CHILD_FILE, file);
    child
}

/// Waits for something that another thread or a library does.
pub(crate) fn wait_for(what: &str, is_there: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_there() {
        assert!(start.elapsed() < LONG, "{what} does not happen");
        std::thread::yield_now();
    }
}

/// Waits for a file to appear.
pub(crate) fn wait_for_file(path: &Path) {
    wait_for(&format!("{path:?}"), || path.exists());
}

/// Lets what waits for a file go on.
pub(crate) fn open_gate(path: &Path) {
    fs::write(path, b"").unwrap();
}
