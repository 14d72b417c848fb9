//! A command as a person types it, in words: quotes and backslashes mean what they mean to a shell, and nothing else does.

/// The words of a command. The error is a sentence without its subject.
pub(crate) fn split(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        match next {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\'' | '"' => quoted(next, &mut rest, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(rest.next().ok_or("ends with a backslash")?),
            _ => word.get_or_insert_default().push(next),
        }
    }
    words.extend(word);
    Ok(words)
}

/// What is between quotes, up to the second of them.
fn quoted(quote: char, rest: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), String> {
    let unclosed = || format!("has a quote `{quote}` that is not closed");
    loop {
        match rest.next().ok_or_else(unclosed)? {
            end if end == quote => return Ok(()),
            '\\' if quote == '"' => {
                let next = rest.next().ok_or_else(unclosed)?;
                if !matches!(next, '"' | '\\' | '$' | '`') {
                    word.push('\\');
                }
                word.push(next);
            }
            other => word.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_backslashes_keep_blanks_together() {
        for (text, expected) in [
            ("agent --acp", &["agent", "--acp"][..]),
            ("  a\t b ", &["a", "b"]),
            (r#"'/opt/my agent/run' "--title=a b" c\ d"#, &["/opt/my agent/run", "--title=a b", "c d"]),
            (r#"a"b"'c'd "" 'x\y' "x\y \"q\" \\""#, &["abcd", "", r"x\y", r#"x\y "q" \"#]),
            ("$HOME ~ *", &["$HOME", "~", "*"]),
            (" ", &[]),
        ] {
            assert_eq!(split(text).unwrap(), expected, "{text}");
        }
        for text in ["'a", "a \"b", "a\\", "\"a\\\""] {
            assert!(split(text).is_err(), "{text}");
        }
    }
}
