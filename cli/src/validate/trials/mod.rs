//! The trials: each runs in a child of its own, and judges one rule or a few that are seen together.

mod around;
mod change;
mod data;
mod host;
mod ledger;
mod life;
mod lives;
pub(crate) mod load;
mod manifest;
mod pins;
mod random;
mod source;

use super::bench::Bench;
use graphmill::graph::Role;

/// What a trial is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The library as a whole.
    Library,
    /// Each kind.
    Kind,
    /// Each kind with inputs.
    Taker,
    /// Each kind that is ticked.
    Source,
}

impl Subject {
    /// Whether a kind of this role is such a subject.
    pub(crate) fn fits(self, role: Role) -> bool {
        match self {
            Self::Library => false,
            Self::Kind => true,
            Self::Taker => role != Role::Source,
            Self::Source => role == Role::Source,
        }
    }
}

/// What a trial does in its child.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Run {
    /// Looks at the library; the child loads it itself.
    Library(fn(&load::Library<'_>)),
    /// Uses a kind.
    Kind(fn(&Bench)),
}

/// A trial.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trial {
    pub(crate) name: &'static str,
    pub(crate) subject: Subject,
    /// The rules that it judges. The first one is broken by whatever goes wrong in an unexpected way.
    pub(crate) rules: &'static [&'static str],
    /// Trials of the same kind without which it would only repeat their findings.
    pub(crate) needs: &'static [&'static str],
    /// Whether it is made also where those could not be made: it does without good params.
    pub(crate) needs_no_params: bool,
    pub(crate) run: Run,
}

/// Every trial, each after those that it needs.
pub(crate) const TRIALS: &[Trial] = &[
    Trial {
        name: "load",
        subject: Subject::Library,
        rules: &["C1", "A1", "A2", "B1", "B2", "B3", "C2", "C3", "C5"],
        needs: &[],
        needs_no_params: false,
        run: Run::Library(load::load),
    },
    Trial {
        name: "manifest",
        subject: Subject::Library,
        rules: &["A3", "B4", "B5", "B6", "B7", "B8"],
        needs: &["load"],
        needs_no_params: false,
        run: Run::Library(manifest::look),
    },
    Trial {
        name: "around the load",
        subject: Subject::Library,
        rules: &["C4"],
        needs: &["load"],
        needs_no_params: false,
        run: Run::Library(load::around),
    },
    Trial {
        name: "create",
        subject: Subject::Kind,
        rules: &["D1", "D8", "D9", "G1", "G2"],
        needs: &[],
        needs_no_params: false,
        run: Run::Kind(life::create),
    },
    Trial {
        name: "bad params",
        subject: Subject::Kind,
        rules: &["D2", "D8", "D9"],
        needs: &["create"],
        needs_no_params: true,
        run: Run::Kind(life::bad_params),
    },
    Trial {
        name: "pins",
        subject: Subject::Kind,
        rules: &["F3", "D2", "G1", "G2"],
        needs: &[],
        needs_no_params: true,
        run: Run::Kind(pins::told),
    },
    Trial {
        name: "states",
        subject: Subject::Kind,
        rules: &["D3", "D8", "D9", "G1", "G2", "I1"],
        needs: &["create"],
        needs_no_params: false,
        run: Run::Kind(life::states),
    },
    Trial {
        name: "ledger",
        subject: Subject::Taker,
        rules: &["E1", "D8", "E5"],
        needs: &["states"],
        needs_no_params: false,
        run: Run::Kind(ledger::counted),
    },
    Trial {
        name: "packets",
        subject: Subject::Taker,
        rules: &["E1", "D8", "D9", "E2", "E3", "E11", "E13", "G1", "G2", "I1"],
        needs: &["states", "ledger"],
        needs_no_params: false,
        run: Run::Kind(data::packets),
    },
    Trial {
        name: "ticks",
        subject: Subject::Source,
        rules: &["E10", "D8", "D9", "E2", "E11", "E12", "G1", "G2", "I1"],
        needs: &["states"],
        needs_no_params: false,
        run: Run::Kind(source::tick),
    },
    Trial {
        name: "end",
        subject: Subject::Taker,
        rules: &["E8", "D8", "D9", "E2", "E11", "G1", "G2", "I1"],
        needs: &["packets", "ticks"],
        needs_no_params: false,
        run: Run::Kind(data::end),
    },
    Trial {
        name: "sizes",
        subject: Subject::Taker,
        rules: &["E6"],
        needs: &["packets", "ticks"],
        needs_no_params: false,
        run: Run::Kind(data::sizes),
    },
    Trial {
        name: "strangers",
        subject: Subject::Taker,
        rules: &["E7"],
        needs: &["packets", "ticks"],
        needs_no_params: false,
        run: Run::Kind(data::strangers),
    },
    Trial {
        name: "shared bytes",
        subject: Subject::Taker,
        rules: &["E4"],
        needs: &["packets", "ticks"],
        needs_no_params: false,
        run: Run::Kind(data::shared),
    },
    Trial {
        name: "full outputs",
        subject: Subject::Kind,
        rules: &["E9", "E5"],
        needs: &["packets", "ticks", "end"],
        needs_no_params: false,
        run: Run::Kind(ledger::refused),
    },
    Trial {
        name: "live params",
        subject: Subject::Kind,
        rules: &["F1", "D8", "D9", "G1", "G2", "I1"],
        needs: &["packets", "ticks", "end"],
        needs_no_params: false,
        run: Run::Kind(change::live),
    },
    Trial {
        name: "bad changes",
        subject: Subject::Kind,
        rules: &["F2", "D8", "D9"],
        needs: &["packets", "ticks", "end", "live params"],
        needs_no_params: false,
        run: Run::Kind(change::bad),
    },
    Trial {
        name: "hints",
        subject: Subject::Kind,
        rules: &["G3", "D8", "D9"],
        needs: &["packets", "ticks", "end"],
        needs_no_params: false,
        run: Run::Kind(host::hints),
    },
    Trial {
        name: "cancel",
        subject: Subject::Kind,
        rules: &["G4"],
        needs: &["packets", "ticks", "end", "full outputs"],
        needs_no_params: false,
        run: Run::Kind(host::cancelled),
    },
    Trial {
        name: "process state",
        subject: Subject::Kind,
        rules: &["H1", "H2", "H3", "H4", "H5", "H6"],
        needs: &["packets", "ticks", "end"],
        needs_no_params: false,
        run: Run::Kind(around::life),
    },
    Trial {
        name: "many lives",
        subject: Subject::Kind,
        rules: &["D4", "D5", "D6"],
        needs: &["packets", "ticks", "end"],
        needs_no_params: false,
        run: Run::Kind(lives::many),
    },
    Trial {
        name: "side by side",
        subject: Subject::Kind,
        rules: &["D7", "G1"],
        needs: &["packets", "ticks", "end"],
        needs_no_params: false,
        run: Run::Kind(lives::together),
    },
    Trial {
        name: "chance",
        subject: Subject::Kind,
        rules: &["J1"],
        needs: &["packets", "ticks", "end", "sizes", "live params", "hints", "full outputs"],
        needs_no_params: false,
        run: Run::Kind(random::calls),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::rules::RULES;

    #[test]
    fn trials_come_after_those_that_they_need_and_judge_rules_that_there_are() {
        for (at, trial) in TRIALS.iter().enumerate() {
            let before: Vec<_> = TRIALS[..at].iter().map(|trial| trial.name).collect();
            assert!(!before.contains(&trial.name), "{} is there twice", trial.name);
            assert!(trial.needs.iter().all(|needed| before.contains(needed)), "{}", trial.name);
            assert!(trial.rules.iter().all(|id| RULES.iter().any(|rule| rule.id == *id)), "{}", trial.name);
        }
    }

    #[test]
    fn every_rule_is_judged_by_a_trial() {
        for rule in RULES {
            assert!(TRIALS.iter().any(|trial| trial.rules.contains(&rule.id)), "{}", rule.id);
        }
    }
}
