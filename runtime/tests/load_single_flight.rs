//! One file is loaded once, whatever it is called and however many ask; files do not wait for each other.
#![cfg(feature = "dylib")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use graphmill::graph::Kinds as _;
use graphmill::{LoadError, Plugin, Plugins};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, SystemTime};
use support::{Lab, open_gate, wait_for_file};

/// The fixture whose entry leaves a trace and waits for a gate.
struct Slow {
    file: PathBuf,
    trace: PathBuf,
    gate: PathBuf,
}

impl Slow {
    fn new(lab: &Lab) -> Self {
        let (trace, gate) = (lab.path("trace"), lab.path("gate"));
        let define = |name: &str, path: &Path| format!("-D{name}=\"{}\"", path.display());
        let options = [define("GM_FIXTURE_TRACE", &trace), define("GM_FIXTURE_GATE", &gate)];
        Self { file: lab.fixture_as("slow_entry", "slow", &options), trace, gate }
    }

    fn entries(&self) -> u64 {
        fs::metadata(&self.trace).map_or(0, |trace| trace.len())
    }
}

/// The same place by a way from the current folder.
fn relative(path: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap();
    let up: PathBuf = here.components().skip(1).map(|_| "..").collect();
    up.join(path.strip_prefix("/").unwrap())
}

#[test]
fn r2_one_file_under_four_names_is_entered_once_by_64_threads() {
    let lab = Lab::new();
    let slow = Slow::new(&lab);
    let (symbolic, hard) = (lab.path("libsymbolic.so"), lab.path("libhard.so"));
    std::os::unix::fs::symlink(&slow.file, &symbolic).unwrap();
    fs::hard_link(&slow.file, &hard).unwrap();
    let names = [slow.file.clone(), symbolic, hard, relative(&slow.file)];
    let (plugins, other) = (Plugins::new(), Plugins::new());
    let start = Barrier::new(64);
    let loaded: Vec<Arc<Plugin>> = thread::scope(|scope| {
        let load = |number: usize| {
            let (name, start) = (&names[number % names.len()], &start);
            // Two applications in one process share what is loaded, not what they registered.
            let plugins = if number % 8 == 7 { &other } else { &plugins };
            scope.spawn(move || {
                start.wait();
                plugins.load(name).unwrap()
            })
        };
        let threads: Vec<_> = (0..64).map(load).collect();
        wait_for_file(&slow.trace);
        open_gate(&slow.gate);
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(slow.entries(), 1);
    assert!(loaded.iter().all(|plugin| Arc::ptr_eq(plugin, &loaded[0])));
    assert_eq!((plugins.plugins().len(), plugins.kinds().len()), (1, 1));
    assert!(Arc::ptr_eq(&other.plugins()[0], &loaded[0]));
}

#[test]
fn r2_copy_of_a_file_is_another_plugin_and_its_kinds_are_taken() {
    let lab = Lab::new();
    let first = lab.fixture("good");
    let second = lab.path("libcopy.so");
    fs::copy(&first, &second).unwrap();
    let plugins = Plugins::new();
    let plugin = plugins.load(&first).unwrap();
    let error = plugins.load(&second).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "kind `fixture.sink` is offered by plugin file {first:?} and again by plugin file {second:?}; \
             load only one of the two"
        )
    );
    assert_eq!(plugins.kind("fixture.sink").unwrap().plugin.file.as_deref(), plugin.origin().file());
    assert_eq!(plugins.plugins().len(), 1);
}

#[test]
fn r3_slow_entry_of_one_file_does_not_delay_another() {
    let lab = Lab::new();
    let slow = Slow::new(&lab);
    let (plugins, quick) = (Plugins::new(), Plugins::new());
    thread::scope(|scope| {
        let loading = scope.spawn(|| plugins.load(&slow.file).map(drop));
        wait_for_file(&slow.trace);
        quick.load(lab.fixture("good")).unwrap();
        assert!(plugins.kind("fixture.sink").is_none(), "a registry answers while a load is under way");
        assert!(!loading.is_finished(), "the gate is still shut");
        open_gate(&slow.gate);
        loading.join().unwrap().unwrap();
    });
    assert_eq!(slow.entries(), 1);
}

#[test]
fn r2_load_beyond_its_deadline_is_joined_by_the_next_one() {
    let lab = Lab::new();
    let slow = Slow::new(&lab);
    let plugins = Plugins::new();
    let impatient = plugins.clone().with_load_timeout(Duration::ZERO);
    let error = impatient.load(&slow.file).unwrap_err();
    assert!(matches!(error, LoadError::Timeout { .. }), "{error}");
    wait_for_file(&slow.trace);
    open_gate(&slow.gate);
    plugins.load(&slow.file).unwrap();
    assert_eq!(slow.entries(), 1);
}

#[test]
fn r2_failed_load_is_tried_again_when_the_file_is_repaired() {
    let lab = Lab::new();
    let file = lab.fixture_as("entry_error", "repaired", &[]);
    let plugins = Plugins::new();
    for _ in 0..2 {
        let error = plugins.load(&file).unwrap_err();
        assert!(matches!(error, LoadError::Entry { .. }), "{error}");
    }
    // The system's loader has the old file mapped under this very name and has to be made to look again.
    fs::rename(lab.fixture("good"), &file).unwrap();
    let plugin = plugins.load(&file).unwrap();
    assert_eq!(plugin.origin().file(), Some(file.as_path()));
}

#[test]
fn file_that_was_written_to_after_it_was_loaded_is_refused() {
    let lab = Lab::new();
    let file = lab.fixture("good");
    Plugins::new().load(&file).unwrap();
    let later = SystemTime::now() + Duration::from_secs(5);
    File::options().write(true).open(&file).unwrap().set_modified(later).unwrap();
    let error = Plugins::new().load(&file).unwrap_err();
    assert_eq!(error, LoadError::Overwritten { path: file });
}

#[test]
fn file_that_is_replaced_while_it_is_loaded_is_refused_and_the_next_load_gets_the_new_one() {
    let lab = Lab::new();
    let (file, other) = (lab.path("libreplaced.so"), lab.fixture("entry_error"));
    let define = |name: &str, path: &Path| format!("-D{name}=\"{}\"", path.display());
    let options = [define("GM_FIXTURE_FILE", &file), define("GM_FIXTURE_OTHER", &other)];
    lab.fixture_as("constructor_replaces", "replaced", &options);
    let plugins = Plugins::new();
    assert_eq!(plugins.load(&file).unwrap_err(), LoadError::Changed { path: file.clone() });
    for _ in 0..2 {
        let error = plugins.load(&file).unwrap_err();
        assert!(matches!(error, LoadError::Entry { .. }), "the entry of the file that is there now: {error}");
    }
    fs::rename(lab.fixture("good"), &file).unwrap();
    plugins.load(&file).unwrap();
}
