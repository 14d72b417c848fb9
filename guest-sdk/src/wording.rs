//! Foreign text on its way into a message for a person: cut, and without what looks like a secret.

/// Characters of foreign text in one message: enough for an error and its cause, not for a log.
const QUOTE_CHARS_MAX: usize = 1000;

/// What begins a word that is a secret.
const SECRET_WORDS: [&str; 5] = ["sk-", "ghp_", "github_pat_", "xoxb-", "AIza"];

/// What ends a name whose value, the next word, is a secret.
const SECRET_NAMES: [&str; 4] = ["key", "token", "secret", "password"];

/// The last part of a text, with secrets replaced.
pub fn quote(text: &str) -> String {
    let text = text.trim();
    let skip = text.chars().count().saturating_sub(QUOTE_CHARS_MAX);
    let tail: String = text.chars().skip(skip).collect();
    let cut = if skip > 0 { "…" } else { "" };
    format!("{cut}{}", redact(&tail))
}

/// The first part of a text that names something: a title, a line.
pub fn head(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Words are what stands between white space, quotes, `=` and `:`; everything between them is kept.
fn redact(text: &str) -> String {
    let is_between = |character: char| character.is_whitespace() || "\"'=:,;()".contains(character);
    let (mut redacted, mut rest, mut secret_follows) = (String::new(), text, false);
    while !rest.is_empty() {
        let word_start = rest.find(|character| !is_between(character)).unwrap_or(rest.len());
        let (between, after) = rest.split_at(word_start);
        let word_end = after.find(is_between).unwrap_or(after.len());
        let (word, next) = after.split_at(word_end);
        // A name is followed by its value on the same line and after `=` or `:`; `Bearer` by a blank.
        let is_value = secret_follows && !between.contains('\n') && !word.is_empty();
        let is_secret = is_value || SECRET_WORDS.iter().any(|start| word.starts_with(start));
        redacted.push_str(between);
        redacted.push_str(if is_secret { "[redacted]" } else { word });
        let lower = word.to_ascii_lowercase();
        secret_follows = lower == "bearer"
            || (next.trim_start_matches('"').starts_with(['=', ':'])
                && SECRET_NAMES.iter().any(|end| lower.ends_with(end)));
        rest = next;
    }
    redacted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_replaced_and_the_rest_stays() {
        assert_eq!(quote("401 for sk-abc123, retrying"), "401 for [redacted], retrying");
        assert_eq!(
            quote("Authorization: Bearer abc.def was refused"),
            "Authorization: Bearer [redacted] was refused"
        );
        assert_eq!(quote("OPENAI_API_KEY=abc in use"), "OPENAI_API_KEY=[redacted] in use");
        assert_eq!(quote(r#"{"token": "abc", "n": 1}"#), r#"{"token": "[redacted]", "n": 1}"#);
        assert_eq!(quote("error: no such key\nnext line"), "error: no such key\nnext line");
    }

    #[test]
    fn a_long_text_is_cut_at_its_beginning() {
        let quoted = quote(&format!("{}end", "x".repeat(5000)));
        assert!(quoted.starts_with('…') && quoted.ends_with("end"));
        assert_eq!(quoted.chars().count(), QUOTE_CHARS_MAX + 1);
    }
}
