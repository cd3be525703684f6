//! A model that takes one picture and gives one tensor.

use std::path::Path;

use graphmill_models::Store;
use graphmill_plugin_sdk::prelude::*;
use rten::{TryFromValueError, Value};
use rten_tensor::NdTensor;

use super::tensors::PictureTensor;
use crate::engine::{self, Model, ModelSource, Plan};

/// The model that is taken when none is named.
pub(crate) const MODEL: &str = "pp-ocrv6-small";

/// A model with one input and one output, ready to run.
#[derive(Debug)]
pub(crate) struct PictureNet {
    model: Resource<Model>,
    plan: Plan,
    /// The shape of what it gives, for messages.
    answer: &'static str,
}

/// Which file holds the weights.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weights<'a> {
    /// Name in the manifest of models.
    pub(crate) model: &'a str,
    /// A file that is taken instead.
    pub(crate) path: Option<&'a Path>,
    /// Part of the name of the file among those of the model.
    pub(crate) part: &'static str,
    /// The shape of what the model gives, for messages.
    pub(crate) answer: &'static str,
}

impl Weights<'_> {
    fn source(&self) -> Result<ModelSource> {
        if let Some(path) = self.path {
            return Ok(path.into());
        }
        let Self { model, part, .. } = *self;
        let store = Store::open().map_err(Error::io)?;
        let known = store.manifest().model(model).map_err(Error::invalid)?;
        let file = known.files().find(|file| file.name.contains(part)).ok_or_else(|| {
            Error::invalid(format!(
                "the model `{model}` has no file with `{part}` in its name; name a file with `path`"
            ))
        })?;
        Ok(ModelSource::stored(model, &file.name)?)
    }
}

impl PictureNet {
    /// Loads the model, or shares it with who has it already.
    ///
    /// # Errors
    /// The model is absent, cannot be loaded, or has not exactly one input and one output.
    pub(crate) fn load(weights: Weights<'_>, cx: &mut CreateContext<'_>) -> Result<Self> {
        let model = engine::load(cx, weights.source()?)?;
        let ([input], [output]) = (model.inputs(), model.outputs()) else {
            return Err(Error::invalid(format!(
                "model `{}` has {} inputs and {} outputs; one that takes a picture has one of each",
                model.path().display(),
                model.inputs().len(),
                model.outputs().len()
            )));
        };
        let plan = model.plan(&[&input.name], &[&output.name])?;
        Ok(Self { model, plan, answer: weights.answer })
    }

    /// The model.
    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    /// Shape and values of what the model says about a picture.
    ///
    /// # Errors
    /// The model refuses the picture, fails, or gives floats of another number of dimensions.
    pub(crate) fn run<const N: usize>(&self, picture: PictureTensor) -> Result<([usize; N], Vec<f32>)>
    where
        NdTensor<f32, N>: TryFrom<Value, Error = TryFromValueError>,
    {
        let shape = [1, 3, picture.height as usize, picture.width as usize];
        let value = Value::from_shape(shape, picture.values).map_err(Error::new)?;
        let mut answers = self.model.run(&self.plan, vec![value.into()])?;
        let answer = answers.pop().ok_or_else(|| self.wrong(&"nothing"))?;
        answer.into_shape_vec().map_err(|error| self.wrong(&error))
    }

    /// The error for an answer of the wrong shape.
    pub(crate) fn wrong(&self, got: &dyn std::fmt::Display) -> Error {
        let (path, answer) = (self.model.path().display(), self.answer);
        Error::invalid(format!("model `{path}` does not answer with {answer}: {got}; use one of the PP-OCR family"))
    }
}
