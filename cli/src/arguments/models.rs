//! What can be typed after `graphmill models`.

use clap::{Args, Subcommand, ValueHint};
use std::path::PathBuf;

/// Which models there are, and where they are kept.
#[derive(Debug, Clone, Args)]
pub(crate) struct StoreAt {
    /// TOML file with models of your own, besides those that are built in; also GRAPHMILL_MODELS_MANIFEST
    #[arg(long, value_name = "FILE", global = true, value_hint = ValueHint::FilePath)]
    pub(crate) manifest: Option<PathBuf>,
}

/// What to do with models.
#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum ModelsCommand {
    /// List the models that are known: how large they are, and whether they are on this machine
    List,
    /// Fetch models; what is on this machine already and right is not fetched again
    ///
    /// Every file is compared with the digest of the manifest before it gets its name, so an interrupted command leaves
    /// nothing that is half. Downloads from an address go on where they ended.
    Pull {
        /// Names of models
        #[arg(required = true, value_name = "MODEL")]
        names: Vec<String>,
    },
    /// Read the files of models again and compare their digests
    Verify {
        /// Names of models; without any all that are on this machine
        #[arg(value_name = "MODEL")]
        names: Vec<String>,
    },
    /// Write where a model is, or one file of it
    Path {
        /// Name of the model
        #[arg(value_name = "MODEL")]
        name: String,
        /// Name of the file
        file: Option<String>,
    },
}
