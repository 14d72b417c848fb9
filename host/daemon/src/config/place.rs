//! Paths of a configuration: relative to its file, or to the home folder with `~/`.

use std::path::{Path, PathBuf};

/// Where the paths of a configuration begin.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The folder of the file, absolute.
    folder: PathBuf,
    home: Option<PathBuf>,
}

impl Place {
    /// That of a configuration file.
    pub(super) fn of(file: &Path) -> Self {
        let folder = file.parent().unwrap_or(Path::new(""));
        // A folder that cannot be made absolute is shown as it was given.
        let absolute = std::path::absolute(folder.join(".")).unwrap_or_else(|_| folder.to_owned());
        Self { folder: absolute, home: etcetera::home_dir().ok() }
    }

    /// A path as the configuration means it, absolute. The error is a sentence without its subject.
    pub(super) fn path(&self, text: &str) -> Result<PathBuf, String> {
        if text.trim().is_empty() || text.contains('\0') {
            return Err("is no path; hint: name a file or folder".to_owned());
        }
        let path = match text.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                let home = self.home.as_ref().ok_or("begins with `~`, and there is no home folder")?;
                let rest = rest.trim_start_matches('/');
                if rest.is_empty() { home.clone() } else { home.join(rest) }
            }
            Some(_) | None => self.folder.join(text),
        };
        std::path::absolute(&path).map_err(|error| format!("is no path: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_begins_at_the_file_or_at_home() {
        let place = Place { folder: "/etc/omi".into(), home: Some("/home/me".into()) };
        let path = |text: &str| place.path(text).unwrap().display().to_string();
        assert_eq!(path("state"), "/etc/omi/state");
        assert_eq!(path("./a/b"), "/etc/omi/a/b");
        assert_eq!(path("/opt/x"), "/opt/x");
        assert_eq!(path("~/.my-agent"), "/home/me/.my-agent");
        assert_eq!(path("~"), "/home/me");
        assert_eq!(path("~other"), "/etc/omi/~other", "no other person's home");
        assert!(place.path("").is_err() && place.path("a\0b").is_err());
        assert!(Place { home: None, ..place }.path("~/x").unwrap_err().contains("home"));
    }
}
