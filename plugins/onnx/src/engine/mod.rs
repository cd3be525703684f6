//! The engine: ONNX models, loaded once for all nodes and sessions, run by rten.
//!
//! A [`Model`] comes from the host's resource cache under a key that names the very file: its path, place on the disk,
//! size and time of change. So nodes that ask for the same file share one copy of the weights, and a file that was
//! replaced is loaded anew.
//!
//! All models of the process run on **one pool of threads**, rten's own. It has one thread for each physical core, or
//! as many as the environment variable `RTEN_NUM_THREADS` says when the first model is loaded: that is how the host
//! sets its size. A run blocks its caller until the outputs are there and cannot be cancelled; the deadline of the call
//! bounds it. Runs of several nodes share the pool.

mod error;
mod file;
mod signature;
mod source;
mod structure;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use graphmill_plugin_sdk::{CreateContext, Resource, ResourceKey, Result};
use rten::{NodeId, Value, ValueOrView};

pub use error::EngineError;
use file::ModelFile;
pub use signature::{Element, TensorInfo};
pub use source::ModelSource;

/// A model that is ready to run; cheap to share, as a run changes nothing in it.
pub struct Model {
    path: PathBuf,
    model: rten::Model,
    inputs: Vec<TensorInfo>,
    outputs: Vec<TensorInfo>,
}

/// Which tensors a caller gives and wants, looked up once.
#[derive(Debug, Clone)]
pub struct Plan {
    inputs: Vec<TensorInfo>,
    outputs: Vec<NodeId>,
}

/// The model of this file, a path or a [`ModelSource`], which all nodes that ask for it share.
///
/// May be slow, so call it in `create`. Where the manifest has a digest of the file it is checked before the load.
///
/// # Errors
/// The file is absent, damaged, not the one of the manifest, changes meanwhile or has an operator that the engine does
/// not know; the host's budget has no room for it, or another node's load of it fails.
pub fn load(cx: &mut CreateContext<'_>, source: impl Into<ModelSource>) -> Result<Resource<Model>> {
    let source = source.into();
    let file = ModelFile::find(source.path())?;
    let key = file.key();
    cx.resource(ResourceKey::new(&key).bytes(file.len()), || {
        source.verify()?;
        Ok(Model::open(&file)?)
    })
}

/// What tells the content of a file beside a model from any other, as part of a key, and its bytes.
pub(crate) fn file_key(path: &Path) -> Result<(String, u64), EngineError> {
    let file = ModelFile::find(path)?;
    Ok((file.key(), file.len()))
}

impl Model {
    fn open(file: &ModelFile) -> Result<Self, EngineError> {
        let path = file.path();
        structure::check(path)?;
        let model =
            rten::ModelOptions::with_all_ops().load_file(path).map_err(|error| EngineError::load(path, &error))?;
        if ModelFile::find(path).as_ref() != Ok(file) {
            return Err(EngineError::Changed { path: path.to_owned() });
        }
        let read = |ids: &[NodeId]| ids.iter().map(|id| TensorInfo::read(&model, *id)).collect();
        let (inputs, outputs): (Vec<_>, Vec<_>) = (read(model.input_ids()), read(model.output_ids()));
        if outputs.is_empty() {
            return Err(EngineError::Corrupt { path: path.to_owned(), reason: "it has no output".to_owned() });
        }
        Ok(Self { path: path.to_owned(), model, inputs, outputs })
    }

    /// Loads a model without the cache: for tools and tests.
    ///
    /// # Errors
    /// As for [`load`], the budget aside.
    pub fn load_alone(path: &Path) -> Result<Self, EngineError> {
        Self::open(&ModelFile::find(path)?)
    }

    /// The file it was loaded from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it takes, in its own order.
    #[must_use]
    pub fn inputs(&self) -> &[TensorInfo] {
        &self.inputs
    }

    /// What it gives, in its own order.
    #[must_use]
    pub fn outputs(&self) -> &[TensorInfo] {
        &self.outputs
    }

    /// A text that the file carries beside the graph, such as a list of characters.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.model.metadata().get(key)
    }

    /// Looks up the inputs and outputs of many runs.
    ///
    /// # Errors
    /// The model has no input or output of a name.
    pub fn plan(&self, inputs: &[&str], outputs: &[&str]) -> Result<Plan, EngineError> {
        let find = |side: &'static str, infos: &[TensorInfo], name: &str| {
            infos.iter().find(|info| info.name == name).cloned().ok_or_else(|| self.no_tensor(side, infos, name))
        };
        Ok(Plan {
            inputs: inputs.iter().map(|name| find("input", &self.inputs, name)).collect::<Result<_, _>>()?,
            outputs: outputs
                .iter()
                .map(|name| find("output", &self.outputs, name).map(|info| info.id))
                .collect::<Result<_, _>>()?,
        })
    }

    fn no_tensor(&self, side: &'static str, infos: &[TensorInfo], name: &str) -> EngineError {
        let known: Vec<_> = infos.iter().map(|info| format!("`{}` ({info})", info.name)).collect();
        EngineError::NoTensor {
            path: self.path.clone(),
            side,
            name: name.to_owned(),
            known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
        }
    }

    /// Runs the model on `values`, one for each input of the plan; gives one for each output of it.
    ///
    /// Blocks until all are there. Allocates.
    ///
    /// # Errors
    /// A value is missing or of the wrong type or shape, or an operator fails.
    pub fn run(&self, plan: &Plan, values: Vec<ValueOrView<'_>>) -> Result<Vec<Value>, EngineError> {
        if values.len() != plan.inputs.len() {
            let reason = format!("{} values for {} inputs", values.len(), plan.inputs.len());
            return Err(EngineError::Run { path: self.path.clone(), reason });
        }
        let mut given = Vec::with_capacity(values.len());
        for (info, value) in plan.inputs.iter().zip(values) {
            info.check_view(&value)?;
            given.push((info.id, value));
        }
        self.model.run(given, &plan.outputs, None).map_err(|error| EngineError::run(&self.path, &error))
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("path", &self.path)
            .field("inputs", &self.inputs)
            .field("outputs", &self.outputs)
            .finish_non_exhaustive()
    }
}
