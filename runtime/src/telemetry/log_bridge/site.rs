//! One place in a plugin that writes records, as a callsite of `tracing` that is made while the program runs.
//!
//! `tracing` wants callsites and what they say of themselves to live for ever, so a site is leaked; [`super::sites`]
//! bounds how many there are.

use super::{Level, filter};
use std::iter;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use tracing::field::{DisplayValue, Field, FieldSet, Value, display};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata};
use tracing_core::callsite::{Callsite, Identifier};
use tracing_core::metadata::Kind;

/// Fields that a record can have.
pub(crate) const FIELDS_MAX: usize = 32;

/// What the bridge adds to the fields of a record, behind them.
const CONTEXT: [&str; 10] = ["spans", "session", "node", "kind", "plugin", "late", "file", "line", "target", "fields"];
/// The name that `tracing` gives to the text of an event.
const MESSAGE: &str = "message";

/// What a place says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Described<'a> {
    pub(crate) level: Level,
    pub(crate) target: &'a str,
    pub(crate) file: &'a str,
    /// 0 when it is not known.
    pub(crate) line: u32,
    /// Names of its fields, [`FIELDS_MAX`] at most.
    pub(crate) fields: &'a [&'a str],
}

/// What a plugin may look at without a call.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct SiteHead {
    interest: AtomicU32,
    number: u32,
}

/// A place that writes records.
#[derive(Debug)]
pub(crate) struct Site {
    head: SiteHead,
    described: Described<'static>,
    is_folded: bool,
    /// Set directly after the site was leaked: it refers to the site.
    callsite: OnceLock<(Metadata<'static>, Box<[Field]>)>,
}

/// One record, checked and bounded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) message: &'a str,
    /// Spans of the plugin in which it was written.
    pub(crate) spans: &'a str,
    /// Told only where the site has no file.
    pub(crate) file: &'a str,
    pub(crate) line: u32,
    /// Told only where the target of the site is not its own.
    pub(crate) target: &'a str,
    /// Values of the site's fields, in their order.
    pub(crate) values: &'a [FieldValue<'a>],
}

/// Value of one field.
#[derive(Debug, Clone)]
pub(crate) enum FieldValue<'a> {
    Absent,
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Bool(bool),
    /// A text that is the value.
    Text(&'a str),
    /// A text that shows the value.
    Shown(DisplayValue<&'a str>),
}

/// Who writes a record, as far as the event itself has to say it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Identity<'a> {
    pub(super) session: Option<&'a str>,
    pub(super) node: Option<&'a str>,
    pub(super) kind: Option<&'a str>,
    pub(super) plugin: Option<&'a str>,
    pub(super) is_late: bool,
}

impl SiteHead {
    const NEVER: u32 = 0;
    const SOMETIMES: u32 = 1;
    const ALWAYS: u32 = 2;

    /// Where in the head the interest stands.
    pub(crate) const INTEREST_OFFSET: usize = std::mem::offset_of!(Self, interest);
    /// The head of no site: nobody listens.
    pub(crate) const DEAD: &'static Self = &DEAD;
}

static DEAD: SiteHead = SiteHead { interest: AtomicU32::new(SiteHead::NEVER), number: 0 };

impl<'a> FieldValue<'a> {
    /// A text that shows a value of a type that has no variant of its own.
    pub(crate) fn shown(text: &'a str) -> Self {
        Self::Shown(display(text))
    }

    fn as_value(&self) -> Option<&dyn Value> {
        match self {
            Self::Absent => None,
            Self::Signed(value) => Some(value),
            Self::Unsigned(value) => Some(value),
            Self::Float(value) => Some(value),
            Self::Bool(value) => Some(value),
            Self::Text(value) => Some(value),
            Self::Shown(value) => Some(value),
        }
    }
}

impl Site {
    /// Makes a site that lives as long as the process; [`Site::register`] has to follow.
    pub(super) fn leak(number: u32, described: &Described<'_>, is_folded: bool) -> &'static Self {
        let described = described.leaked();
        let interest = AtomicU32::new(SiteHead::SOMETIMES);
        let head = SiteHead { interest, number };
        let site: &'static Self = Box::leak(Box::new(Self { head, described, is_folded, callsite: OnceLock::new() }));
        let names: Vec<&'static str> =
            iter::once(MESSAGE).chain(described.fields.iter().map(|name| unreserved(name))).chain(CONTEXT).collect();
        let Described { level, target, file, line, .. } = described;
        let name = match (file, line) {
            ("", _) => format!("event {target}"),
            (file, line) => format!("event {file}:{line}"),
        };
        let metadata = Metadata::new(
            leak(&name),
            target,
            level.into(),
            present(file),
            (line != 0).then_some(line),
            Some(target),
            FieldSet::new(names.leak(), Identifier(site)),
            Kind::EVENT,
        );
        let fields = metadata.fields().iter().collect();
        // Nobody else has seen the site yet, so nobody can have set it.
        let _first = site.callsite.set((metadata, fields));
        site
    }

    /// Tells `tracing` of the site. Calls the application's subscriber: no lock may be held.
    pub(super) fn register(&'static self) {
        tracing_core::callsite::register(self);
    }

    /// What a plugin may look at without a call.
    pub(crate) fn head(&self) -> &SiteHead {
        &self.head
    }

    /// What the site says of itself.
    pub(super) fn described(&self) -> &Described<'static> {
        &self.described
    }

    pub(super) fn level(&self) -> Level {
        self.described.level
    }

    /// Whether nobody listens, in any span.
    pub(crate) fn is_off(&self) -> bool {
        self.interest() == SiteHead::NEVER
    }

    fn interest(&self) -> u32 {
        self.head.interest.load(Ordering::Relaxed)
    }

    /// Whether the subscriber of this thread wants a record of the site here and now.
    pub(super) fn is_enabled(&'static self, dispatch: &Dispatch) -> bool {
        match self.interest() {
            SiteHead::NEVER => false,
            SiteHead::ALWAYS => true,
            _ => self.callsite.get().is_some_and(|(metadata, _)| dispatch.enabled(metadata)),
        }
    }

    /// Makes an event of a record. Allocates nothing, unless the site was folded and the record has fields.
    pub(super) fn dispatch(&'static self, dispatch: &Dispatch, record: &Record<'_>, identity: &Identity<'_>) {
        let Some((metadata, fields)) = self.callsite.get() else { return };
        let Some(first) = fields.first() else { return };
        let message = display(record.message);
        let (file, line) = if self.described.file.is_empty() { (record.file, record.line) } else { ("", 0) };
        let (spans, file, line) = (present(record.spans), present(file), (line != 0).then_some(line));
        let target = present(record.target).filter(|_| self.is_folded);
        let nameless = self.is_folded.then(|| join(record.values)).filter(|text| !text.is_empty());
        let late = identity.is_late.then_some(true);
        let Identity { session, node, kind, plugin, .. } = identity;
        let nameless = nameless.as_deref();
        let context: [&dyn Value; CONTEXT.len()] =
            [&spans, session, node, kind, plugin, &late, &file, &line, &target, &nameless];
        let given = record.values.iter().map(FieldValue::as_value);
        let given = given.chain(iter::repeat(None)).take(self.described.fields.len());
        let all = iter::once(Some(&message as &dyn Value)).chain(given).chain(context.map(Some));
        let mut slots: [(&Field, Option<&dyn Value>); 1 + FIELDS_MAX + CONTEXT.len()] = [(first, None); _];
        for (slot, pair) in slots.iter_mut().zip(fields.iter().zip(all)) {
            *slot = pair;
        }
        dispatch.event(&Event::new(metadata, &metadata.fields().value_set(&slots)));
    }
}

impl Callsite for Site {
    fn set_interest(&self, interest: Interest) {
        let interest = match () {
            () if interest.is_never() => SiteHead::NEVER,
            () if interest.is_always() => SiteHead::ALWAYS,
            () => SiteHead::SOMETIMES,
        };
        self.head.interest.store(interest, Ordering::Relaxed);
    }

    fn metadata(&self) -> &Metadata<'_> {
        // A site is registered after this is set; before, nobody can ask.
        self.callsite.get().map_or(filter::METADATA, |(metadata, _)| metadata)
    }
}

impl Described<'_> {
    /// Bytes of all its texts.
    pub(super) fn len(&self) -> usize {
        self.target.len() + self.file.len() + self.fields.iter().map(|name| name.len()).sum::<usize>()
    }

    fn leaked(&self) -> Described<'static> {
        let fields: Vec<&'static str> = self.fields.iter().map(|name| leak(name)).collect();
        let (target, file) = (leak(self.target), leak(self.file));
        Described { level: self.level, target, file, line: self.line, fields: fields.leak() }
    }
}

/// Keeps the names apart that the bridge itself uses.
fn unreserved(name: &'static str) -> &'static str {
    if name == MESSAGE || CONTEXT.contains(&name) { leak(&format!("plugin.{name}")) } else { name }
}

fn leak(text: &str) -> &'static str {
    if text.is_empty() { "" } else { String::from(text).leak() }
}

fn present(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// The values of a record whose names had no room.
fn join(values: &[FieldValue<'_>]) -> String {
    let texts: Vec<String> = values
        .iter()
        .filter_map(|value| match value {
            FieldValue::Absent => None,
            FieldValue::Signed(value) => Some(value.to_string()),
            FieldValue::Unsigned(value) => Some(value.to_string()),
            FieldValue::Float(value) => Some(value.to_string()),
            FieldValue::Bool(value) => Some(value.to_string()),
            FieldValue::Text(text) => Some(format!("{text:?}")),
            FieldValue::Shown(text) => Some(text.to_string()),
        })
        .collect();
    texts.join(" ")
}
