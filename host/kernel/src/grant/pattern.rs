//! Patterns of what a grant covers: `*`, `src/**`, `POST /v1/*`.

/// Whether a pattern covers a text. `*` alone covers everything; elsewhere `*` stands for any characters but `/`, and
/// `**` for any at all. Everything else stands for itself.
pub fn matches(pattern: &str, text: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    covers(&pattern, &text)
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
            for at in (0..text.len()).rev() {
                reached[at + 1] = reached[at] && text[at] == *first;
            }
            reached[0] = false;
            rest = &rest[1..];
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
    fn many_stars_take_no_longer_than_pattern_times_text() {
        let pattern = "*a".repeat(2_000);
        assert!(!matches(&pattern, &"a".repeat(1_999)));
    }
}
