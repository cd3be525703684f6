//! The order of the nodes, and which links run against it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::links::Draft;

/// Arranges the vertices so that each stands after all that feed it, and marks the links that close permitted cycles as feedback.
///
/// A link with credits that lies on a cycle has been marked already. Of the links that drop, only those are feedback that run against
/// the order in which the graph is walked from its sources; every other link is kept in order. The cycles that are not permitted have
/// been reported before; their vertices come last, so that the answer always holds every vertex once.
pub(crate) fn arrange(count: usize, drafts: &mut [Draft]) -> Vec<usize> {
    let rank = walk_rank(count, drafts);
    let mut waits_for = vec![0_usize; count];
    let mut follows: Vec<Vec<usize>> = vec![Vec::new(); count];
    for draft in drafts.iter().filter(|draft| !draft.feedback && !draft.may_run_back()) {
        if let (Some(next), Some(waits)) = (follows.get_mut(draft.from.node), waits_for.get_mut(draft.to.node)) {
            next.push(draft.to.node);
            *waits += 1;
        }
    }
    let key = |vertex: usize| Reverse((rank.get(vertex).copied().unwrap_or_default(), vertex));
    let mut ready: BinaryHeap<_> =
        waits_for.iter().enumerate().filter(|(_, waits)| **waits == 0).map(|(vertex, _)| key(vertex)).collect();
    let mut order = Vec::with_capacity(count);
    while let Some(Reverse((_, vertex))) = ready.pop() {
        order.push(vertex);
        for next in follows.get(vertex).into_iter().flatten() {
            let Some(waits) = waits_for.get_mut(*next) else {
                continue;
            };
            *waits -= 1;
            if *waits == 0 {
                ready.push(key(*next));
            }
        }
    }
    order.extend(waits_for.iter().enumerate().filter(|(_, waits)| **waits > 0).map(|(vertex, _)| vertex));
    mark_backward(&order, drafts);
    order
}

/// The position of each vertex in an order that holds every one of them.
pub(crate) fn positions(order: &[usize]) -> Vec<usize> {
    let mut position_of = vec![0; order.len()];
    for (position, vertex) in order.iter().enumerate() {
        if let Some(slot) = position_of.get_mut(*vertex) {
            *slot = position;
        }
    }
    position_of
}

fn mark_backward(order: &[usize], drafts: &mut [Draft]) {
    let place_of = positions(order);
    for draft in drafts.iter_mut().filter(|draft| draft.may_run_back()) {
        draft.feedback |= place_of.get(draft.from.node) >= place_of.get(draft.to.node);
    }
}

/// Position of each vertex in a walk from the vertices that nothing feeds: reverse post-order of a depth-first search.
///
/// Without cycles this is a topological order by itself. The reversal turns every choice round, so what was written first is walked last.
fn walk_rank(count: usize, drafts: &[Draft]) -> Vec<usize> {
    let mut follows: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut is_fed = vec![false; count];
    for draft in drafts.iter().rev().filter(|draft| !draft.feedback) {
        if let (Some(next), Some(fed)) = (follows.get_mut(draft.from.node), is_fed.get_mut(draft.to.node)) {
            next.push(draft.to.node);
            *fed = true;
        }
    }
    let mut seen = vec![false; count];
    let mut finished = Vec::with_capacity(count);
    let unfed = (0..count).rev().filter(|vertex| is_fed.get(*vertex) == Some(&false));
    for start in unfed.chain(0..count) {
        if mark(&mut seen, start) {
            walk_from(start, &follows, &mut seen, &mut finished);
        }
    }
    finished.reverse();
    positions(&finished)
}

fn walk_from(start: usize, follows: &[Vec<usize>], seen: &mut [bool], finished: &mut Vec<usize>) {
    let mut path: Vec<(usize, usize)> = vec![(start, 0)];
    while let Some((vertex, next)) = path.last_mut() {
        let Some(child) = follows.get(*vertex).and_then(|children| children.get(*next)) else {
            finished.push(*vertex);
            path.pop();
            continue;
        };
        *next += 1;
        if mark(seen, *child) {
            path.push((*child, 0));
        }
    }
}

/// Whether this is the first visit.
fn mark(seen: &mut [bool], vertex: usize) -> bool {
    seen.get_mut(vertex).is_some_and(|slot| !std::mem::replace(slot, true))
}
