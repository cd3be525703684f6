//! What instances load once through the SDK: who shares it, who hears of a failure, and where it is dropped.

use super::bench::{Bench, Kept, plugins};
use super::services::{later, later_work};
use crate::exec::{Factories, Fault, FaultClass, Instance};
use crate::plugin::Plugins;
use graphmill_abi::{Buffer, Packet};
use graphmill_plugin_sdk::prelude::*;
use std::sync::{LazyLock, Mutex};
use std::thread;

/// Loaded values and dropped ones, by key, with the name of the thread.
static LOADED: LazyLock<Mutex<Vec<(String, String)>>> = LazyLock::new(Mutex::default);
static DROPPED: LazyLock<Mutex<Vec<(String, String)>>> = LazyLock::new(Mutex::default);

fn note(list: &Mutex<Vec<(String, String)>>, key: &str) {
    let thread = thread::current().name().unwrap_or_default().to_owned();
    list.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((key.to_owned(), thread));
}

/// The threads that loaded or dropped the values of a key.
fn threads(list: &Mutex<Vec<(String, String)>>, key: &str) -> Vec<String> {
    let list = list.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    list.iter().filter(|(of, _)| of == key).map(|(_, thread)| thread.clone()).collect()
}

/// Waits until a value was dropped, by whichever thread does that.
fn await_drop(key: &str) -> Vec<String> {
    while threads(&DROPPED, key).is_empty() {
        thread::yield_now();
    }
    threads(&DROPPED, key)
}

#[derive(Debug)]
struct Model(String);

impl Drop for Model {
    fn drop(&mut self) {
        note(&DROPPED, &self.0);
    }
}

/// How a load of [`Loader`] ends.
#[derive(Deserialize, JsonSchema, Clone, Copy, PartialEq, Debug)]
#[serde(rename_all = "snake_case")]
pub(super) enum End {
    Well,
    Error,
    Panic,
    /// The value is of another type.
    Number,
    /// Bytes for every plugin.
    Shared,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LoaderParams {
    key: String,
    end: End,
}

/// Loads in `create`, and in `process` leaves a handle for later.
pub(super) struct Loader {
    model: Option<Resource<Model>>,
}

fn load(key: &str, end: End) -> Result<Model> {
    note(&LOADED, key);
    match end {
        End::Error => Err(Error::io("no such model; pull it first")),
        End::Panic => panic!("the model is broken"),
        _ => Ok(Model(key.to_owned())),
    }
}

impl Node for Loader {
    type Params = LoaderParams;

    fn kind() -> Kind {
        Kind::new("sample.loader").input("in", "any").output("out", "any")
    }

    fn create(LoaderParams { key, end }: LoaderParams, cx: &mut CreateContext<'_>) -> Result<Self> {
        let model = match end {
            End::Number => {
                cx.resource(&key, || Ok(7_u64))?;
                None
            }
            End::Shared => {
                let bytes = cx.shared_buffer(&key, || Ok(Buffer::copy_from_slice(b"weights")))?;
                assert_eq!(bytes.as_slice(), b"weights");
                assert!(!bytes.clone().is_unique());
                None
            }
            _ => Some(cx.resource(ResourceKey::new(&key).bytes(1000), || load(&key, end))?),
        };
        Ok(Self { model })
    }
}

impl Processor for Loader {
    fn process(&mut self, _pin: usize, _packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        let model = self.model.take().ok_or_else(|| Error::new("nothing was loaded"))?;
        let again = cx.resource(&model.0, || Err::<Model, _>(Error::new("it is there already")))?;
        assert!(std::ptr::eq(&raw const *again, &raw const *model.clone()));
        later(move || assert!(!model.0.is_empty()));
        Ok(())
    }
}

fn create(plugins: &Plugins, key: &str, end: &str) -> Result<Box<dyn Instance>, Fault> {
    let params = format!(r#"{{"key": "{key}", "end": "{end}"}}"#);
    plugins.factory("sample.loader").unwrap().create(&Bench::new("sample.loader").context, &params)
}

#[test]
fn instances_share_one_value_that_is_dropped_once_and_on_no_thread_of_theirs() {
    let (plugins, _) = plugins();
    let [first, second] = [(); 2].map(|()| create(&plugins, "shared by two", "well").unwrap());
    assert_eq!(threads(&LOADED, "shared by two"), [thread::current().name().unwrap()], "where it was asked for");
    let counters = plugins.resources().counters();
    assert_eq!((counters.loads, counters.hits, counters.entries, counters.bytes), (1, 1, 1, 1000));
    drop((first, second));
    assert_eq!(plugins.resources().counters().entries, 1, "it stays for the next one who asks");
    assert_eq!(plugins.resources().clear(), 1);
    assert_eq!(await_drop("shared by two"), ["gm-reaper"]);
}

#[test]
fn value_outlives_its_instance_and_its_runtime_for_as_long_as_it_is_held() {
    let (plugins, _) = plugins();
    let mut node = create(&plugins, "held for later", "well").unwrap();
    node.process(0, &mut Packet::from_text("x").unwrap(), &mut Kept::default()).unwrap();
    drop(node);
    drop(plugins);
    assert!(threads(&DROPPED, "held for later").is_empty());
    let work = later_work();
    thread::spawn(move || work.into_iter().for_each(|work| work())).join().unwrap();
    assert_eq!(await_drop("held for later"), ["gm-reaper"]);
}

#[test]
fn end_of_a_runtime_drops_what_its_nodes_loaded() {
    let (plugins, _) = plugins();
    drop(create(&plugins, "of the runtime", "well").unwrap());
    drop(plugins);
    assert_eq!(await_drop("of the runtime"), ["gm-reaper"]);
}

#[test]
fn f12_error_of_a_load_is_the_error_of_its_node_and_the_next_one_loads_again() {
    let (plugins, _) = plugins();
    let fault = create(&plugins, "missing", "error").err().unwrap();
    assert_eq!(fault.class, FaultClass::Error);
    assert_eq!(fault.message, "loading `missing` fails: no such model; pull it first");
    create(&plugins, "missing", "well").unwrap();
    assert_eq!(threads(&LOADED, "missing").len(), 2);
    assert_eq!((plugins.resources().counters().loads, plugins.resources().counters().load_failures), (2, 1));
}

#[test]
fn f12_panic_of_a_load_is_a_panic_of_its_node_and_the_next_one_loads_again() {
    let (plugins, _) = plugins();
    let fault = create(&plugins, "broken", "panic").err().unwrap();
    assert_eq!(fault.class, FaultClass::Panic);
    assert!(fault.message.starts_with("the model is broken"), "{}", fault.message);
    create(&plugins, "broken", "well").unwrap();
    assert_eq!(plugins.resources().counters().load_failures, 1);
}

#[test]
fn key_of_another_type_is_refused_with_both_names() {
    let (plugins, _) = plugins();
    let _first = create(&plugins, "model", "well").unwrap();
    let message = create(&plugins, "model", "number").err().unwrap().message;
    assert!(message.contains("Model`, not `u64`; use another key"), "{message}");
}

#[test]
fn node_and_application_share_bytes_and_keep_their_own_keys_for_all_else() {
    let (plugins, _) = plugins();
    let resources = plugins.resources();
    create(&plugins, "both", "well").unwrap();
    assert_eq!(*resources.get("both", || Ok::<_, String>(3_u8)).unwrap(), 3, "a key of the application");
    create(&plugins, "both", "shared").unwrap();
    let bytes = resources.shared_buffer("both", || Err("a node has loaded it already")).unwrap();
    assert_eq!(bytes.as_slice(), b"weights");
    let own = resources.shared_buffer("own", || Ok::<_, String>(Buffer::copy_from_slice(b"weights"))).unwrap();
    let hits = resources.counters().hits;
    create(&plugins, "own", "shared").unwrap();
    assert_eq!((resources.counters().hits, own.len()), (hits + 1, 7));
}

#[test]
fn model_that_does_not_fit_the_budget_is_refused_before_it_is_loaded() {
    let (plugins, _) = plugins();
    plugins.resources().set_budget(999);
    let fault = create(&plugins, "too large", "well").err().unwrap();
    assert_eq!(fault.class, FaultClass::Error);
    assert!(fault.message.starts_with("`too large` takes 1000 bytes, and of the budget of 999 bytes 0 are held"));
    assert!(threads(&LOADED, "too large").is_empty());
}
