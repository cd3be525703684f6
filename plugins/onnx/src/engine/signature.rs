//! What a model takes and gives: names, element types and shapes.

use std::fmt;
use std::path::PathBuf;

use rten::{DataType, Dimension, Model, NodeId, ValueOrView, ValueType};
use rten_tensor::Layout;

use super::{EngineError, ModelSource, outline};

/// Type of the elements of a tensor, as the engine holds them: it keeps `i64` and `bool` as `i32`, `f64` as `f32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Element {
    /// 32-bit floating point.
    F32,
    /// 32-bit signed.
    I32,
    /// 8-bit signed.
    I8,
    /// 8-bit unsigned.
    U8,
}

impl Element {
    pub(super) fn of(value: ValueType) -> Option<Self> {
        let ValueType::Tensor(element) = value else { return None };
        Some(match element {
            DataType::Float => Self::F32,
            DataType::Int32 => Self::I32,
            DataType::Int8 => Self::I8,
            DataType::UInt8 => Self::U8,
            _ => return None,
        })
    }

    /// The word that formats of pins use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::I32 => "i32",
            Self::I8 => "i8",
            Self::U8 => "u8",
        }
    }
}

/// One input or output of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Name in the model.
    pub name: String,
    /// Type of the elements, if the model says so.
    pub element: Option<Element>,
    /// Length of each dimension, `None` where it is open; no shape at all where the model does not say.
    pub shape: Option<Vec<Option<usize>>>,
}

/// All inputs and outputs of a model, each side in its own order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub(super) path: PathBuf,
    pub(super) inputs: Vec<TensorInfo>,
    pub(super) outputs: Vec<TensorInfo>,
}

/// Which tensors of a model are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Input,
    Output,
}

impl Side {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
        }
    }
}

impl Signature {
    /// Reads what a model file says of its inputs and outputs; its weights are skipped.
    ///
    /// # Errors
    /// The file is absent, no ONNX file, or damaged.
    pub fn read(source: impl Into<ModelSource>) -> Result<Self, EngineError> {
        outline::read(source.into().path())
    }

    /// What the model takes.
    #[must_use]
    pub fn inputs(&self) -> &[TensorInfo] {
        &self.inputs
    }

    /// What the model gives.
    #[must_use]
    pub fn outputs(&self) -> &[TensorInfo] {
        &self.outputs
    }

    pub(crate) fn side(&self, side: Side) -> &[TensorInfo] {
        match side {
            Side::Input => &self.inputs,
            Side::Output => &self.outputs,
        }
    }

    /// The place of a tensor among those of its side.
    ///
    /// # Errors
    /// There is none of this name; the error lists those there are.
    pub(crate) fn position(&self, side: Side, name: &str) -> Result<usize, EngineError> {
        let infos = self.side(side);
        infos.iter().position(|info| info.name == name).ok_or_else(|| {
            let known: Vec<_> = infos.iter().map(|info| format!("`{}` ({info})", info.name)).collect();
            EngineError::NoTensor {
                path: self.path.clone(),
                side: side.name(),
                name: name.to_owned(),
                known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
            }
        })
    }
}

impl TensorInfo {
    pub(super) fn read(model: &Model, id: NodeId) -> Self {
        let info = model.node_info(id);
        let length = |dimension: &Dimension| match dimension {
            Dimension::Fixed(length) => Some(*length),
            Dimension::Symbolic(_) => None,
        };
        Self {
            name: info.as_ref().and_then(|info| info.name()).unwrap_or_default().to_owned(),
            element: info.as_ref().and_then(|info| info.dtype()).and_then(Element::of),
            shape: info.and_then(|info| info.shape()).map(|shape| shape.iter().map(length).collect()),
        }
    }

    /// Whether a tensor of this shape can stand here.
    #[must_use]
    pub fn takes(&self, shape: &[usize]) -> bool {
        self.shape.as_ref().is_none_or(|own| {
            own.len() == shape.len() && own.iter().zip(shape).all(|(own, given)| own.is_none_or(|own| own == *given))
        })
    }
}

impl TensorInfo {
    /// Whether a value can stand here.
    pub(crate) fn check<'a>(&self, value: impl Into<ValueOrView<'a>>) -> Result<(), EngineError> {
        self.check_view(&value.into())
    }

    pub(super) fn check_view(&self, value: &ValueOrView<'_>) -> Result<(), EngineError> {
        let view = value.as_view();
        let element = Element::of(view.dtype());
        let shape: Vec<usize> = view.shape().to_vec();
        let is_element = self.element.is_none_or(|own| element == Some(own));
        if is_element && self.takes(&shape) {
            return Ok(());
        }
        let got = Self { element, shape: Some(shape.into_iter().map(Some).collect()), ..self.clone() };
        Err(EngineError::WrongTensor { name: self.name.clone(), expected: self.to_string(), got: got.to_string() })
    }
}

/// As formats of pins are written: `f32 [1,3,?,?]`.
impl fmt::Display for TensorInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.element.map_or("?", Element::name))?;
        let Some(shape) = &self.shape else { return Ok(()) };
        let lengths: Vec<String> =
            shape.iter().map(|length| length.map_or("?".to_owned(), |length| length.to_string())).collect();
        write!(f, " [{}]", lengths.join(","))
    }
}
