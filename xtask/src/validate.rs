//! Whether every plugin that is shipped keeps its contract, and every broken one of the zoo is caught by its rule.

use crate::command::{self, Outcome};
use crate::plugins::{self, Profile};
use crate::workspace::Workspace;
use std::path::Path;
use std::process::Command;

/// Params of kinds that need a file which is there.
fn params(workspace: &Workspace, letters: &Path) -> Vec<String> {
    let media = workspace.root.join("examples/media");
    let path = |kind: &str, file: &Path| format!("--params={kind}={{\"path\": {:?}}}", file.display().to_string());
    let gain = "--params=audio.gain={\"db\": -6}".to_owned();
    let picture = workspace.root.join("docs/denoise.png");
    let sound = media.join("speech.wav");
    vec![path("wav.source", &sound), path("image.source", &picture), path("packets.source", letters), gain]
}

/// Builds what is shipped and validates it, then runs the tests of the zoo.
///
/// # Errors
/// Something cannot be built, a plugin is not clean, or a broken one is not caught.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let folder = plugins::build(workspace, Profile::Release, &["graphmill-cli"])?;
    let letters = save_letters(workspace, &folder)?;
    let params = params(workspace, &letters);
    for plugin in workspace.shipped_plugins() {
        let Some(file) = &plugin.plugin_file else { continue };
        let library = folder.join(file);
        let listed = command::output(Command::new(folder.join("graphmill")).arg("inspect").arg(&library))?;
        let kind_of = |param: &str| param.split('=').nth(1).unwrap_or_default().to_owned();
        let own = params.iter().filter(|param| listed.contains(&kind_of(param)));
        command::run(Command::new(folder.join("graphmill")).arg("validate").arg(&library).args(own))?;
    }
    let tests = ["test", "--package", "graphmill-cli", "--test", "validate"];
    command::run(&mut command::cargo(&workspace.root, tests))
}

/// A file of dead letters for the source that reads them: a graph that fails nowhere leaves one without letters.
fn save_letters(workspace: &Workspace, folder: &Path) -> Outcome<std::path::PathBuf> {
    let letters = workspace.target.join("validate.letters");
    let sound = workspace.root.join("examples/media/speech.wav");
    let line = format!(
        "wav.source path={:?} ! audio.gain db=0 ! wav.sink path={:?}",
        sound,
        workspace.target.join("validate.wav")
    );
    let mut graphmill = Command::new(folder.join("graphmill"));
    graphmill.args(["--quiet", "launch", &line, "--dead-letters"]).arg(&letters);
    command::run(graphmill.arg("--plugins").arg(folder.join("libgraphmill_audio.so")))?;
    Ok(letters)
}
