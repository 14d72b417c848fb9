//! The environment of a process: an allow-list, what the registration passes on, and what it sets.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use crate::registration::BoundProcess;

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

/// The variables with which `bound` is started, given those of the daemon.
pub(crate) fn environment(
    bound: &BoundProcess,
    ours: impl Iterator<Item = (OsString, OsString)>,
) -> BTreeMap<OsString, OsString> {
    let mut variables: BTreeMap<_, _> = ours.filter(|(name, _)| passes(name, &bound.pass_env)).collect();
    variables.extend(bound.set_env.iter().map(|(name, value)| (name.into(), value.into())));
    variables
}

fn passes(name: &OsStr, pass_env: &[String]) -> bool {
    let Some(name) = name.to_str() else { return false };
    ALLOWED.contains(&name) || name.starts_with("LC_") || pass_env.iter().any(|allowed| allowed == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_the_daemon_stay_with_it() {
        let ours = [("PATH", "/bin"), ("LC_ALL", "C"), ("SECRET", "x"), ("KEY", "k"), ("HOME", "/a")]
            .map(|(name, value)| (name.into(), value.into()));
        let bound = BoundProcess {
            pass_env: vec!["KEY".into()],
            set_env: [("HOME".to_owned(), "/b".to_owned())].into(),
            ..BoundProcess::default()
        };
        let got = environment(&bound, ours.into_iter());
        let want = [("PATH", "/bin"), ("LC_ALL", "C"), ("KEY", "k"), ("HOME", "/b")];
        assert_eq!(got, want.map(|(name, value)| (name.into(), value.into())).into());
    }
}
