//! Just enough TOML for the project's own lists: tables, lists of tables, and texts or lists of texts on one line.

/// A table: its name, and its entries in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) entries: Vec<(String, Value)>,
}

/// What stands behind a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// A text in quotes.
    Text(String),
    /// A list of them.
    List(Vec<String>),
}

impl Table {
    /// The text behind a key.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.entries.iter().find(|(name, _)| name == key).and_then(|(_, value)| match value {
            Value::Text(text) => Some(text.as_str()),
            Value::List(_) => None,
        })
    }

    /// The list behind a key.
    pub(crate) fn list(&self, key: &str) -> Option<&[String]> {
        self.entries.iter().find(|(name, _)| name == key).and_then(|(_, value)| match value {
            Value::Text(_) => None,
            Value::List(list) => Some(list.as_slice()),
        })
    }
}

/// Reads a text; tables come in their order, those of one list under the same name.
///
/// # Errors
/// Names the line that is none of what is read here.
pub(crate) fn parse(text: &str) -> Result<Vec<Table>, String> {
    let mut tables: Vec<Table> = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        if let Some(name) = text.strip_prefix('[') {
            let name = name.trim_matches(['[', ']']).trim().to_owned();
            tables.push(Table { name, entries: Vec::new() });
            continue;
        }
        let entry = entry(text).ok_or_else(|| format!("line {line} cannot be read: {text}"))?;
        tables.last_mut().ok_or_else(|| format!("line {line} is in no table"))?.entries.push(entry);
    }
    Ok(tables)
}

fn entry(text: &str) -> Option<(String, Value)> {
    let (key, value) = text.split_once(" = ")?;
    let value = match value.strip_prefix('[') {
        Some(list) => {
            let items = list.strip_suffix(']')?.split(',').map(str::trim).filter(|item| !item.is_empty());
            Value::List(items.map(quoted).collect::<Option<_>>()?)
        }
        None => Value::Text(quoted(value)?),
    };
    Some((key.trim_matches('"').to_owned(), value))
}

fn quoted(text: &str) -> Option<String> {
    let inside = text.strip_prefix('"')?.strip_suffix('"')?;
    (!inside.contains(['"', '\\'])).then(|| inside.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_lists_and_texts_are_read_in_their_order() {
        let tables = parse("# x\n[a]\nb = \"c\"\n\n[[d]]\n\"e.f\" = [\"g\", \"h\"]\n[[d]]\ni = []\n").unwrap();
        assert_eq!(tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>(), ["a", "d", "d"]);
        assert_eq!(tables[0].text("b"), Some("c"));
        assert_eq!(tables[1].list("e.f"), Some(["g".to_owned(), "h".to_owned()].as_slice()));
        assert_eq!((tables[2].list("i").map(<[_]>::len), tables[2].text("i")), (Some(0), None));
    }

    #[test]
    fn line_that_is_something_else_is_named() {
        for text in ["[a]\nb = 1", "[a]\nb", "[a]\nb = [\"c\"", "[a]\nb = \"c\\\"\""] {
            assert!(parse(text).unwrap_err().starts_with("line 2"), "{text}");
        }
        assert_eq!(parse("a = \"b\"").unwrap_err(), "line 1 is in no table");
    }
}
