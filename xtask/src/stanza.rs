//! The text form that Debian uses everywhere: stanzas of `Name: value` fields, empty lines between them.

/// One stanza; names compare without case.
#[derive(Debug, Default)]
pub(crate) struct Stanza {
    fields: Vec<(String, String)>,
}

impl Stanza {
    /// The value of a field, its continuation lines joined by newlines.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// Reads all stanzas; lines that begin with `#` are remarks.
pub(crate) fn parse(text: &str) -> Vec<Stanza> {
    let mut all = Vec::new();
    let mut stanza = Stanza::default();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if line.trim().is_empty() {
            all.push(std::mem::take(&mut stanza));
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = stanza.fields.last_mut() {
                value.push('\n');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            stanza.fields.push((name.to_owned(), value.trim().to_owned()));
        }
    }
    all.push(stanza);
    all.retain(|stanza| !stanza.fields.is_empty());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_are_split_at_empty_lines_and_continued_at_blanks() {
        let stanzas = parse("\n\nA: 1\n# remark: no field\nb: 2\n more\n\n\nA: 3: 4\n");
        assert_eq!(stanzas.len(), 2, "{stanzas:?}");
        assert_eq!(stanzas[0].get("a"), Some("1"));
        assert_eq!(stanzas[0].get("B"), Some("2\nmore"));
        assert_eq!(stanzas[1].get("A"), Some("3: 4"));
        assert_eq!(stanzas[1].get("C"), None);
    }
}
