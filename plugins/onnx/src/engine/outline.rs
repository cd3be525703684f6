//! What a model file says of the tensors that it takes and gives, read without its weights.

use std::collections::HashSet;
use std::path::Path;

use super::EngineError;
use super::signature::{Element, Signature, TensorInfo};
use super::structure::{self, Found};

/// Reads the signature of a model file; checks its structure on the way.
pub(super) fn read(path: &Path) -> Result<Signature, EngineError> {
    if path.extension().is_none_or(|extension| extension != "onnx") {
        return Err(EngineError::NotOnnx { path: path.to_owned() });
    }
    let found = structure::find(path)?;
    let corrupt = |reason: &str| EngineError::Corrupt { path: path.to_owned(), reason: reason.to_owned() };
    if found.outputs.is_empty() {
        return Err(corrupt("it has no output"));
    }
    signature(path, &found).ok_or_else(|| corrupt("an input or output has no name, or a type that cannot be read"))
}

/// What was found, as the engine would tell it: initializers that stand among the inputs are none.
fn signature(path: &Path, found: &Found) -> Option<Signature> {
    let initializers: HashSet<&[u8]> = found.initializers.iter().map(Vec::as_slice).collect();
    let read = |infos: &[Vec<u8>]| infos.iter().map(|info| tensor(info)).collect::<Option<Vec<_>>>();
    let mut inputs = read(&found.inputs)?;
    inputs.retain(|info| !initializers.contains(info.name.as_bytes()));
    Some(Signature { path: path.to_owned(), inputs, outputs: read(&found.outputs)? })
}

/// A value of the graph: name, then type with elements and shape.
fn tensor(info: &[u8]) -> Option<TensorInfo> {
    let name = std::str::from_utf8(last(info, 1)?.bytes()?).ok().filter(|name| !name.is_empty())?.to_owned();
    let tensor = match last(info, 2) {
        Some(kind) => last(kind.bytes()?, 1),
        None => None,
    };
    let Some(tensor) = tensor else { return Some(TensorInfo { name, element: None, shape: None }) };
    let tensor = tensor.bytes()?;
    let element = last(tensor, 1).and_then(|element| of_onnx(element.number()?));
    let shape = match last(tensor, 2) {
        Some(shape) => Some(lengths(shape.bytes()?)?),
        None => None,
    };
    Some(TensorInfo { name, element, shape })
}

/// The lengths of a shape; a name, or nothing, stands for an open one.
fn lengths(shape: &[u8]) -> Option<Vec<Option<usize>>> {
    let dimensions = Fields(shape).filter(|field| field.as_ref().is_none_or(|(tag, _)| *tag == 1));
    let length = |dimension: Field<'_>| {
        let number = last(dimension.bytes()?, 1).and_then(|length| length.number());
        // Numbers below 0 are written as very large ones.
        Some(number.and_then(|number| usize::try_from(number.cast_signed()).ok()))
    };
    dimensions.map(|dimension| dimension.and_then(|(_, dimension)| length(dimension))).collect()
}

/// What the engine makes of an element type of ONNX.
fn of_onnx(element: u64) -> Option<Element> {
    match element {
        1 | 10 | 11 => Some(Element::F32),
        6 | 7 | 9 => Some(Element::I32),
        3 => Some(Element::I8),
        2 => Some(Element::U8),
        _ => None,
    }
}

/// The content of a field.
#[derive(Debug, Clone, Copy)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

impl<'a> Field<'a> {
    fn number(self) -> Option<u64> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }

    fn bytes(self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }
}

/// The last field of a message with a tag: that is the one that counts.
fn last(message: &[u8], tag: u64) -> Option<Field<'_>> {
    Fields(message).map_while(|field| field).filter(|(found, _)| *found == tag).last().map(|(_, field)| field)
}

/// The fields of a message; ends with `None` inside where the message is cut off.
#[derive(Debug)]
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for index in 0..structure::NUMBER_LEN_MAX {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f).checked_shl(7 * index).unwrap_or(0);
            if *byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(head)
    }

    fn field(&mut self) -> Option<(u64, Field<'a>)> {
        let head = self.number()?;
        let content = match head & 7 {
            0 => Field::Number(self.number()?),
            1 => self.take(8).map(|_| Field::Other)?,
            5 => self.take(4).map(|_| Field::Other)?,
            2 => {
                let len = self.number()?;
                Field::Bytes(self.take(len)?)
            }
            _ => return None,
        };
        Some((head >> 3, content))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Field<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}
