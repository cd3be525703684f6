//! How well a text agrees with what was said, word by word.

/// The words of a text as speakers say them: without signs, in small letters; `cold-hearted` is two.
pub(crate) fn words(text: &str) -> Vec<String> {
    let letters = |c: char| !(c.is_alphanumeric() || c == '\'');
    text.split(letters).filter(|word| !word.is_empty()).map(|word| spoken(&word.to_lowercase())).collect()
}

/// Short forms that are spoken as a whole word.
fn spoken(word: &str) -> String {
    match word {
        "mr" => "mister",
        word => word,
    }
    .to_owned()
}

/// Least number of words to insert, leave out or replace to make one text the other.
pub(crate) fn wrong_words(said: &str, heard: &str) -> usize {
    let (said, heard) = (words(said), words(heard));
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (index, word) in said.iter().enumerate() {
        let mut before = std::mem::replace(&mut row[0], index + 1);
        for (at, other) in heard.iter().enumerate() {
            let replaced = before + usize::from(word != other);
            before = row[at + 1];
            row[at + 1] = replaced.min(before + 1).min(row[at] + 1);
        }
    }
    row[heard.len()]
}
