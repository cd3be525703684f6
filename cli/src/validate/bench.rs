//! What a trial works with: the library, one of its kinds, and somebody who listens.

use super::finding::Line;
use super::life::Life;
use super::params::Params;
use crate::plugins::kind_of_node;
use graphmill::exec::{Factories as _, Factory};
use graphmill::graph::{FormatSet, KindInfo, Kinds as _, PinInfo, PinsError};
use graphmill::plugin::{HostStats, host_stats};
use graphmill::{Plugin, Plugins};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Starts every line that is for the parent.
pub(crate) const MARK: &str = "graphmill-trial: ";

/// Says to the parent what happens, a line at a time; what a rule does not like once is not told again.
#[derive(Debug, Default)]
pub(crate) struct Teller {
    told: Mutex<BTreeSet<&'static str>>,
    doing: Mutex<String>,
}

impl Teller {
    /// Writes a line.
    pub(crate) fn say(&self, line: &Line) {
        let text = serde_json::to_string(line).unwrap_or_default();
        let mut out = io::stdout().lock();
        // A parent that has left does not need it. The line break in front ends what a library wrote without one.
        drop(writeln!(out, "\n{MARK}{text}").and_then(|()| out.flush()));
    }

    /// Says what is about to be done, and which rule is broken if it does not come back.
    pub(crate) fn doing(&self, rule: &'static str, what: impl Into<String>) {
        let what = what.into();
        self.doing.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&what);
        self.say(&Line::Doing { rule: rule.into(), what });
    }

    /// What is being done.
    pub(crate) fn now(&self) -> String {
        self.doing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says that a rule is broken, unless that was said before.
    pub(crate) fn found(&self, rule: &'static str, saw: impl Into<String>) {
        if self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(rule) {
            self.say(&Line::Found { rule: rule.into(), saw: saw.into() });
        }
    }

    /// Says that the trial cannot be made.
    pub(crate) fn skipped(&self, why: impl Into<String>) {
        self.say(&Line::Skipped(why.into()));
    }
}

/// A kind under test.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) teller: Teller,
    pub(crate) info: Arc<KindInfo>,
    pub(crate) plugin: Arc<Plugin>,
    pub(crate) params: Params,
    pub(crate) seed: u64,
    /// The first rule that the trial judges: what a call that goes wrong in an unexpected way breaks.
    pub(crate) rule: &'static str,
    /// Names instances.
    pub(crate) next_id: AtomicU64,
    /// Names files.
    next_path: AtomicU64,
    plugins: Plugins,
    factory: Arc<dyn Factory>,
    before: HostStats,
    /// What the plugin handed on when the host refused a service.
    refusal: Mutex<String>,
    scratch: PathBuf,
}

/// With what a bench is made.
#[derive(Debug)]
pub(crate) struct Setting<'a> {
    pub(crate) kind: &'a str,
    pub(crate) params: Option<&'a str>,
    pub(crate) seed: u64,
    pub(crate) scratch: &'a Path,
    pub(crate) rule: &'static str,
}

/// Asks for the pins of a node with these params, as they are.
fn told(plugins: &Plugins, kind: &Arc<KindInfo>, params: &str) -> Result<Arc<KindInfo>, PinsError> {
    let params = serde_json::from_str(params).unwrap_or_else(|_| Value::String(params.to_owned()));
    kind_of_node(plugins, kind, ("node", &params))
}

impl Bench {
    /// The kind of a plugin; `None` when the plugin offers no such kind.
    pub(crate) fn new(teller: Teller, plugins: &Plugins, setting: &Setting<'_>) -> Option<Self> {
        let kind = plugins.kind(setting.kind)?;
        let plugin = plugins.plugins().into_iter().next()?;
        let params = Params::of(&kind, setting.params);
        let asked = params.render(&setting.scratch.join(&kind.id));
        // What goes wrong here is judged by a trial of its own.
        let info = told(plugins, &kind, &asked).unwrap_or(kind);
        Some(Self {
            params,
            plugins: plugins.clone(),
            factory: plugins.factory(setting.kind)?,
            teller,
            info,
            plugin,
            seed: setting.seed,
            rule: setting.rule,
            next_id: AtomicU64::new(1),
            next_path: AtomicU64::new(1),
            before: host_stats(),
            refusal: Mutex::default(),
            scratch: setting.scratch.to_owned(),
        })
    }

    /// The kind with the pins that it tells for params, of which nothing is checked.
    pub(crate) fn told(&self, params: &str) -> Result<Arc<KindInfo>, PinsError> {
        told(&self.plugins, &self.info, params)
    }

    /// Chance, the same for the same seed.
    pub(crate) fn chance(&self) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed)
    }

    pub(crate) fn factory(&self) -> &dyn Factory {
        &*self.factory
    }

    /// Params for an instance as JSON; each instance has files of its own where files were made up.
    pub(crate) fn params(&self) -> String {
        let number = self.next_path.fetch_add(1, Ordering::Relaxed);
        self.params.render(&self.scratch.join(format!("{}-{number}", self.info.id)))
    }

    /// What an input or output takes or gives with the params of this bench.
    pub(crate) fn formats_of(&self, pin: &PinInfo) -> FormatSet {
        let params = serde_json::from_str(&self.params()).unwrap_or_default();
        let params = self.info.params_with_defaults(&params);
        pin.format.resolve(&params).unwrap_or_else(|_| FormatSet::any())
    }

    /// The inputs that a graph has to link, with their numbers; all of them where it need not link any.
    pub(crate) fn inputs(&self) -> Vec<(usize, &PinInfo)> {
        let all = || self.info.inputs.iter().enumerate();
        let needed: Vec<_> = all().filter(|(_, pin)| !pin.optional).collect();
        if needed.is_empty() { all().collect() } else { needed }
    }

    /// Makes an instance; what goes wrong is told.
    pub(crate) fn life(&self) -> Option<Life<'_>> {
        Life::begin(self)
    }

    /// Tells what the host refused or repaired since the bench was made.
    pub(crate) fn judge_host(&self) {
        let (before, now) = (self.before, host_stats());
        let said = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        let said = if said.is_empty() { String::new() } else { format!(": `{said}`") };
        let refused = [
            (now.calls_refused_thread - before.calls_refused_thread, "on a thread that may not make it"),
            (now.calls_refused_state - before.calls_refused_state, "in a state in which it is not allowed"),
        ];
        for (count, how) in refused {
            if count > 0 {
                self.teller
                    .found("G1", format!("a service of the host was called {how}, and refused {count} times{said}"));
            }
        }
        let packets = now.packets_refused - before.packets_refused;
        if packets > 0 {
            self.teller.found("E2", format!("the host refused {packets} packets as impossible{said}"));
        }
        self.judge_log(&now);
    }

    fn judge_log(&self, now: &HostStats) {
        let before = &self.before;
        let losses = [
            (now.log_texts_replaced - before.log_texts_replaced, "texts had bytes that are not UTF-8"),
            (now.log_records_unreadable - before.log_records_unreadable, "records or texts in them could not be read"),
            (now.log_texts_cut - before.log_texts_cut, "texts were too long and were cut"),
            (now.log_records_suppressed - before.log_records_suppressed, "records came too fast and were dropped"),
            (now.log_sites_folded - before.log_sites_folded, "places had no room for a target of their own"),
        ];
        for (count, what) in losses {
            if count > 0 {
                self.teller.found("G2", format!("{count} {what}"));
            }
        }
    }

    /// Remembers what the plugin handed on.
    pub(crate) fn note_refusal(&self, message: String) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = message;
    }

    /// How often the host said no so far: whoever compares two of them knows whether a call made it do so.
    pub(crate) fn refusals() -> u64 {
        let now = host_stats();
        now.calls_refused_thread + now.calls_refused_state + now.calls_refused_argument
    }
}
