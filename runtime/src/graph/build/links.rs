//! Links between pins that exist, with options in their ranges.

use std::collections::HashSet;

use super::Input;
use super::ends::{Finder, Found, Side, Term, split_chain};
use super::meeting;
use super::vertices::Vertex;
use crate::graph::diagnostic::{Diagnostic, Severity};
use crate::graph::format::FormatSet;
use crate::graph::model::{Link, PinRef, pin_text};
use crate::graph::source::{Place, Reporter};
use crate::graph::spec::{CAPACITY_DEFAULT, CAPACITY_MAX, LINKS_MAX, LinkSpec, WhenFull};

/// A link under construction; its ends count vertices in their written order.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) place: Place,
    pub(crate) from: PinRef,
    pub(crate) to: PinRef,
    pub(crate) capacity: u32,
    pub(crate) when_full: WhenFull,
    pub(crate) credits: Option<u32>,
    /// Whether the link lies on a cycle that credits do not break.
    pub(crate) on_cycle: bool,
    pub(crate) feedback: bool,
    pub(crate) format: FormatSet,
}

/// The options of a link as written.
#[derive(Debug, Clone, Copy, Default)]
struct Options {
    capacity: Option<u32>,
    when_full: Option<WhenFull>,
    credits: Option<u32>,
}

/// One link as written: two terms, and whether each stands in the middle of a chain.
struct Written<'s> {
    place: Place,
    from: (Term<'s>, bool),
    to: (Term<'s>, bool),
    options: Options,
}

impl Draft {
    /// The link as the graph keeps it; the ends are left for the caller to move.
    pub(crate) fn into_link(self) -> Link {
        Link {
            from: self.from,
            to: self.to,
            capacity: usize::try_from(self.capacity).unwrap_or(usize::MAX),
            when_full: self.when_full,
            credits: self.credits,
            feedback: self.feedback,
            format: self.format,
        }
    }

    /// Whether the link may close a cycle because it drops instead of waiting.
    pub(crate) const fn may_run_back(&self) -> bool {
        self.on_cycle && self.when_full.drops()
    }

    /// The link as a person writes it.
    pub(crate) fn text(&self, vertices: &[Vertex<'_>]) -> String {
        format!("{} -> {}", end_text(vertices, self.from, Side::Output), end_text(vertices, self.to, Side::Input))
    }
}

/// A pin as a person writes it.
pub(crate) fn end_text(vertices: &[Vertex<'_>], end: PinRef, side: Side) -> String {
    let Some(vertex) = vertices.get(end.node) else {
        return String::new();
    };
    let pins = if side == Side::Output { &vertex.outputs } else { &vertex.inputs };
    pin_text(vertex.id, pins.get(end.pin))
}

/// Makes every link of the spec that can be made, and reports the others.
pub(crate) fn connect(input: &Input<'_>, vertices: &mut [Vertex<'_>], reporter: &mut Reporter<'_>) -> Vec<Draft> {
    let defaults = &input.spec.defaults;
    let default_capacity = check_capacity(defaults.capacity, &Place::of(&["defaults", "capacity"]), reporter);
    let written = take_apart(&input.spec.links, reporter);
    let mut drafts = Vec::with_capacity(written.len());
    let mut bad = Vec::new();
    let finder = Finder::new(vertices);
    for link in &written {
        let from = finder.find(&link.from.0, Side::Output, link.from.1, reporter);
        let to = finder.find(&link.to.0, Side::Input, link.to.1, reporter);
        let (Found::Pin(from), Found::Pin(to)) = (&from, &to) else {
            bad.extend([from, to].iter().filter_map(touched));
            continue;
        };
        let capacity = link.options.capacity.map_or(default_capacity, |capacity| {
            check_capacity(capacity, &link.place.clone().key("capacity"), reporter)
        });
        drafts.push(Draft {
            place: link.place.clone(),
            from: *from,
            to: *to,
            capacity,
            when_full: link.options.when_full.unwrap_or(defaults.when_full),
            credits: link.options.credits,
            on_cycle: false,
            feedback: false,
            format: FormatSet::any(),
        });
    }
    refuse_twins(vertices, &mut drafts, reporter);
    meeting::check(input.kinds, vertices, &mut drafts, reporter);
    for node in bad {
        if let Some(vertex) = vertices.get_mut(node) {
            vertex.has_bad_link = true;
        }
    }
    drafts
}

fn touched(found: &Found) -> Option<usize> {
    match found {
        Found::Pin(pin) => Some(pin.node),
        Found::Wrong(node) => *node,
        Found::Unknowable => None,
    }
}

/// Turns chains into single links.
fn take_apart<'s>(links: &'s [LinkSpec], reporter: &mut Reporter<'_>) -> Vec<Written<'s>> {
    let mut written = Vec::new();
    for (index, link) in links.iter().enumerate() {
        let place = Place::of(&["links"]).index(index);
        match link {
            LinkSpec::Chain(chain) => take_chain_apart(chain, &place, &mut written, reporter),
            LinkSpec::Detailed { from, to, capacity, when_full, credits } => written.push(Written {
                from: (Term { text: from.trim(), place: place.clone().key("from") }, false),
                to: (Term { text: to.trim(), place: place.clone().key("to") }, false),
                place,
                options: Options { capacity: *capacity, when_full: *when_full, credits: *credits },
            }),
        }
        if written.len() > LINKS_MAX {
            let error = Diagnostic::error(format!("the graph has more than {LINKS_MAX} links")).help("split it");
            reporter.report(&Place::of(&["links"]), error);
            written.clear();
            break;
        }
    }
    written
}

fn take_chain_apart<'s>(chain: &'s str, place: &Place, written: &mut Vec<Written<'s>>, reporter: &mut Reporter<'_>) {
    let terms = split_chain(chain);
    if terms.len() < 2 {
        let error = Diagnostic::error(format!("`{chain}` links nothing")).help("write `a -> b`");
        reporter.report(place, error);
    }
    let last = terms.len().saturating_sub(1);
    for (position, pair) in terms.windows(2).enumerate() {
        let [(from, from_range), (to, to_range)] = pair else {
            continue;
        };
        written.push(Written {
            place: place.clone().part(from_range.start..to_range.end),
            from: (Term { text: from, place: place.clone().part(from_range.clone()) }, position > 0),
            to: (Term { text: to, place: place.clone().part(to_range.clone()) }, position + 1 < last),
            options: Options::default(),
        });
    }
}

fn check_capacity(capacity: u32, place: &Place, reporter: &mut Reporter<'_>) -> u32 {
    if (1..=CAPACITY_MAX).contains(&capacity) {
        return capacity;
    }
    let error = Diagnostic::error(format!("a link cannot hold {capacity} packets"));
    reporter.report(place, error.help(format!("write a capacity from 1 to {CAPACITY_MAX}")));
    CAPACITY_DEFAULT
}

/// Two links between the same pins would deliver every packet twice.
fn refuse_twins(vertices: &[Vertex<'_>], drafts: &mut Vec<Draft>, reporter: &mut Reporter<'_>) {
    let mut seen = HashSet::new();
    drafts.retain(|draft| {
        let is_new = seen.insert((draft.from, draft.to));
        if !is_new {
            let error = Diagnostic::error(format!("the link `{}` is made twice", draft.text(vertices)))
                .help("leave one of them out");
            reporter.report(&draft.place, error);
        }
        is_new
    });
}

/// An input without a link would wait for ever; an output without one loses what it gives.
pub(crate) fn check_unlinked(vertices: &[Vertex<'_>], drafts: &[Draft], reporter: &mut Reporter<'_>) {
    let outputs: HashSet<PinRef> = drafts.iter().map(|draft| draft.from).collect();
    let inputs: HashSet<PinRef> = drafts.iter().map(|draft| draft.to).collect();
    for (node, vertex) in vertices.iter().enumerate().filter(|(_, vertex)| !vertex.has_bad_link) {
        for (pin, info) in vertex
            .inputs
            .iter()
            .enumerate()
            .filter(|(pin, info)| !info.optional && !inputs.contains(&PinRef { node, pin: *pin }))
        {
            let title =
                format!("nothing is linked to the input `{}.{}`, which takes `{}`", vertex.id, info.name, info.format);
            let error = Diagnostic::error(title)
                .help(format!("add a link that ends at `{}`", end_text(vertices, PinRef { node, pin }, Side::Input)));
            reporter.report(&vertex.place.clone().at_key(), error);
        }
        for (_, info) in vertex
            .outputs
            .iter()
            .enumerate()
            .filter(|(pin, info)| !info.optional && !outputs.contains(&PinRef { node, pin: *pin }))
        {
            let title =
                format!("nothing is linked to the output `{}.{}`; what it gives is dropped", vertex.id, info.name);
            reporter.report(&vertex.place.clone().at_key(), Diagnostic::new(Severity::Warning, title));
        }
    }
}
