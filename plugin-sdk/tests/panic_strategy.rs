//! A plugin that cannot unwind does not compile: one panic of it would end the application.

use std::path::Path;
use std::process::Command;

/// What the compiler says about the SDK under a panic strategy. It stops at missing dependencies in both cases; only
/// the SDK's own refusal is looked for.
fn compile_with(strategy: &str) -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs");
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition", "2024", "--crate-type", "rlib", "--emit", "metadata", "-o", "/dev/null", "-C"])
        .arg(format!("panic={strategy}"))
        .arg(source)
        .output()
        .unwrap_or_else(|error| panic!("rustc is needed for this test: {error}"));
    assert!(!output.status.success(), "without its dependencies the SDK does not compile at all");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn panic_abort_is_refused_at_compile_time_with_the_way_out() {
    const REFUSAL: &str = "a Graphmill plugin must unwind";
    let refused = compile_with("abort");
    assert!(refused.contains(REFUSAL) && refused.contains("remove `panic = \"abort\"`"), "{refused}");
    assert!(!compile_with("unwind").contains(REFUSAL));
}
