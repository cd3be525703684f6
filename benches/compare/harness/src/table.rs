//! Tables in Markdown.

/// A table: the first column to the left, the others to the right.
#[derive(Debug)]
pub(crate) struct Table(String);

impl Table {
    /// A table with these columns and no rows.
    pub(crate) fn new(columns: &[&str]) -> Self {
        let rule = columns.iter().enumerate().map(|(at, _)| if at == 0 { "---|" } else { "---:|" });
        let mut table = Self(String::new());
        table.row(columns.iter().map(|column| (*column).to_owned()));
        table.0.push('|');
        table.0.extend(rule);
        table.0.push('\n');
        table
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.push('|');
        for cell in cells {
            // What a peer complains about may have anything in it.
            let cell = cell.replace('|', "\\|").replace('\n', " ");
            self.0.push_str(&format!(" {cell} |"));
        }
        self.0.push('\n');
    }

    /// The text of the table, with an empty line after it.
    pub(crate) fn finish(self) -> String {
        self.0 + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_cannot_break_its_table() {
        let mut table = Table::new(&["a", "b"]);
        table.row(["x|y".into(), "1\n2".into()]);
        assert_eq!(table.finish(), "| a | b |\n|---|---:|\n| x\\|y | 1 2 |\n\n");
    }
}
