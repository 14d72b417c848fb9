//! A command line as it is decided about: one line, in which no two different commands read the same.

use std::path::{Component, Path, PathBuf};

use omi_kernel::grant::literal;

use crate::input::Why;
use crate::limits;

/// The line, written as a shell would need it, and what a lasting answer covers: under a `terminal` grant, where the
/// adapter chose the program, that program with any arguments; else this line and no other. Variables that the adapter
/// sets stand before the program; then no other line is covered either.
pub(super) fn command_line(
    argv: &[String],
    variables: &[(String, String)],
    is_chosen: bool,
) -> Result<(String, String), Why> {
    let program = &argv[0];
    let set = variables.iter().map(|(name, value)| format!("{}={}", quoted(name), quoted(value)));
    // Else it would read like a variable.
    let program = if program.contains('=') { in_quotes(program) } else { quoted(program) };
    let words = argv[1..].iter().map(|word| quoted(word));
    let line = set.chain([program.clone()]).chain(words).collect::<Vec<_>>().join(" ");
    if line.len() > limits::RESOURCE_BYTES {
        return Err(Why::Limit(format!("a command line has {} bytes at most", limits::RESOURCE_BYTES)));
    }
    let covers = if is_chosen && variables.is_empty() && argv.len() > 1 {
        format!("{} **", literal(&program))
    } else {
        literal(&line)
    };
    Ok((line, covers))
}

/// The program that a name with a `/` in it means in a folder. Any other name is looked up on the PATH.
pub(super) fn absolute(program: &str, folder: &Path) -> Result<String, Why> {
    if program.starts_with('/') || !program.contains('/') {
        return Ok(program.to_owned());
    }
    let path: PathBuf = folder.join(program).components().filter(|part| *part != Component::CurDir).collect();
    path.into_os_string()
        .into_string()
        .map_err(|path| Why::Failed(format!("the path of the program is no text: {}", path.display())))
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { in_quotes(word) }
}

fn in_quotes(word: &str) -> String {
    // What cannot be seen is spelled out: it could make one line look like another, or like two.
    let is_seen = |c: char| c == '"' || c == '\\' || c.escape_debug().len() == 1;
    if !word.contains('\'') && word.chars().all(is_seen) {
        return format!("'{word}'");
    }
    let escaped = |c: char| if c == '"' { c.to_string() } else { c.escape_debug().to_string() };
    format!("$'{}'", word.chars().map(escaped).collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use omi_kernel::grant::matches;

    use super::*;

    fn of(words: &[&str], variables: &[(&str, &str)], is_chosen: bool) -> Result<(String, String), Why> {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        command_line(&words, &variables, is_chosen)
    }

    fn line(words: &[&str]) -> Result<(String, String), Why> {
        of(words, &[], true)
    }

    #[test]
    fn a_lasting_answer_covers_the_program_and_no_other() {
        let (git, covers) = line(&["git", "commit", "-m", "two\nlines"]).unwrap();
        assert_eq!((git.as_str(), covers.as_str()), ("git commit -m $'two\\nlines'", "git **"));
        assert!(matches(&covers, &git) && matches(&covers, &line(&["git", "log", "a/b"]).unwrap().0));
        assert!(!matches(&covers, &line(&["gitk", "log"]).unwrap().0));
        assert_eq!(line(&["ls"]).unwrap(), ("ls".to_owned(), "ls".to_owned()));
        let (set, only) = of(&["git", "log"], &[("GIT_PAGER", "rm x")], true).unwrap();
        assert_eq!(set, "GIT_PAGER='rm x' git log");
        assert!(matches(&only, &set) && !matches(&covers, &set));
        assert!(!matches(&only, &of(&["git", "log", "-1"], &[("GIT_PAGER", "rm x")], true).unwrap().0));
    }

    #[test]
    fn the_words_of_an_adapter_are_part_of_what_is_granted() {
        let (run, covers) = of(&["/bin/a gent", "--safe", "*"], &[], false).unwrap();
        assert_eq!(run, "'/bin/a gent' --safe '*'");
        assert!(matches(&covers, &run));
        for other in
            [&["/bin/a gent", "--safe", "x"][..], &["/bin/a gent"], &["/bin/a gent", "--safe", "*", ""]]
        {
            assert!(!matches(&covers, &of(other, &[], false).unwrap().0), "{other:?}");
        }
    }

    #[test]
    fn different_commands_read_differently() {
        let commands: [&[&str]; 15] = [
            &["a", "b c"],
            &["a", "b", "c"],
            &["a", "'b c'"],
            &["a", "b", ""],
            &["a", "b"],
            &["a", "b\nc"],
            &["a", "b\\nc"],
            &["a", "$'b\\nc'"],
            &["a", "b'c"],
            &["a", "b\"c"],
            &["a", "b\\"],
            &["a", "b\u{202e}c"],
            &["a", "b\\u{202e}c"],
            &["a=b", "c"],
            &["a", "=b", "c"],
        ];
        let lines: BTreeSet<String> = commands.iter().map(|words| line(words).unwrap().0).collect();
        assert_eq!(lines.len(), commands.len(), "{lines:?}");
        assert!(
            lines.iter().all(|line| line.chars().all(|c| c.escape_debug().len() == 1 || "'\"\\".contains(c)))
        );
        let set =
            [of(&["c"], &[("a", "b")], true), of(&["b", "c"], &[("a", "")], true)].map(|set| set.unwrap().0);
        assert!(set.iter().all(|set| !lines.contains(set)) && set[0] != set[1], "{set:?}");
    }

    #[test]
    fn a_program_in_the_folder_is_named_in_full() {
        let absolute = |program: &str| absolute(program, Path::new("/work")).unwrap();
        assert_eq!(["git", "/bin/git"].map(absolute), ["git", "/bin/git"]);
        assert_eq!(
            ["./git", "bin/git", "../git"].map(absolute),
            ["/work/git", "/work/bin/git", "/work/../git"]
        );
    }

    #[test]
    fn a_program_of_any_name_is_granted_by_that_name() {
        for program in ["git ../evil", "*", "git*", "a\nb", "it's", ""] {
            let (run, covers) = line(&[program, "x"]).unwrap();
            assert!(
                matches(&covers, &run) && !matches(&covers, "git x") && !matches(&covers, "gitk x"),
                "{covers}"
            );
            assert!(!matches("git **", &run), "{run}");
        }
        assert!(matches!(line(&["sh", &"x".repeat(limits::RESOURCE_BYTES)]), Err(Why::Limit(_))));
    }
}
