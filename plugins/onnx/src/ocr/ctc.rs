//! Turns what a recognition model says about each step of a line into text (connectionist temporal classification).

/// Number of the class that stands for "no letter here".
const BLANK: usize = 0;

/// The letters that a model knows, in the order of its classes: nothing, each letter, and perhaps the space.
#[derive(Debug, PartialEq)]
pub(crate) struct Alphabet {
    letters: Vec<String>,
}

/// Why letters and classes do not belong together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the model answers with {classes} classes, but its list of letters has {letters}; there must be one more for \
     \"no letter\", or two more with the space"
)]
pub(crate) struct WrongAlphabet {
    classes: usize,
    letters: usize,
}

/// What was read in a line.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ReadLine {
    pub(crate) text: String,
    /// Mean probability of the letters, 0 to 1; 0 for no text.
    pub(crate) score: f32,
}

impl Alphabet {
    /// The letters as they stand in a model: one a line.
    pub(crate) fn new(list: &str) -> Self {
        Self { letters: list.lines().map(str::to_owned).collect() }
    }

    /// How many letters there are.
    pub(crate) fn len(&self) -> usize {
        self.letters.len()
    }

    /// Reads a line: the most likely class of each step, repetitions and blanks left out.
    ///
    /// `steps` holds `classes` probabilities for each step.
    ///
    /// # Errors
    /// There are not as many classes as the letters need.
    pub(crate) fn read(&self, steps: &[f32], classes: usize) -> Result<ReadLine, WrongAlphabet> {
        if classes != self.len() + 1 && classes != self.len() + 2 {
            return Err(WrongAlphabet { classes, letters: self.len() });
        }
        let mut line = ReadLine::default();
        let (mut before, mut count) = (BLANK, 0_u32);
        for (class, probability) in steps.chunks_exact(classes).map(most_likely) {
            if class != BLANK && class != before {
                line.text.push_str(self.letter(class));
                line.score += probability;
                count += 1;
            }
            before = class;
        }
        if count > 0 {
            line.score /= count as f32;
        }
        Ok(line)
    }

    /// The letter of a class other than the blank; the one behind the last is the space.
    fn letter(&self, class: usize) -> &str {
        self.letters.get(class - 1).map_or(" ", String::as_str)
    }
}

/// The first of the largest, or the blank where nothing is a number.
fn most_likely(probabilities: &[f32]) -> (usize, f32) {
    let start = (BLANK, f32::NEG_INFINITY);
    let (class, probability) = probabilities.iter().enumerate().fold(start, |(best, most), (class, probability)| {
        if *probability > most { (class, *probability) } else { (best, most) }
    });
    (class, probability.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Steps that say these classes, each with a probability.
    fn steps(classes: usize, says: &[(usize, f32)]) -> Vec<f32> {
        let mut steps = vec![0.0; classes * says.len()];
        for (step, (class, probability)) in steps.chunks_mut(classes).zip(says) {
            step[*class] = *probability;
        }
        steps
    }

    fn read(list: &str, classes: usize, says: &[(usize, f32)]) -> ReadLine {
        Alphabet::new(list).read(&steps(classes, says), classes).unwrap()
    }

    #[test]
    fn repetitions_are_one_letter_unless_a_blank_is_between() {
        let said = [(1, 0.9), (1, 0.5), (0, 0.9), (1, 0.7), (2, 0.5), (2, 0.4)];
        let line = read("a\nb\n", 4, &said);
        assert_eq!(line.text, "aab");
        assert!((line.score - (0.9 + 0.7 + 0.5) / 3.0).abs() < 1e-6, "the first step of a letter counts");
        assert_eq!(read("a\nb\n", 4, &[(0, 0.9), (0, 0.9)]), ReadLine::default());
        assert_eq!(read("a\nb\n", 4, &[]), ReadLine::default());
    }

    #[test]
    fn class_behind_the_letters_is_the_space() {
        assert_eq!(read("a\nb", 4, &[(1, 1.0), (3, 1.0), (2, 1.0)]).text, "a b");
        assert_eq!(read("a\nb\n ", 4, &[(1, 1.0), (3, 1.0)]).text, "a ", "a list may end with it");
        assert_eq!(read("\u{00df}\n\u{4f60}\u{597d}", 3, &[(1, 1.0), (2, 1.0)]).text, "\u{00df}\u{4f60}\u{597d}");
    }

    #[test]
    fn letters_that_do_not_fit_the_classes_are_refused() {
        for classes in [0, 1, 2, 5] {
            let wrong = Alphabet::new("a\nb").read(&[0.0; 20], classes).unwrap_err();
            assert!(wrong.to_string().contains(&format!("{classes} classes")), "{wrong}");
        }
        assert!(Alphabet::new("").read(&[], 1).is_ok());
    }

    #[test]
    fn answers_that_are_no_numbers_are_read_as_nothing() {
        let line = Alphabet::new("a\nb").read(&[f32::NAN; 8], 4).unwrap();
        assert_eq!(line, ReadLine::default());
        let line = Alphabet::new("a\nb").read(&[0.0, f32::INFINITY, 0.0, 0.0], 4).unwrap();
        assert_eq!((line.text.as_str(), line.score), ("a", 1.0));
    }

    proptest! {
        #[test]
        fn what_is_spelled_is_read(letters in prop::collection::vec((1_usize..6, 1_usize..4, 0_usize..3), 0..40)) {
            let mut said = Vec::new();
            let mut text = String::new();
            let mut before = BLANK;
            for (class, times, blanks) in letters {
                // The same letter twice needs a blank between.
                if class == before {
                    said.push((BLANK, 0.8));
                }
                said.extend(std::iter::repeat_n((class, 0.5), times));
                said.extend(std::iter::repeat_n((BLANK, 0.9), blanks));
                text.push(['a', 'b', 'c', 'd', ' '][class - 1]);
                before = if blanks > 0 { BLANK } else { class };
            }
            prop_assert_eq!(read("a\nb\nc\nd", 6, &said).text, text);
        }
    }
}
