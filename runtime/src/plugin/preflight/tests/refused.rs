//! Files that are no plugins, each with the exact words that its user reads.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::lab::{GOOD, Lab, run};
use crate::plugin::preflight::{FILE_SIZE_BYTES_MAX, PreflightError, preflight};

/// How a file is made, and what follows its name in the error.
type Case = (fn(&Lab) -> PathBuf, &'static str);

#[track_caller]
fn check(cases: &[Case]) {
    for (number, (make, expected)) in cases.iter().enumerate() {
        let lab = Lab::new();
        let path = make(&lab);
        let error = preflight(&path).expect_err(expected);
        let folder = lab.path("");
        let told = error.to_string().replace(&*folder.to_string_lossy(), "FOLDER/");
        let name = path.file_name().expect("a name").to_string_lossy();
        let expected = format!("plugin file \"FOLDER/{name}\" {expected}");
        assert_eq!(told, expected, "case {number}");
    }
}

#[test]
fn names_that_are_no_readable_file_are_refused() {
    check(&[
        (|lab| lab.path("absent.so"), "does not exist; check the path, or build the plugin first"),
        (
            |lab| {
                symlink("gone.so", lab.path("link.so")).expect("a link is made");
                lab.path("link.so")
            },
            "is a link to \"gone.so\", which does not exist; \
             repair the link or install its target",
        ),
        (
            |lab| {
                fs::create_dir(lab.path("folder.so")).expect("a folder is made");
                lab.path("folder.so")
            },
            "is a directory; name the library file inside it",
        ),
        (
            |lab| {
                run(Command::new("mkfifo").arg(lab.path("fifo.so")));
                lab.path("fifo.so")
            },
            "is a FIFO, not a regular file; name the library file itself",
        ),
        (
            |lab| {
                UnixListener::bind(lab.path("socket.so")).expect("a socket is made");
                lab.path("socket.so")
            },
            "is a socket, not a regular file; name the library file itself",
        ),
        (
            |lab| {
                symlink("/dev/zero", lab.path("zero.so")).expect("a link is made");
                lab.path("zero.so")
            },
            "is a character device, not a regular file; name the library file itself",
        ),
        (|lab| lab.file("empty.so", ""), "is empty; build or copy it again"),
        (
            |lab| {
                let file = File::create(lab.path("large.so")).expect("a file is made");
                file.set_len(FILE_SIZE_BYTES_MAX + 1).expect("it is sparse");
                lab.path("large.so")
            },
            "has 2147483649 bytes and the limit is 2147483648; \
             keep weights and other data in files of their own",
        ),
    ]);
}

#[test]
fn other_formats_are_named() {
    let cases: &[(&str, &[u8])] = &[
        ("a text file", b"hello\n"),
        ("a text file", "Übung".as_bytes()),
        ("a script", b"#!/bin/sh\nexit 0\n"),
        ("a static archive (`.rlib` or `.a`)", b"!<arch>\nfoo"),
        ("a Windows program or library (PE)", b"MZ\x90\0\x03"),
        ("a macOS program or library (Mach-O)", b"\xcf\xfa\xed\xfe\x07"),
        ("a universal macOS library (Mach-O)", b"\xca\xfe\xba\xbe\0"),
        ("a WebAssembly module", b"\0asm\x01\0\0\0"),
        ("a compressed archive (zip or wheel)", b"PK\x03\x04\x14"),
        ("a compressed archive (gzip)", b"\x1f\x8b\x08\0"),
        ("a Git LFS pointer, whose content was not fetched", b"version https://git-lfs.github.com/spec/v1\noid"),
        ("a file of zero bytes", &[0; 4096]),
        ("a file of unknown format", b"\x7fEL"),
        ("a file of unknown format", b"\x80\x81\x82"),
    ];
    let lab = Lab::new();
    for (expected, content) in cases {
        let path = lab.file("other.so", content);
        let found = *expected;
        assert_eq!(preflight(&path), Err(PreflightError::NotElf { path, found }));
    }
}

#[test]
fn rlib_is_refused_with_the_way_to_a_cdylib() {
    check(&[(
        |lab| lab.rustc("libplugin.rlib", "pub fn f() {}", "rlib"),
        "is a static archive (`.rlib` or `.a`), not an ELF shared object; \
         build the plugin as a cdylib and name the resulting `.so`",
    )]);
}

#[test]
fn elf_files_that_are_no_shared_object_are_refused() {
    const MAIN: &str = "int gm_plugin_entry_v1(void) { return 7; }\nint main(void) { return 0; }\n";
    check(&[
        (
            |lab| lab.cc("pie", MAIN, &["-pie", "-fPIE", "-rdynamic"]),
            "is an executable, not a shared object; \
             build the plugin as a cdylib, or with `-shared -fPIC` in C",
        ),
        (
            |lab| lab.cc("fixed", MAIN, &["-no-pie"]),
            "is an executable, not a shared object; \
             build the plugin as a cdylib, or with `-shared -fPIC` in C",
        ),
        (
            |lab| lab.cc("plugin.o", GOOD, &["-c", "-fPIC"]),
            "is a relocatable object file (`.o`), not a shared object; \
             build the plugin as a cdylib, or with `-shared -fPIC` in C",
        ),
        (
            |lab| lab.patched(16, &4_u16.to_ne_bytes()),
            "is a core dump, not a shared object; \
             build the plugin as a cdylib, or with `-shared -fPIC` in C",
        ),
    ]);
}

#[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
#[test]
fn libraries_for_other_targets_are_refused_naming_both() {
    // Where the header keeps class, byte order, operating system and machine.
    let cases: &[(usize, &[u8], &str)] = &[
        (4, &[1], "x86-64 (32-bit, little-endian)"),
        (4, &[9], "x86-64 (unknown class, little-endian)"),
        (5, &[2], "machine 15872 (64-bit, big-endian)"),
        (5, &[0], "x86-64 (64-bit, unknown byte order)"),
        (7, &[9], "x86-64 (64-bit, little-endian, another operating system)"),
        (18, &[243, 0], "RISC-V (64-bit, little-endian)"),
        (18, &[0xfe, 0xca], "machine 51966 (64-bit, little-endian)"),
    ];
    if cfg!(not(all(target_arch = "x86_64", target_pointer_width = "64"))) {
        return;
    }
    let lab = Lab::new();
    for (offset, bytes, expected) in cases {
        let path = lab.patched(*offset, bytes);
        let error = PreflightError::WrongTarget {
            path: path.clone(),
            found: (*expected).to_owned(),
            host: "x86-64 (64-bit, little-endian)".to_owned(),
        };
        assert_eq!(preflight(&path), Err(error.clone()));
        let tail = "and this program runs on x86-64 (64-bit, little-endian); \
             build the plugin for this target";
        let text = format!("plugin file {path:?} is built for {expected}, {tail}");
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn libraries_without_exactly_one_entry_function_are_refused() {
    check(&[
        (
            |lab| lab.shared("none.so", "int unrelated(void) { return 0; }\n"),
            "exports no function `gm_plugin_entry_v1`; \
             use the SDK's `export!` macro, or define the function with `GM_EXPORT` in C",
        ),
        (
            |lab| lab.shared("data.so", "int gm_plugin_entry_v1 = 7;\n"),
            "exports `gm_plugin_entry_v1` as data; export a function of this name",
        ),
        (
            |lab| lab.shared("tls.so", "__thread int gm_plugin_entry_v1_x = 7;\n"),
            "exports `gm_plugin_entry_v1_x` as thread-local data; \
             export a function of this name",
        ),
        (
            |lab| {
                let source = "int gm_plugin_entry_v1_b(void) { return 0; }\n\
                    int gm_plugin_entry_v1_a(void) { return 0; }\n\
                    int gm_plugin_entry_v2(void) { return 0; }\n";
                lab.shared("two.so", source)
            },
            "exports several plugin entries (gm_plugin_entry_v1_a, gm_plugin_entry_v1_b); \
             build one library for each plugin",
        ),
        (
            |lab| lab.shared("newer.so", "int gm_plugin_entry_v2(void) { return 0; }\n"),
            "is made for plugin ABI 2, and this program supports 1; \
             use a release of the plugin for ABI 1, or another release of Graphmill",
        ),
        (
            |lab| {
                let source = "int gm_plugin_entry_v12(void) { return 0; }\n\
                    int gm_plugin_entry_v3_x(void) { return 0; }\n\
                    int gm_plugin_entry_v3_y(void) { return 0; }\n";
                lab.shared("others.so", source)
            },
            "is made for plugin ABI 3 and 12, and this program supports 1; \
             use a release of the plugin for ABI 1, or another release of Graphmill",
        ),
    ]);
}

#[test]
fn entries_that_nobody_can_find_do_not_count() {
    let lab = Lab::new();
    let sources = [
        "__attribute__((visibility(\"hidden\"))) int gm_plugin_entry_v1(void) { return 7; }\n",
        "__attribute__((used)) static int gm_plugin_entry_v1(void) { return 7; }\n",
        "int gm_plugin_entry_v1(void);\nint imports(void) { return gm_plugin_entry_v1(); }\n",
    ];
    for (source, style) in sources.iter().flat_map(|s| [(s, "gnu"), (s, "sysv")]) {
        let option = format!("-Wl,--hash-style={style}");
        let path = lab.cc("unseen.so", source, &["-shared", "-fPIC", &option]);
        assert_eq!(preflight(&path), Err(PreflightError::NoEntry { path }));
    }
}

#[test]
fn very_many_entries_are_named_only_in_part() {
    let lab = Lab::new();
    let source: String = (0..5000).map(|n| format!("int gm_plugin_entry_v1_{n}(void) {{ return 0; }}\n")).collect();
    let path = lab.shared("crowd.so", &source);
    match preflight(&path) {
        Err(PreflightError::SeveralEntries { symbols, .. }) => assert_eq!(symbols.len(), 16),
        other => panic!("{other:?}"),
    }
}

#[test]
fn paths_that_the_system_refuses_are_unreadable_with_its_reason() {
    let lab = Lab::new();
    let file = lab.file("file", "content");
    symlink("loop.so", lab.path("loop.so")).expect("a link is made");
    let cases = [
        (file.join("inner.so"), "Not a directory (os error 20)"),
        (lab.path("loop.so"), "Too many levels of symbolic links (os error 40)"),
        (lab.path(&"x".repeat(300)), "File name too long (os error 36)"),
        (lab.path("nul\0.so"), "file name contained an unexpected NUL byte"),
    ];
    for (path, expected) in cases {
        match preflight(&path) {
            Err(PreflightError::Unreadable { reason, .. }) => assert_eq!(reason, expected),
            other => panic!("{path:?}: {other:?}"),
        }
    }
}

/// Names the file that the child process of the next test looks at.
const FORBIDDEN: &str = "PREFLIGHT_TEST_FORBIDDEN_FILE";

/// Permissions do not bind root, so the check runs in a child process without root's rights.
#[test]
fn file_without_read_permission_is_refused() {
    if let Some(path) = std::env::var_os(FORBIDDEN) {
        expect_permission_denied(Path::new(&path));
        return;
    }
    let lab = Lab::new();
    let path = lab.good();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).expect("rights are taken");
    fs::set_permissions(lab.path(""), fs::Permissions::from_mode(0o755)).expect("it is open");
    let test = lab.path("test-program");
    fs::copy(std::env::current_exe().expect("a name"), &test).expect("it is copied");
    let thread = format!("{}::file_without_read_permission_is_refused", module_path!());
    let (_, name) = thread.split_once("::").expect("a crate and a test");
    let mut child = Command::new(test);
    child.args(["--exact", name, "--nocapture"]).env(FORBIDDEN, &path);
    child.current_dir("/");
    if fs::metadata("/proc/self").expect("it exists").uid() == 0 {
        child.uid(65534).gid(65534);
    }
    let output = child.output().expect("the child starts");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("permission denied as expected"), "{output:?}");
    assert!(output.status.success(), "{output:?}");
}

fn expect_permission_denied(path: &Path) {
    let error = preflight(path).expect_err("the file cannot be read");
    let expected = format!(
        "plugin file {path:?} cannot be read (Permission denied (os error 13)); \
         check the path and the permissions of the file and its folders"
    );
    assert_eq!(error.to_string(), expected);
    println!("permission denied as expected");
}
