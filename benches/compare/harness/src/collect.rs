//! Runs every peer in turns.

use crate::build::Program;
use crate::peers::Peer;
use crate::process::{Ended, ended, last_lines};
use compare_common::{Case, NOT_OFFERED, Run};
use std::collections::BTreeSet;

/// What came out of all rounds.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    /// Every run with the number of its round.
    pub(crate) runs: Vec<(usize, Run)>,
    /// Who did not do which case, and why.
    pub(crate) refused: Vec<Refusal>,
}

/// A case that a peer did not do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) peer: &'static Peer,
    pub(crate) case: Case,
    pub(crate) reason: String,
    /// Whether it has nothing like it; otherwise it tried and failed.
    pub(crate) is_not_offered: bool,
}

/// Runs all cases `rounds` times: in each round every peer once.
pub(crate) fn collect(programs: &[Program], cases: &[Case], rounds: usize) -> Collected {
    let mut collected = Collected::default();
    for (at, case) in cases.iter().enumerate() {
        eprintln!("{} of {}: {} x {}, {} bytes", at + 1, cases.len(), case.work, case.depth, case.bytes);
        let mut out = BTreeSet::new();
        for round in 0..rounds {
            for program in programs {
                let name = program.peer.name;
                if out.contains(name) {
                    continue;
                }
                match run(program, case) {
                    Ok(run) => collected.runs.push((round, run)),
                    Err(refusal) => {
                        if !refusal.is_not_offered {
                            eprintln!("   {name}: {}", refusal.reason);
                        }
                        out.insert(name);
                        collected.refused.push(refusal);
                    }
                }
            }
        }
    }
    collected
}

fn run(program: &Program, case: &Case) -> Result<Run, Refusal> {
    let refusal = |reason, is_not_offered| Refusal { peer: program.peer, case: *case, reason, is_not_offered };
    let Ended { code, stdout, stderr } =
        ended(program.command().args(case.arguments())).map_err(|fault| refusal(fault, false))?;
    match code {
        Some(0) => Run::from_line(&stdout).map_err(|fault| refusal(fault, false)),
        Some(code) if code == i32::from(NOT_OFFERED) => Err(refusal(last_lines(&stderr), true)),
        code => {
            let code = code.map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"));
            Err(refusal(format!("ended with {code}: {}", last_lines(&stderr)), false))
        }
    }
}
