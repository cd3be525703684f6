//! What of a file of dead letters can be sent again.

use std::collections::{BTreeSet, VecDeque};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use graphmill_dead_letters::{DeadLetter, DeadLetterFileError, DeadLetterLimits, DeadLetterReader};
use graphmill_plugin_sdk::prelude::*;

/// Most ids of nodes that an error lists.
const NODES_LISTED_MAX: usize = 20;

/// The packets of a file, and how many letters have none.
#[derive(Debug, Default)]
pub(crate) struct Letters {
    /// In the order in which nodes failed on them.
    pub(crate) packets: VecDeque<Packet>,
    /// Letters that hold only the header of their packet.
    pub(crate) without_payload: u64,
}

impl Letters {
    /// Reads the letters of `node`, or all of them. The whole file is looked at: one that is damaged gives nothing.
    ///
    /// # Errors
    /// The file cannot be read or is damaged, holds more than a session keeps, or has letters of other nodes only.
    pub(crate) fn read(path: &Path, node: Option<&str>) -> Result<Self> {
        let wrong = |error| explain(path, &error);
        let file = File::open(path).map_err(|error| wrong(error.into()))?;
        let reader = DeadLetterReader::new(BufReader::new(file), &DeadLetterLimits::default()).map_err(wrong)?;
        let mut letters = Self::default();
        let mut others = BTreeSet::new();
        for letter in reader {
            let letter = letter.map_err(wrong)?;
            if node.is_none_or(|id| letter.node == id) {
                letters.add(letter);
            } else {
                others.insert(letter.node);
            }
        }
        match node {
            Some(id) if letters.is_empty() && !others.is_empty() => Err(no_letters_of(id, path, &others)),
            _ => Ok(letters),
        }
    }

    fn add(&mut self, letter: DeadLetter) {
        match letter.packet {
            Some(packet) => self.packets.push_back(packet),
            None => self.without_payload += 1,
        }
    }

    fn is_empty(&self) -> bool {
        self.packets.is_empty() && self.without_payload == 0
    }
}

fn explain(path: &Path, error: &DeadLetterFileError) -> Error {
    let message = format!("`{}`: {error}", path.display());
    match error {
        DeadLetterFileError::Io(_) => Error::io(message),
        _ => Error::invalid(message),
    }
}

fn no_letters_of(id: &str, path: &Path, others: &BTreeSet<String>) -> Error {
    let listed: Vec<_> = others.iter().take(NODES_LISTED_MAX).map(|id| format!("`{id}`")).collect();
    let more = if others.len() > listed.len() { " and more" } else { "" };
    let (path, listed) = (path.display(), listed.join(", "));
    Error::invalid(format!("there are no dead letters of node `{id}` in `{path}`, only of {listed}{more}"))
}

#[cfg(test)]
mod tests;
