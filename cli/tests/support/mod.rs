//! What the tests of the program share: a folder to work in, the plugins, and the program itself.
#![allow(dead_code, reason = "every test binary uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

pub(crate) mod screen;
#[cfg(feature = "models")]
pub(crate) mod store;
pub(crate) mod web;

use serde_json::Value;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

/// The plugins that graphs of the tests use.
const PLUGINS: [&str; 6] =
    ["graphmill-audio", "graphmill-image", "graphmill-packets", "graphmill-rnnoise", "graphmill-text", "graphmill-vad"];
/// Plugins that only tests use; they name them themselves.
const FIXTURES: [&str; 2] = ["graphmill-fixture-faulty", "graphmill-fixture-flow"];
/// Tells the tests in which folder the plugins are.
const PLUGINS_FOLDER: &str = "GRAPHMILL_TEST_PLUGINS";

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The library of a plugin: from the folder of those that are built, or else built now, once.
pub(crate) fn plugin(package: &str) -> PathBuf {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| match env::var_os(PLUGINS_FOLDER) {
        Some(folder) => folder.into(),
        None => build(),
    });
    FOLDER.join(format!("lib{}.so", package.replace('-', "_")))
}

fn build() -> PathBuf {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(repository()).args(["build", "--locked", "--message-format=json"]);
    for package in PLUGINS.into_iter().chain(FIXTURES) {
        cargo.args(["--package", package]);
    }
    let output = cargo.stderr(Stdio::inherit()).output().expect("cargo starts");
    assert!(output.status.success(), "the plugins can be built");
    let lines = String::from_utf8(output.stdout).unwrap();
    let artifacts = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let files = artifacts.filter_map(|artifact| artifact.get("filenames")?.as_array().cloned()).flatten();
    let library =
        files.filter_map(|file| file.as_str().map(PathBuf::from)).find(|file| file.ends_with("libgraphmill_text.so"));
    library.expect("cargo says where the library is").parent().unwrap().to_owned()
}

/// What the program answered.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Shown {
    fn from(output: Output) -> Self {
        let shown = Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!shown.err.contains("panicked"), "nothing ever panics: {shown:?}");
        shown
    }
}

impl Shown {
    /// The last line of standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        let line = self.out.lines().last().unwrap_or_else(|| panic!("something is written: {self:?}"));
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Checks that the command did what it was asked for.
    #[track_caller]
    pub(crate) fn succeeds(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }
}

/// A folder to work in. The program runs in it, with the plugins in its environment.
#[derive(Debug)]
pub(crate) struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        // Beside the program, so that it can have a second name here.
        Self { folder: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap() }
    }

    /// A lab with the demo's graph and recording.
    pub(crate) fn with_demo() -> Self {
        let lab = Self::new();
        let examples = repository().join("examples");
        fs::create_dir(lab.path("media")).unwrap();
        for file in ["denoise.toml", "media/noisy.wav"] {
            fs::copy(examples.join(file), lab.path(file)).unwrap();
        }
        lab
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// The program, ready to run here.
    pub(crate) fn graphmill(&self) -> Command {
        // Not the one that was built: whatever else was built beside it would be loaded too.
        let mut command = self.graphmill_alone(&self.installed());
        command.env("GRAPHMILL_PLUGIN_PATH", env::join_paths(PLUGINS.map(plugin)).unwrap());
        command
    }

    /// The program at a place of its own, without plugins in its environment.
    pub(crate) fn graphmill_alone(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        for variable in ["RUST_LOG", "GRAPHMILL_PLUGIN_PATH", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run<I>(&self, arguments: I) -> Shown
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        self.graphmill().args(arguments).output().unwrap().into()
    }

    /// The program in `bin`, where no plugins lie beside it unless a test puts them there.
    pub(crate) fn installed(&self) -> PathBuf {
        let (built, program) = (env!("CARGO_BIN_EXE_graphmill"), self.path("bin/graphmill"));
        if !program.exists() {
            fs::create_dir_all(self.path("bin/plugins")).unwrap();
            // A second name is as good as a copy where both are on one disk.
            fs::hard_link(built, &program).or_else(|_| fs::copy(built, &program).map(drop)).unwrap();
        }
        program
    }

    /// Builds a plugin in C; `code` may include `fixture.h`.
    pub(crate) fn library(&self, name: &str, code: &str) -> PathBuf {
        let source = self.write(&format!("{name}.c"), code);
        let library = self.path(&format!("lib{name}.so"));
        let mut cc = Command::new("cc");
        cc.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]);
        for folder in ["plugin-sdk/include", "plugins/fixtures/load"] {
            cc.arg("-I").arg(repository().join(folder));
        }
        let output = cc.arg("-o").arg(&library).arg(source).output().expect("a C compiler is there");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        library
    }
}
