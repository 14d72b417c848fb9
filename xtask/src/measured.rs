//! `cargo xtask agents`: drives real runtimes and writes what was measured into `adapters/README.md`.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, anyhow, bail};
use omi_tests::measured::{self, Behaviour, Measurement, Runtime};

use crate::{a2a_server, adapters, place, real_agents, step, test};

/// Where the table begins in the file, and where it ends.
const MARKS: [&str; 2] = ["<!-- measured: cargo xtask agents -->\n", "<!-- end of measured -->\n"];

/// What a cell says whose test did not come to its end.
const FAILED: &str = "**failed**";

/// Runs the tests of the real runtimes of these names, or of all, and writes the table also where one of them fails: it
/// says which. What is not driven keeps the row that was measured on this machine before.
pub(crate) fn run(names: &[String]) -> Result<()> {
    adapters::build_bundled()?;
    let (agents, a2a) = (real_agents::install(true)?, a2a_server::install()?);
    let folder = place::target().join("measured");
    if names.is_empty() && folder.is_dir() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    step::run("build", step::cargo().arg("build").args(test::TESTED))?;
    let mut commands = test::real_agents(&agents, a2a.as_deref());
    if let Some(name) = names.iter().find(|name| commands.iter().all(|(other, _)| other != *name)) {
        let there: Vec<&str> = commands.iter().map(|(name, _)| name.as_str()).collect();
        bail!("there is no runtime `{name}` here; hint: one of {}", there.join(", "));
    }
    commands.retain(|(name, _)| names.is_empty() || names.contains(name));
    let mut failure = None;
    for (name, mut command) in commands {
        command.env(measured::VARIABLE, &folder);
        if let Err(error) = step::run(&name, &mut command) {
            step::say(&error);
            failure.get_or_insert(error);
        }
    }
    let measurements = measured::read(&folder).map_err(|error| anyhow!("nothing was measured: {error}"))?;
    let file = place::root().join("adapters/README.md");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let text = replaced(&text, &table(&measurements, &agents.left_out))
        .with_context(|| format!("cannot write into {}", file.display()))?;
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    step::say(format_args!("the table is in {}", file.display()));
    failure.map_or(Ok(()), Err)
}

/// The table, a row for each runtime. What was measured last counts.
fn table(measurements: &[Measurement], left_out: &[String]) -> String {
    let mut rows: BTreeMap<&Runtime, BTreeMap<Behaviour, &str>> = BTreeMap::new();
    for Measurement { runtime, behaviour, word } in measurements {
        rows.entry(runtime).or_default().insert(*behaviour, word);
    }
    let headings: Vec<&str> = Behaviour::ALL.into_iter().map(Behaviour::words).collect();
    let mut lines = vec![
        format!("| runtime | through | {} |", headings.join(" | ")),
        format!("{}|", "| --- ".repeat(headings.len() + 2)),
    ];
    for (Runtime { adapter, name, version }, cells) in rows {
        let cell = |behaviour| cells.get(&behaviour).copied().unwrap_or(FAILED);
        let cells: Vec<&str> = Behaviour::ALL.into_iter().map(cell).collect();
        lines.push(format!("| {name} {version} | {adapter} | {} |", cells.join(" | ")));
    }
    if !left_out.is_empty() {
        lines.push(format!("\nNot run on the machine that wrote this: {}.", left_out.join(", ")));
    }
    lines.join("\n") + "\n"
}

/// The text with everything between the marks replaced.
fn replaced(text: &str, table: &str) -> Result<String> {
    let [begin, end] = MARKS;
    let (Some((before, rest)), Some((_, after))) = (text.split_once(begin), text.split_once(end)) else {
        bail!("it lacks the lines `{}` and `{}`", begin.trim_end(), end.trim_end());
    };
    if !rest.contains(end) {
        bail!("`{}` stands before `{}`", end.trim_end(), begin.trim_end());
    }
    Ok(format!("{before}{begin}\n{table}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(name: &str, behaviour: Behaviour, word: &str) -> Measurement {
        let [adapter, name, version] = ["acp", name, "1.0.0"].map(str::to_owned);
        Measurement { runtime: Runtime { adapter, name, version }, behaviour, word: word.to_owned() }
    }

    #[test]
    fn a_table_has_a_row_for_each_runtime_and_says_what_failed() {
        let seen = [
            seen("b", Behaviour::Prompt, "ok"),
            seen("a", Behaviour::ToolAllowed, "not asked"),
            seen("b", Behaviour::Prompt, "ok again"),
        ];
        let text = table(&seen, &["c (no npm)".to_owned()]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("| runtime | through | prompt | tool allowed |"), "{text}");
        assert!(lines[2].starts_with("| a 1.0.0 | acp | **failed** | not asked | **failed**"), "{text}");
        assert!(lines[3].starts_with("| b 1.0.0 | acp | ok again | **failed**"), "{text}");
        assert!(text.ends_with(": c (no npm).\n"), "{text}");
    }

    #[test]
    fn what_stands_around_the_marks_stays() {
        let [begin, end] = MARKS;
        let text = format!("above\n{begin}old\n{end}below\n");
        assert_eq!(replaced(&text, "new\n").unwrap(), format!("above\n{begin}\nnew\n\n{end}below\n"));
        assert!(replaced("above\n", "new\n").is_err());
        assert!(replaced(&format!("{end}{begin}"), "new\n").is_err());
    }

    #[test]
    fn what_a_test_writes_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let one = seen("a", Behaviour::CancelledAtOnce, "cancelled, ≤ 50 ms");
        measured::write(folder.path(), &one).unwrap();
        assert_eq!(measured::read(folder.path()).unwrap(), [one]);
        fs::write(folder.path().join("measured.jsonl"), "{}\n").unwrap();
        assert!(measured::read(folder.path()).is_err());
    }

    #[test]
    fn the_projects_own_file_has_the_marks() {
        let text = fs::read_to_string(place::root().join("adapters/README.md")).unwrap();
        replaced(&text, "").unwrap();
    }
}
