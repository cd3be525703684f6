//! "Did you mean": the nearest of the names that would have been right.

/// Names are compared up to this length; nobody mistypes a longer one by a letter.
const NAME_LEN_MAX: usize = 128;
/// Names listed when all the possible ones are shown.
const LISTED_MAX: usize = 12;

/// The known name that is nearest to a wrong one, if one is near enough to be what was meant.
pub(crate) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    near(wrong, known).into_iter().next()
}

/// The known names that could be meant by a wrong one, the nearest first.
pub(crate) fn near<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    if wrong.len() > NAME_LEN_MAX {
        return Vec::new();
    }
    let wrong = wrong.to_lowercase();
    let mut scored: Vec<(usize, &str)> = known
        .into_iter()
        .filter(|name| name.len() <= NAME_LEN_MAX)
        .filter_map(|name| Some((distance(&wrong, &name.to_lowercase())?, name)))
        .collect();
    scored.sort_unstable();
    scored.into_iter().map(|(_, name)| name).collect()
}

/// Edits between two names; `None` when they are too far apart for a slip.
fn distance(wrong: &str, known: &str) -> Option<usize> {
    let edits = strsim::osa_distance(wrong, known);
    let allowed = (wrong.chars().count().max(known.chars().count()) / 3).max(1);
    if edits <= allowed {
        return Some(edits);
    }
    let part_of = wrong.len() >= 3 && (known.contains(wrong) || wrong.contains(known) && known.len() >= 3);
    part_of.then_some(allowed + 1)
}

/// The help line of a wrong name: the nearest one, or the list of all.
pub(crate) fn help_for<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(wrong, known.iter().copied()) {
        Some(name) => Some(format!("did you mean `{name}`?")),
        None if known.is_empty() => None,
        None => Some(format!("use {}", list(&known, "or"))),
    }
}

/// `a`, `b` and `c`; the rest is counted when there are many.
pub(crate) fn list<S: AsRef<str>>(names: &[S], joint: &str) -> String {
    let hidden = names.len().saturating_sub(LISTED_MAX);
    let shown: Vec<String> = names.iter().take(LISTED_MAX).map(|name| format!("`{}`", name.as_ref())).collect();
    match shown.split_last() {
        None => String::new(),
        Some(_) if hidden > 0 => format!("{} {joint} {hidden} more", shown.join(", ")),
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} {joint} {last}", first.join(", ")),
    }
}
