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
mod memory;
mod outline;
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
pub(crate) use signature::Side;
pub use signature::{Element, Signature, TensorInfo};
pub use source::ModelSource;

/// A model that is ready to run; cheap to share, as a run changes nothing in it.
pub struct Model {
    path: PathBuf,
    model: rten::Model,
    signature: Signature,
}

/// Which tensors a caller gives and wants, looked up once.
#[derive(Debug, Clone)]
pub struct Plan {
    inputs: Vec<(NodeId, TensorInfo)>,
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
    cx.sized_resource(ResourceKey::new(&key).bytes(file.len()), || {
        source.verify()?;
        let before = memory::resident();
        let model = Model::open(&file)?;
        let grown = before.zip(memory::resident()).map(|(before, after)| after.saturating_sub(before));
        let bytes = memory::of_model(file.len(), model.model.total_params(), grown);
        tracing::debug!(model = %file.path().display(), file_bytes = file.len(), bytes, "a model is loaded");
        Ok((model, bytes))
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
        let signature = Signature { path: path.to_owned(), inputs, outputs };
        Ok(Self { path: path.to_owned(), model, signature })
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

    /// What it takes and gives.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// What it takes, in its own order.
    #[must_use]
    pub fn inputs(&self) -> &[TensorInfo] {
        &self.signature.inputs
    }

    /// What it gives, in its own order.
    #[must_use]
    pub fn outputs(&self) -> &[TensorInfo] {
        &self.signature.outputs
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
    pub fn plan<N: AsRef<str>>(&self, inputs: &[N], outputs: &[N]) -> Result<Plan, EngineError> {
        let input = |name: &N| -> Result<Option<_>, EngineError> {
            let at = self.signature.position(Side::Input, name.as_ref())?;
            Ok(self.model.input_ids().get(at).copied().zip(self.inputs().get(at).cloned()))
        };
        let output = |name: &N| -> Result<Option<_>, EngineError> {
            let at = self.signature.position(Side::Output, name.as_ref())?;
            Ok(self.model.output_ids().get(at).copied())
        };
        // A position is one of the model's own, so there is an id for each.
        Ok(Plan {
            inputs: inputs.iter().filter_map(|name| input(name).transpose()).collect::<Result<_, _>>()?,
            outputs: outputs.iter().filter_map(|name| output(name).transpose()).collect::<Result<_, _>>()?,
        })
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
        for ((id, info), value) in plan.inputs.iter().zip(values) {
            info.check_view(&value)?;
            given.push((*id, value));
        }
        self.model.run(given, &plan.outputs, None).map_err(|error| EngineError::run(&self.path, &error))
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("path", &self.path).field("signature", &self.signature).finish_non_exhaustive()
    }
}
