//! Fetches models, into the store that `graphmill-models` reads.
//!
//! Packages come through the client that the user has for them, so its registry, proxy and credentials hold; addresses
//! are fetched here. All of it happens in the folder [`WORK`] of the store, one program at a time. A file gets its name
//! in the store in one step, after its digest was compared: what has a name is whole, whenever this ends.

mod pull;

mod clients;
mod download;

mod archive;
mod install;
mod room;

mod bar;

pub(crate) use bar::Bars;
pub(crate) use pull::pull;

/// Folder of the store in which files become whole; no model can have this name.
const WORK: &str = ".work";
