//! What stands behind the name of a lane: words, and options with a value each.

use crate::command::Outcome;

/// Takes `--NAME VALUE` or `--NAME=VALUE` out of the arguments.
///
/// # Errors
/// The option has no value, or one that cannot be read.
pub(super) fn take<T: std::str::FromStr>(arguments: &mut Vec<String>, name: &str) -> Outcome<Option<T>> {
    let joined = format!("{name}=");
    let Some(at) = arguments.iter().position(|word| word == name || word.starts_with(&joined)) else {
        return Ok(None);
    };
    let word = arguments.remove(at);
    let value = match word.strip_prefix(&joined) {
        Some(value) => value.to_owned(),
        None if at < arguments.len() => arguments.remove(at),
        None => return Err(format!("`{name}` needs a value")),
    };
    value.parse().map(Some).map_err(|_| format!("`{name} {value}` cannot be read"))
}

/// Takes `--NAME`, which has no value, out of the arguments; whether it was there.
pub(super) fn take_flag(arguments: &mut Vec<String>, name: &str) -> bool {
    let len = arguments.len();
    arguments.retain(|word| word != name);
    arguments.len() < len
}

/// The words that are left, which must not be options.
///
/// # Errors
/// One of them is an option that nobody knows.
pub(super) fn words(arguments: Vec<String>) -> Outcome<Vec<String>> {
    match arguments.iter().find(|word| word.starts_with('-')) {
        Some(word) => Err(format!("`{word}` is no option of this lane")),
        None => Ok(arguments),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_taken_out_in_both_forms_and_words_stay() {
        let mut arguments: Vec<String> = ["a", "--seconds", "7", "--seeds=9", "b"].map(Into::into).into();
        assert_eq!(take::<u64>(&mut arguments, "--seconds"), Ok(Some(7)));
        assert_eq!(take::<u64>(&mut arguments, "--seeds"), Ok(Some(9)));
        assert_eq!(take::<u64>(&mut arguments, "--other"), Ok(None));
        assert!(!take_flag(&mut arguments, "--other"));
        arguments.insert(1, "--quick".into());
        assert!(take_flag(&mut arguments, "--quick"));
        assert_eq!(words(arguments).unwrap(), ["a", "b"]);
        assert!(take::<u64>(&mut vec!["--seeds".into()], "--seeds").unwrap_err().contains("needs a value"));
        assert!(take::<u64>(&mut vec!["--seeds=x".into()], "--seeds").unwrap_err().contains("cannot be read"));
        assert!(words(vec!["--x".into()]).unwrap_err().contains("`--x`"));
    }
}
