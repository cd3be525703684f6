//! Every way in which a library can be wrong, and the one sentence that says so.
#![cfg(feature = "dylib")]

mod support;

use graphmill::GraphSpec;
use graphmill::graph::{FileType, Kinds as _};
use graphmill::{LoadError, Plugins};
use std::path::Path;
use std::time::Duration;
use support::{Lab, child_file, run_in_child, wait_for};

/// What becomes of a fixture: `Ok`, or the text after the name of the file.
type Case = (&'static str, Result<(), &'static str>);

const CASES: &[Case] = &[
    ("good", Ok(())),
    ("newer_minor", Ok(())),
    ("struct_size_larger", Ok(())),
    // The symbol.
    (
        "missing_entry",
        Err(
            " exports no function `gm_plugin_entry_v1`; use the SDK's `export!` macro, or define the function with `GM_EXPORT` in C",
        ),
    ),
    ("entry_as_data", Err(" exports `gm_plugin_entry_v1` as data; export a function of this name")),
    (
        "entry_v2_only",
        Err(
            " is made for plugin ABI 2, and this program supports 1; use a release of the plugin for ABI 1, or another release of Graphmill",
        ),
    ),
    (
        "two_entries",
        Err(
            " exports several plugin entries (gm_plugin_entry_v1_first, gm_plugin_entry_v1_second); build one library for each plugin",
        ),
    ),
    // The entry function.
    ("entry_error", Err(" refuses to load: the licence file is missing (`input or output failed`)")),
    ("entry_error_without_message", Err(" refuses to load: it gives no reason (`out of memory`)")),
    ("entry_error_with_module", Err(" refuses to load: refused, with a module (`internal error`)")),
    ("entry_unknown_status", Err(" refuses to load: it gives no reason (status 12345)")),
    ("entry_ok_null_module", Err(" cannot be used: the pointer to its module is null; the plugin has to fill it")),
    // The module.
    (
        "wrong_magic",
        Err(
            " cannot be used: its module begins with 0x0000000000001234 instead of GM_MAGIC; build the plugin against graphmill.h",
        ),
    ),
    (
        "major_2",
        Err(
            " cannot be used: its module is of ABI 2, this program supports ABI 1; use a release of the plugin for ABI 1",
        ),
    ),
    (
        "struct_size_too_small",
        Err(
            " cannot be used: its module says that it has 16 bytes, possible are 56 to 65536; set struct_size to its sizeof",
        ),
    ),
    (
        "struct_size_huge",
        Err(
            " cannot be used: its module says that it has 4294967295 bytes, possible are 56 to 65536; set struct_size to its sizeof",
        ),
    ),
    (
        "truncated_module",
        Err(
            " cannot be used: its module says that it has 48 bytes, possible are 56 to 65536; set struct_size to its sizeof",
        ),
    ),
    (
        "misaligned_module",
        Err(
            " cannot be used: the pointer to its module is misaligned; the plugin has to point at the struct of graphmill.h",
        ),
    ),
    // The manifest.
    ("manifest_null", Err(" cannot be used: its manifest is null with a length of 64")),
    ("manifest_empty", Err(" cannot be used: it has no manifest; fill manifest_json")),
    ("manifest_huge", Err(" cannot be used: its manifest has 18446744073709551615 bytes, at most 262144 are read")),
    ("manifest_invalid_utf8", Err(" cannot be used: its manifest is not UTF-8 after 11 bytes")),
    (
        "manifest_invalid_json",
        Err(" cannot be used: manifest at `plugin`: EOF while parsing a value at line 1 column 10"),
    ),
    // The classes.
    (
        "no_classes",
        Err(" cannot be used: kind `fixture.sink` of the manifest has no class; add one, or take the kind out"),
    ),
    ("too_many_classes", Err(" cannot be used: its module has 4294967295 classes, at most 64 are allowed")),
    ("null_classes", Err(" cannot be used: the pointer to its list of classes is null; the plugin has to fill it")),
    ("null_class", Err(" cannot be used: the pointer to its class 1 is null; the plugin has to fill it")),
    (
        "misaligned_class",
        Err(
            " cannot be used: the pointer to its class 0 is misaligned; the plugin has to point at the struct of graphmill.h",
        ),
    ),
    (
        "class_size_too_small",
        Err(
            " cannot be used: its class 0 says that it has 4 bytes, possible are 104 to 65536; set struct_size to its sizeof",
        ),
    ),
    ("class_id_invalid_utf8", Err(" cannot be used: its id of class 0 is not UTF-8 after 8 bytes")),
    (
        "class_not_in_manifest",
        Err(
            " cannot be used: class `fixture.unlisted` is not in the manifest, which has `fixture.sink`; add it to `kinds`",
        ),
    ),
    ("duplicate_kind", Err(" cannot be used: manifest at `kinds[1].id`: `fixture.sink` is used twice")),
    ("other_role", Err(" cannot be used: class `fixture.sink` is a source and the manifest calls it a sink")),
    (
        "unknown_role",
        Err(
            " cannot be used: class `fixture.sink` has the unknown role 77; use GM_ROLE_SOURCE, GM_ROLE_PROCESSOR or GM_ROLE_SINK",
        ),
    ),
    ("null_create", Err(" cannot be used: class `fixture.sink` is a sink and has no function `create`")),
    ("null_destroy", Err(" cannot be used: class `fixture.sink` is a sink and has no function `destroy`")),
    ("null_process", Err(" cannot be used: class `fixture.sink` is a sink and has no function `process`")),
];

#[test]
fn every_wrong_library_is_refused_with_one_sentence_and_the_others_load() {
    let lab = Lab::new();
    let mut surprises = Vec::new();
    for (name, want) in CASES {
        let file = lab.fixture(name);
        let plugins = Plugins::new();
        let found = plugins.load(&file).map(drop).map_err(|error| error.to_string());
        assert_eq!(plugins.kinds().len(), usize::from(found.is_ok()), "{name}");
        let want = want.map_err(|text| format!("plugin file {file:?}{text}"));
        if found != want {
            surprises.push(format!("{name}: {found:?}\n  instead of {want:?}"));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}

#[test]
fn message_of_the_entry_is_cut_where_its_place_ends() {
    let lab = Lab::new();
    let error = Plugins::new().load(lab.fixture("entry_error_message_too_long")).unwrap_err();
    let LoadError::Entry { message, .. } = error else { panic!("{error}") };
    assert_eq!(message.len(), 224);
}

#[test]
fn undefined_symbol_is_named_when_the_library_is_loaded() {
    let lab = Lab::new();
    let file = lab.fixture("undef_symbol");
    let error = Plugins::new().load(&file).unwrap_err();
    let LoadError::UndefinedSymbol { symbol, .. } = &error else { panic!("{error}") };
    assert_eq!(symbol, "undef_symbol");
    let want = format!(
        "plugin file {file:?} needs the symbol `undef_symbol`, which no library here offers; \
         link the library that has it into the plugin (the system's loader says: "
    );
    assert!(error.to_string().starts_with(&want), "{error}");
}

#[test]
fn missing_dependency_is_named() {
    let lab = Lab::new();
    let soname = ["-DGM_FIXTURE_DEPENDENCY".to_owned(), "-Wl,-soname,libgm_fixture_gone.so.9".to_owned()];
    let dependency = lab.fixture_as("missing_dependency", "gm_fixture_gone", &soname);
    let file = lab.fixture_as("missing_dependency", "needs_it", &[dependency.display().to_string()]);
    std::fs::remove_file(dependency).unwrap();
    let error = Plugins::new().load(&file).unwrap_err();
    let LoadError::MissingDependency { library, .. } = &error else { panic!("{error}") };
    assert_eq!(library, "libgm_fixture_gone.so.9");
    let want = format!("plugin file {file:?} needs the shared library `libgm_fixture_gone.so.9`, which is not found;");
    assert!(error.to_string().starts_with(&want), "{error}");
}

#[test]
fn too_much_static_thread_local_storage_is_told_with_its_size() {
    let lab = Lab::new();
    let error = Plugins::new().load(lab.fixture("static_tls")).unwrap_err();
    let LoadError::StaticTls { bytes, .. } = error else { panic!("{error}") };
    assert_eq!(bytes, 65_536);
}

#[test]
fn entry_that_hangs_is_given_up_and_others_load_meanwhile() {
    let lab = Lab::new();
    let file = lab.fixture("entry_hangs");
    let impatient = Plugins::new().with_load_timeout(Duration::from_millis(50));
    let want = format!(
        "plugin file {file:?} is still in its entry function after 50 ms, and the thread it keeps busy is given up; \
         slow work belongs into the creation of a node, or raise the load timeout (`load_ms` in a graph)"
    );
    // Asked again, the same call is waited for: an entry is never called twice at a time. On a busy machine the first
    // deadlines may pass while the file is still being opened.
    wait_for("the deadline inside the entry", || {
        let error = impatient.load(&file).unwrap_err();
        assert!(matches!(error, LoadError::Timeout { .. }), "{error}");
        error.to_string() == want
    });
    Plugins::new().load(lab.fixture("good")).unwrap();
}

#[test]
fn deadline_of_the_graph_holds_for_the_plugins_that_it_names() {
    let lab = Lab::new();
    let file = lab.fixture("entry_hangs");
    let text = format!("plugins = [{file:?}]\ndefaults = {{ deadlines = {{ load_ms = 51 }} }}\n");
    let spec = GraphSpec::parse(&text, "graph.toml", FileType::Toml).unwrap();
    let error = Plugins::new().load_graph(&spec).unwrap_err();
    assert!(matches!(error, LoadError::Timeout { timeout_ms: 51, .. }), "{error:?}");
    assert!(error.to_string().contains("raise the load timeout (`load_ms` in a graph)"), "{error}");
}

#[test]
fn constructor_that_ends_the_process_ends_only_a_child() {
    if let Some(file) = child_file() {
        let outcome = Plugins::new().load(file);
        unreachable!("the process outlives the constructor: {outcome:?}");
    }
    let lab = Lab::new();
    let output =
        run_in_child("constructor_that_ends_the_process_ends_only_a_child", &lab.fixture("constructor_aborts"));
    let signal = std::os::unix::process::ExitStatusExt::signal(&output.status);
    assert_eq!(signal, Some(libc::SIGABRT), "{output:?}");
}

#[test]
fn constructor_that_hangs_is_given_up_at_the_deadline() {
    const TEST: &str = "constructor_that_hangs_is_given_up_at_the_deadline";
    if let Some(file) = child_file() {
        let error = Plugins::new().with_load_timeout(Duration::from_millis(50)).load(file).unwrap_err();
        // The lock of the system's loader is held for good, so this process can only be ended, not left.
        eprintln!("{error}");
        std::process::abort();
    }
    let lab = Lab::new();
    let file = lab.fixture("constructor_hangs");
    let output = run_in_child(TEST, &file);
    let want = format!("plugin file {file:?} is still being opened after 50 ms");
    assert!(String::from_utf8_lossy(&output.stderr).contains(&want), "{output:?}");
}

#[test]
fn folder_is_loaded_in_the_order_of_names_and_a_bad_file_in_it_is_named() {
    let lab = Lab::new();
    let folder = lab.path("plugins");
    std::fs::create_dir(&folder).unwrap();
    std::fs::rename(lab.fixture("good"), folder.join("libb.so")).unwrap();
    std::fs::write(folder.join("readme.txt"), "not a plugin").unwrap();
    std::fs::write(folder.join("other.so"), "not by its name").unwrap();
    let plugins = Plugins::new();
    let loaded = plugins.load_path(&folder).unwrap();
    assert_eq!(loaded.len(), 1);
    std::fs::write(folder.join("liba.so"), "spoilt").unwrap();
    let error = Plugins::new().load_folder(&folder).unwrap_err();
    let want = format!("plugin file {:?} is a text file, not an ELF shared object", folder.join("liba.so"));
    assert!(error.to_string().starts_with(&want), "{error}");
    let error = Plugins::new().load_folder(lab.path("nowhere")).unwrap_err();
    assert!(matches!(error, LoadError::Folder { .. }), "{error}");
    let error = Plugins::new().load_path(lab.path("nowhere")).unwrap_err();
    assert!(error.to_string().ends_with("does not exist; check the path, or build the plugin first"), "{error}");
}

#[test]
fn variable_of_the_environment_names_files_and_folders() {
    const TEST: &str = "variable_of_the_environment_names_files_and_folders";
    if let Some(file) = child_file() {
        let plugins = Plugins::new();
        let loaded = plugins.load_env().unwrap();
        assert_eq!(loaded.first().and_then(|plugin| plugin.origin().file()), Some(file.as_path()));
        assert_eq!(loaded.len(), 2, "the folder holds the same file");
        return;
    }
    let lab = Lab::new();
    let file = lab.fixture("good");
    let path = format!("{}::{}", file.display(), Path::new(&file).parent().unwrap().display());
    let output = support::run_in_child_with(TEST, &file, "GRAPHMILL_PLUGIN_PATH", &path);
    assert!(output.status.success(), "{output:?}");
    assert!(Plugins::new().load_env().is_ok_and(|loaded| loaded.is_empty()), "the variable is not set here");
}
