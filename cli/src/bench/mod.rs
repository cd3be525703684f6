//! Measuring a graph or a kind: what is measured, how it is told, and how it compares with an earlier measurement.

pub(crate) mod compare;
pub(crate) mod figures;
pub(crate) mod gauge;
pub(crate) mod graph;
pub(crate) mod kind;
mod packets;
