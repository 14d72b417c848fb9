//! Secrets are read when they are used: from a variable of the daemon, or from a file.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::Path;

use crate::redact::Hidden;
use crate::registration::{Bound, Registration, Secret, SecretSource, Setting};

/// Bytes of a secret at least: a shorter one stands in every other word, and hiding it would destroy what is said.
pub(crate) const BYTES_MIN: usize = 4;
/// Bytes of a file with a secret at most: a key with its certificates fits many times over.
const BYTES_MAX: u64 = 64 * 1024;

/// A secret that was read.
#[derive(Clone)]
pub(crate) struct Resolved {
    /// What is given to whoever needs it, with what stands before it.
    pub(crate) value: String,
    /// What must not be seen.
    hidden: String,
}

/// Never what it is.
impl std::fmt::Debug for Resolved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(a secret)")
    }
}

/// Hides what was read.
pub(crate) fn hide<'s>(secrets: impl IntoIterator<Item = &'s Resolved>) -> Hidden {
    Hidden::new(secrets.into_iter().map(|secret| secret.hidden.as_str()))
}

/// Reads a secret. None if its variable is not set: whoever logged in otherwise has no key.
pub(crate) fn resolve(
    secret: &Secret,
    variable: impl FnOnce(&str) -> Option<OsString>,
) -> Result<Option<Resolved>, String> {
    let read = match &secret.source {
        SecretSource::Env(name) => match variable(name) {
            None => return Ok(None),
            Some(value) => value.into_string().map_err(|_| format!("the variable `{name}` is not text"))?,
        },
        SecretSource::File(path) => read_file(path)
            .map_err(|error| format!("cannot read the secret in `{}`: {error}", path.display()))?,
    };
    if read.is_empty() {
        return Ok(None);
    }
    if read.len() < BYTES_MIN || read.contains('\0') {
        let place = match &secret.source {
            SecretSource::Env(name) => format!("the variable `{name}`"),
            SecretSource::File(path) => format!("`{}`", path.display()),
        };
        return Err(format!(
            "{place} has a zero byte in it or less than {BYTES_MIN} bytes, and cannot be kept secret; \
             hint: what is no secret goes into `env` or `pass-env`"
        ));
    }
    Ok(Some(Resolved { value: format!("{}{read}", secret.prefix), hidden: read }))
}

/// The secrets that a program is started with, by the names of their variables.
pub(crate) fn of_setting(setting: &Setting) -> Result<Vec<(String, Resolved)>, String> {
    let mut read = Vec::new();
    for (name, secret) in &setting.secrets {
        if let Some(secret) = resolve(secret, |name| std::env::var_os(name))? {
            read.push((name.clone(), secret));
        }
    }
    Ok(read)
}

/// All secrets of a registration that can be read, whichever grant they are for: one program may say what another was
/// given.
pub(crate) fn of_registration(registration: &Registration) -> Hidden {
    let secrets = registration.grants.values().flat_map(|binding| match &binding.bound {
        Bound::Process(process) => process.setting.secrets.values().collect::<Vec<_>>(),
        Bound::Terminal(terminal) => terminal.setting.secrets.values().collect(),
        Bound::Files(_) => Vec::new(),
        Bound::Http(http) => http.secrets.values().collect(),
    });
    // What cannot be read was given to nobody.
    let read: Vec<Resolved> =
        secrets.filter_map(|secret| resolve(secret, |name| std::env::var_os(name)).ok().flatten()).collect();
    hide(&read)
}

/// The text of a file, without its last line end.
fn read_file(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let length = std::fs::File::open(path)?.take(BYTES_MAX + 1).read_to_string(&mut text)?;
    if length as u64 > BYTES_MAX {
        return Err(std::io::Error::other(format!("it has more than {BYTES_MAX} bytes")));
    }
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str, value: Option<&str>) -> Result<Option<Resolved>, String> {
        let secret = Secret { source: SecretSource::Env(name.into()), prefix: "Bearer ".into() };
        resolve(&secret, |asked| value.filter(|_| asked == name).map(OsString::from))
    }

    #[test]
    fn a_secret_has_its_prefix_and_hides_without_it() {
        let key = env("KEY", Some("sesame")).unwrap().unwrap();
        assert_eq!(key.value, "Bearer sesame");
        assert_eq!(hide([&key]).text("Bearer sesame, sesame"), "Bearer [redacted], [redacted]");
        assert!(!format!("{key:?}").contains("sesame"));
    }

    #[test]
    fn what_is_not_set_is_left_out_and_what_is_too_short_is_said() {
        assert!(env("KEY", None).unwrap().is_none());
        assert!(env("KEY", Some("")).unwrap().is_none());
        let short = env("KEY", Some("abc")).unwrap_err();
        assert!(short.contains("`KEY`") && short.contains("hint: ") && !short.contains("abc"), "{short}");
    }

    #[test]
    fn a_file_is_read_without_its_last_line_end() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("key");
        let secret = Secret { source: SecretSource::File(path.clone()), prefix: String::new() };
        let read = || resolve(&secret, |_| None);
        assert!(read().unwrap_err().contains("cannot read the secret"), "it is not there");
        std::fs::write(&path, "open sesame\r\n").unwrap();
        assert_eq!(read().unwrap().unwrap().value, "open sesame");
        std::fs::write(&path, "x".repeat(64 * 1024 + 1)).unwrap();
        assert!(read().unwrap_err().contains("more than"));
    }
}
