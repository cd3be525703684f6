//! What a manifest may say.

use super::{Manifest, ModelKind, Origin};

const DIGEST: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// A manifest with one model of one file.
fn text(source: &str, file: &str) -> String {
    format!(
        "[[model]]\nname = \"m\"\ntitle = \"t\"\nkind = \"model\"\n[[model.source]]\nlicence = \"MIT\"\n{source}\n\
         [[model.source.file]]\nbytes = 3\nsha256 = \"{DIGEST}\"\n{file}\n"
    )
}

#[test]
fn built_in_manifest_names_models_with_their_licences() {
    let manifest = Manifest::built_in().unwrap();
    let moonshine = manifest.model("moonshine-tiny").unwrap();
    assert_eq!((moonshine.kind, moonshine.sources.len(), moonshine.files().count()), (ModelKind::Model, 2, 3));
    assert_eq!(moonshine.bytes(), 7_937_661 + 20_243_286 + 1_985_533);
    assert_eq!(moonshine.sources[0].origin.to_string(), "npm @moonshine-ai/moonshine-js@0.1.29");
    assert!(manifest.models().iter().flat_map(|model| &model.sources).all(|source| !source.licence.is_empty()));
    assert_eq!(manifest.model("librivox-five").unwrap().kind, ModelKind::Media);
}

#[test]
fn unknown_names_are_answered_with_what_was_perhaps_meant() {
    let manifest = Manifest::built_in().unwrap();
    let said = manifest.model("silero_vad").unwrap_err().to_string();
    assert_eq!(said, "there is no model `silero_vad`; did you mean `silero-vad`?");
    let said = manifest.model("whisper").unwrap_err().to_string();
    assert!(said.contains("there are `moonshine-tiny`, `silero-vad`"), "{said}");
    let said = manifest.model("silero-vad").unwrap().file("encoder").unwrap_err().to_string();
    assert_eq!(said, "the model `silero-vad` has no file `encoder`; its files are `silero_vad.onnx`");
}

#[test]
fn sources_are_packages_or_addresses() {
    let file = "name = \"f\"\npath = \"a/f\"";
    let origin = |source| {
        Manifest::parse(&text(source, file), "").map(|manifest| manifest.models()[0].sources[0].origin.clone())
    };
    assert_eq!(origin("debian = \"d\"").unwrap(), Origin::Debian { package: "d".into() });
    assert_eq!(origin("url = \"https://a/b.tgz\"").unwrap(), Origin::Url("https://a/b.tgz".into()));
    let wheel = "pypi = \"p\"\nversion = \"1\"\nwheel = { python = \"3.11\", platform = \"any\" }";
    assert_eq!(origin(wheel).unwrap().to_string(), "PyPI p==1");
}

#[test]
fn what_nobody_could_fetch_or_keep_is_refused_with_its_place() {
    let (npm, file) = ("npm = \"n\"\nversion = \"1\"", "name = \"f\"\npath = \"a/f\"");
    assert!(Manifest::parse(&text(npm, file), "").is_ok());
    let table = [
        ("npm = \"n\"", file, "a source is one of"),
        ("npm = \"n\"\nversion = \"1\"\nurl = \"http://a\"", file, "a source is one of"),
        ("npm = \"--global\"\nversion = \"1\"", file, "`--global` is no name or version"),
        ("npm = \"n\"\nversion = \"1 2\"", file, "`1 2` is no name or version"),
        ("url = \"ftp://a\"", file, "`ftp://a` is no address"),
        (npm, "name = \"f\"", "file `f`: `path` has to say where"),
        (npm, "name = \"f\"\npath = \"a/../../f\"", "is no path inside a package"),
        (npm, "name = \"f\"\npath = \"/etc/f\"", "is no path inside a package"),
        (npm, "name = \"../f\"\npath = \"f\"", "`../f` is no name"),
        (npm, "name = \".f\"\npath = \"f\"", "`.f` is no name"),
        (npm, "name = \"f\"\npath = \"f\"\nmode = 1", "mode"),
    ];
    for (source, file, expected) in table {
        let said = Manifest::parse(&text(source, file), "`mine.toml`").unwrap_err().to_string();
        assert!(said.starts_with("the manifest `mine.toml` is wrong: ") && said.contains(expected), "{said}");
    }
    let twice = text(npm, file).repeat(2);
    assert!(Manifest::parse(&twice, "").unwrap_err().to_string().contains("`m` stands there twice"));
    let two_files = format!("{file}\n[[model.source.file]]\nbytes = 3\nsha256 = \"{DIGEST}\"\n{file}");
    assert!(Manifest::parse(&text(npm, &two_files), "").unwrap_err().to_string().contains("`f` stands there twice"));
    let url = "url = \"http://a/f\"";
    let two_files = format!("name = \"f\"\n[[model.source.file]]\nbytes = 3\nsha256 = \"{DIGEST}\"\nname = \"g\"");
    let said = Manifest::parse(&text(url, &two_files), "").unwrap_err().to_string();
    assert!(said.contains("is itself the file"), "{said}");
    assert!(Manifest::parse(&" ".repeat(2_000_000), "").unwrap_err().to_string().contains("are the most"));
}

#[test]
fn models_of_ones_own_win_over_those_that_are_built_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    let mine = text("url = \"file:///x\"", "name = \"f\"").replace("name = \"m\"", "name = \"silero-vad\"");
    std::fs::write(&path, mine).unwrap();
    let manifest = Manifest::with_file(&path).unwrap();
    assert_eq!(manifest.model("silero-vad").unwrap().title, "t");
    assert_eq!(manifest.models().len(), Manifest::built_in().unwrap().models().len());
    let none = Manifest::with_file(&folder.path().join("none")).unwrap_err().to_string();
    assert!(none.contains("none` cannot be read: "), "{none}");
}
