//! A look at the structure of an ONNX file, before the engine reads it.
//!
//! The engine's reader takes a message that is cut off for one that ends, and does not come back from a number that
//! never ends. So every length and every number is checked here: each has to lie inside what it is part of. Weights
//! are skipped, not read.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use super::EngineError;

/// Graphs inside graphs inside attributes; real models have a handful.
const DEPTH_MAX: u32 = 64;

/// Bytes that a number takes at most.
pub(super) const NUMBER_LEN_MAX: u32 = 10;

/// Longest name, or description of a value, that is kept; real ones have some dozen bytes.
const TEXT_LEN_MAX: u64 = 1 << 20;

/// Kinds of message, as far as they hold others or packed numbers.
#[derive(Debug, Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    Value,
    Type,
    TensorType,
    Shape,
    /// Holds neither.
    Plain,
}

/// What a field of a message holds.
#[derive(Debug, Clone, Copy)]
enum Content {
    Message(Message),
    Numbers,
    Bytes,
}

impl Message {
    fn field(self, tag: u64) -> Content {
        let message = match (self, tag) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) => Self::Graph,
            (Self::Graph, 1) => Self::Node,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) => Self::Tensor,
            (Self::Graph, 11..=13) => Self::Value,
            (Self::Node, 5) => Self::Attribute,
            (Self::Value, 2) => Self::Type,
            (Self::Type, 1) => Self::TensorType,
            (Self::TensorType, 2) => Self::Shape,
            (Self::Model, 8 | 14) | (Self::Tensor, 13) | (Self::Shape, 1) => Self::Plain,
            (Self::Tensor, 1 | 5 | 7 | 11) | (Self::Attribute, 8) => return Content::Numbers,
            _ => return Content::Bytes,
        };
        Content::Message(message)
    }
}

/// Checks the structure of the file.
///
/// # Errors
/// The file cannot be read, or something in it reaches beyond what it is part of.
pub(super) fn check(path: &Path) -> Result<(), EngineError> {
    walk(path, None).map(drop)
}

/// Checks the structure of the file, and keeps what it says of inputs and outputs.
///
/// # Errors
/// As for [`check`].
pub(super) fn find(path: &Path) -> Result<Found, EngineError> {
    walk(path, Some(Found::default())).map(Option::unwrap_or_default)
}

/// What a file says of the tensors of its graph, each as it stands there.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Descriptions of the inputs; those of old files have initializers among them.
    pub(super) inputs: Vec<Vec<u8>>,
    /// Descriptions of the outputs.
    pub(super) outputs: Vec<Vec<u8>>,
    /// Names of the initializers.
    pub(super) initializers: Vec<Vec<u8>>,
}

impl Found {
    /// Where the content of a field is kept, if it is; the graph itself lies at depth 1.
    fn place(&mut self, (message, depth): (Message, u32), tag: u64) -> Option<&mut Vec<Vec<u8>>> {
        match (message, depth, tag) {
            (Message::Graph, 1, 11) => Some(&mut self.inputs),
            (Message::Graph, 1, 12) => Some(&mut self.outputs),
            (Message::Tensor, 2, 8) => Some(&mut self.initializers),
            _ => None,
        }
    }
}

fn walk(path: &Path, found: Option<Found>) -> Result<Option<Found>, EngineError> {
    let unreadable = |error: io::Error| EngineError::Unreadable { path: path.to_owned(), reason: error.to_string() };
    let file = File::open(path).map_err(unreadable)?;
    let len = file.metadata().map_err(unreadable)?.len();
    let mut walk = Walk { reader: BufReader::new(file), at: 0, found };
    let walked = walk.message(Message::Model, len, 0);
    walked.map_err(|fault| match fault {
        Fault::Io(error) => unreadable(error),
        Fault::Structure(reason) => {
            EngineError::Corrupt { path: path.to_owned(), reason: format!("at byte {}, {reason}", walk.at) }
        }
    })?;
    Ok(walk.found)
}

#[derive(Debug)]
enum Fault {
    Io(io::Error),
    Structure(&'static str),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

struct Walk {
    reader: BufReader<File>,
    at: u64,
    /// What is kept, where somebody wants it.
    found: Option<Found>,
}

impl Walk {
    fn message(&mut self, message: Message, end: u64, depth: u32) -> Result<(), Fault> {
        if depth > DEPTH_MAX {
            return Err(Fault::Structure("graphs lie too deep in each other"));
        }
        while self.at < end {
            let head = self.number(end)?;
            match head & 7 {
                0 => drop(self.number(end)?),
                1 => self.skip_to(self.at + 8, end)?,
                5 => self.skip_to(self.at + 4, end)?,
                2 => {
                    let len = self.number(end)?;
                    let inner_end = self.at.checked_add(len).filter(|inner| *inner <= end);
                    let inner_end = inner_end.ok_or(Fault::Structure("a length reaches beyond its end"))?;
                    if !self.keep((message, depth), head >> 3, inner_end)? {
                        self.content(message.field(head >> 3), inner_end, depth)?;
                    }
                }
                _ => return Err(Fault::Structure("a field is of no known type")),
            }
        }
        Ok(())
    }

    /// Reads a field that is kept; whether it is one.
    fn keep(&mut self, inside: (Message, u32), tag: u64, end: u64) -> Result<bool, Fault> {
        let Some(place) = self.found.as_mut().and_then(|found| found.place(inside, tag)) else { return Ok(false) };
        let len = end - self.at;
        if len > TEXT_LEN_MAX {
            return Err(Fault::Structure("a name or type is too long"));
        }
        let mut bytes = vec![0; usize::try_from(len).unwrap_or_default()];
        self.reader.read_exact(&mut bytes)?;
        self.at = end;
        place.push(bytes);
        Ok(true)
    }

    fn content(&mut self, content: Content, end: u64, depth: u32) -> Result<(), Fault> {
        match content {
            Content::Message(message) => self.message(message, end, depth + 1),
            Content::Bytes => self.skip_to(end, end),
            Content::Numbers => {
                while self.at < end {
                    self.number(end)?;
                }
                Ok(())
            }
        }
    }

    fn number(&mut self, end: u64) -> Result<u64, Fault> {
        let mut value = 0;
        for index in 0..NUMBER_LEN_MAX {
            if self.at >= end {
                return Err(Fault::Structure("a number is cut off"));
            }
            let mut byte = [0_u8];
            self.reader.read_exact(&mut byte)?;
            self.at += 1;
            let [byte] = byte;
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Fault::Structure("a number has no end"))
    }

    fn skip_to(&mut self, to: u64, end: u64) -> Result<(), Fault> {
        if to > end {
            return Err(Fault::Structure("a number is cut off"));
        }
        let distance = i64::try_from(to - self.at).map_err(|_| Fault::Structure("a length reaches beyond its end"))?;
        self.reader.seek_relative(distance)?;
        self.at = to;
        Ok(())
    }
}
