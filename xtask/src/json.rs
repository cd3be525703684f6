//! Just enough JSON to read what cargo says and what lies beside the recording.

/// Deepest nesting that is read.
const DEPTH_MAX: usize = 64;

/// A value of JSON.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    /// `null`, `true` and `false`: nothing here asks for them.
    Word,
    /// A number.
    Number(f64),
    /// A string with its escapes resolved.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object in the order of the text.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a text.
    ///
    /// # Errors
    /// The text is no JSON; the message names the byte.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.space();
        if reader.at == text.len() { Ok(value) } else { Err(reader.fault("expected the end")) }
    }

    /// The value under a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The entries of a list; none for anything else.
    pub(crate) fn list(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// The string under a key.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number under a key.
    pub(crate) fn number(&self, key: &str) -> Option<f64> {
        match self.get(key)? {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn fault(&self, what: &str) -> String {
        format!("byte {}: {what}", self.at)
    }

    fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Steps over `token` when it comes next.
    fn eat(&mut self, token: &str) -> bool {
        self.space();
        let is_next = self.rest().starts_with(token);
        if is_next {
            self.at += token.len();
        }
        is_next
    }

    fn value(&mut self, depth: usize) -> Result<Json, String> {
        if depth > DEPTH_MAX {
            return Err(self.fault("nested too deeply"));
        }
        if self.eat("{") {
            return self.object(depth);
        }
        if self.eat("[") {
            return self.items(depth);
        }
        if self.eat("\"") {
            return self.string().map(Json::Text);
        }
        if ["null", "true", "false"].into_iter().any(|word| self.eat(word)) {
            return Ok(Json::Word);
        }
        let is_part = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
        let len = self.rest().find(|c| !is_part(c)).unwrap_or(self.rest().len());
        let number = self.rest().get(..len).and_then(|digits| digits.parse().ok());
        let number = number.ok_or_else(|| self.fault("expected a value"))?;
        self.at += len;
        Ok(Json::Number(number))
    }

    fn items(&mut self, depth: usize) -> Result<Json, String> {
        let mut items = Vec::new();
        while !self.eat("]") {
            if !items.is_empty() && !self.eat(",") {
                return Err(self.fault("expected `,` or `]`"));
            }
            items.push(self.value(depth + 1)?);
        }
        Ok(Json::List(items))
    }

    fn object(&mut self, depth: usize) -> Result<Json, String> {
        let mut entries = Vec::new();
        while !self.eat("}") {
            if !entries.is_empty() && !self.eat(",") {
                return Err(self.fault("expected `,` or `}`"));
            }
            if !self.eat("\"") {
                return Err(self.fault("expected a key"));
            }
            let key = self.string()?;
            if !self.eat(":") {
                return Err(self.fault("expected `:`"));
            }
            entries.push((key, self.value(depth + 1)?));
        }
        Ok(Json::Object(entries))
    }

    /// Reads the rest of a string whose opening quote is gone.
    fn string(&mut self) -> Result<String, String> {
        let mut text = String::new();
        loop {
            let next = self.rest().chars().next().ok_or_else(|| self.fault("a string has no end"))?;
            self.at += next.len_utf8();
            match next {
                '"' => return Ok(text),
                '\\' => text.push(self.escape()?),
                _ => text.push(next),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let kind = self.rest().chars().next().ok_or_else(|| self.fault("a string has no end"))?;
        self.at += kind.len_utf8();
        Ok(match kind {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            '"' | '\\' | '/' => kind,
            'u' => {
                let code = self.rest().get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
                let code = code.ok_or_else(|| self.fault("expected four digits"))?;
                self.at += 4;
                // Half of a pair stands for nothing on its own; no path or text here needs the pair.
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return Err(self.fault("unknown escape")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_kind_are_read() {
        let json = Json::parse(r#" {"a": [1, -2.5e3, "x\n\u00e4\"", {}], "b": null, "c": {"d": "e"}} "#).unwrap();
        assert_eq!(json.get("a").unwrap().list()[1], Json::Number(-2500.0));
        assert_eq!(json.get("a").unwrap().list()[2], Json::Text("x\n\u{e4}\"".into()));
        assert_eq!(json.get("c").unwrap().text("d"), Some("e"));
        assert_eq!((json.number("c"), json.get("b")), (None, Some(&Json::Word)));
    }

    #[test]
    fn broken_text_is_refused_with_its_place() {
        for text in ["", "{", "[1 2]", "{\"a\" 1}", "\"x", "1 1", "[1,]x", "tru", "\"\\q\""] {
            assert!(Json::parse(text).unwrap_err().starts_with("byte "), "{text}");
        }
        assert!(Json::parse(&"[".repeat(1000)).unwrap_err().contains("nested too deeply"));
    }
}
