//! Every file of the fuzz corpora, given to its target: what once broke something never does again.
//!
//! The targets are those of `fuzz/fuzz_targets`, built without the engine. An input that breaks one ends the process or
//! fails an assertion of the target, as it does in a fuzz run.
#![allow(unsafe_code, reason = "some targets play the other side of the C ABI")]
#![allow(unused_attributes, reason = "targets are programs of their own elsewhere")]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::multiple_unsafe_ops_per_block,
    clippy::unnecessary_safety_comment,
    clippy::undocumented_unsafe_blocks,
    reason = "targets are checked in a workspace of their own"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// Declares the targets and what there is of each: its name and its function.
macro_rules! targets {
    ($($name:ident $path:literal)*) => {
        $(
            #[path = $path]
            mod $name;
        )*
        const TARGETS: &[(&str, fn(&[u8]))] = &[$((stringify!($name), $name::run),)*];
    };
}

targets! {
    control_request "../../../fuzz/fuzz_targets/control_request.rs"
    dead_letters "../../../fuzz/fuzz_targets/dead_letters.rs"
    graph_file "../../../fuzz/fuzz_targets/graph_file.rs"
    log_record "../../../fuzz/fuzz_targets/log_record.rs"
    manifest "../../../fuzz/fuzz_targets/manifest.rs"
    metrics_request "../../../fuzz/fuzz_targets/metrics_request.rs"
    module_table "../../../fuzz/fuzz_targets/module_table.rs"
    packet "../../../fuzz/fuzz_targets/packet.rs"
    params "../../../fuzz/fuzz_targets/params.rs"
    plugin_file "../../../fuzz/fuzz_targets/plugin_file.rs"
    wav "../../../fuzz/fuzz_targets/wav.rs"
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = entries.collect();
    names.sort();
    names
}

#[test]
fn every_input_of_the_corpora_is_taken_or_refused_and_breaks_nothing() {
    for (name, run) in TARGETS {
        let folder = fuzz().join("corpus").join(name);
        let inputs = names(&folder);
        assert!(!inputs.is_empty(), "{name} has no corpus");
        for input in inputs {
            println!("{name}/{input}");
            run(&fs::read(folder.join(input)).unwrap());
        }
    }
}

#[test]
fn every_fuzz_target_is_replayed() {
    let files = names(&fuzz().join("fuzz_targets"));
    let targets: Vec<_> = files.iter().filter_map(|name| name.strip_suffix(".rs")).collect();
    assert_eq!(targets, TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
}
