//! The machine's apt sources, in both notations: which places it fetches packages from.

use std::fs;
use std::path::{Path, PathBuf};

use crate::stanza::{self, Stanza};

/// The keyring that Debian's own packages install for Debian's archive.
const DEBIAN_KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// One place that packages come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// The archive's address, without a slash at its end.
    pub(crate) uri: String,
    suites: Vec<String>,
    components: Vec<String>,
    /// The keyrings that may sign it.
    pub(crate) keyrings: Vec<PathBuf>,
}

/// The places that look like Debian's archive: fetched over HTTP, with this release's own suite and `main`.
pub(crate) fn debian_archives(sources: Vec<Source>, codename: &str) -> Vec<Source> {
    let mut archives: Vec<Source> = Vec::new();
    for source in sources {
        let matches = source.uri.starts_with("http")
            && source.suites.iter().any(|suite| suite == codename)
            && source.components.iter().any(|component| component == "main");
        if matches && !archives.iter().any(|known| known.uri == source.uri) {
            archives.push(source);
        }
    }
    archives
}

/// Reads every source file below `apt` (`/etc/apt`); what cannot be read is as good as absent.
pub(crate) fn read(apt: &Path) -> Vec<Source> {
    let mut files = vec![apt.join("sources.list")];
    if let Ok(entries) = fs::read_dir(apt.join("sources.list.d")) {
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    files.sort();
    let mut sources = Vec::new();
    for file in files {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("sources") => sources.extend(parse_stanzas(&text)),
            Some("list") => sources.extend(parse_lines(&text)),
            Some(_) | None => {}
        }
    }
    sources
}

/// The release's name from the text of `/etc/os-release`.
pub(crate) fn codename(os_release: &str) -> Option<String> {
    let value = os_release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    Some(value.trim().trim_matches('"').to_owned())
}

/// The notation of `.sources` files: stanzas of fields.
fn parse_stanzas(text: &str) -> Vec<Source> {
    stanza::parse(text).iter().flat_map(stanza_sources).collect()
}

fn stanza_sources(stanza: &Stanza) -> Vec<Source> {
    let words = |name: &str| -> Vec<String> {
        stanza.get(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    };
    let disabled =
        words("enabled").first().is_some_and(|word| matches!(word.as_str(), "no" | "false" | "off" | "0"));
    if disabled || !words("types").iter().any(|kind| kind == "deb") {
        return Vec::new();
    }
    let signed_by = words("signed-by");
    words("uris")
        .iter()
        .map(|uri| Source {
            uri: without_slash(uri),
            suites: words("suites"),
            components: words("components"),
            keyrings: keyrings(signed_by.iter().map(String::as_str)),
        })
        .collect()
}

/// The notation of `.list` files: `deb [options] uri suite component…`.
fn parse_lines(text: &str) -> Vec<Source> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Source> {
    let line = line.split('#').next().unwrap_or_default();
    let rest = line.trim().strip_prefix("deb")?;
    let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']')?,
        None => ("", rest),
    };
    let signed_by = options.split_whitespace().find_map(|option| option.strip_prefix("signed-by="));
    let mut words = rest.split_whitespace();
    Some(Source {
        uri: without_slash(words.next()?),
        suites: vec![words.next()?.to_owned()],
        components: words.map(str::to_owned).collect(),
        keyrings: keyrings(signed_by.unwrap_or_default().split(',')),
    })
}

fn without_slash(uri: &str) -> String {
    uri.trim_end_matches('/').to_owned()
}

/// Only paths: a key block inside the source file is no file that a verifier could be given.
fn keyrings<'a>(words: impl Iterator<Item = &'a str>) -> Vec<PathBuf> {
    let named: Vec<PathBuf> = words.filter(|word| word.starts_with('/')).map(PathBuf::from).collect();
    if named.is_empty() { vec![PathBuf::from(DEBIAN_KEYRING)] } else { named }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANZAS: &str = "\
Types: deb
# a remark with a colon: and more
URIs: http://mirror.example/debian/
Suites: bookworm bookworm-updates
Components: main
Signed-By: /keys/debian.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main
";

    #[test]
    fn stanzas_give_the_archive_of_this_release() {
        let archives = debian_archives(parse_stanzas(STANZAS), "bookworm");
        assert_eq!(archives.len(), 1, "{archives:?}");
        assert_eq!(archives[0].uri, "http://mirror.example/debian");
        assert_eq!(archives[0].keyrings, [PathBuf::from("/keys/debian.gpg")]);
    }

    #[test]
    fn several_addresses_and_continued_fields_are_read() {
        let text = "Types: deb deb-src\nURIs: http://one.example/debian\n http://two.example/debian\nSuites:\n trixie\n\
                    Components: main contrib\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n";
        let archives = debian_archives(parse_stanzas(text), "trixie");
        let uris: Vec<&str> = archives.iter().map(|source| source.uri.as_str()).collect();
        assert_eq!(uris, ["http://one.example/debian", "http://two.example/debian"]);
        assert_eq!(archives[0].keyrings, [PathBuf::from(DEBIAN_KEYRING)]);
    }

    #[test]
    fn one_line_entries_are_read() {
        let text = "# deb http://off.example/debian trixie main\n\
                    deb-src http://source.example/debian trixie main\n\
                    deb [ arch=amd64 signed-by=/keys/a.gpg ] https://mirror.example/debian/ trixie main contrib # near\n\
                    deb https://tools.example/linux/debian trixie stable\n\
                    deb cdrom:[Debian]/ trixie main\n";
        let archives = debian_archives(parse_lines(text), "trixie");
        assert_eq!(archives.len(), 1, "{archives:?}");
        assert_eq!(archives[0].uri, "https://mirror.example/debian");
        assert_eq!(archives[0].keyrings, [PathBuf::from("/keys/a.gpg")]);
    }

    #[test]
    fn the_same_archive_is_tried_once() {
        let text =
            "deb http://mirror.example/debian trixie main\ndeb http://mirror.example/debian/ trixie main\n";
        assert_eq!(debian_archives(parse_lines(text), "trixie").len(), 1);
    }

    #[test]
    fn disabled_files_are_not_read() {
        let apt = tempfile::tempdir().unwrap();
        fs::create_dir(apt.path().join("sources.list.d")).unwrap();
        let line = "deb http://mirror.example/debian trixie main\n";
        fs::write(apt.path().join("sources.list.d/a.list.disabled"), line).unwrap();
        assert_eq!(read(apt.path()), []);
        fs::write(apt.path().join("sources.list.d/a.list"), line).unwrap();
        fs::write(apt.path().join("sources.list.d/debian.sources"), STANZAS).unwrap();
        assert_eq!(read(apt.path()).len(), 3);
    }

    #[test]
    fn the_release_name_is_found_with_and_without_quotes() {
        assert_eq!(codename("ID=debian\nVERSION_CODENAME=bookworm\n").as_deref(), Some("bookworm"));
        assert_eq!(codename("VERSION_CODENAME=\"trixie\"\n").as_deref(), Some("trixie"));
        assert_eq!(codename("ID=other\n"), None);
    }
}
