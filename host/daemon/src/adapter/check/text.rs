//! The report for a person.

use omi_conformance::{Call, CaseResult, Counts, Report, Verdict};

use crate::cli::{Check, CheckLevel};
use crate::component::short;
use crate::terminal::{plain, quoted};

/// Bytes of an input or output in a report that does not show everything.
const SHORT: usize = 160;
/// Calls that are shown in a report that does not show everything: those that led there last.
const LAST_CALLS: usize = 4;

/// The command that judges the same component in the same way, up to the name of a case.
pub(super) fn again(args: &Check) -> String {
    let mut words = vec!["omi-agentd adapter check".to_owned(), quoted(&args.component)];
    if matches!(args.level, CheckLevel::Core) {
        words.push("--level core".to_owned());
    }
    let files = args.peer.iter().map(|path| ("--peer", path));
    for (option, path) in files.chain(args.recording.iter().map(|path| ("--recording", path))) {
        words.push(format!("{option} {}", quoted(&path.display().to_string())));
    }
    words.join(" ")
}

/// A case, as soon as it is over. `again` is the command that judges the component.
pub(super) fn case(case: &CaseResult, again: &str, whole: bool) -> String {
    let name = plain(&case.name);
    match &case.verdict {
        Verdict::Passed => format!("ok       {name}\n"),
        Verdict::NotRun(not_run) => format!("not run  {name}: {}\n", plain(&not_run.why)),
        Verdict::Broken { rule, what } => {
            let mut lines = vec![
                format!("BROKEN   {name}: {}", rule.name),
                format!("         what      {}", limited(what, whole)),
                format!("         rule      {}", rule.demands),
                format!("         matters   {}", rule.why),
            ];
            lines.extend(calls(&case.calls, whole));
            if !case.calls.is_empty() {
                let case = quoted(&case.name);
                lines.push(plain(&format!("         replay    {again} --case {case} --calls")));
            }
            lines.join("\n") + "\n"
        }
    }
}

/// What led there: each call with what it was told and what it asked for.
fn calls(calls: &[Call], whole: bool) -> Vec<String> {
    let skipped = if whole { 0 } else { calls.len().saturating_sub(LAST_CALLS) };
    let mut lines = Vec::new();
    if skipped > 0 {
        lines.push(format!("         inputs    … {skipped} calls before these"));
    }
    for call in &calls[skipped..] {
        let inputs = call.inputs.as_array().into_iter().flatten();
        lines.extend(inputs.map(|input| {
            format!("         {:>6} ms >> {}", call.now_ms, limited(&input.to_string(), whole))
        }));
        match call.outputs.as_array() {
            Some(outputs) => lines.extend(
                outputs
                    .iter()
                    .map(|output| format!("                   << {}", limited(&output.to_string(), whole))),
            ),
            None => lines.push("                   << the call did not return".to_owned()),
        }
    }
    lines
}

/// What was written by others, without what a terminal would obey.
fn limited(text: &str, whole: bool) -> String {
    if whole || text.len() <= SHORT {
        return plain(text);
    }
    plain(&text[..text.floor_char_boundary(SHORT)]) + "…"
}

/// The end of the report. `in_part` says that there is a runtime and nobody plays it.
pub(super) fn summary(report: &Report, in_part: bool) -> String {
    let judged = &report.judged;
    let adapter = judged.adapter.as_ref().map_or_else(
        || "could not be loaded".to_owned(),
        |(id, version)| format!("{} {}", plain(id), plain(version)),
    );
    let mut lines = vec![
        String::new(),
        format!("component  {} ({} bytes, {})", plain(&judged.name), judged.bytes, short(&judged.digest)),
        format!("adapter    {adapter}"),
    ];
    for (at, import) in judged.import_lines().iter().enumerate() {
        let title = if at == 0 { "imports" } else { "" };
        lines.push(format!("{title:10} {}", plain(import)));
    }
    if judged.adapter.is_some() && judged.is_pure() {
        lines.push("badge      pure: it imports nothing of WASI".to_owned());
    }
    lines.push(format!("level      {}", report.level.as_str()));
    lines.push(verdict(report, in_part));
    lines.join("\n") + "\n"
}

/// The last line.
fn verdict(report: &Report, in_part: bool) -> String {
    let Counts { passed, broken, not_run, unplayed } = report.counts();
    let word = if broken > 0 { "BROKEN" } else { "passed" };
    let counts = format!("{word:10} {passed} passed, {broken} broken, {not_run} not run");
    if !in_part || unplayed == 0 {
        return counts;
    }
    format!(
        "{counts}: judged only in part: {not_run} of {} cases were not run; \
         hint: write what its runtime says into a peer file (README.md, \"Check an adapter\")",
        report.cases.len()
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser as _;
    use omi_conformance::rule::RULES;
    use serde_json::json;

    use super::*;
    use crate::cli::{Adapter, AdapterCommand, Cli, Command};

    fn args(words: &[&str]) -> Check {
        let words = ["omi-agentd", "adapter", "check"].iter().chain(words);
        match Cli::try_parse_from(words).unwrap().command {
            Command::Adapter(Adapter { command: AdapterCommand::Check(check) }) => check,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_command_that_judges_again_has_what_was_given() {
        let given =
            ["my x.wasm", "--peer", "a.toml", "--recording", "b c.jsonl", "--level", "core", "--json"];
        assert_eq!(
            again(&args(&given)),
            "omi-agentd adapter check 'my x.wasm' --level core --peer a.toml --recording 'b c.jsonl'"
        );
        assert_eq!(again(&args(&["echo"])), "omi-agentd adapter check echo");
    }

    #[test]
    fn nothing_that_an_adapter_says_reaches_the_terminal_as_it_is() {
        let call = Call { now_ms: 0, inputs: json!(["a\u{9b}31m\u{7f}"]), outputs: json!(["b\u{9b}0m"]) };
        let result = CaseResult {
            name: "recording/\u{9b}2J".to_owned(),
            verdict: Verdict::Broken { rule: &RULES[0], what: "c\u{1b}[0m\u{9b}".to_owned() },
            calls: vec![call],
            took: Duration::ZERO,
        };
        for whole in [true, false] {
            let shown = case(&result, "omi-agentd adapter check x", whole);
            assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
            assert!(shown.contains(">> \"a 31m \"") && shown.contains("<< \"b 0m\""), "{shown}");
        }
    }
}
