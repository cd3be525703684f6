//! What was found, for people and for programs.

use super::finding::{Finding, Level};
use super::rules::{self, RULES};
use super::run::{Judgement, Made, Plan};
use crate::failure::{ERROR, MARK, STRONG, WARNING};
use crate::table::{Align, Cell, Table, lines};
use crate::units;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;

/// Longest line of running text.
const LINE_LEN: usize = 96;
const DIM: anstyle::Style = anstyle::Style::new().dimmed();
const GOOD: anstyle::Style = anstyle::AnsiColor::Green.on_default();

/// How many findings of a level there are.
fn count(judgement: &Judgement, level: Level) -> usize {
    judgement.findings.iter().filter(|finding| finding.level == level).count()
}

fn style(level: Level) -> anstyle::Style {
    match level {
        Level::Error => ERROR,
        Level::Warning => WARNING,
        Level::Note => MARK,
    }
}

/// Everything that people want to know: findings, kinds, and the sum.
pub(crate) fn human(plan: &Plan<'_>, judgement: &Judgement, took: Duration) -> String {
    let mut text = heading(plan, judgement);
    let mut findings: Vec<&Finding> = judgement.findings.iter().collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    for finding in findings {
        text.push_str(&told(finding));
    }
    text.push_str(&kinds(judgement));
    text.push_str(&not_judged(judgement));
    text.push_str(&sum(judgement, took));
    text
}

fn heading(plan: &Plan<'_>, judgement: &Judgement) -> String {
    let Some(manifest) = &judgement.manifest else {
        return format!("{STRONG}{}{STRONG:#}\n\n", plan.order.library.display());
    };
    let (plugin, kinds) = (&manifest.plugin, units::count(manifest.kinds.len() as u64, "kind"));
    let file = plan.order.library.display();
    format!(
        "{STRONG}{}{STRONG:#}  {}, {kinds}, seed {}\n{DIM}{file}{DIM:#}\n\n",
        plugin.id, plugin.version, plan.order.seed
    )
}

/// A finding: which rule, what was seen, why it matters, what to do.
fn told(finding: &Finding) -> String {
    let Some(rule) = rules::find(finding.rule) else { return String::new() };
    let (level, at) = (style(finding.level), finding.kind.as_deref().unwrap_or("the library"));
    let mut text =
        format!("{level}{}{level:#} {STRONG}{}{STRONG:#}  {at}: {}\n", finding.level.word(), rule.id, rule.title);
    for (word, said) in [("saw", finding.saw.as_str()), ("why", rule.why), ("do", rule.help)] {
        for (number, line) in lines(said, LINE_LEN).into_iter().enumerate() {
            let word = if number == 0 { word } else { "" };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {MARK}{word:<4}{MARK:#} {line}");
        }
    }
    text.push('\n');
    text
}

/// A line for each kind, and one for the library.
fn kinds(judgement: &Judgement) -> String {
    let mut table = Table::new([("", Align::Left), ("trials", Align::Right), ("result", Align::Left)]).indented("  ");
    let mut seen: Vec<Option<&str>> = Vec::new();
    for made in &judgement.made {
        if !seen.contains(&made.kind.as_deref()) {
            seen.push(made.kind.as_deref());
        }
    }
    for kind in seen {
        let of_kind = || judgement.made.iter().filter(|made| made.kind.as_deref() == kind);
        let findings: usize = of_kind().map(|made| made.findings).sum();
        let skipped = of_kind().filter(|made| made.skipped.is_some()).count();
        let trials = of_kind().count() - skipped;
        let result = match (findings, skipped) {
            (0, 0) => Cell::from("clean").styled(GOOD),
            (0, skipped) => Cell::from(format!("clean as far as judged, {skipped} not judged")).styled(WARNING),
            (findings, 0) => units::count(findings as u64, "finding").into(),
            (findings, skipped) => format!("{}, {skipped} not judged", units::count(findings as u64, "finding")).into(),
        };
        table.row([kind.unwrap_or("the library").into(), trials.to_string().into(), result]);
    }
    table.render() + "\n"
}

/// Why some trials say nothing; what only waits for another trial is no news.
fn not_judged(judgement: &Judgement) -> String {
    let is_news = |made: &&Made| made.skipped.as_ref().is_some_and(|why| !why.starts_with("the trial `"));
    let told = judgement.made.iter().filter(is_news).map(|made| {
        let (kind, why) = (made.kind.as_deref().unwrap_or("the library"), made.skipped.as_deref().unwrap_or_default());
        format!("{MARK}not judged{MARK:#}  {kind}, `{}`: {why}\n", made.trial.name)
    });
    let text: String = told.collect();
    if text.is_empty() { text } else { text + "\n" }
}

fn sum(judgement: &Judgement, took: Duration) -> String {
    let counts = [Level::Error, Level::Warning, Level::Note].map(|level| (level, count(judgement, level)));
    let skipped = judgement.made.iter().filter(|made| made.skipped.is_some()).count();
    let trials = units::count((judgement.made.len() - skipped) as u64, "trial");
    let found: Vec<String> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(level, count)| units::count(*count as u64, level.word()))
        .collect();
    let found = if found.is_empty() { format!("{GOOD}nothing found{GOOD:#}") } else { found.join(", ") };
    let took = units::duration(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    format!("{STRONG}{found}{STRONG:#} in {trials} and {took}\n")
}

/// Everything for programs.
pub(crate) fn to_json(plan: &Plan<'_>, judgement: &Judgement) -> Value {
    let findings: Vec<Value> = judgement.findings.iter().map(finding_json).collect();
    let trials: Vec<Value> = judgement
        .made
        .iter()
        .map(|made| json!({ "trial": made.trial.name, "kind": made.kind, "rules": made.trial.rules, "findings": made.findings, "not_judged": made.skipped }))
        .collect();
    let plugin = judgement
        .manifest
        .as_ref()
        .map(|manifest| json!({ "id": manifest.plugin.id, "version": manifest.plugin.version }));
    json!({
        "ok": is_clean(judgement),
        "library": judgement.about.as_ref().map_or(plan.order.library, |about| &about.file),
        "plugin": plugin,
        "seed": plan.order.seed,
        "counts": {
            "error": count(judgement, Level::Error),
            "warning": count(judgement, Level::Warning),
            "note": count(judgement, Level::Note),
        },
        "findings": findings,
        "trials": trials,
    })
}

fn finding_json(finding: &Finding) -> Value {
    let mut json = json!(finding);
    if let (Some(object), Some(rule)) = (json.as_object_mut(), rules::find(finding.rule)) {
        for (key, text) in [("title", rule.title), ("why", rule.why), ("help", rule.help)] {
            object.insert(key.into(), text.into());
        }
    }
    json
}

/// Whether there is nothing but notes.
pub(crate) fn is_clean(judgement: &Judgement) -> bool {
    judgement.findings.iter().all(|finding| finding.level == Level::Note)
}

/// The rules, for `--list`.
pub(crate) fn list() -> String {
    let mut table =
        Table::new([("rule", Align::Left), ("level", Align::Left), ("a plugin keeps it when", Align::Left)]);
    for rule in RULES {
        table.row([Cell::from(rule.id).styled(STRONG), rule.level.word().into(), rule.title.into()]);
    }
    table.render()
}

/// The rules for programs.
pub(crate) fn list_json() -> Value {
    let rule = |rule: &rules::Rule| json!({ "rule": rule.id, "level": rule.level, "title": rule.title, "why": rule.why, "help": rule.help });
    RULES.iter().map(rule).collect()
}
