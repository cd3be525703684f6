//! Runs tests under Miri, lane by lane as `miri.toml` says, each lane with every borrow model.
//!
//! First come the probes: programs that are wrong in one way each. Miri has to find fault with them, or the flags of the
//! file do not reach it and a green lane shows nothing.

use super::toml::{self, Table};
use super::{need_component, nightly};
use crate::command::{self, Outcome};
use crate::workspace::Workspace;
use std::fs;
use std::process::Command;

/// The file, from the root.
pub(crate) const FILE: &str = "miri.toml";

/// What the file says.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Names of the borrow models with their flags.
    models: Vec<(String, Vec<String>)>,
    flags: Vec<String>,
    /// Programs, with the models under which Miri refuses each.
    probes: Vec<(String, Vec<String>)>,
    pub(crate) lanes: Vec<Lane>,
    /// Functions of the tables, with a test of each or a dash and a reason.
    pub(crate) functions: Vec<(String, String)>,
}

/// Some tests of one package.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) name: String,
    pub(crate) package: String,
    /// Parts of the paths of tests; all of them when there is none.
    pub(crate) filters: Vec<String>,
    flags: Vec<String>,
}

impl Plan {
    /// Reads the file of the workspace.
    ///
    /// # Errors
    /// It cannot be read, or lacks something.
    pub(crate) fn read(workspace: &Workspace) -> Outcome<Self> {
        let text = fs::read_to_string(workspace.root.join(FILE)).map_err(|error| format!("{FILE}: {error}"))?;
        Self::parse(&text).map_err(|fault| format!("{FILE}: {fault}"))
    }

    fn parse(text: &str) -> Outcome<Self> {
        let tables = toml::parse(text)?;
        let table =
            |name: &str| tables.iter().find(|table| table.name == name).ok_or(format!("there is no `[{name}]`"));
        let lists = |table: &Table| -> Vec<(String, Vec<String>)> {
            let keys = table.entries.iter().map(|(key, _)| key);
            keys.map(|key| (key.clone(), table.list(key).unwrap_or_default().to_vec())).collect()
        };
        let functions = table("functions")?;
        let functions = functions.entries.iter().map(|(key, _)| key.clone());
        let test_of = |function: String| {
            let test = table("functions").ok().and_then(|table| table.text(&function)).unwrap_or_default().to_owned();
            (function, test)
        };
        Ok(Self {
            models: lists(table("models")?),
            flags: table("flags")?.list("all").unwrap_or_default().to_vec(),
            probes: lists(table("probes")?),
            lanes: tables.iter().filter(|table| table.name == "lane").map(Lane::read).collect::<Outcome<_>>()?,
            functions: functions.map(test_of).collect(),
        })
    }
}

impl Lane {
    fn read(table: &Table) -> Outcome<Self> {
        let text = |key: &str| table.text(key).map(Into::into).ok_or_else(|| format!("a lane has no `{key}`"));
        let list = |key: &str| table.list(key).map(<[_]>::to_vec).ok_or_else(|| format!("a lane has no list `{key}`"));
        Ok(Self { name: text("name")?, package: text("package")?, filters: list("filters")?, flags: list("flags")? })
    }
}

/// Runs the lanes that are named, or all of them, after the probes.
///
/// # Errors
/// Miri cannot be set up, a probe passes that must not, or a test fails.
pub(crate) fn run(workspace: &Workspace, wanted: &[String]) -> Outcome {
    let plan = Plan::read(workspace)?;
    if let Some(stranger) =
        wanted.iter().find(|name| *name != "probes" && !plan.lanes.iter().any(|lane| lane.name == **name))
    {
        let names: Vec<_> = plan.lanes.iter().map(|lane| lane.name.as_str()).collect();
        return Err(format!("there is no lane `{stranger}`; there are probes, {}", names.join(", ")));
    }
    need_component("miri")?;
    need_component("rust-src")?;
    command::run(&mut nightly(workspace, "miri", &["miri", "setup"]))?;
    probe(workspace, &plan)?;
    for lane in plan.lanes.iter().filter(|lane| wanted.is_empty() || wanted.contains(&lane.name)) {
        for (model, flags) in &plan.models {
            println!("\n== miri: {}, {model} borrows", lane.name);
            let mut tests = nightly(workspace, "miri", &["miri", "test", "--lib", "--package", &lane.package, "--"]);
            tests.args(&lane.filters);
            command::run(with_flags(&mut tests, [&plan.flags, flags, &lane.flags]))?;
        }
    }
    Ok(())
}

fn with_flags<'a>(command: &'a mut Command, flags: [&[String]; 3]) -> &'a mut Command {
    command.env("MIRIFLAGS", flags.concat().join(" "))
}

/// Has Miri look at programs that are wrong.
fn probe(workspace: &Workspace, plan: &Plan) -> Outcome {
    for (program, refused) in &plan.probes {
        for (model, flags) in &plan.models {
            let arguments = ["miri", "run", "--quiet", "--manifest-path", "xtask/probes/Cargo.toml", "--bin", program];
            let mut run = nightly(workspace, "miri", &arguments);
            let passes = command::succeeds(with_flags(&mut run, [&plan.flags, flags, &[]]));
            if passes == refused.contains(model) {
                let verb = if passes { "lets the probe pass" } else { "refuses the probe" };
                return Err(format!("Miri with {model} borrows {verb} `{program}`: the flags of {FILE} do not arrive"));
            }
        }
        println!("probe `{program}` is refused by the models {}", refused.join(", "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan::read(&Workspace::find().unwrap()).unwrap()
    }

    #[test]
    fn both_borrow_models_and_strict_provenance_are_asked_for_and_probed() {
        let plan = plan();
        assert!(plan.flags.iter().any(|flag| flag == "-Zmiri-strict-provenance"));
        assert_eq!(plan.models.len(), 2);
        let has_probe = |name: &str| plan.probes.iter().any(|(probe, refused)| probe == name && !refused.is_empty());
        assert!(["provenance", "leak", "out_of_borrow"].into_iter().all(has_probe));
    }

    #[test]
    fn flags_of_the_file_stand_in_the_variable_that_miri_reads() {
        let flags = [["-a".to_owned()], ["-b".to_owned()], ["-c".to_owned()]];
        let mut command = Command::new("true");
        with_flags(&mut command, [&flags[0], &flags[1], &flags[2]]);
        let set: Vec<_> = command.get_envs().collect();
        assert_eq!(set, [("MIRIFLAGS".as_ref(), Some("-a -b -c".as_ref()))]);
    }

    #[test]
    fn lane_without_a_package_is_refused() {
        let text = "[models]\na = []\n[flags]\nall = []\n[probes]\n[functions]\n[[lane]]\nname = \"x\"\n";
        assert_eq!(Plan::parse(text).unwrap_err(), "a lane has no `package`");
    }
}
