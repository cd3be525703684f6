//! A temporary folder in which the tests build libraries, spoil files, and load them for real.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A library with a plugin entry, an import (`getenv`) and some data that has to be relocated.
pub(super) const GOOD: &str = "#include <stdlib.h>\n\
    static int answers[4] = {1, 2, 3, 7};\n\
    int *where_answers(void) { return answers; }\n\
    int gm_plugin_entry_v1(void) { return getenv(\"\") ? 0 : answers[3]; }\n";

/// Loads the library of its first argument and calls the entry; the exit status is what it returned.
const LOADER: &str = "#include <dlfcn.h>\n#include <stdio.h>\n\
    int main(int argc, char **argv) {\n\
      void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : 0;\n\
      int (*entry)(void) = library ? (int (*)(void))dlsym(library, argv[2]) : 0;\n\
      if (!entry) { fprintf(stderr, \"%s\\n\", dlerror()); return 1; }\n\
      return entry();\n\
    }\n";

pub(super) struct Lab {
    folder: TempDir,
}

impl Lab {
    pub(super) fn new() -> Self {
        Lab { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).expect("a file is written");
        path
    }

    /// Compiles C; the name of the result is up to the caller, as are `-shared` and its kin.
    pub(super) fn cc(&self, name: &str, source: &str, options: &[&str]) -> PathBuf {
        let code = self.file(&format!("{name}.c"), source);
        let path = self.path(name);
        let mut cc = Command::new("cc");
        cc.current_dir(self.folder.path());
        cc.arg(code).arg("-o").arg(&path).args(options);
        run(&mut cc);
        path
    }

    pub(super) fn shared(&self, name: &str, source: &str) -> PathBuf {
        self.cc(name, source, &["-shared", "-fPIC"])
    }

    pub(super) fn good(&self) -> PathBuf {
        self.shared("good.so", GOOD)
    }

    /// Compiles Rust as a crate of the given type.
    pub(super) fn rustc(&self, name: &str, source: &str, crate_type: &str) -> PathBuf {
        let code = self.file("rust_plugin.rs", source);
        let path = self.path(name);
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsStr::new("rustc").into());
        let mut rustc = Command::new(rustc);
        rustc.arg(code).arg("-o").arg(&path);
        rustc.args(["--edition=2024", "--crate-type", crate_type]);
        run(&mut rustc);
        path
    }

    /// A copy of the good library with some bytes replaced.
    pub(super) fn patched(&self, offset: usize, bytes: &[u8]) -> PathBuf {
        let mut content = fs::read(self.good()).expect("the library is read");
        content[offset..offset + bytes.len()].copy_from_slice(bytes);
        self.file("patched.so", content)
    }

    /// Loads the library in a child process and calls its entry, which has to return 7.
    pub(super) fn loads(&self, library: &Path) -> bool {
        let loader = self.path("loader");
        if !loader.exists() {
            self.cc("loader", LOADER, &["-ldl"]);
        }
        let status = Command::new(loader).arg(library).arg("gm_plugin_entry_v1").status().expect("the loader runs");
        status.code() == Some(7)
    }
}

pub(super) fn run(command: &mut Command) {
    let output = command.output().expect("the command starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {errors}");
}
