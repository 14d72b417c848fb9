//! The environment of a process: an allow-list, what the registration passes on and sets, and its secrets.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use crate::input::Why;
use crate::limits;
use crate::registration::Setting;
use crate::secret::Resolved;

/// Variables every process gets: who and where it is, how it speaks, and how it reaches the network.
const ALLOWED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TMPDIR",
    "LANG",
    "TZ",
    "TERM",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
];

/// Bytes of all variables that an adapter adds: as many as a command line may have.
const ASKED_BYTES: usize = limits::RESOURCE_BYTES;

/// The variables with which a program is started: those of the daemon that it may have, those that the adapter adds,
/// and last those of the registration, which nothing replaces.
pub(crate) fn environment(
    setting: &Setting,
    secrets: &[(String, Resolved)],
    asked: &[(String, String)],
    ours: impl Iterator<Item = (OsString, OsString)>,
) -> BTreeMap<OsString, OsString> {
    let mut variables: BTreeMap<_, _> = ours.filter(|(name, _)| passes(name, &setting.pass_env)).collect();
    variables.extend(asked.iter().map(|(name, value)| (name.into(), value.into())));
    variables.extend(setting.set_env.iter().map(|(name, value)| (name.into(), value.into())));
    variables.extend(secrets.iter().map(|(name, secret)| (name.into(), secret.value.clone().into())));
    variables
}

/// Refuses variables that an adapter may not add.
pub(crate) fn check(asked: &[(String, String)]) -> Result<(), Why> {
    let bytes: usize = asked.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > ASKED_BYTES {
        return Err(Why::Limit(format!("the variables of a program have {ASKED_BYTES} bytes at most")));
    }
    for (name, value) in asked {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return Err(Why::Failed(format!("`{}` is no variable", name.escape_debug())));
        }
        if decides_what_runs(name) {
            let text = format!("the variable `{name}` decides what is run: only the registration may set it");
            return Err(Why::Denied(text));
        }
    }
    Ok(())
}

/// Under such a variable a program that was allowed is another program.
fn decides_what_runs(name: &str) -> bool {
    name == "PATH" || ["LD_", "DYLD_", "GLIBC_"].iter().any(|prefix| name.starts_with(prefix))
}

fn passes(name: &OsStr, pass_env: &[String]) -> bool {
    let Some(name) = name.to_str() else { return false };
    ALLOWED.contains(&name) || name.starts_with("LC_") || pass_env.iter().any(|allowed| allowed == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registration::{Secret, SecretSource};
    use crate::secret::resolve;

    #[test]
    fn secrets_of_the_daemon_stay_with_it() {
        let ours = [("PATH", "/bin"), ("LC_ALL", "C"), ("SECRET", "x"), ("KEY", "k"), ("HOME", "/a")]
            .map(|(name, value)| (name.into(), value.into()));
        let setting = Setting {
            pass_env: vec!["KEY".into()],
            set_env: [("HOME".to_owned(), "/b".to_owned())].into(),
            ..Setting::default()
        };
        let token = Secret { source: SecretSource::Env("TOKEN".into()), prefix: String::new() };
        let token = resolve(&token, |_| Some("sesame".into())).unwrap().unwrap();
        let asked = [("HOME", "/c"), ("CI", "1"), ("TOKEN", "mine")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let got = environment(&setting, &[("TOKEN".to_owned(), token)], &asked, ours.into_iter());
        let want = [
            ("PATH", "/bin"),
            ("LC_ALL", "C"),
            ("KEY", "k"),
            ("HOME", "/b"),
            ("CI", "1"),
            ("TOKEN", "sesame"),
        ];
        assert_eq!(got, want.map(|(name, value)| (name.into(), value.into())).into());
    }

    #[test]
    fn an_adapter_does_not_choose_what_a_name_means() {
        let check = |name: &str| check(&[(name.to_owned(), "x".to_owned())]);
        assert_eq!(check("CI"), Ok(()));
        for name in ["PATH", "LD_PRELOAD", "DYLD_INSERT_LIBRARIES", "GLIBC_TUNABLES"] {
            assert!(matches!(check(name), Err(Why::Denied(text)) if text.contains(name)));
        }
        for name in ["", "A=B", "A\0"] {
            assert!(matches!(check(name), Err(Why::Failed(_))));
        }
        let long = [("A".to_owned(), "x".repeat(ASKED_BYTES))];
        assert!(matches!(super::check(&long), Err(Why::Limit(_))));
    }
}
