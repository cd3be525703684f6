//! What the host allocates while plugins use it: counted on the one thread that matters.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use graphmill::exec::{
    Clock, EmitError, Factories as _, Instance, NoWake, NodeContext, NodeName, Outputs, VirtualClock, Wait,
};
use graphmill::plugin::pooled_buffer;
use graphmill::{Packet, Plugins};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

thread_local! {
    /// Allocations and bytes of this thread.
    static COUNTED: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(unsafe_code, reason = "a counting allocator is a global allocator")]
// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _gone = COUNTED.try_with(|counted| {
            let (count, bytes) = counted.get();
            counted.set((count + 1, bytes + layout.size() as u64));
        });
        // SAFETY: passed on from the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Allocations and bytes that `body` costs this thread.
fn counted<T>(body: impl FnOnce() -> T) -> (u64, u64, T) {
    let before = COUNTED.get();
    let result = body();
    let after = COUNTED.get();
    (after.0 - before.0, after.1 - before.1, result)
}

mod sample {
    use graphmill_plugin_sdk::prelude::*;
    use graphmill_plugin_sdk::{Level, Logger};

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct NoParams {}

    /// Emits what it takes.
    pub(crate) struct Pass;

    impl Node for Pass {
        type Params = NoParams;
        fn kind() -> Kind {
            // A manifest that nobody could copy unnoticed.
            let description = "x".repeat(64 * 1024);
            Kind::new("pass").description(description).input("in", "any").output("out", "any")
        }
        fn create(_params: NoParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
            Ok(Self)
        }
    }

    impl Processor for Pass {
        fn process(&mut self, _pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
            cx.emit(0, packet)
        }
    }

    /// Writes one record per packet.
    pub(crate) struct Speak(Logger);

    impl Node for Speak {
        type Params = NoParams;
        fn kind() -> Kind {
            Kind::new("speak").input("in", "any")
        }
        fn create(_params: NoParams, cx: &mut CreateContext<'_>) -> Result<Self> {
            Ok(Self(cx.logger()))
        }
    }

    impl Sink for Speak {
        fn consume(&mut self, _pin: usize, _packet: &mut Packet, _cx: &mut Context<'_>) -> Result<()> {
            self.0.log(Level::Info, "a text that never changes");
            Ok(())
        }
    }

    /// Emits a buffer of the pool for every packet.
    pub(crate) struct Pooled;

    impl Node for Pooled {
        type Params = NoParams;
        fn kind() -> Kind {
            Kind::new("pooled").input("in", "any").output("out", "any")
        }
        fn create(_params: NoParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
            Ok(Self)
        }
    }

    impl Processor for Pooled {
        fn process(&mut self, _pin: usize, _packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
            let buffer = cx.buffer(10_000)?;
            cx.emit(0, Packet::from_bytes("application/octet-stream", buffer)?)
        }
    }

    graphmill_plugin_sdk::export!(Pass, Speak, Pooled);
}

fn context(kind: &str) -> Arc<NodeContext> {
    let clock: Arc<dyn Clock> = Arc::new(VirtualClock::new());
    Arc::new(NodeContext::new(NodeName::new("session", "node", kind), 1, clock, Arc::new(NoWake)))
}

fn plugins() -> Plugins {
    let plugins = Plugins::new();
    plugins.link(sample::module()).unwrap();
    plugins
}

fn create(kind: &str) -> Box<dyn Instance> {
    plugins().factory(kind).unwrap().create(&context(kind), "{}").unwrap()
}

/// Hands the packet back, as a link with room would.
#[derive(Debug, Default)]
struct Last(Option<Packet>);

impl Outputs for Last {
    fn emit(&mut self, _pin: usize, _wait: Wait, packet: &mut Box<Packet>) -> Result<(), EmitError> {
        self.0 = Some(packet.take());
        Ok(())
    }
}

#[test]
fn a_call_that_processes_and_emits_allocates_nothing() {
    let mut node = create("pass");
    let mut last = Last(Some(Packet::from_text("round and round").unwrap()));
    let (allocations, _, ()) = counted(|| {
        for _ in 0..1000 {
            let mut packet = last.0.take().unwrap();
            node.process(0, &mut packet, &mut last).unwrap();
        }
    });
    assert_eq!(allocations, 0);
    assert_eq!(last.0.unwrap().as_text(), Some("round and round"));
}

#[test]
fn buffers_of_the_pool_allocate_nothing_once_they_were_there() {
    let mut node = create("pooled");
    let mut last = Last::default();
    let mut round = || node.process(0, &mut Packet::default(), &mut last).unwrap();
    // One is held while the next is asked for.
    (0..3).for_each(|_| round());
    let (allocations, _, ()) = counted(|| (0..1000).for_each(|_| round()));
    assert_eq!(allocations, 0);
    drop(pooled_buffer(50_000));
    let (allocations, _, ()) = counted(|| (0..1000).for_each(|_| drop(pooled_buffer(50_000))));
    assert_eq!(allocations, 0);
}

#[test]
fn f17_record_with_a_fixed_text_allocates_nothing_on_its_way() {
    let mut node = create("speak");
    let mut last = Last::default();
    let mut round = || node.process(0, &mut Packet::default(), &mut last).unwrap();
    let subscriber = Heard::default();
    let heard = Arc::clone(&subscriber.0);
    let (allocations, _, ()) = tracing::subscriber::with_default(subscriber, || {
        round();
        counted(|| (0..100).for_each(|_| round()))
    });
    assert_eq!(allocations, 0);
    assert_eq!(heard.load(std::sync::atomic::Ordering::SeqCst), 101, "the records did arrive");
    let (allocations, _, ()) = counted(|| (0..100).for_each(|_| round()));
    assert_eq!(allocations, 0, "nor when nobody listens");
}

#[test]
fn f25_names_of_a_node_are_put_together_once_and_not_for_every_record() {
    let mut node = create("speak");
    let mut last = Last::default();
    let mut round = || node.process(0, &mut Packet::default(), &mut last).unwrap();
    let subscriber = Heard::default();
    let spans = Arc::clone(&subscriber.1);
    tracing::subscriber::with_default(subscriber, || (0..1000).for_each(|_| round()));
    let spans = spans.load(std::sync::atomic::Ordering::SeqCst);
    // One, and another one whenever another test of this process installs a subscriber.
    assert!((1..20).contains(&spans), "{spans} spans of the node for a thousand records");
}

/// Listens to everything and keeps counts: of records, and of spans of nodes.
#[derive(Default)]
struct Heard(Arc<std::sync::atomic::AtomicU64>, Arc<std::sync::atomic::AtomicU64>);

impl tracing::Subscriber for Heard {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::Id {
        if span.metadata().name() == "node" {
            self.1.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
        tracing::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::Id, _: &tracing::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        if event.metadata().target() == "speak" {
            self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    }
    fn enter(&self, _: &tracing::Id) {}
    fn exit(&self, _: &tracing::Id) {}
}

#[test]
fn f19_instance_is_made_without_copying_the_manifest() {
    let plugins = plugins();
    let factory = plugins.factory("pass").unwrap();
    let context = context("pass");
    let (allocations, bytes, node) = counted(|| factory.create(&context, "{}").unwrap());
    drop(node);
    assert!(bytes < 1024, "{allocations} allocations of {bytes} bytes beside a manifest of more than 64 KiB");
}
