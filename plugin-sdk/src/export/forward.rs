//! Sends the `tracing` and `log` events of a loaded library to the host.
//!
//! A library that is loaded from a file has its own copy of `tracing` and of the panic machinery, which nobody
//! listens to; here they get a listener. A statically linked plugin shares the application's and needs none.
//!
//! The host is told of every callsite once and answers with a number that it changes when its filter changes. A record
//! that nobody wants costs a look at that number: the caches of `tracing` on this side, which nobody would refresh,
//! say "sometimes" for ever. Works on every thread; records of one thread never wait for another, spans hold a lock
//! for a moment.

mod sites;

mod log_crate;
mod scratch;
mod spans;

use self::scratch::with_scratch;
use self::spans::Scope;
use crate::export::guard;
use crate::export::host::HostRef;
use crate::export::site::{Record, Site};
use std::sync::OnceLock;
use tracing_core::span;
use tracing_core::subscriber::Interest;
use tracing_core::{Event, Metadata, Subscriber};

static HOST: OnceLock<HostRef> = OnceLock::new();

/// Installs the listeners; the first host stays.
pub(super) fn install(host: HostRef) {
    if HOST.set(host).is_err() {
        return;
    }
    std::panic::set_hook(Box::new(guard::hook));
    // A plugin that installed its own listeners before keeps them: that is its author's choice.
    let _kept = tracing_core::dispatcher::set_global_default(tracing_core::Dispatch::new(Forward));
    log_crate::install();
}

/// Whether the host wants a record of a place that it did not switch off.
#[inline(never)]
fn is_wanted(metadata: &Metadata<'_>) -> bool {
    let Some(host) = HOST.get() else { return false };
    host.is_enabled(sites::registered(metadata).unwrap_or_else(|| sites::describe(host, metadata)))
}

struct Forward;

impl Subscriber for Forward {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if let Some(host) = HOST.get() {
            sites::register(host, metadata);
        }
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        if sites::registered(metadata).is_some_and(Site::is_off) {
            return false;
        }
        is_wanted(metadata)
    }

    fn event(&self, event: &Event<'_>) {
        let Some(host) = HOST.get() else { return };
        let metadata = event.metadata();
        let site = sites::registered(metadata).unwrap_or_else(|| sites::describe(host, metadata));
        if site.is_off() {
            return;
        }
        let scope = match event.parent() {
            Some(parent) => Scope::In(parent.into_u64()),
            None if event.is_root() => Scope::Root,
            None => Scope::Current,
        };
        with_scratch(|scratch| {
            scratch.take_fields(metadata.fields(), |visit| event.record(visit));
            spans::write_path(scope, &mut scratch.spans);
            host.log(
                site,
                &Record {
                    target: metadata.target(),
                    file: metadata.file().unwrap_or_default(),
                    line: metadata.line().unwrap_or_default(),
                    ..scratch.record()
                },
            );
        });
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        spans::open(attributes)
    }

    fn record(&self, span: &span::Id, values: &span::Record<'_>) {
        spans::record(span, values);
    }

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn enter(&self, span: &span::Id) {
        spans::enter(span);
    }

    fn exit(&self, span: &span::Id) {
        spans::exit(span);
    }

    fn clone_span(&self, span: &span::Id) -> span::Id {
        spans::keep(span);
        span.clone()
    }

    fn try_close(&self, span: span::Id) -> bool {
        spans::close(&span)
    }

    fn current_span(&self) -> span::Current {
        spans::current()
    }
}

#[cfg(test)]
mod tests;
