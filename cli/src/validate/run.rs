//! Which trials are made, and in which order: kinds side by side, those of one kind one after the other.

use super::finding::{About, Finding};
use super::parent::{Order, Verdict, make};
use super::trials::{Subject, TRIALS, Trial};
use crate::failure::Failure;
use graphmill::graph::{KindInfo, Manifest};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) order: Order<'a>,
    /// Params of kinds, as JSON.
    pub(crate) params: BTreeMap<String, String>,
    /// Only these rules; all of them where there is none.
    pub(crate) only: BTreeSet<&'static str>,
}

/// A trial that was made, or why it was not.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) trial: &'static Trial,
    pub(crate) kind: Option<String>,
    pub(crate) findings: usize,
    /// Why it says nothing.
    pub(crate) skipped: Option<String>,
}

/// What all trials came to.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    pub(crate) about: Option<About>,
    pub(crate) manifest: Option<Manifest>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) made: Vec<Made>,
}

impl Plan<'_> {
    /// Makes every trial that is wanted.
    ///
    /// # Errors
    /// Params are for a kind that the library does not have, or no child can be started.
    pub(crate) fn carry_out(&self) -> Result<Judgement, Failure> {
        let mut judgement = Judgement::default();
        let (load, others) = TRIALS.split_first().ok_or_else(|| Failure::new("there are no trials"))?;
        let verdict = self.made(load, None)?;
        judgement.about.clone_from(&verdict.about);
        let manifest = verdict.about.as_ref().and_then(|about| Manifest::parse(&about.manifest).ok());
        judgement.note(self, load, None, verdict);
        let Some(manifest) = manifest else { return Ok(judgement) };
        self.check_params(&manifest)?;
        let subjects: Vec<Option<&KindInfo>> = [None].into_iter().chain(manifest.kinds.iter().map(Some)).collect();
        for part in self.judge_all(others, &subjects)? {
            judgement.findings.extend(part.findings);
            judgement.made.extend(part.made);
        }
        judgement.manifest = Some(manifest);
        Ok(judgement)
    }

    fn check_params(&self, manifest: &Manifest) -> Result<(), Failure> {
        let known = |kind: &str| manifest.kinds.iter().any(|info| info.id == kind);
        match self.params.keys().find(|kind| !known(kind)) {
            None => Ok(()),
            Some(kind) => {
                let kinds: Vec<&str> = manifest.kinds.iter().map(|info| info.id.as_str()).collect();
                Err(Failure::new(format!(
                    "--params names the kind `{kind}`, and the library has `{}`",
                    kinds.join("`, `")
                )))
            }
        }
    }

    /// Judges the subjects side by side, as many as there are processors; the answer is in their order.
    fn judge_all(&self, trials: &'static [Trial], subjects: &[Option<&KindInfo>]) -> Result<Vec<Judgement>, Failure> {
        let next = Mutex::new(0);
        let done: Mutex<BTreeMap<usize, Result<Judgement, Failure>>> = Mutex::default();
        let take = || {
            let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
            *next += 1;
            Some(*next - 1).filter(|at| *at < subjects.len())
        };
        let work = || {
            while let Some((at, subject)) = take().and_then(|at| Some((at, subjects.get(at)?))) {
                let part = self.judge(trials, *subject);
                done.lock().unwrap_or_else(PoisonError::into_inner).insert(at, part);
            }
        };
        thread::scope(|scope| {
            for _ in 0..thread::available_parallelism().map_or(1, NonZero::get).min(subjects.len()) {
                scope.spawn(work);
            }
        });
        done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
    }

    /// Makes the trials of one kind, or those of the library as a whole.
    fn judge(&self, trials: &'static [Trial], subject: Option<&KindInfo>) -> Result<Judgement, Failure> {
        let mut judgement = Judgement::default();
        let (mut failed, mut absent): (BTreeSet<&'static str>, BTreeSet<&'static str>) = Default::default();
        let kind = subject.map(|info| info.id.as_str());
        let fits = |trial: &&Trial| match subject {
            None => trial.subject == Subject::Library,
            Some(info) => trial.subject.fits(info.role),
        };
        for trial in trials.iter().filter(fits).filter(|trial| self.wants(trial)) {
            let is_missing =
                |needed: &&&str| failed.contains(**needed) || (absent.contains(**needed) && !trial.needs_no_params);
            if let Some(needed) = trial.needs.iter().find(is_missing) {
                absent.insert(trial.name);
                let skipped = Some(format!("the trial `{needed}` has to pass first"));
                judgement.made.push(Made { trial, kind: kind.map(Into::into), findings: 0, skipped });
                continue;
            }
            let verdict = self.made(trial, kind)?;
            if verdict.skipped.is_some() {
                absent.insert(trial.name);
            } else if !verdict.carries() {
                failed.insert(trial.name);
            }
            judgement.note(self, trial, kind, verdict);
        }
        Ok(judgement)
    }

    /// Whether a trial judges a rule that is wanted, or one that does needs it.
    fn wants(&self, trial: &Trial) -> bool {
        let judges = |trial: &Trial| self.only.is_empty() || trial.rules.iter().any(|rule| self.only.contains(rule));
        let needs = |other: &&Trial| other.needs.contains(&trial.name);
        judges(trial) || TRIALS.iter().filter(needs).any(|other| self.wants(other))
    }

    fn made(&self, trial: &Trial, kind: Option<&str>) -> Result<Verdict, Failure> {
        let kind = kind.map(|kind| (kind, self.params.get(kind).map(String::as_str)));
        make(&self.order, trial, kind)
            .map_err(|error: io::Error| Failure::new(format!("cannot start the process of a trial: {error}")))
    }
}

impl Judgement {
    fn note(&mut self, plan: &Plan<'_>, trial: &'static Trial, kind: Option<&str>, verdict: Verdict) {
        let is_new = |finding: &Finding| {
            (plan.only.is_empty() || plan.only.contains(finding.rule))
                && !self.findings.iter().any(|known| known.rule == finding.rule && known.kind == finding.kind)
        };
        let findings: Vec<Finding> = verdict.findings.iter().filter(|finding| is_new(finding)).cloned().collect();
        let hidden = verdict.findings.iter().find(|finding| !plan.only.is_empty() && !plan.only.contains(finding.rule));
        let skipped =
            verdict.skipped.or_else(|| hidden.map(|finding| format!("{} is broken: {}", finding.rule, finding.saw)));
        self.made.push(Made { trial, kind: kind.map(Into::into), findings: findings.len(), skipped });
        self.findings.extend(findings);
    }
}
