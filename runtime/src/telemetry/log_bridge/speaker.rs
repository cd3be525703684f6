//! Those who write records: nodes, and plugins outside of every node. Each has its span, its limit and its count.

use super::filter;
use super::limit::RateLimit;
use super::losses::{Loss, count};
use super::site::{Identity, Record, Site};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tracing::{Dispatch, Span, dispatcher};

/// A node or a plugin as far as its records are concerned. Outlives the instances of the node.
#[derive(Debug)]
pub(crate) struct Speaker {
    name: Name,
    span: CachedSpan,
    limit: RateLimit,
    suppressed: AtomicU64,
}

#[derive(Debug)]
enum Name {
    Node { session: Arc<str>, node: Arc<str>, kind: Arc<str> },
    Plugin(Box<str>),
}

/// What the moment adds to a record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said {
    /// Whether the instance is gone already.
    pub(crate) is_late: bool,
    /// Monotonic time.
    pub(crate) now_ns: i64,
}

impl Speaker {
    /// A node of a session.
    pub(crate) fn of_node(session: Arc<str>, node: Arc<str>, kind: Arc<str>) -> Self {
        Self::new(Name::Node { session, node, kind })
    }

    /// A whole plugin, by its short name.
    pub(crate) fn of_plugin(name: String) -> Self {
        Self::new(Name::Plugin(name.into_boxed_str()))
    }

    fn new(name: Name) -> Self {
        Self { name, span: CachedSpan::default(), limit: RateLimit::default(), suppressed: AtomicU64::new(0) }
    }

    /// Target of records that name none.
    pub(crate) fn target(&self) -> &str {
        match &self.name {
            Name::Node { kind, .. } => kind,
            Name::Plugin(_) => super::TARGET,
        }
    }

    /// Whether the subscriber of this thread wants a record of the site here and now.
    pub(crate) fn is_enabled(&self, site: &'static Site) -> bool {
        !site.is_off() && self.within(|_| dispatcher::get_default(|dispatch| site.is_enabled(dispatch)))
    }

    /// Makes an event of a record if somebody wants it and there were not too many.
    pub(crate) fn write(&self, site: &'static Site, said: Said, record: &Record<'_>) {
        if site.is_off() {
            return;
        }
        let is_suppressed = self.within(|span| {
            dispatcher::get_default(|dispatch| {
                if !site.is_enabled(dispatch) {
                    return false;
                }
                let is_allowed = self.limit.allows(site.level(), said.now_ns);
                if is_allowed {
                    site.dispatch(dispatch, record, &self.identity(dispatch, span, said));
                }
                !is_allowed
            })
        });
        // Out here, because a warning about it is an event of its own.
        if is_suppressed {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
            count(Loss::Suppressed);
        }
    }

    /// Records that were dropped because there were too many in a second.
    pub(crate) fn suppressed(&self) -> u64 {
        self.suppressed.load(Ordering::Relaxed)
    }

    /// Runs `body` inside the span of the node. The span is entered rather than named as the parent of the event: that
    /// is what directives of filters for spans go by, and a subscriber never looks up a span of another one.
    fn within<R>(&self, body: impl FnOnce(&Span) -> R) -> R {
        let span = match &self.name {
            Name::Node { session, node, kind } => self.span.current(|| {
                // Of the level that passes most filters: a span adds nothing by itself.
                tracing::error_span!(target: "graphmill::node", parent: None, "node", %session, %node, %kind)
            }),
            Name::Plugin(_) => Span::none(),
        };
        span.in_scope(|| body(&span))
    }

    /// What the event has to say itself, because the span that would say it is not there.
    fn identity(&self, dispatch: &Dispatch, span: &Span, said: Said) -> Identity<'_> {
        let is_late = said.is_late;
        match &self.name {
            Name::Plugin(name) => Identity { plugin: Some(name), is_late, ..Identity::default() },
            Name::Node { .. } if span.id().is_some_and(|id| dispatch.current_span().id() == Some(&id)) => {
                Identity { is_late, ..Identity::default() }
            }
            Name::Node { session, node, kind } => {
                Identity { session: Some(session), node: Some(node), kind: Some(kind), plugin: None, is_late }
            }
        }
    }
}

/// The span of a node, made anew when the application's filter may have changed.
#[derive(Debug, Default)]
struct CachedSpan(Mutex<Option<(u32, Span)>>);

impl CachedSpan {
    fn current(&self, make: impl FnOnce() -> Span) -> Span {
        let generation = filter::generation();
        if let Some((made_in, span)) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner)
            && *made_in == generation
        {
            return span.clone();
        }
        let span = make();
        let old = self.0.lock().unwrap_or_else(PoisonError::into_inner).replace((generation, span.clone()));
        // Closing a span runs the subscriber: not under the lock.
        drop(old);
        span
    }
}
