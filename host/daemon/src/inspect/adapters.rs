//! `adapters`: what is bundled, what is registered, and what of it is on this machine.

use std::process::ExitCode;

use omi_kernel::descriptor::Descriptor;
use serde_json::{Value, json};

use super::list;
use crate::bundled;
use crate::cli::Adapters;
use crate::component::load_bundled;
use crate::config::Config;
use crate::detect::Detected;
use crate::engine::LateEngine;
use crate::state::StateDir;
use crate::terminal::plain;

pub(crate) fn adapters(
    args: &Adapters,
    state: &StateDir,
    config: &Config,
    tokio: &tokio::runtime::Handle,
) -> anyhow::Result<ExitCode> {
    if args.detect {
        return Ok(detected(args, config));
    }
    let rows = rows(state, config, tokio)?;
    Ok(list(&rows, args.json, "no adapters", line))
}

/// Every known agent, and what of it is on this machine.
fn detected(args: &Adapters, config: &Config) -> ExitCode {
    let agents = crate::detect::detect(config, |_| true);
    if args.json {
        let rows: Vec<Value> = agents.iter().map(Detected::json).collect();
        return list(&rows, true, "", Value::to_string);
    }
    list(&agents.iter().map(Detected::lines).collect::<Vec<_>>(), false, "no agents", |lines| {
        lines.iter().map(|line| plain(line)).collect::<Vec<_>>().join("\n")
    })
}

/// What is bundled and what is registered.
pub(crate) fn rows(
    state: &StateDir,
    config: &Config,
    tokio: &tokio::runtime::Handle,
) -> anyhow::Result<Vec<Value>> {
    let engine = LateEngine::of(state, Vec::new(), tokio).get()?;
    let mut rows = Vec::new();
    for bundled::Component { name, .. } in bundled::COMPONENTS {
        rows.push(match load_bundled(&engine, name) {
            Some(Ok(adapter)) => component(name, adapter.descriptor(), adapter.digest()),
            Some(Err(failure)) => json!({ "bundled": name, "error": failure.message }),
            None => continue,
        });
    }
    for (name, registration) in &config.registrations {
        let programs: Vec<Value> = registration
            .programs()
            .map(|(grant, program)| {
                json!({
                    "grant": grant, "program": program,
                    "path": which::which(program).ok().map(|path| path.display().to_string()),
                })
            })
            .collect();
        let origins: Vec<Value> = registration
            .origins()
            .map(|(grant, origin)| json!({ "grant": grant, "origin": origin }))
            .collect();
        let component = registration.component.as_str();
        let bundled = bundled::COMPONENTS.iter().any(|bundled| bundled.name == component);
        let found = bundled || config.component(component).is_ok_and(|path| path.is_file());
        rows.push(json!({ "registration": name, "component": component,
            "componentFound": found, "programs": programs, "origins": origins,
            "recovers": registration.recovers }));
    }
    Ok(rows)
}

fn component(name: &str, descriptor: &Descriptor, digest: &str) -> Value {
    json!({ "bundled": name, "title": descriptor.title, "version": descriptor.version,
        "protocol": descriptor.protocol, "digest": digest, "capabilities": descriptor.capabilities,
        "grants": descriptor.grants })
}

/// A row on one line.
pub(crate) fn line(row: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if row["bundled"].is_string() {
        let what = if row["error"].is_string() {
            text(&row["error"])
        } else {
            let digest: String = text(&row["digest"]).chars().take(12).collect();
            format!(
                "{} {} ({}, {digest})",
                text(&row["title"]),
                text(&row["version"]),
                text(&row["protocol"])
            )
        };
        return format!("bundled       {:12} {}", text(&row["bundled"]), plain(&what));
    }
    let programs = row["programs"].as_array().into_iter().flatten();
    let mut behind: Vec<String> = programs
        .map(|program| match program["path"].as_str() {
            Some(path) => format!("{} = {path}", text(&program["grant"])),
            None => format!("{} = `{}` is not on PATH", text(&program["grant"]), text(&program["program"])),
        })
        .collect();
    let origins = row["origins"].as_array().into_iter().flatten();
    behind.extend(origins.map(|origin| format!("{} = {}", text(&origin["grant"]), text(&origin["origin"]))));
    let missing = if row["componentFound"] == true { "" } else { " (not found)" };
    format!(
        "registration  {:12} {}{missing}  {}",
        text(&row["registration"]),
        text(&row["component"]),
        behind.join(", ")
    )
}
