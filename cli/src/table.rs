//! Tables of plain characters: aligned, no wider than needed, readable when pasted anywhere.

use crate::failure::STRONG;
use anstyle::Style;

/// Space between two columns.
const GAP: &str = "  ";
/// A last column is never made narrower than this.
const LAST_WIDTH_MIN: usize = 24;

/// A first column is never made narrower than this.
const FIRST_WIDTH_MIN: usize = 12;

/// On which side the text of a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// For words.
    Left,
    /// For numbers.
    Right,
}

/// One cell: its text and how it looks.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// The cell in another style.
    pub(crate) fn styled(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), style: Style::new() }
    }
}

/// Rows of cells under a line of headings.
#[derive(Debug)]
pub(crate) struct Table {
    aligns: Vec<Align>,
    rows: Vec<Vec<Cell>>,
    indent: &'static str,
    /// Longest line; longer text in the last column goes on below.
    width_max: usize,
    /// Longest text of a column; what is longer goes on below.
    column_max: Vec<usize>,
}

impl Table {
    /// A table with these columns.
    pub(crate) fn new<const N: usize>(columns: [(&str, Align); N]) -> Self {
        let headings = columns.iter().map(|(name, _)| Cell::from(*name).styled(STRONG)).collect();
        Self {
            aligns: columns.iter().map(|(_, align)| *align).collect(),
            rows: vec![headings],
            indent: "",
            width_max: usize::MAX,
            column_max: vec![usize::MAX; N],
        }
    }

    /// The table with the text of one column broken between words where it is longer than this.
    pub(crate) fn column_wrapped_at(mut self, column: usize, width_max: usize) -> Self {
        if let Some(max) = self.column_max.get_mut(column) {
            *max = width_max;
        }
        self
    }

    /// The table moved to the right.
    pub(crate) fn indented(mut self, indent: &'static str) -> Self {
        self.indent = indent;
        self
    }

    /// The table with the text of its last column broken between words where a line would be longer than this.
    pub(crate) fn wrapped_at(mut self, width_max: usize) -> Self {
        self.width_max = width_max;
        self
    }

    /// The table made as narrow as this by leaving out columns, in the order of their headings here; if that is not
    /// enough, the text of the first column is cut off.
    pub(crate) fn fitted(mut self, width_max: usize, spare: &[&str]) -> Self {
        for heading in spare {
            if self.width() <= width_max {
                return self;
            }
            self = self.without(heading);
        }
        let excess = self.width().saturating_sub(width_max);
        let first = self.column_width(0).saturating_sub(excess).max(FIRST_WIDTH_MIN);
        for cell in self.rows.iter_mut().filter_map(|row| row.first_mut()) {
            cell.text = cut(&cell.text, first);
        }
        self
    }

    /// The table without the column of this heading.
    pub(crate) fn without(mut self, heading: &str) -> Self {
        let found = self.rows.first().and_then(|row| row.iter().position(|cell| cell.text == heading));
        if let Some(at) = found {
            self.aligns.remove(at);
            self.column_max.remove(at);
            self.rows.iter_mut().for_each(|row| drop(row.remove(at)));
        }
        self
    }

    /// Length of the longest line, the least that is needed where the last column is broken into lines.
    fn width(&self) -> usize {
        let last = self.aligns.len().saturating_sub(1);
        let last_max = if self.width_max == usize::MAX { usize::MAX } else { LAST_WIDTH_MIN };
        let width = |at| if at == last { self.column_width(at).min(last_max) } else { self.column_width(at) };
        self.indent.len() + (0..=last).map(width).sum::<usize>() + GAP.len() * last
    }

    fn column_width(&self, at: usize) -> usize {
        self.rows.iter().filter_map(|row| row.get(at)).map(Cell::width).max().unwrap_or(0)
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }

    /// The table as lines, each with its line break. No line ends with a space.
    pub(crate) fn render(&self) -> String {
        let broken: Vec<Vec<Cell>> = self.rows.iter().flat_map(|row| wrapped(row, &self.column_max)).collect();
        let width = |column| broken.iter().filter_map(|row| row.get(column)).map(Cell::width).max().unwrap_or(0);
        let columns: Vec<(usize, Align)> =
            self.aligns.iter().enumerate().map(|(at, align)| (width(at), *align)).collect();
        let before: usize = columns.iter().rev().skip(1).map(|(width, _)| width + GAP.len()).sum();
        let room = self.width_max.saturating_sub(before + self.indent.len()).max(LAST_WIDTH_MIN);
        let mut max = self.column_max.clone();
        if let Some(last) = max.last_mut() {
            *last = room;
        }
        let rows = self.rows.iter().flat_map(|row| wrapped(row, &max));
        rows.map(|row| self.render_row(&row, &columns)).collect()
    }

    fn render_row(&self, row: &[Cell], columns: &[(usize, Align)]) -> String {
        let mut line = String::from(self.indent);
        let mut owed = 0;
        for (at, (cell, (width, align))) in row.iter().zip(columns).enumerate() {
            let space = width - cell.width().min(*width);
            let gap = if at == 0 { 0 } else { GAP.len() };
            let (before, after) = if *align == Align::Right { (space, 0) } else { (0, space) };
            // Space is written only when something follows it.
            if !cell.text.is_empty() {
                let Cell { text, style } = cell;
                line.push_str(&" ".repeat(owed + gap + before));
                line.push_str(&format!("{style}{text}{style:#}"));
                owed = after;
            } else {
                owed += gap + width;
            }
        }
        line.push('\n');
        line
    }
}

/// A row as one or more of them: what does not fit into its column goes on in rows below.
fn wrapped(row: &[Cell], max: &[usize]) -> Vec<Vec<Cell>> {
    let broken: Vec<Vec<String>> = row
        .iter()
        .zip(max)
        .map(|(cell, max)| if cell.width() > *max { lines(&cell.text, *max) } else { vec![cell.text.clone()] })
        .collect();
    let height = broken.iter().map(Vec::len).max().unwrap_or(0);
    let line = |at: usize| {
        let cells = row.iter().zip(&broken);
        cells.map(|(cell, lines)| Cell::from(lines.get(at).cloned().unwrap_or_default()).styled(cell.style)).collect()
    };
    (0..height).map(line).collect()
}

/// Text in lines of at most `width` characters, broken between words; a longer word stays whole.
pub(crate) fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Text of at most `width` characters; what is cut off ends with a mark.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(std::iter::once('…')).take(width).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_longest_cell_and_lines_end_with_text() {
        let mut table =
            Table::new([("node", Align::Left), ("calls", Align::Right), ("note", Align::Left)]).indented("  ");
        table.row(["a".into(), "7".into(), "µs".into()]);
        table.row(["longer".into(), "123456".into(), "".into()]);
        table.row(["".into(), "".into(), "x".into()]);
        let text = anstream::adapter::strip_str(&table.render()).to_string();
        assert_eq!(text, "  node     calls  note\n  a            7  µs\n  longer  123456\n                  x\n");
    }

    #[test]
    fn styles_take_no_room() {
        let mut table = Table::new([("a", Align::Left), ("b", Align::Left)]);
        table.row([Cell::from("xy").styled(STRONG), "z".into()]);
        let text = table.render();
        assert!(text.contains("\u{1b}[1mxy\u{1b}[0m  z"), "{text:?}");
    }

    #[test]
    fn long_text_in_the_last_column_goes_on_below() {
        let mut table = Table::new([("a", Align::Left), ("b", Align::Left)]).wrapped_at(30);
        table.row(["x".into(), "one two three four five six seven".into()]);
        table.row(["y".into(), "short".into()]);
        let text = anstream::adapter::strip_str(&table.render()).to_string();
        assert_eq!(text, "a  b\nx  one two three four five six\n   seven\ny  short\n");
    }

    #[test]
    fn narrow_table_leaves_out_what_it_may_and_then_cuts_off_names() {
        let table = || {
            let mut table = Table::new([("node", Align::Left), ("kind", Align::Left), ("calls", Align::Right)]);
            table.row(["a-name-that-is-long".into(), "kind".into(), "7".into()]);
            anstream::adapter::strip_str(&table.fitted(24, &["kind"]).render()).to_string()
        };
        assert_eq!(table(), "node               calls\na-name-that-is-l…      7\n");
        let mut wide = Table::new([("node", Align::Left), ("calls", Align::Right)]);
        wide.row(["a-name".into(), "7".into()]);
        let text = anstream::adapter::strip_str(&wide.fitted(24, &["calls"]).render()).to_string();
        assert_eq!(text, "node    calls\na-name      7\n");
    }

    #[test]
    fn text_that_is_cut_off_says_so() {
        assert_eq!(cut("denoise", 7), "denoise");
        assert_eq!(cut("denoise", 5), "deno…");
        assert_eq!(cut("denoise", 0), "");
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(lines("a bb ccc", 4), ["a bb", "ccc"]);
        assert_eq!(lines("longer than four", 4), ["longer", "than", "four"]);
        assert_eq!(lines(" \n", 4), Vec::<String>::new());
    }
}
