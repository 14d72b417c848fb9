//! Patterns of what a grant covers: `*`, `src/**`, `POST /v1/*`.

/// Whether a pattern covers a text. `*` alone covers everything; elsewhere `*` stands for any characters but `/`, and
/// `**` for any at all. Everything else stands for itself, and so does what follows a `\`.
pub fn matches(pattern: &str, text: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    if let Some(only) = only_text(pattern) {
        return only == text;
    }
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    covers(&pattern, &text)
}

/// The pattern that covers this text and no other.
pub fn literal(text: &str) -> String {
    let escaped = |c: char| if c == '*' || c == '\\' { vec!['\\', c] } else { vec![c] };
    text.chars().flat_map(escaped).collect()
}

/// The one text that a pattern without stars covers: a whole command line, mostly.
fn only_text(pattern: &str) -> Option<String> {
    let mut text = String::with_capacity(pattern.len());
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match c {
            '*' => return None,
            '\\' => text.push(rest.next().unwrap_or(c)),
            other => text.push(other),
        }
    }
    Some(text)
}

/// Row by row over the pattern, with the set of places in the text that it may have reached: never exponential.
fn covers(pattern: &[char], text: &[char]) -> bool {
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    let mut rest = pattern;
    while let Some(first) = rest.first() {
        if *first == '*' {
            let deep = rest.get(1) == Some(&'*');
            for at in 0..text.len() {
                if reached[at] && (deep || text[at] != '/') {
                    reached[at + 1] = true;
                }
            }
            rest = &rest[if deep { 2 } else { 1 }..];
        } else {
            let escaped = rest.get(1).filter(|_| *first == '\\');
            let wanted = escaped.unwrap_or(first);
            for at in (0..text.len()).rev() {
                reached[at + 1] = reached[at] && text[at] == *wanted;
            }
            reached[0] = false;
            rest = &rest[if escaped.is_some() { 2 } else { 1 }..];
        }
    }
    reached[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_what_it_says() {
        for (pattern, text) in [
            ("*", "anything/at all"),
            ("*", ""),
            ("src/**", "src/a/b.rs"),
            ("src/*", "src/a.rs"),
            ("POST /v1/*", "POST /v1/messages"),
            ("git **", "git add src/a.rs"),
            ("**/secret", "a/b/secret"),
            ("a*b*c", "a1b2c"),
            ("", ""),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("src/*", "src/a/b.rs"),
            ("src/**", "src"),
            ("src/**", "srcs/a"),
            ("POST /v1/*", "GET /v1/messages"),
            ("git **", "gitk"),
            ("a*b", "a/b"),
            ("", "a"),
            ("a", ""),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_literal_covers_its_text_only() {
        for text in ["*", "a*b", "**", "\\*", "a\\", "plain", ""] {
            assert!(matches(&literal(text), text), "{text}");
        }
        assert!(!matches(&literal("*"), "notes.txt") && !matches(&literal("a*b"), "axb"));
        assert!(!matches(&literal("\\*"), "\\x") && matches("a\\*", "a*") && !matches("a\\*", "ab"));
    }

    #[test]
    fn many_stars_take_no_longer_than_pattern_times_text() {
        let pattern = "*a".repeat(2_000);
        assert!(!matches(&pattern, &"a".repeat(1_999)));
    }
}
