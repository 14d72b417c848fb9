//! `omi-agentd replay`: a recording again, without the runtime.

use std::process::ExitCode;

use anyhow::{anyhow, bail};
use omi_conformance::{Recording, Replay, replay};
use omi_engine::{Engine, EngineConfig, read_component};
use serde_json::{Value, json};

use crate::cli::Replay as Args;
use crate::component::{Bundled, short};
use crate::state::StateDir;
use crate::terminal::{self, plain};

/// The events are not those that were recorded.
const DIFFERENT: u8 = 1;

pub(crate) fn run(args: &Args, state: &StateDir, tokio: &tokio::runtime::Handle) -> ExitCode {
    again(args, state, tokio).unwrap_or_else(|error| terminal::cannot(&error))
}

fn again(args: &Args, state: &StateDir, tokio: &tokio::runtime::Handle) -> anyhow::Result<ExitCode> {
    let recording = Recording::read(&args.recording)?;
    let (name, bytes) = component(args, &recording)?;
    let config = EngineConfig { metered: false, ..EngineConfig::for_trials(Some(state.compiled())) };
    let engine = Engine::new(config, tokio.clone())?;
    let adapter = engine.load(&name, &bytes).map_err(|error| anyhow!("cannot load `{name}`: {error}"))?;
    let replayed = replay(&engine, &adapter, &recording)
        .map_err(|error| anyhow!("{error}; hint: `omi-agentd adapter check {name}` judges the component"))?;
    let same_component = adapter.digest() == recording.header.digest;
    if args.json {
        // A reader that has gone away has seen enough.
        let _ = terminal::print(&format!("{:#}\n", as_json(&recording, &replayed, same_component)));
    } else {
        show(&recording, &replayed, same_component);
    }
    Ok(if replayed.events_differ.is_none() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
}

/// The component that is named, else the bundled one that was recorded.
fn component(args: &Args, recording: &Recording) -> anyhow::Result<(String, Vec<u8>)> {
    let named = match args.component.as_deref() {
        Some(named) if std::path::Path::new(named).exists() => {
            return Ok((named.to_owned(), read_component(named.as_ref())?));
        }
        Some(named) => named,
        None => recording.header.adapter.as_str(),
    };
    match (Bundled::named(named), &args.component) {
        (Some(bundled), _) => Ok((named.to_owned(), bundled.bytes().to_vec())),
        (None, Some(named)) => bail!("there is no component `{named}`; hint: name the `.wasm` file"),
        (None, None) => bail!(
            "the recording is of the adapter `{named}`, which is not bundled; hint: name its file with --component"
        ),
    }
}

fn as_json(recording: &Recording, replayed: &Replay, same_component: bool) -> Value {
    let (then, now) = replayed.events_differ.clone().unzip();
    json!({
        "adapter": recording.header.adapter, "version": recording.header.version,
        "sameComponent": same_component, "calls": recording.calls.len(), "cutBytes": recording.cut_bytes, "events": replayed.events,
        "sameEvents": replayed.events_differ.is_none(), "sameOutputs": replayed.outputs_differ_at.is_none(),
        "outputsDifferAt": replayed.outputs_differ_at, "recorded": then.flatten(), "replayed": now.flatten(),
    })
}

fn show(recording: &Recording, replayed: &Replay, same_component: bool) {
    let header = &recording.header;
    let component = if same_component { "the component that was recorded" } else { "another component" };
    let mut lines = vec![format!(
        "recording  {} {} ({}), {} calls; replayed with {component}",
        plain(&header.adapter),
        plain(&header.version),
        short(&header.digest),
        recording.calls.len()
    )];
    if recording.cut_bytes > 0 {
        lines.push(format!("cut        its last {} bytes, which are no whole line", recording.cut_bytes));
    }
    match &replayed.events_differ {
        None => lines.push(format!("events     the same {}", replayed.events)),
        Some((then, now)) => {
            let text = |event: &Option<Value>| {
                event.as_ref().map_or("nothing".to_owned(), |event| plain(&event.to_string()))
            };
            lines.push(format!("events     differ: recorded was {}", text(then)));
            lines.push(format!("                   now it is {}", text(now)));
        }
    }
    lines.push(match replayed.outputs_differ_at {
        None => "effects    the same".to_owned(),
        Some(call) => format!("effects    differ from call {call} on"),
    });
    // A reader that has gone away has seen enough.
    let _ = terminal::print(&(lines.join("\n") + "\n"));
}
