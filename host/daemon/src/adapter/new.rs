//! `omi-agentd adapter new`: makes a folder with a small adapter to begin from, copied out of this program.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use clap::ValueEnum as _;
use serde_json::json;

use crate::cli::{Language, New};
use crate::terminal::{self, plain, quoted};

/// The files of each language, with their paths in the new folder; the build script lists them.
mod templates {
    include!(concat!(env!("OUT_DIR"), "/templates.rs"));
}

/// What the folders have in common with the repository, and is copied as it is.
const SHARED: [&str; 2] = ["sdk/", "wit/"];

/// What no crate may be called: the words of Rust, and what a project in Rust is made of.
const TAKEN_IN_RUST: &str = "abstract alloc as async await become box break const continue core crate do dyn else enum \
    extern false final fn for gen if impl in let loop macro match mod move mut omi-adapter-sdk override priv proc-macro \
    pub ref return self session static std struct super test trait true try type typeof unsafe unsized use virtual \
    where while wit-bindgen yield";

pub(super) fn new(args: &New) -> anyhow::Result<ExitCode> {
    let New { name, language, path, json } = args;
    if *language == Language::Rust && TAKEN_IN_RUST.split_whitespace().any(|taken| taken == name) {
        bail!("`{name}` means something else in Rust; hint: call it `{name}-adapter`");
    }
    let folder = path.clone().unwrap_or_else(|| PathBuf::from(name));
    let files = files(*language, name);
    make(&folder, &files)?;
    let next = next(*language, name, &folder);
    let text = if *json {
        let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
        let language = language.to_possible_value().map(|value| value.get_name().to_owned());
        let made = json!({ "name": name, "language": language, "folder": std::path::absolute(&folder)?,
            "files": paths, "next": next });
        format!("{made}\n")
    } else {
        terminal::note(&format!(
            "made {} files in `{}`; README.md says what they are; these commands come next:",
            files.len(),
            plain(&folder.display().to_string())
        ));
        next.join("\n") + "\n"
    };
    // A reader that has gone away has seen enough.
    let _ = terminal::print(&text);
    Ok(ExitCode::SUCCESS)
}

/// The files of a new adapter.
fn files(language: Language, name: &str) -> Vec<(String, String)> {
    let template = match language {
        Language::Rust => templates::RUST,
        Language::JavaScript => templates::JAVASCRIPT,
        Language::Python => templates::PYTHON,
    };
    let own = |path: &str, text: &str| {
        if SHARED.iter().any(|folder| path.starts_with(folder)) {
            (path.to_owned(), text.to_owned())
        } else {
            // In the repository the contract is where all examples find it.
            (renamed(path, name), renamed(text, name).replace("../../../wit/", "wit/"))
        }
    };
    template.iter().map(|(path, text)| own(path, text)).collect()
}

/// A text of the example, about another adapter.
fn renamed(text: &str, name: &str) -> String {
    text.replace("line-adapter", name)
        .replace("line_adapter", &name.replace('-', "_"))
        .replace("LineAdapter", &type_name(name))
}

/// What its type is called: `my-agent` is `MyAgentAdapter`. The last word keeps it apart from the names of a language.
fn type_name(name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    let words: String = name.split('-').map(capital).collect();
    if words.ends_with("Adapter") { words } else { words + "Adapter" }
}

/// Writes the files into a folder that is new, or empty. If one cannot be written, nothing stays of the others.
fn make(folder: &Path, files: &[(String, String)]) -> anyhow::Result<()> {
    let shown = folder.display();
    match fs::read_dir(folder) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                bail!(
                    "`{shown}` is not empty, and nothing is overwritten; hint: name a new folder with --path"
                );
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if fs::symlink_metadata(folder).is_ok() {
                bail!("`{shown}` is a link to what is not there; hint: name a new folder with --path");
            }
        }
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            bail!("`{shown}` is no folder, and nothing is overwritten; hint: name a new folder with --path");
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read the folder `{shown}`")),
    }
    let mut made = Vec::new();
    let written = files.iter().try_for_each(|(path, text)| write(&folder.join(path), text, &mut made));
    if written.is_err() {
        // What cannot be removed, either, is the smaller trouble: the error is about the first.
        for path in made.iter().rev() {
            let _ = if path.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) };
        }
    }
    written
}

/// Writes one file, and notes what it had to make for that.
fn write(path: &Path, text: &str, made: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let hint = "hint: name a folder where you may write with --path";
    let missing =
        path.ancestors().skip(1).take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
    for folder in missing.collect::<Vec<_>>().into_iter().rev() {
        fs::create_dir(folder)
            .map_err(|error| anyhow!("cannot make the folder `{}`: {error}; {hint}", folder.display()))?;
        made.push(folder.to_owned());
    }
    let cannot = |error| anyhow!("cannot write `{}`: {error}; {hint}", path.display());
    let mut file = File::create_new(path).map_err(cannot)?;
    made.push(path.to_owned());
    file.write_all(text.as_bytes()).map_err(cannot)
}

/// The commands that come next, in the words of the folder's README.md.
fn next(language: Language, name: &str, folder: &Path) -> Vec<String> {
    let (build, component): (&[&str], String) = match language {
        Language::Rust => (
            &[
                "rustup target add wasm32-wasip2",
                "cargo test",
                "cargo build --release --target wasm32-wasip2",
            ],
            format!("target/wasm32-wasip2/release/{}.wasm", name.replace('-', "_")),
        ),
        Language::JavaScript => (&["npm install", "npm test", "npm run build"], format!("{name}.wasm")),
        Language::Python => (
            &[
                "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt",
                ".venv/bin/componentize-py -d wit/v0.1 -w adapter bindings bindings",
                "PYTHONPATH=bindings python3 -m unittest",
                ".venv/bin/componentize-py -d wit/v0.1 -w adapter componentize app --stub-wasi -o NAME.wasm",
            ],
            format!("{name}.wasm"),
        ),
    };
    let mut commands = vec![format!("cd {}", quoted(&folder.display().to_string()))];
    commands.extend(build.iter().map(|command| command.replace("NAME", name)));
    let peer = if language == Language::Rust { format!(" --peer {name}.peer.toml") } else { String::new() };
    commands.push(format!("omi-agentd adapter check {component}{peer}"));
    commands.push(format!("omi-agentd adapter install {component}"));
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANGUAGES: [Language; 3] = [Language::Rust, Language::JavaScript, Language::Python];

    #[test]
    fn every_file_is_about_the_new_adapter() {
        for language in LANGUAGES {
            let files = files(language, "my-agent");
            let text = |wanted: &str| {
                let found = files.iter().find(|(path, _)| path == wanted);
                found.unwrap_or_else(|| panic!("{language:?} has no {wanted}")).1.as_str()
            };
            assert!(text("README.md").contains("my-agent"));
            assert!(text("my-agent.peer.toml").contains("[[process]]"));
            assert!(text("wit/v0.1/adapter.wit").contains("world adapter"));
            for (path, text) in files.iter().filter(|(path, _)| !SHARED.iter().any(|of| path.starts_with(of)))
            {
                for old in ["line-adapter", "line_adapter", "LineAdapter", "../../"] {
                    assert!(!text.contains(old) && !path.contains(old), "{language:?} {path}: `{old}`");
                }
            }
        }
    }

    #[test]
    fn what_is_made_by_building_is_left_out() {
        for language in LANGUAGES {
            let made = |path: &str| {
                ["target/", "node_modules/", ".venv/", "bindings/"]
                    .iter()
                    .any(|folder| path.starts_with(folder))
                    || Path::new(path).extension().is_some_and(|extension| extension == "wasm")
            };
            let found: Vec<String> =
                files(language, "x").into_iter().map(|(path, _)| path).filter(|path| made(path)).collect();
            assert!(found.is_empty(), "{found:?}");
        }
    }

    #[test]
    fn a_project_in_rust_is_no_part_of_this_workspace() {
        let files = files(Language::Rust, "my-agent");
        let table = |wanted: &str| -> toml::Table {
            let (_, text) = files.iter().find(|(path, _)| path == wanted).unwrap();
            assert!(!text.contains("workspace = true"), "{text}");
            toml::from_str(text).unwrap()
        };
        let ours: toml::Table = toml::from_str(include_str!("../../../../Cargo.toml")).unwrap();
        let (project, sdk) = (table("Cargo.toml"), table("sdk/Cargo.toml"));
        assert!(project["workspace"].as_table().unwrap().is_empty());
        assert_eq!(project["package"]["name"].as_str(), Some("my-agent"));
        assert_eq!(project["dependencies"]["omi-adapter-sdk"]["path"].as_str(), Some("sdk"));
        assert_eq!(sdk["dependencies"]["wit-bindgen"], ours["workspace"]["dependencies"]["wit-bindgen"]);
        assert_eq!(sdk["package"]["version"], ours["workspace"]["package"]["version"]);
        for key in ["opt-level", "lto", "panic", "strip"] {
            assert_eq!(project["profile"]["release"][key], ours["profile"]["guest"][key], "{key}");
        }
        assert!(files.iter().any(|(path, _)| path == "sdk/src/lib.rs"));
    }

    #[test]
    fn a_type_has_the_words_of_the_name() {
        let names = ["my-agent", "x", "line-adapter", "a--1b-", "host"];
        let types = ["MyAgentAdapter", "XAdapter", "LineAdapter", "A1bAdapter", "HostAdapter"];
        assert_eq!(names.map(type_name), types);
    }

    #[test]
    fn nothing_stays_of_a_folder_that_cannot_be_written_whole() {
        let own = |path: &str| (path.to_owned(), String::new());
        // A file cannot be a folder, too.
        let files = [own("a"), own("src/b"), own("src/b/c")];
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("x/y");
        let error = make(&folder, &files).unwrap_err().to_string();
        assert!(error.contains("src/b") && error.contains("hint: "), "{error}");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        assert!(make(place.path(), &files).is_err());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "the folder itself was there before");
        make(&folder, &files[..2]).unwrap();
        assert!(folder.join("src/b").is_file());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_nowhere_is_no_new_folder() {
        let place = tempfile::tempdir().unwrap();
        let link = place.path().join("link");
        std::os::unix::fs::symlink(place.path().join("nowhere"), &link).unwrap();
        let error = make(&link, &[("a".to_owned(), String::new())]).unwrap_err().to_string();
        assert!(error.contains("is a link to what is not there; hint: "), "{error}");
        assert!(!place.path().join("nowhere").exists());
    }
}
