//! Whether somebody is logged in with an agent: by what is set and what is there, never by a secret that is
//! in it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::catalogue::Login;

/// Whether somebody is logged in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LoginState {
    /// It looks so.
    In {
        /// By what.
        by: String,
    },
    /// Nothing of what a log-in leaves is there.
    Out {
        /// What was looked for.
        looked_for: String,
    },
    /// Nothing was found, and it may be where nobody looked.
    Unknown {
        /// Where that is.
        elsewhere: String,
    },
}

impl LoginState {
    /// Looks at variables and files of this user.
    pub(super) fn of(login: &Login) -> Self {
        Self::among(login, etcetera::home_dir().ok().as_deref(), |name| {
            std::env::var(name).ok().filter(|value| !value.is_empty())
        })
    }

    fn among(login: &Login, home: Option<&Path>, variable: impl Fn(&str) -> Option<String>) -> Self {
        if let Some(name) = login.env.iter().find(|name| variable(name).is_some()) {
            return Self::In { by: format!("the variable `{name}` is set") };
        }
        let is_there = |file: &&String| place(file, home, &variable).is_some_and(|path| has_something(&path));
        if let Some(file) = login.files.iter().find(is_there) {
            return Self::In { by: format!("`{file}` is there") };
        }
        match &login.elsewhere {
            Some(elsewhere) => Self::Unknown { elsewhere: elsewhere.clone() },
            None if cfg!(target_os = "linux") => {
                let names: Vec<String> =
                    login.env.iter().chain(&login.files).map(|name| format!("`{name}`")).collect();
                Self::Out { looked_for: names.join(", ") }
            }
            None => Self::Unknown { elsewhere: "the keychain of the system".to_owned() },
        }
    }

    /// In a sentence. `command` is what logs in.
    pub(crate) fn text(&self, command: &str) -> String {
        match self {
            Self::In { by } => format!("logged in, it seems: {by}"),
            Self::Out { looked_for } => format!("not logged in: no {looked_for}; hint: {command}"),
            Self::Unknown { elsewhere } => {
                format!("unknown: it may be in {elsewhere}; hint: if it is not: {command}")
            }
        }
    }

    /// As a JSON value.
    pub(super) fn json(&self, command: &str) -> Value {
        match self {
            Self::In { by } => json!({ "state": "in", "by": by, "command": command }),
            Self::Out { looked_for } => {
                json!({ "state": "out", "lookedFor": looked_for, "command": command })
            }
            Self::Unknown { elsewhere } => {
                json!({ "state": "unknown", "elsewhere": elsewhere, "command": command })
            }
        }
    }
}

/// The path of a file that begins with `~` or with a variable; none where there is no such folder.
fn place(file: &str, home: Option<&Path>, variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    if let Some(below) = file.strip_prefix("~/") {
        return Some(home?.join(below));
    }
    let (name, below) = file.strip_prefix('$')?.split_once('/').unwrap_or((file.get(1..)?, ""));
    let folder = PathBuf::from(variable(name)?);
    Some(if below.is_empty() { folder } else { folder.join(below) })
}

/// Bytes of a file that may be an empty list with blanks around it: no secret is that short.
const EMPTY_BYTES_MAX: u64 = 8;

/// A file with something in it, or a folder. What is left of a log-out is nothing: an empty object or list of JSON.
fn has_something(path: &Path) -> bool {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some())
        }
        Ok(found) if found.len() <= EMPTY_BYTES_MAX => {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let text: String = text.split_whitespace().collect();
            !matches!(text.as_str(), "" | "{}" | "[]")
        }
        Ok(_) => true,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(text: &str) -> Login {
        toml::from_str(&format!("command = 'log in'\n{text}")).unwrap()
    }

    #[test]
    fn a_variable_or_a_file_is_a_log_in() {
        let home = tempfile::tempdir().unwrap();
        let login = login("env = ['KEY']\nfiles = ['$MY_HOME/auth', '~/.my/auth', '~/.my/all']");
        let state = |variables: &[(&str, &str)]| {
            LoginState::among(&login, Some(home.path()), |name| {
                variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let by = |variables: &[(&str, &str)]| match state(variables) {
            LoginState::In { by } => by,
            other => panic!("{other:?}"),
        };
        assert!(by(&[("KEY", "x")]).contains("KEY"));
        let out = state(&[]).text("log in");
        assert!(out.starts_with("not logged in") && out.ends_with("hint: log in"), "{out}");
        std::fs::create_dir_all(home.path().join(".my/all")).unwrap();
        for nothing in ["", "{}", " {\n}\n", "[]\n"] {
            std::fs::write(home.path().join(".my/auth"), nothing).unwrap();
            assert!(matches!(state(&[]), LoginState::Out { .. }), "nothing is in them: {nothing}");
        }
        std::fs::write(home.path().join(".my/auth"), "secret").unwrap();
        assert!(by(&[]).contains("~/.my/auth"));
        let elsewhere = home.path().join("elsewhere");
        std::fs::create_dir(&elsewhere).unwrap();
        std::fs::write(elsewhere.join("auth"), "secret").unwrap();
        assert!(by(&[("MY_HOME", elsewhere.to_str().unwrap())]).contains("$MY_HOME/auth"));
    }

    #[test]
    fn what_may_be_elsewhere_is_unknown() {
        let state = LoginState::among(&login("elsewhere = 'a keyring'"), None, |_| None);
        assert!(state.text("log in").contains("a keyring"), "{state:?}");
    }
}
