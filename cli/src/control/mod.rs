//! The control socket: a running session, asked and steered by other programs of the same user.
//!
//! The program that runs a graph serves a Unix socket that only its user can open, see [`Socket`]. A few threads answer
//! there, at most [`CLIENTS_MAX`] at once, each line and each wait with a limit; whatever they do goes through a
//! [`graphmill::exec::SessionHandle`], so a slow or dead client costs the graph nothing. What is said stands in
//! `docs/control.md`.

mod protocol;

mod server;
mod socket;
mod steer;

mod client;

mod lines;

pub(crate) use client::{Client, Wrong};
pub(crate) use protocol::{Request, Sources, Told};
pub(crate) use server::Control;
pub(crate) use socket::Socket;

/// Most clients at once.
pub(crate) const CLIENTS_MAX: usize = 16;
