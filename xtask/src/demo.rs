//! The demo: cleans a noisy recording with real plugins, and measures what that did.

use crate::command::{self, Outcome};
use crate::noise::{self, Span};
use crate::plugins::{self, Profile};
use crate::wav;
use crate::workspace::Workspace;
use std::fs;
use std::path::Path;
use std::process::Command;

const GRAPH: &str = "examples/denoise.toml";
const NOISY: &str = "examples/media/noisy.wav";
const TRUTH: &str = "examples/media/speech.segments.json";
const CLEANED: &str = "examples/out/denoised.wav";
/// The least that the noise in the pauses has to become quieter; less means that the denoiser does not work.
const REDUCTION_DB_MIN: f64 = 10.0;

/// Builds, runs the graph, measures.
///
/// # Errors
/// Something cannot be built, the graph fails, or the noise is still there.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let folder = plugins::build(workspace, Profile::Release, &["graphmill-cli"])?;
    println!("\nA recording with background noise is decoded, resampled to 48 kHz and cleaned by RNNoise;");
    println!("the clean sound goes to a file, and voice activity detection tells where somebody speaks.");
    println!("\n$ graphmill run {GRAPH}\n");
    let cleaned = workspace.root.join(CLEANED);
    // What an earlier run left must not pass for the result of this one.
    drop(fs::remove_file(&cleaned));
    let plugins =
        workspace.shipped_plugins().filter_map(|plugin| plugin.plugin_file.as_ref()).map(|file| folder.join(file));
    let mut graphmill = Command::new(folder.join("graphmill"));
    for plugin in plugins {
        graphmill.arg("--plugins").arg(plugin);
    }
    command::run(graphmill.args(["run", GRAPH]).current_dir(&workspace.root))?;
    measure(&workspace.root)
}

fn measure(root: &Path) -> Outcome {
    let (noisy, cleaned) = (wav::read(&root.join(NOISY))?, wav::read(&root.join(CLEANED))?);
    let speech = noise::speech(&root.join(TRUTH))?;
    let end_s = seconds_of(&noisy);
    let pauses = noise::pauses(&speech, end_s);
    let pauses_s: f64 = pauses.iter().map(Span::len_s).sum();
    let [before, after] = [&noisy, &cleaned].map(|sound| noise::power_db(sound, &pauses));
    let [loud, still_loud] = [&noisy, &cleaned].map(|sound| noise::power_db(sound, &speech));
    println!("\nCleaned sound: {CLEANED}  ({:.3} s; the recording has {end_s:.3} s)", seconds_of(&cleaned));
    println!(
        "Noise in the {} pauses ({pauses_s:.1} s): {before:.1} dB before, {after:.1} dB after: {:.1} dB quieter",
        pauses.len(),
        before - after
    );
    println!("Speech: {loud:.1} dB before, {still_loud:.1} dB after");
    if before - after < REDUCTION_DB_MIN {
        return Err(format!(
            "the noise in the pauses became {:.1} dB quieter, expected {REDUCTION_DB_MIN} dB",
            before - after
        ));
    }
    Ok(())
}

fn seconds_of(sound: &wav::Sound) -> f64 {
    f64::from(u32::try_from(sound.samples.len()).unwrap_or(u32::MAX)) / sound.rate_hz
}

impl Span {
    fn len_s(&self) -> f64 {
        self.end_s - self.start_s
    }
}
