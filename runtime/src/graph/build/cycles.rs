//! Cycles: permitted when something in them gives way, drawn and refused otherwise.
//!
//! Around a cycle of links that block, every node can wait for the next one for ever. A link that drops, or credits that bound what is
//! under way, rule that out.

use std::collections::VecDeque;

use super::links::Draft;
use super::vertices::Vertex;
use crate::graph::diagnostic::Diagnostic;
use crate::graph::source::Reporter;

/// Nodes drawn of one cycle.
const DRAWN_MAX: usize = 12;

/// Marks links with credits as feedback, checks the credits, and reports every cycle in which nothing gives way.
pub(crate) fn check(vertices: &[Vertex<'_>], drafts: &mut [Draft], reporter: &mut Reporter<'_>) {
    let component = components(vertices.len(), drafts, |_| true);
    check_credits(vertices, drafts, &component, reporter);
    for draft in drafts.iter_mut() {
        draft.feedback = draft.credits.is_some() && is_inside(draft, &component);
    }
    let component = components(vertices.len(), drafts, |draft| !draft.feedback);
    for draft in drafts.iter_mut() {
        draft.on_cycle = !draft.feedback && is_inside(draft, &component);
    }
    let gives_way = |draft: &Draft| draft.feedback || draft.may_run_back();
    let component = components(vertices.len(), drafts, |draft| !gives_way(draft));
    let mut reported = vec![false; vertices.len()];
    for (index, draft) in drafts.iter().enumerate() {
        if reporter.is_flooded() {
            break;
        }
        let Some(id) = component.get(draft.from.node).filter(|_| !gives_way(draft) && is_inside(draft, &component))
        else {
            continue;
        };
        if let Some(slot) = reported.get_mut(*id)
            && !std::mem::replace(slot, true)
        {
            let inside: Vec<&Draft> =
                drafts.iter().filter(|draft| !gives_way(draft) && is_inside_of(draft, &component, *id)).collect();
            report_cycle(vertices, &inside, index, (drafts, reporter));
        }
    }
}

fn is_inside(draft: &Draft, component: &[usize]) -> bool {
    component.get(draft.from.node) == component.get(draft.to.node)
}

fn is_inside_of(draft: &Draft, component: &[usize], id: usize) -> bool {
    component.get(draft.from.node) == Some(&id) && component.get(draft.to.node) == Some(&id)
}

fn check_credits(vertices: &[Vertex<'_>], drafts: &[Draft], component: &[usize], reporter: &mut Reporter<'_>) {
    let mut smallest: Vec<Option<&Draft>> = vec![None; vertices.len()];
    for draft in drafts.iter().filter(|draft| is_inside(draft, component)) {
        let Some(slot) = component.get(draft.from.node).and_then(|id| smallest.get_mut(*id)) else {
            continue;
        };
        if slot.is_none_or(|known| draft.capacity < known.capacity) {
            *slot = Some(draft);
        }
    }
    for draft in drafts {
        let Some(credits) = draft.credits else {
            continue;
        };
        let place = draft.place.clone().key("credits");
        let text = draft.text(vertices);
        if !is_inside(draft, component) {
            let error = Diagnostic::error(format!("`credits` are for cycles, and the link `{text}` lies on none"));
            reporter.report(&place, error.help("leave `credits` out; `capacity` bounds a link"));
            continue;
        }
        let Some(narrowest) = component.get(draft.from.node).and_then(|id| *smallest.get(*id)?) else {
            continue;
        };
        if credits == 0 || credits > narrowest.capacity {
            let title =
                format!("the link `{text}` has {credits} credits, and must have from 1 to {}", narrowest.capacity);
            let note = format!(
                "`{}` holds {} packets, the fewest of all links in the cycle",
                narrowest.text(vertices),
                narrowest.capacity
            );
            reporter.report(&place, Diagnostic::error(title).note(note));
        }
    }
}

/// Draws the shortest cycle that the first link of a component lies on.
fn report_cycle(
    vertices: &[Vertex<'_>],
    inside: &[&Draft],
    first: usize,
    (drafts, reporter): (&[Draft], &mut Reporter<'_>),
) {
    let Some(first) = drafts.get(first) else {
        return;
    };
    let nodes = shortest_way(first.to.node, first.from.node, inside, vertices.len());
    let around = std::iter::once(first.from.node).chain(nodes);
    let mut names: Vec<&str> = around.filter_map(|node| Some(vertices.get(node)?.id)).collect();
    if names.len() > DRAWN_MAX {
        let hidden = names.len() - DRAWN_MAX;
        names.splice(DRAWN_MAX / 2..DRAWN_MAX / 2 + hidden, ["..."]);
    }
    let title = format!("the links `{}` form a cycle that can block for ever", names.join(" -> "));
    let help = "give one of its links `when_full = \"drop-oldest\"`, `when_full = \"drop-newest\"` or `credits`";
    reporter.report(&first.place, Diagnostic::error(title).label("part of the cycle").help(help));
}

/// The vertices that each vertex is linked to.
fn followers<'d>(count: usize, drafts: impl IntoIterator<Item = &'d Draft>) -> Vec<Vec<usize>> {
    let mut follows = vec![Vec::new(); count];
    for draft in drafts {
        if let Some(next) = follows.get_mut(draft.from.node) {
            next.push(draft.to.node);
        }
    }
    follows
}

/// The nodes of a shortest way from one node to another, both ends included.
fn shortest_way(start: usize, end: usize, inside: &[&Draft], count: usize) -> Vec<usize> {
    let follows = followers(count, inside.iter().copied());
    let mut came_from: Vec<Option<usize>> = vec![None; count];
    let mut waiting = VecDeque::from([start]);
    while let Some(node) = waiting.pop_front() {
        if node == end {
            break;
        }
        for next in follows.get(node).into_iter().flatten() {
            if *next != start
                && let Some(slot @ None) = came_from.get_mut(*next)
            {
                *slot = Some(node);
                waiting.push_back(*next);
            }
        }
    }
    let mut way = vec![end];
    let mut node = end;
    while node != start {
        let Some(before) = came_from.get(node).copied().flatten() else {
            break;
        };
        way.push(before);
        node = before;
    }
    way.reverse();
    way
}

/// The strongly connected component of each vertex, by Tarjan's algorithm without recursion.
fn components(count: usize, drafts: &[Draft], counts: impl Fn(&Draft) -> bool) -> Vec<usize> {
    let follows = followers(count, drafts.iter().filter(|draft| counts(draft)));
    let mut search = Tarjan { follows, visits: vec![Visit::default(); count], open: Vec::new(), met: 0, closed: 0 };
    for vertex in 0..count {
        if search.visit(vertex).met.is_none() {
            search.run(vertex);
        }
    }
    search.visits.into_iter().map(|visit| visit.component.unwrap_or_default()).collect()
}

#[derive(Debug, Clone, Copy, Default)]
struct Visit {
    met: Option<usize>,
    lowest: usize,
    component: Option<usize>,
}

struct Tarjan {
    follows: Vec<Vec<usize>>,
    visits: Vec<Visit>,
    open: Vec<usize>,
    met: usize,
    closed: usize,
}

impl Tarjan {
    fn visit(&self, vertex: usize) -> Visit {
        self.visits.get(vertex).copied().unwrap_or_default()
    }

    fn run(&mut self, start: usize) {
        let mut path = vec![(start, 0)];
        self.meet(start);
        while let Some((vertex, next)) = path.last_mut() {
            let vertex = *vertex;
            let child = self.follows.get(vertex).and_then(|children| children.get(*next)).copied();
            *next += 1;
            match child {
                Some(child) => {
                    let visit = self.visit(child);
                    if visit.met.is_none() {
                        self.meet(child);
                        path.push((child, 0));
                    } else if visit.component.is_none() {
                        self.lower(vertex, visit.met.unwrap_or_default());
                    }
                }
                None => {
                    path.pop();
                    self.leave(vertex);
                    if let Some((parent, _)) = path.last() {
                        self.lower(*parent, self.visit(vertex).lowest);
                    }
                }
            }
        }
    }

    fn meet(&mut self, vertex: usize) {
        if let Some(visit) = self.visits.get_mut(vertex) {
            *visit = Visit { met: Some(self.met), lowest: self.met, component: None };
        }
        self.met += 1;
        self.open.push(vertex);
    }

    fn lower(&mut self, vertex: usize, to: usize) {
        if let Some(visit) = self.visits.get_mut(vertex) {
            visit.lowest = visit.lowest.min(to);
        }
    }

    /// Closes the component when the vertex is the first one of it that was met.
    fn leave(&mut self, vertex: usize) {
        let visit = self.visit(vertex);
        if visit.met != Some(visit.lowest) {
            return;
        }
        while let Some(member) = self.open.pop() {
            if let Some(visit) = self.visits.get_mut(member) {
                visit.component = Some(self.closed);
            }
            if member == vertex {
                break;
            }
        }
        self.closed += 1;
    }
}
