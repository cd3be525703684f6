//! `models`: which there are, fetch them, check them, say where they are.

use crate::arguments::{ModelsCommand, StoreAt};
use crate::console::Console;
use crate::failure::{Failure, STRONG};
use crate::models::{Bars, pull};
use crate::table::{Align, Cell, Table};
use crate::units;
use graphmill_models::{FileState, Manifest, Model, ModelError, Store};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Does one of the things that can be done with models.
pub(crate) fn run(console: Console, at: &StoreAt, what: &ModelsCommand) -> Result<ExitCode, Failure> {
    let mut store = Store::open()?;
    if let Some(path) = &at.manifest {
        store = Store::new(store.folder(), Manifest::with_file(path)?);
    }
    match what {
        ModelsCommand::List => list(console, &store),
        ModelsCommand::Pull { names } => pull_all(console, &store, names),
        ModelsCommand::Verify { names } => verify_all(console, &store, names),
        ModelsCommand::Path { name, file } => path(console, &store, (name, file.as_deref())),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// How much of a model is on this machine, by the sizes of its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Here {
    All,
    Part,
    None,
}

impl Here {
    fn of(store: &Store, model: &Model) -> Result<Self, Failure> {
        let mut counts = [0, 0];
        for file in model.files() {
            let [present, all] = &mut counts;
            *present += usize::from(store.state_of(model, file)? == FileState::Present);
            *all += 1;
        }
        Ok(match counts {
            [present, all] if present == all => Self::All,
            [0, _] => Self::None,
            _ => Self::Part,
        })
    }

    fn word(self) -> &'static str {
        match self {
            Self::All => "here",
            Self::Part => "in part",
            Self::None => "-",
        }
    }
}

fn list(console: Console, store: &Store) -> Result<(), Failure> {
    let models = store.manifest().models();
    let here = models.iter().map(|model| Ok((model, Here::of(store, model)?))).collect::<Result<Vec<_>, Failure>>()?;
    if console.is_json() {
        return console.json(&here.iter().map(|(model, here)| described(store, model, *here)).collect());
    }
    let columns = [
        ("model", Align::Left),
        ("size", Align::Right),
        ("here", Align::Left),
        ("licence", Align::Left),
        ("", Align::Left),
    ];
    let mut table = Table::new(columns);
    for (model, here) in here {
        let name = Cell::from(model.name.as_str()).styled(STRONG);
        table.row([
            name,
            units::bytes(model.bytes()).into(),
            here.word().into(),
            licences(model).into(),
            model.title.as_str().into(),
        ]);
    }
    console.result(&table.render())
}

/// Each of its licences once, in the order in which they come.
fn licences(model: &Model) -> String {
    let mut licences: Vec<&str> = Vec::new();
    for source in &model.sources {
        if !licences.contains(&source.licence.as_str()) {
            licences.push(&source.licence);
        }
    }
    licences.join(", ")
}

fn described(store: &Store, model: &Model, here: Here) -> Value {
    let sources = model.sources.iter().map(|source| {
        let files = source
            .files
            .iter()
            .map(|file| json!({ "name": file.name, "bytes": file.bytes, "sha256": file.sha256.to_string() }));
        json!({ "origin": source.origin.to_string(), "licence": source.licence, "files": files.collect::<Vec<_>>() })
    });
    json!({
        "name": model.name,
        "title": model.title,
        "kind": model.kind.to_string(),
        "bytes": model.bytes(),
        "here": here == Here::All,
        "folder": store.folder_of(model),
        "sources": sources.collect::<Vec<_>>(),
    })
}

fn pull_all(console: Console, store: &Store, names: &[String]) -> Result<(), Failure> {
    let models = models_of(store, names)?;
    let bars = Bars::new(!console.is_quiet());
    let mut done = Vec::new();
    for model in models {
        let pulled = pull(console, store, model, bars)?;
        let said = match pulled.fetched {
            0 => "is there already".to_owned(),
            fetched => format!("fetched, {}", units::count(fetched, "file")),
        };
        console.note(&format!("{}: {said}: `{}`", model.name, pulled.folder.display()));
        done.push(json!({ "name": model.name, "fetched": pulled.fetched, "folder": pulled.folder }));
    }
    if console.is_json() { console.json(&done.into()) } else { Ok(()) }
}

/// The models of these names; all names are looked at before anything is done.
fn models_of<'a>(store: &'a Store, names: &[String]) -> Result<Vec<&'a Model>, Failure> {
    names.iter().map(|name| Ok(store.manifest().model(name)?)).collect()
}

fn verify_all(console: Console, store: &Store, names: &[String]) -> Result<(), Failure> {
    let mut models = models_of(store, names)?;
    if names.is_empty() {
        for model in store.manifest().models() {
            if Here::of(store, model)? != Here::None {
                models.push(model);
            }
        }
    }
    let bars = Bars::new(!console.is_quiet());
    let mut wrong = Vec::new();
    let mut right = Vec::new();
    for model in &models {
        match verify(store, model, bars) {
            Ok(files) => {
                console.note(&format!("{}: {} as they should be", model.name, units::count(files, "file")));
                right.push(&model.name);
            }
            Err(error) => wrong.push(error),
        }
    }
    if let Some(first) = wrong.first() {
        let rest = wrong.iter().skip(1).map(|error| format!("error: {error}"));
        return Err(rest.fold(Failure::new(first.to_string()), Failure::note));
    }
    if models.is_empty() {
        console.note(&format!("there is no model in `{}`", store.folder().display()));
    }
    if console.is_json() { console.json(&json!({ "ok": true, "verified": right })) } else { Ok(()) }
}

/// Compares every file of a model and says how many there are.
fn verify(store: &Store, model: &Model, bars: Bars) -> Result<u64, ModelError> {
    let bar = bars.bytes(format!("checking {}", model.name), model.bytes());
    let mut files = 0;
    for file in model.files() {
        store.file(&model.name, &file.name)?.verify_seen(|len| bar.add(len))?;
        files += 1;
    }
    Ok(files)
}

fn path(console: Console, store: &Store, (name, file): (&str, Option<&str>)) -> Result<(), Failure> {
    let model = store.manifest().model(name)?;
    let path = match file {
        Some(file) => store.path(name, file)?,
        None => {
            for file in model.files() {
                store.file(name, &file.name)?;
            }
            store.folder_of(model)
        }
    };
    if console.is_json() {
        console.json(&json!({ "path": path }))
    } else {
        console.result(&format!("{}\n", path.display()))
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        Self::new(error.to_string())
    }
}
