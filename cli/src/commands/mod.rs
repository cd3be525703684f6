//! One module for each thing that the program does.

pub(crate) mod bench;
pub(crate) mod replay;
pub(crate) mod run;

pub(crate) mod control;
#[cfg(feature = "top")]
pub(crate) mod top;

pub(crate) mod check;
pub(crate) mod graph;

pub(crate) mod inspect;
pub(crate) mod kinds;
pub(crate) mod validate;

#[cfg(feature = "models")]
pub(crate) mod models;

pub(crate) mod completions;
