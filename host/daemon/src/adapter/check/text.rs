//! The report for a person.

use omi_conformance::{Call, CaseResult, Report, Verdict, import_meaning};

use crate::component::short;
use crate::terminal::plain;

/// Bytes of an input or output in a report that does not show everything.
const SHORT: usize = 160;
/// Calls that are shown in a report that does not show everything: those that led there last.
const LAST_CALLS: usize = 4;

/// A case, as soon as it is over.
pub(super) fn case(case: &CaseResult, component: &str, whole: bool) -> String {
    match &case.verdict {
        Verdict::Passed => format!("ok       {}\n", case.name),
        Verdict::NotRun(why) => format!("not run  {}: {}\n", case.name, plain(why)),
        Verdict::Broken { rule, what } => {
            let mut lines = vec![
                format!("BROKEN   {}: {}", case.name, rule.name),
                format!("         what      {}", limited(&plain(what), whole)),
                format!("         rule      {}", rule.demands),
                format!("         matters   {}", rule.why),
            ];
            lines.extend(calls(&case.calls, whole));
            if !case.calls.is_empty() {
                lines.push(format!(
                    "         replay    omi-agentd adapter check {component} --case {} --calls",
                    case.name
                ));
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

fn limited(text: &str, whole: bool) -> String {
    if whole || text.len() <= SHORT {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(SHORT)])
}

/// The end of the report.
pub(super) fn summary(report: &Report) -> String {
    let (judged, counts) = (&report.judged, report.counts());
    let adapter = judged.adapter.as_ref().map_or_else(
        || "could not be loaded".to_owned(),
        |(id, version)| format!("{} {}", plain(id), plain(version)),
    );
    let mut lines = vec![
        String::new(),
        format!("component  {} ({} bytes, {})", plain(&judged.name), judged.bytes, short(&judged.digest)),
        format!("adapter    {adapter}"),
    ];
    for (at, import) in judged.imports.iter().enumerate() {
        let title = if at == 0 { "imports" } else { "" };
        lines.push(format!("{title:10} {}: {}", plain(import), import_meaning(import)));
    }
    if judged.adapter.is_some() && judged.is_pure() {
        lines.push("badge      pure: it imports nothing of WASI".to_owned());
    }
    lines.push(format!(
        "level      {}: {} passed, {} broken, {} not run",
        report.level.as_str(),
        counts.passed,
        counts.broken,
        counts.not_run
    ));
    lines.join("\n") + "\n"
}
