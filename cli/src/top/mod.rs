//! `graphmill top`: a running session on the whole terminal.
//!
//! Threads of [`feed`] bring reports, changes, keys and signals over one bounded channel. The main thread puts them into
//! a [`View`], which is a value without a clock or a terminal, and draws it. Whatever ends the program, the terminal is
//! as it was before.

mod view;

mod picture;

mod screen;

mod changes;
mod links;
mod nodes;

mod layout;
mod look;

mod feed;

use crate::failure::Failure;
use anstream::ColorChoice;
use feed::{Feed, News};
use ratatui::DefaultTerminal;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use view::{Act, View};

/// Watches the session behind a socket until the person leaves.
///
/// # Errors
/// There is no terminal, nobody serves the socket, or the terminal is gone.
pub(crate) fn watch(socket: &Path, interval: Duration) -> Result<ExitCode, Failure> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        let name = socket.display();
        return Err(Failure::new("`graphmill top` needs a terminal to draw on and to read keys from")
            .note(format!("help: `graphmill control {name} report` writes the same figures once, to anything")));
    }
    let has_colours = anstream::AutoStream::choice(&io::stdout()) != ColorChoice::Never;
    let feed = Feed::start(socket, interval)?;
    let gone = |error: io::Error| Failure::new(format!("the terminal cannot be drawn on: {error}"));
    // From here on a panic gives the terminal back too.
    let terminal = ratatui::try_init().map_err(gone)?;
    let outcome = follow(terminal, &feed, View::new(has_colours));
    drop(ratatui::try_restore());
    outcome.map_err(gone)
}

/// Draws what is new until it is enough.
fn follow(mut terminal: DefaultTerminal, feed: &Feed, mut view: View) -> io::Result<ExitCode> {
    loop {
        terminal.draw(|frame| screen::draw(frame, &view))?;
        let Some(news) = feed.next() else { return Ok(ExitCode::SUCCESS) };
        for news in std::iter::once(news).chain(feed.pending()) {
            match news {
                News::Signal(signal) => return Ok(ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX))),
                News::Key(key) => match view.press(key) {
                    Act::Quit => return Ok(ExitCode::SUCCESS),
                    Act::Ask(request) => feed.ask(request),
                    Act::Nothing => {}
                },
                News::Resized => {}
                News::Report(report) => view.show(*report),
                News::Change(change) => view.add(change),
                News::Missed(count) => view.missed(count),
                News::Notice(text) => view.notice(text),
                News::Ended(report) => view.end(*report),
                News::Lost(text) => view.lost(text),
            }
        }
    }
}
