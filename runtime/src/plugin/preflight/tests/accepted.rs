//! Libraries that are plugins, and what is found out about them.

use std::fs;

use super::lab::{GOOD, Lab};
use crate::plugin::preflight::{PreflightError, preflight};

#[test]
fn library_with_one_entry_is_accepted_and_loads() {
    let lab = Lab::new();
    let path = lab.good();
    let found = preflight(&path).expect("the library is good");
    assert_eq!(found.entry.to_str(), Ok("gm_plugin_entry_v1"));
    assert_eq!(found.path, fs::canonicalize(&path).expect("it exists"));
    assert_eq!(found.static_tls_bytes, 0);
    assert_eq!(found.identity.size, fs::metadata(&path).expect("it exists").len());
    assert!(lab.loads(&found.path));
}

#[test]
fn rust_cdylib_with_a_crate_suffix_is_accepted() {
    let lab = Lab::new();
    let source = "#[unsafe(no_mangle)]\n\
        pub extern \"C\" fn gm_plugin_entry_v1_my_plugin() -> i32 { 7 }\n";
    let path = lab.rustc("libplugin.so", source, "cdylib");
    let found = preflight(&path).expect("the library is good");
    assert_eq!(found.entry.to_str(), Ok("gm_plugin_entry_v1_my_plugin"));
    assert!(found.needed.iter().any(|library| library.starts_with("libc.")), "{:?}", found.needed);
}

#[test]
fn either_kind_of_hash_table_is_enough() {
    let lab = Lab::new();
    for style in ["sysv", "gnu", "both"] {
        let option = format!("-Wl,--hash-style={style}");
        let path = lab.cc(style, GOOD, &["-shared", "-fPIC", &option]);
        let found = preflight(&path).expect(style);
        assert_eq!(found.entry.to_str(), Ok("gm_plugin_entry_v1"), "{style}");
    }
}

#[test]
fn section_headers_are_not_needed() {
    let lab = Lab::new();
    let stripped = lab.cc("stripped.so", GOOD, &["-shared", "-fPIC", "-s"]);
    assert!(preflight(&stripped).is_ok());
    // The place, size, number and name table of the section headers in a 64-bit header.
    let mut content = fs::read(lab.good()).expect("the library is read");
    content[40..48].fill(0);
    content[58..64].fill(0);
    let path = lab.file("bare.so", content);
    assert!(preflight(&path).is_ok());
    assert!(lab.loads(&path));
}

#[test]
fn entry_is_found_among_ten_thousand_symbols() {
    let lab = Lab::new();
    let many: String = (0..10_000).map(|n| format!("int other_{n}(void) {{ return {n}; }}\n")).collect();
    let path = lab.cc("many.so", &(many + GOOD), &["-shared", "-fPIC", "-O0", "-w"]);
    let found = preflight(&path).expect("the library is good");
    assert_eq!(found.entry.to_str(), Ok("gm_plugin_entry_v1"));
}

#[test]
fn needed_libraries_are_listed() {
    let lab = Lab::new();
    let options = ["-shared", "-fPIC", "-Wl,-soname,libhelper.so.9"];
    lab.cc("libhelper.so", "int help(void) { return 7; }\n", &options);
    let source = "int help(void);\nint gm_plugin_entry_v1(void) { return help(); }\n";
    let options = ["-shared", "-fPIC", "-L.", "-lhelper"];
    let path = lab.cc("needy.so", source, &options);
    let found = preflight(&path).expect("the library is good");
    assert!(found.needed.contains(&"libhelper.so.9".to_owned()), "{:?}", found.needed);
}

#[test]
fn static_thread_local_storage_is_counted() {
    let lab = Lab::new();
    let with_model = |model: &str| {
        format!(
            "static __thread char block[65536] __attribute__((tls_model(\"{model}\")));\n\
             int gm_plugin_entry_v1(void) {{ return block[7]++; }}\n"
        )
    };
    let path = lab.shared("initial.so", &with_model("initial-exec"));
    assert_eq!(preflight(&path).map(|p| p.static_tls_bytes), Ok(65536));
    let path = lab.shared("dynamic.so", &with_model("global-dynamic"));
    assert_eq!(preflight(&path).map(|p| p.static_tls_bytes), Ok(0));
}

#[test]
fn our_major_is_chosen_where_a_library_offers_several() {
    let lab = Lab::new();
    let source = "int gm_plugin_entry_v2(void) { return 2; }\n\
        int gm_plugin_entry_v1(void) { return 1; }\n\
        int gm_plugin_entry_v10_x(void) { return 10; }\n";
    let found = preflight(&lab.shared("both.so", source)).expect("it offers major 1");
    assert_eq!(found.entry.to_str(), Ok("gm_plugin_entry_v1"));
}

#[test]
fn versions_of_one_symbol_are_one_entry() {
    let lab = Lab::new();
    let source = "int older(void) { return 0; }\nint newer(void) { return 7; }\n\
        __asm__(\".symver older, gm_plugin_entry_v1@A\\n\");\n\
        __asm__(\".symver newer, gm_plugin_entry_v1@@B\\n\");\n";
    let script = lab.file("versions", "A { local: older; newer; };\nB { };\n");
    let option = format!("-Wl,--version-script={}", script.display());
    let path = lab.cc("versions.so", source, &["-shared", "-fPIC", &option]);
    let found = preflight(&path).expect("it has one entry");
    assert_eq!(found.entry.to_str(), Ok("gm_plugin_entry_v1"));
    assert!(lab.loads(&path));
}

#[test]
fn symbols_that_only_resemble_an_entry_are_passed_over() {
    let lab = Lab::new();
    let source = "int gm_plugin_entry_v1_(void) { return 0; }\n\
        int gm_plugin_entry_version(void) { return 0; }\n\
        int gm_plugin_entry_v01(void) { return 0; }\n\
        int gm_plugin_entry_v(void) { return 0; }\n\
        int gm_plugin_entry_v99999999999(void) { return 0; }\n\
        __attribute__((visibility(\"hidden\"))) int gm_plugin_entry_v1_hidden(void) { return 0; }\n\
        int gm_plugin_entry_v1(void) { return 7; }\n";
    let found = preflight(&lab.shared("similar.so", source)).expect("it has one entry");
    assert_eq!(found.entry.to_str(), Ok("gm_plugin_entry_v1"));
}

#[test]
fn names_of_one_file_have_one_identity_and_a_copy_has_another() {
    let lab = Lab::new();
    let good = lab.good();
    let [symbolic, hard, copy] = ["symbolic.so", "hard.so", "copy.so"].map(|n| lab.path(n));
    std::os::unix::fs::symlink("good.so", &symbolic).expect("a link is made");
    fs::hard_link(&good, &hard).expect("a link is made");
    fs::copy(&good, &copy).expect("a copy is made");
    let [good, symbolic, hard, copy] =
        [good, symbolic, hard, copy].map(|path| preflight(&path).expect("the library is good"));
    assert_eq!(good.identity, symbolic.identity);
    assert_eq!(good.path, symbolic.path);
    assert_eq!(good.identity, hard.identity);
    assert_ne!(good.identity, copy.identity);
}

#[test]
fn file_that_is_written_again_has_another_identity() {
    let lab = Lab::new();
    let path = lab.good();
    let before = preflight(&path).expect("the library is good");
    let file = fs::File::options().write(true).open(&path).expect("it opens");
    let later = std::time::UNIX_EPOCH + std::time::Duration::from_nanos(1_500_000_000_000_000_007);
    file.set_modified(later).expect("the time is set");
    let after = preflight(&path).expect("the library is still good");
    assert_ne!(before.identity, after.identity);
    assert_eq!(after.identity.mtime_ns, 1_500_000_000_000_000_007);
}

#[test]
fn same_file_gives_equal_results_and_equal_errors() -> Result<(), PreflightError> {
    let lab = Lab::new();
    let good = lab.good();
    assert_eq!(preflight(&good)?, preflight(&good)?);
    let text = lab.file("text.so", "hello");
    assert_eq!(preflight(&text), preflight(&text));
    assert!(preflight(&text).is_err());
    Ok(())
}
