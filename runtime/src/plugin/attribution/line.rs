//! One line of text in memory of its own: put together in a signal handler, where nothing may be allocated.

/// Longest line; what comes after that is cut.
const LINE_LEN_MAX: usize = 768;

/// A line under construction.
#[derive(Debug)]
pub(super) struct Line {
    bytes: [u8; LINE_LEN_MAX],
    len: usize,
}

impl Line {
    pub(super) fn new() -> Self {
        Self { bytes: [0; LINE_LEN_MAX], len: 0 }
    }

    /// Adds text as far as there is room; the last byte stays free for the end of the line.
    pub(super) fn push(&mut self, text: &str) {
        let end = LINE_LEN_MAX - 1;
        let room = self.bytes.get_mut(self.len..end).unwrap_or_default();
        for (place, byte) in room.iter_mut().zip(text.bytes()) {
            *place = byte;
            self.len += 1;
        }
    }

    /// Ends the line and gives its bytes.
    pub(super) fn end(&mut self) -> &[u8] {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = b'\n';
        }
        self.bytes.get(..=self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_holds_its_texts_and_ends_once() {
        let mut line = Line::new();
        line.push("node ");
        line.push("`x`");
        assert_eq!(line.end(), b"node `x`\n");
    }

    #[test]
    fn line_that_is_too_long_is_cut_and_still_ends() {
        let mut line = Line::new();
        for _ in 0..LINE_LEN_MAX {
            line.push("ten bytes ");
        }
        let bytes = line.end();
        assert_eq!((bytes.len(), bytes.last()), (LINE_LEN_MAX, Some(&b'\n')));
        assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1);
    }
}
