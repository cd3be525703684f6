//! Runs every peer in turns.

use crate::build::Program;
use crate::peers::Peer;
use crate::process::{Ended, ended, last_lines};
use compare_common::{Case, NOT_OFFERED, Run};
use std::time::{Duration, Instant};

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

/// Runs all cases `rounds` times, in each of them every peer once, as long as there is time for one more round.
pub(crate) fn collect(programs: &[Program], cases: &[Case], rounds: usize, limit: Option<Duration>) -> Collected {
    let begun = Instant::now();
    let mut collected = Collected::default();
    for round in 0..rounds {
        if limit.is_some_and(|limit| !has_time(begun.elapsed(), round, limit)) {
            eprintln!("no time for another round");
            break;
        }
        for (at, case) in cases.iter().enumerate() {
            let Case { work, depth, bytes, .. } = case;
            eprintln!("round {}, {} of {}: {work} x {depth}, {bytes} bytes", round + 1, at + 1, cases.len());
            // Whoever comes first after a pause is not always the same.
            let turns = programs.iter().cycle().skip(round % programs.len().max(1)).take(programs.len());
            turns.for_each(|program| collected.add(round, case, program));
        }
    }
    collected
}

/// Whether one more round that takes as long as those before is over in time; the first one always is.
fn has_time(elapsed: Duration, rounds: usize, limit: Duration) -> bool {
    u32::try_from(rounds).is_ok_and(|rounds| rounds == 0 || elapsed + elapsed / rounds <= limit)
}

impl Collected {
    /// Runs a case, unless the peer did not do it before.
    fn add(&mut self, round: usize, case: &Case, program: &Program) {
        if self.refused.iter().any(|refusal| refusal.case == *case && refusal.peer == program.peer) {
            return;
        }
        match run(program, case) {
            Ok(run) => self.runs.push((round, run)),
            Err(refusal) => {
                if !refusal.is_not_offered {
                    eprintln!("   {}: {}", program.peer.name, refusal.reason);
                }
                self.refused.push(refusal);
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_begins_only_when_it_can_end_in_time() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        assert!(has_time(minutes(0), 0, minutes(0)), "nothing at all would be no result");
        assert!(has_time(minutes(4), 4, minutes(5)));
        assert!(!has_time(minutes(4), 3, minutes(5)));
    }
}
