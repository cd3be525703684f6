//! What can go wrong with a sound file, said so that its owner knows what to do next.

use std::io;
use std::path::PathBuf;

use graphmill_plugin_sdk::Error;

use super::SoundSpec;

/// Why a sound file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WavError {
    /// The operating system refuses the file.
    #[error(
        "cannot open `{path}`: {source}; check the path (a relative one starts at the folder of the graph file) and the permissions"
    )]
    Open {
        /// The file as the params name it.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The path leads to something that holds no samples.
    #[error("`{path}` is {found}, not a file; give the path of a sound file")]
    NotAFile {
        /// The path as the params name it.
        path: PathBuf,
        /// What is there instead.
        found: &'static str,
    },
    /// The content is not one that this build decodes.
    #[error("cannot decode `{path}`: {reason}; convert it to PCM or float WAV, for example with `sox {path} out.wav`")]
    Unsupported {
        /// The file as the params name it.
        path: PathBuf,
        /// What the decoder found.
        reason: String,
    },
    /// The file ends before its header says that it does.
    #[error(
        "`{path}` is cut short: it ends at byte {file_len}, {missing_len} bytes early, after frame {frames}; copy it again, or keep what is there with `sox --ignore-length {path} out.wav`"
    )]
    Truncated {
        /// The file as the params name it.
        path: PathBuf,
        /// Bytes that the file has.
        file_len: u64,
        /// Bytes that the header promises beyond them.
        missing_len: u64,
        /// Whole frames that were delivered.
        frames: u64,
    },
    /// The samples cannot be decoded from some point on.
    #[error(
        "`{path}` is damaged after frame {frames}: {reason}; copy it again, or repair it with `sox {path} out.wav`"
    )]
    Damaged {
        /// The file as the params name it.
        path: PathBuf,
        /// Whole frames that were delivered.
        frames: u64,
        /// What the decoder found.
        reason: String,
    },
    /// The file cannot be written.
    #[error("cannot write `{path}`: {source}; check the folder, its permissions and the free space")]
    Write {
        /// The file that is written to.
        path: PathBuf,
        /// What the operating system or the format says.
        source: io::Error,
    },
    /// The stream does not fit into one WAV file.
    #[error(
        "`{path}` would grow beyond the 4 GiB that a WAV file can hold; it keeps its first {frames} frames; end the stream earlier or write `i16` instead of `f32`"
    )]
    TooLong {
        /// The file that is written to.
        path: PathBuf,
        /// Whole frames that it holds.
        frames: u64,
    },
    /// A packet differs from those before it.
    #[error("`{path}` holds {was} and cannot take {is}; put `audio.resample` in front of the sink to keep one format")]
    FormatChange {
        /// The file that is written to.
        path: PathBuf,
        /// The format of the file.
        was: SoundSpec,
        /// The format of the packet.
        is: SoundSpec,
    },
}

impl From<WavError> for Error {
    fn from(error: WavError) -> Self {
        match error {
            WavError::Unsupported { .. } => Self::unsupported(error),
            WavError::NotAFile { .. } | WavError::FormatChange { .. } => Self::invalid(error),
            _ => Self::io(error),
        }
    }
}
