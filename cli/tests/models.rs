//! Models are listed, fetched through clients, checked and found.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![cfg(feature = "models")]

mod support;

use std::fs;
use support::store::{Shelf, file_url, tar, tgz, wheel};
use support::{Lab, Shown};

const NPM: &str = "npm = \"@them/it\"\nversion = \"1.2.3\"";
const PYPI: &str = "pypi = \"it\"\nversion = \"4.5\"\nwheel = { python = \"3.11\", platform = \"any\" }";
const DEBIAN: &str = "debian = \"it-data\"";

/// One error, exit code 2, every part in it.
#[track_caller]
fn refused(shown: &Shown, parts: &[&str]) {
    assert_eq!((shown.code, shown.out.as_str()), (Some(2), ""), "{shown:?}");
    assert_eq!(shown.err.matches("error: ").count(), 1, "{}", shown.err);
    for part in parts {
        assert!(shown.err.contains(part), "{part}: {}", shown.err);
    }
}

#[test]
fn models_are_listed_with_size_licence_and_whether_they_are_here() {
    let lab = Lab::new();
    let run = |arguments: &[&str]| -> Shown {
        lab.graphmill().env("GRAPHMILL_MODELS", lab.path("store")).args(arguments).output().unwrap().into()
    };
    let shown = run(&["models", "list"]).succeeds();
    let line = shown.out.lines().find(|line| line.starts_with("moonshine-tiny")).unwrap();
    let cells: Vec<_> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(cells[..4], ["moonshine-tiny", "30.2 MB", "-", "MIT"]);
    assert!(!lab.path("store").exists(), "looking creates nothing");
    let json = run(&["models", "list", "--json"]).succeeds().json();
    let model = json.as_array().unwrap().iter().find(|model| model["name"] == "silero-vad").unwrap();
    assert_eq!((&model["here"], &model["sources"][0]["origin"]), (&false.into(), &"PyPI silero-vad==6.2.3".into()));
}

#[test]
fn package_of_npm_is_unpacked_to_the_files_that_are_named() {
    let files: [(&str, &str, &[u8]); 2] = [("a.bin", "package/x/a.bin", b"first"), ("b.bin", "package/b", b"second")];
    let shelf = Shelf::new(NPM, &files);
    let package = tgz(&[("package/other", b"no"), ("package/x/a.bin", b"first"), ("package/b", b"second")]);
    fs::write(shelf.lab.path("it.tgz"), package).unwrap();
    shelf.client(
        "npm",
        &format!("echo \"$@\" >> '{0}/said'\ncp '{0}/it.tgz' them-it-1.2.3.tgz", shelf.lab.path("").display()),
    );
    let shown = shelf.run_with_clients(&["pull", "it"]).succeeds();
    assert!(shown.out.is_empty() && shown.err.starts_with("it: fetched, 2 files: `"), "{shown:?}");
    assert_eq!(
        (shelf.stored("a.bin").unwrap(), shelf.stored("b.bin").unwrap()),
        (b"first".to_vec(), b"second".to_vec())
    );
    assert_eq!(fs::read_dir(shelf.lab.path("store/it")).unwrap().count(), 2);
    assert_eq!(shelf.leftovers(), Vec::<String>::new());

    // What is there and right is not fetched again; what is not right is, and only that.
    assert!(shelf.run_with_clients(&["pull", "it"]).succeeds().err.starts_with("it: is there already: `"));
    fs::write(shelf.file("b.bin"), "secONd").unwrap();
    let json = shelf.run_with_clients(&["pull", "it", "--json"]).succeeds().json();
    assert_eq!((&json[0]["fetched"], shelf.stored("b.bin").unwrap()), (&1.into(), b"second".to_vec()));
    let said = fs::read_to_string(shelf.lab.path("said")).unwrap();
    assert_eq!(said, "pack --ignore-scripts --loglevel=error @them/it@1.2.3\n".repeat(2));
}

#[test]
fn package_of_pypi_is_a_wheel_and_never_source_that_would_run() {
    let shelf = Shelf::new(PYPI, &[("a.bin", "it/data/a.bin", b"first")]);
    fs::write(shelf.lab.path("it.whl"), wheel(&[("it/__init__.py", b""), ("it/data/a.bin", b"first")])).unwrap();
    let here = shelf.lab.path("").display().to_string();
    // The first of its names is not there.
    shelf.client("pip3", &format!("echo \"$@\" > '{here}/said'\ncp '{here}/it.whl' it-4.5-py3-none-any.whl"));
    shelf.run_with_clients(&["pull", "it"]).succeeds();
    assert_eq!(shelf.stored("a.bin").unwrap(), b"first");
    let said = fs::read_to_string(shelf.lab.path("said")).unwrap();
    assert!(said.contains("--only-binary=:all:") && said.contains("--no-deps"), "{said}");
    assert!(said.ends_with("--python-version 3.11 --platform any it==4.5\n"), "{said}");
}

#[test]
fn package_of_debian_is_unpacked_by_what_debian_has_for_it() {
    let shelf = Shelf::new(DEBIAN, &[("a.wav", "usr/share/it/a.wav", b"sound")]);
    fs::write(shelf.lab.path("it.tar"), tar(&[("./usr/share/it/a.wav", b"sound"), ("./usr/share/z", b"")])).unwrap();
    let here = shelf.lab.path("").display().to_string();
    shelf.client("apt-get", &format!("echo \"$@\" > '{here}/said'\ncp '{here}/it.tar' it-data_1_all.deb"));
    shelf.client("dpkg-deb", "test \"$1\" = --fsys-tarfile && cat \"$2\"");
    shelf.run_with_clients(&["pull", "it"]).succeeds();
    assert_eq!(shelf.stored("a.wav").unwrap(), b"sound");
    assert_eq!(fs::read_to_string(shelf.lab.path("said")).unwrap(), "download --quiet it-data\n");
}

#[test]
fn client_that_is_missing_or_fails_is_one_error_with_the_way_out() {
    for (source, client, help) in [(NPM, "npm", "Node.js"), (PYPI, "pip", "python3-pip"), (DEBIAN, "apt-get", "Debian")]
    {
        let shelf = Shelf::new(source, &[("a", "a", b"")]);
        let shown = shelf.run_with_clients(&["pull", "it"]);
        refused(&shown, &[&format!("is fetched by `{client}`, which is not installed"), "help: ", help]);
        shelf.client(client, "echo 'no such package' >&2; exit 3");
        let shown = shelf.run_with_clients(&["pull", "it"]);
        refused(&shown, &[&format!("`{client} "), "ended with exit status: 3", "note: it said: no such package"]);
        shelf.client(client, "true");
        refused(&shelf.run_with_clients(&["pull", "it"]), &["left no package behind"]);
        shelf.client(client, "kill -INT $$");
        refused(&shelf.run_with_clients(&["pull", "it"]), &["ended with signal: 2 (SIGINT)"]);
        assert_eq!((shelf.stored("a"), shelf.leftovers()), (None, Vec::new()));
    }
}

#[test]
fn wrong_digest_is_one_error_and_leaves_what_was_there() {
    let shelf = Shelf::new(NPM, &[("a", "a", b"right")]);
    let package = shelf.lab.path("it.tgz");
    shelf.describe(&file_url(&package), &[("a", "a", b"right")]);
    fs::write(&package, tgz(&[("a", b"wrong")])).unwrap();
    let shown = shelf.run(&["pull", "it"]);
    refused(&shown, &["error: `a` has the SHA-256 ", "and the manifest says ", "note: nothing of it was kept"]);
    for (content, expected) in [(b"longer".as_slice(), "has more than the 5 bytes"), (b"less", "has 4 bytes, and")] {
        fs::write(&package, tgz(&[("a", content)])).unwrap();
        refused(&shelf.run(&["pull", "it"]), &[expected]);
    }
    assert_eq!((shelf.stored("a"), shelf.leftovers()), (None, Vec::new()));

    // A file that is right stays when the next version of it is wrong.
    fs::write(&package, tgz(&[("a", b"right")])).unwrap();
    shelf.run(&["pull", "it"]).succeeds();
    shelf.describe(&file_url(&package), &[("a", "a", b"newer")]);
    refused(&shelf.run(&["pull", "it"]), &["has the SHA-256"]);
    assert_eq!(shelf.stored("a").unwrap(), b"right");
}

#[test]
fn package_that_is_broken_or_without_the_file_is_named() {
    let shelf = Shelf::new(NPM, &[]);
    let check = |name: &str, bytes: &[u8], expected: &str| {
        let package = shelf.lab.path(name);
        fs::write(&package, bytes).unwrap();
        shelf.describe(&file_url(&package), &[("a", "in/a", b"right")]);
        refused(&shelf.run(&["pull", "it"]), &[name, expected]);
    };
    check("none.tgz", &tgz(&[("a", b"right")]), "has no file `in/a`");
    check("none.whl", &wheel(&[("a", b"right")]), "has no file `in/a`");
    check("folder.whl", &wheel(&[("in/a/b", b"right")]), "has no file `in/a`");
    check("broken.tgz", b"hello", "cannot be read to its end");
    check("broken.zip", b"hello", "cannot be read to its end");
    let whole = tgz(&[("in/a", b"right")]);
    check("cut.tgz", &whole[..whole.len() / 2], "cannot be read to its end");
    check("it.rar", b"hello", "ends in none of .tgz");
    refused(
        &Shelf::new(&file_url(&shelf.lab.path("gone")), &[("a", "", b"")]).run(&["pull", "it"]),
        &["gone` cannot be read"],
    );
}

#[test]
fn disk_that_is_full_is_one_error_and_leaves_nothing_behind() {
    let content = vec![7; 100_000];
    let shelf = Shelf::new(NPM, &[]);
    let package = shelf.lab.path("it.tgz");
    fs::write(&package, tgz(&[("a", &content)])).unwrap();
    shelf.describe(&file_url(&package), &[("a", "a", &content)]);
    // A limit for the size of files is the full disk that a test can have.
    let pull = shelf.command(&["pull", "it"]);
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 20; exec \"$@\"", "sh"]).arg(pull.get_program()).args(pull.get_args());
    limited.envs(pull.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let shown: Shown = limited.current_dir(shelf.lab.path("")).output().unwrap().into();
    refused(&shown, &["cannot write to `", "help: make room, or set GRAPHMILL_MODELS"]);
    assert_eq!((shelf.stored("a"), shelf.leftovers()), (None, Vec::new()));
    shelf.run(&["pull", "it"]).succeeds();
    assert_eq!(shelf.stored("a").unwrap(), content);
}

#[test]
fn model_is_verified_and_found_where_it_was_put() {
    let shelf = Shelf::new(NPM, &[]);
    let file = shelf.lab.write("an original", "right");
    shelf.describe(&file_url(&file).replace("an original", "an%20original"), &[("a", "", b"right")]);
    let absent = "the model `it` is not on this machine";
    for arguments in [&["path", "it"][..], &["path", "it", "a"], &["verify", "it"]] {
        refused(&shelf.run(arguments), &[absent, "fetch it with `graphmill models pull it`"]);
    }
    assert!(shelf.run(&["verify"]).succeeds().err.contains("there is no model in `"));
    shelf.run(&["pull", "it"]).succeeds();
    assert_eq!(shelf.run(&["path", "it"]).succeeds().out.trim_end(), shelf.lab.path("store/it").to_str().unwrap());
    assert_eq!(shelf.run(&["path", "it", "a"]).succeeds().out.trim_end(), shelf.file("a").to_str().unwrap());
    assert!(shelf.run(&["verify"]).succeeds().err.contains("it: 1 file as they should be"));
    fs::write(shelf.file("a"), "wrong").unwrap();
    refused(&shelf.run(&["verify", "it"]), &["`it/a` has the SHA-256 ", "run `graphmill models pull it`"]);
    fs::write(shelf.file("a"), "longer").unwrap();
    refused(&shelf.run(&["verify", "it"]), &["`it/a` has 6 bytes, not 5"]);
    refused(&shelf.run(&["pull", "its"]), &["there is no model `its`; did you mean `it`?"]);
    refused(&shelf.run(&["path", "it", "b"]), &["the model `it` has no file `b`; its files are `a`"]);
}
