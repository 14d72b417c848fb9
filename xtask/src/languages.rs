//! Installs the tools that make components of JavaScript and Python into the cache, in the versions that the examples name.
//!
//! They lie in `<cache>/languages/<language>/`. A language whose installer the machine lacks is left out, and named.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::packages::{Kind, Packages};
use crate::{place, step};

/// Tells the tests where the tools are.
pub(crate) const VARIABLE: &str = "OMI_LANGUAGES";

/// A language whose components are made by a tool of its own.
struct Tool {
    language: &'static str,
    /// What is said where it cannot be installed.
    left_out: &'static str,
    kind: Kind,
    /// The installer.
    needs: &'static str,
    /// The file of the example that names the tool and its version.
    named_in: &'static str,
    /// The tool.
    program: &'static str,
}

const TOOLS: [Tool; 2] = [
    Tool {
        language: "javascript",
        left_out: "the example in JavaScript (no npm)",
        kind: Kind::Npm,
        needs: "npm",
        named_in: "package.json",
        program: "node_modules/.bin/componentize-js",
    },
    Tool {
        language: "python",
        left_out: "the example in Python (no python3)",
        kind: Kind::Pip,
        needs: "python3",
        named_in: "requirements.txt",
        program: "venv/bin/componentize-py",
    },
];

/// What the machine can make components of, and what it cannot.
pub(crate) struct Languages {
    /// The folder of the tools.
    pub(crate) folder: PathBuf,
    /// The languages that can be tested; Rust always can.
    pub(crate) there: Vec<&'static str>,
    /// What has to be left out, and why.
    pub(crate) left_out: Vec<&'static str>,
}

/// Installs what is missing.
pub(crate) fn install() -> Result<Languages> {
    let folder = place::cache()?.join("languages");
    let mut languages = Languages { folder: folder.clone(), there: vec!["rust"], left_out: Vec::new() };
    for tool in TOOLS {
        if !step::is_on_path(tool.needs) {
            step::say(format_args!("left out: {}", tool.left_out));
            languages.left_out.push(tool.left_out);
            continue;
        }
        let file = place::root().join("adapters/examples").join(tool.language).join(tool.named_in);
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let names = match tool.kind {
            Kind::Npm | Kind::NpmPack => npm_names(&text),
            Kind::Pip => text.lines().map(str::to_owned).collect(),
        };
        let packages = Packages { kind: tool.kind, names: &names, program: tool.program, interpreter: None };
        if names.is_empty() {
            bail!("{} names no package", file.display());
        }
        packages.check().with_context(|| file.display().to_string())?;
        packages
            .install(&folder.join(tool.language))
            .with_context(|| format!("cannot install the tool for {}", tool.language))?;
        languages.there.push(tool.language);
    }
    Ok(languages)
}

/// The packages under `devDependencies`, each on a line of its own, as npm itself writes them.
pub(crate) fn npm_names(manifest: &str) -> Vec<String> {
    let lines = manifest.lines().skip_while(|line| !line.contains("\"devDependencies\"")).skip(1);
    let name = |line: &str| {
        let (name, version) = line.trim().trim_end_matches(',').split_once(": ")?;
        Some(format!("{}@{}", name.trim_matches('"'), version.trim_matches('"')))
    };
    lines.map_while(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_has_its_test() {
        let tests = fs::read_to_string(place::root().join("tests/languages.rs")).unwrap();
        for language in TOOLS.iter().map(|tool| tool.language).chain(["rust"]) {
            assert!(tests.contains(&format!("\nfn {language}() {{")), "{language}");
        }
    }

    #[test]
    fn the_examples_name_exact_versions() {
        let example =
            |path: &str| fs::read_to_string(place::root().join("adapters/examples").join(path)).unwrap();
        let npm = npm_names(&example("javascript/package.json"));
        assert_eq!(npm.len(), 1, "{npm:?}");
        assert!(npm[0].starts_with("@bytecodealliance/componentize-js@"), "{npm:?}");
        Packages { kind: Kind::Npm, names: &npm, program: "", interpreter: None }.check().unwrap();
        let pip: Vec<String> = example("python/requirements.txt").lines().map(str::to_owned).collect();
        assert!(pip[0].starts_with("componentize-py=="), "{pip:?}");
        Packages { kind: Kind::Pip, names: &pip, program: "", interpreter: None }.check().unwrap();
    }
}
