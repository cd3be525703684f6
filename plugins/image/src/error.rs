//! What can go wrong with a picture file, said so that its owner knows what to do next.

use std::io;
use std::path::PathBuf;

use graphmill_plugin_sdk::Error;

/// Why picture files could not be found or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageFileError {
    /// The operating system refuses the file.
    #[error(
        "cannot open `{path}`: {source}; check the path (a relative one starts at the folder of the graph file) and the permissions"
    )]
    Open {
        /// The file as it was asked for.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The path leads to something that holds no picture.
    #[error("`{path}` is {found}, not a file; give the path of a picture, or a pattern such as `{path}/*.png`")]
    NotAFile {
        /// The path as it was asked for.
        path: PathBuf,
        /// What is there instead.
        found: &'static str,
    },
    /// The text is neither a file nor a pattern that can be read.
    #[error("`{pattern}` is no pattern: {reason}; `*` stands for any letters, `?` for one, `[ab]` for one of these")]
    Pattern {
        /// The pattern as the params give it.
        pattern: String,
        /// Where it stops making sense.
        reason: String,
    },
    /// There is nothing to read.
    #[error("no file matches `{pattern}`; check the folder (a relative path starts at that of the graph file)")]
    NoMatch {
        /// The pattern as the params give it.
        pattern: String,
    },
    /// There is more to read than anybody wants by intention.
    #[error("the param `path` stands for more than {max} files; give a narrower pattern")]
    TooMany {
        /// Most files that a source takes.
        max: usize,
    },
    /// The content is not one that this plugin decodes.
    #[error("cannot decode `{path}`: {reason}; convert it to PNG or JPEG, for example with `convert {path} out.png`")]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What the decoder found.
        reason: String,
    },
    /// The picture is larger than it may be.
    #[error(
        "`{path}` has {width}x{height} pixels, more than the {pixels_max} that `pixels_max` allows; raise it, or scale the picture down"
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Pixels of a line, as the header says.
        width: u32,
        /// Lines, as the header says.
        height: u32,
        /// The limit.
        pixels_max: u64,
    },
    /// The file itself is larger than any picture.
    #[error("`{path}` is longer than {len_max} bytes; a picture file may not be")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit.
        len_max: u64,
    },
    /// The pixels cannot be decoded.
    #[error("`{path}` is damaged or cut short: {reason}; copy it again, or leave it out")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the decoder found.
        reason: String,
    },
}

impl From<ImageFileError> for Error {
    fn from(error: ImageFileError) -> Self {
        match error {
            ImageFileError::Unsupported { .. } => Self::unsupported(error),
            ImageFileError::Open { .. } | ImageFileError::Damaged { .. } => Self::io(error),
            _ => Self::invalid(error),
        }
    }
}
