//! Where unsafe code may be, and what nobody may write at all.

use super::Source;

/// Where unsafe code may be; everything else is checked by the compiler.
const UNSAFE_PLACES: [&str; 9] = [
    "plugin-sdk/abi",
    "plugin-sdk/src/export",
    "runtime/src/plugin",
    "plugins/fixtures",
    // Tests that play the other side of the C ABI, or count allocations with an allocator of their own.
    "plugin-sdk/tests",
    "runtime/tests",
    // The same, with input that a machine makes up, and programs that are wrong on purpose.
    "fuzz/fuzz_targets",
    "tests/replay",
    "xtask/probes",
];

/// Folders in which nothing promises by itself that it may move between threads.
const NO_PROMISES: [&str; 2] = ["plugin-sdk/src", "plugins"];

/// What nobody may write, with the reason.
const FORBIDDEN: [(&str, &str); 2] = [
    ("dlclose", "a library is never unloaded"),
    ("#[ignore", "a test that is not run shows nothing; make it run, or take it out"),
];

/// Code that breaks a rule.
pub(super) fn check(sources: &[Source]) -> Vec<String> {
    sources.iter().flat_map(check_source).collect()
}

fn check_source(source: &Source) -> Vec<String> {
    let may_be_unsafe = UNSAFE_PLACES.iter().any(|folder| source.is_in(folder));
    let may_promise = !NO_PROMISES.iter().any(|folder| source.is_in(folder));
    let mut broken = Vec::new();
    for (line, code) in source.lines() {
        let mut report = |what: &str| broken.push(format!("{}:{line}: {what}", source.path));
        if !may_be_unsafe && has_unsafe(code) {
            report("unsafe code outside the places that may have it");
        }
        if !may_promise && promises(code) {
            report("promises by hand that a type may move between threads");
        }
        for (text, reason) in FORBIDDEN {
            if code.contains(text) {
                report(&format!("`{text}`: {reason}"));
            }
        }
    }
    broken
}

/// Whether a line has the keyword, and not merely a longer word such as the name of a lint.
fn has_unsafe(code: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    code.split(|c| !is_name(c)).any(|word| word == "unsafe")
}

fn promises(code: &str) -> bool {
    has_unsafe(code) && code.contains("impl") && [" Send for", " Sync for"].iter().any(|promise| code.contains(promise))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::sources;
    use crate::workspace::Workspace;

    #[test]
    fn unsafe_code_is_found_outside_its_folders_only() {
        let table = [
            ("runtime/src/exec/link.rs", "unsafe { x() }", 1),
            ("runtime/src/plugin/load.rs", "unsafe { x() }", 0),
            ("runtime/src/plugin_x.rs", "unsafe fn x()", 1),
            ("cli/src/main.rs", "// unsafe { x() }\n#![forbid(unsafe_code)] \"unsafe\"", 0),
            ("plugin-sdk/src/logger.rs", "unsafe impl Send for X {}", 2),
            ("plugin-sdk/src/export/mod.rs", "unsafe impl<T> Sync for X<T> {}", 1),
            ("plugin-sdk/abi/src/buffer.rs", "unsafe impl Send for Buffer {}", 0),
            ("plugins/fixtures/x/src/lib.rs", "unsafe impl Send for X {}", 1),
            ("runtime/src/plugin/load.rs", "libc::dlclose(handle)", 1),
            ("cli/tests/run.rs", "#[test]\n#[ignore = \"slow\"]", 1),
        ];
        for (path, text, expected) in table {
            let broken = check(&[Source::new(path, text)]);
            assert_eq!(broken.len(), expected, "{path}: {broken:?}");
        }
    }

    #[test]
    fn f23_shipped_plugins_need_no_unsafe_send_or_sync() {
        let sources = sources::read(&Workspace::find().unwrap().root).unwrap();
        let plugins: Vec<_> = sources.into_iter().filter(|source| source.is_in("plugins")).collect();
        assert!(plugins.len() > 10, "the plugins are where they are looked for");
        let broken: Vec<_> = check(&plugins).into_iter().filter(|broken| broken.contains("promises")).collect();
        assert_eq!(broken, Vec::<String>::new());
    }
}
