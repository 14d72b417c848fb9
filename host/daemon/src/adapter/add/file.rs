//! The configuration file as it is read and written by `adapter add`: lines come at its end, and nothing else in it changes.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::anyhow;

/// Links that lead to links, at most: as many as Linux follows.
const LINKS_MAX: usize = 40;

/// A text with lines after it.
pub(super) fn appended(before: &str, lines: &str) -> String {
    let end = match before {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    format!("{before}{end}{lines}")
}

/// Reads the file; one that is not there is empty.
pub(super) fn read(path: &Path) -> anyhow::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(anyhow!("cannot read the configuration `{}`: {error}", path.display())),
    }
}

/// Puts a new text in the place of a file, whole or not at all. What a link leads to is replaced or made, not the link.
pub(super) fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let cannot = |error: std::io::Error| {
        anyhow!(
            "cannot write the configuration `{}`: {error}; hint: name another one with --config",
            path.display()
        )
    };
    let real = target(path).map_err(cannot)?;
    let folder = real.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder).map_err(cannot)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(cannot)?;
    if let Ok(old) = std::fs::metadata(&real) {
        file.as_file().set_permissions(old.permissions()).map_err(cannot)?;
    }
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(cannot)?;
    file.persist(&real).map_err(|error| cannot(error.error))?;
    Ok(())
}

/// What a path leads to by links, whether it is there or not.
fn target(path: &Path) -> std::io::Result<PathBuf> {
    let mut real = path.to_owned();
    for _ in 0..LINKS_MAX {
        match std::fs::read_link(&real) {
            Ok(next) => real = real.parent().unwrap_or(Path::new("/")).join(next),
            // It is no link, or not there.
            Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::NotFound) => {
                return Ok(real);
            }
            Err(error) => return Err(error),
        }
    }
    Err(std::io::Error::new(ErrorKind::InvalidInput, "its links lead nowhere"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_a_link_to_it_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.toml"), folder.path().join("link.toml"));
        replace(&real, "one").unwrap();
        symlink(&real, &link).unwrap();
        replace(&link, "two").unwrap();
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "two");
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
    }

    #[test]
    fn what_a_link_leads_to_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        symlink("second", &first).unwrap();
        symlink("new/real.toml", &second).unwrap();
        replace(&first, "one").unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("new/real.toml")).unwrap(), "one");
        assert!(std::fs::symlink_metadata(&first).unwrap().is_symlink());
        let round = folder.path().join("round");
        symlink("round", &round).unwrap();
        assert!(replace(&round, "one").is_err() && std::fs::symlink_metadata(&round).unwrap().is_symlink());
    }

    #[test]
    fn lines_are_added_after_an_empty_line() {
        assert_eq!(appended("", "x\n"), "x\n");
        assert_eq!(appended("a\n", "x\n"), "a\n\nx\n");
        assert_eq!(appended("a", "x\n"), "a\n\nx\n");
    }
}
