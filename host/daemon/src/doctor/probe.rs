//! Starts agents for a moment, and asks servers who they are, in the way in which a run does it: until the adapter is
//! ready. No model is called.

use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use omi_engine::{Binding, Bound, CallSink, Worker, WorkerSpec, read_bytes};
use omi_kernel::command::{Command, StopReason};
use omi_kernel::effect::Effect;
use omi_kernel::id::{Ids, WorkerId};
use omi_kernel::input::{AccessAsked, Input};
use omi_kernel::report::{AuthMethod, FailureDetail, Report, WorkerEnd};
use serde_json::{Value, json};

use super::finding::Findings;
use crate::catalogue::Agent;
use crate::clock;
use crate::components::Components;
use crate::config::Config;
use crate::driver::random;
use crate::engine::LateEngine;
use crate::record::Record;
use crate::state::StateDir;

/// How long an agent may take to say who it is: the slowest of those that were measured took three seconds, and a package
/// runner that has to fetch it first is too slow for a run as well.
const ANSWER_MAX: Duration = Duration::from_mins(1);
/// How long it may take to end: the slowest took ten seconds.
const END_MAX: Duration = Duration::from_secs(15);
/// Reports of a worker that wait to be read.
const REPORTS_MAX: usize = 64;
/// Bytes of an agent's output that are looked at: its first answer has some thousands.
const SAID_BYTES_MAX: usize = 1024 * 1024;

/// Probes agents, one after the other: together they would be slower than they are.
pub(super) fn all(
    names: &[String],
    config: &Config,
    state: &StateDir,
    engine: LateEngine,
    findings: &mut Findings,
) -> Vec<Value> {
    let record = match Record::open(state) {
        Ok(record) => record,
        Err(error) => {
            findings.error("probe", &error);
            return Vec::new();
        }
    };
    let components = Components::new(engine, Arc::new(config.clone()), state.database());
    let mut probe = Probe { config, components, record };
    names.iter().filter_map(|name| probe.one(name, findings)).collect()
}

struct Probe<'p> {
    config: &'p Config,
    components: Components,
    record: Record,
}

/// What an agent answered.
struct Answer {
    runtime: String,
    methods: Vec<AuthMethod>,
    wants_log_in: bool,
}

impl Probe<'_> {
    /// Probes one agent or server; none if it talks to nothing.
    fn one(&mut self, name: &str, findings: &mut Findings) -> Option<Value> {
        let began = Instant::now();
        let said = Arc::new(Mutex::new(Vec::new()));
        let Some(answer) = self.answer(name, &said).transpose() else {
            findings.fine(name, "it starts no program and asks no server, so there is nothing to probe");
            return None;
        };
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let first = initialized(&said.lock().unwrap_or_else(PoisonError::into_inner));
        let detail = first.as_ref().map_or_else(String::new, detail);
        let (error, runtime) = match answer {
            Err(failure) => {
                findings.error(name, &format!("the probe failed ({}): {}", failure.code, failure.message));
                (Some(failure.message), String::new())
            }
            Ok(Answer { runtime, methods, wants_log_in: true }) => {
                let names: Vec<&str> = methods.iter().map(|method| method.id.as_str()).collect();
                let why = format!("it wants a log-in before anything else (methods: {})", names.join(", "));
                findings.wrong(name, &why, log_in_hint(name));
                (Some(why), runtime)
            }
            Ok(Answer { runtime, methods: _, wants_log_in: false }) => {
                findings.fine(name, format!("it answers after {ms} ms: {runtime}{detail}"));
                (None, runtime)
            }
        };
        let first = first.unwrap_or_default();
        Some(
            json!({ "agent": name, "ms": ms, "runtime": runtime, "error": error, "agentInfo": first["agentInfo"],
            "authMethods": first["authMethods"], "capabilities": first["agentCapabilities"] }),
        )
    }

    fn answer(&mut self, name: &str, said: &Arc<Mutex<Vec<u8>>>) -> Result<Option<Answer>, FailureDetail> {
        let failed =
            |error: &dyn std::fmt::Display| FailureDetail::new("worker_not_started", error.to_string());
        let registration = self.config.registration(name).map_err(|error| failed(&error))?;
        let talks = |binding: &Binding| matches!(binding.bound, Bound::Process(_) | Bound::Http(_));
        if !registration.grants().values().any(talks) {
            return Ok(None);
        }
        let (adapter, component) = self.components.load(&registration.component)?;
        let (sender, reports) = sync_channel(REPORTS_MAX);
        let spec = WorkerSpec {
            id: WorkerId::new(&mut Ids::new(&mut random)),
            registration: Arc::new(registration.bind(name, component).map_err(|error| failed(&error))?),
            cwd: std::env::current_dir().map_err(|error| failed(&error))?,
            seed: 0,
            calls: Some(listener(said)),
        };
        let sink = Box::new(move |report| {
            // Nobody waits for it any more.
            let _ = sender.send(report);
        });
        let worker = self.components.engine()?.start_worker(&adapter, spec, sink);
        let worker = worker.map_err(|error| failed(&error))?;
        let answer = self.wait(&worker, &reports);
        end(&worker, &reports);
        answer.map(Some)
    }

    /// Waits until it says who it is. What it wants to open is decided and recorded as for any worker.
    fn wait(&mut self, worker: &Worker, reports: &Receiver<Report>) -> Result<Answer, FailureDetail> {
        let deadline = Instant::now() + ANSWER_MAX;
        loop {
            match reports.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(report) => {
                    if let Some(answer) = self.hear(worker, report)? {
                        return Ok(answer);
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    let seconds = ANSWER_MAX.as_secs();
                    let why = format!("it has not said who it is within {seconds} s; hint: start it by hand");
                    return Err(FailureDetail::new("no_answer", why));
                }
            }
        }
    }

    /// A report of a worker that has no session: it is the answer, or something to decide first.
    fn hear(&mut self, worker: &Worker, report: Report) -> Result<Option<Answer>, FailureDetail> {
        if let Report::Ready { runtime } = report {
            return Ok(Some(Answer { runtime, methods: Vec::new(), wants_log_in: false }));
        }
        if let Report::AuthRequired { methods, .. } = report {
            return Ok(Some(Answer { runtime: String::new(), methods, wants_log_in: true }));
        }
        if let Report::Ended(end) = report {
            return Err(ended(end));
        }
        if let Report::AccessAsked { request, asked, .. } = report {
            let at = clock::of_day();
            let asked =
                AccessAsked { at, request, session: None, attempt: None, asked: *asked, person: false };
            self.open(worker, asked)?;
        }
        Ok(None)
    }

    fn open(&mut self, worker: &Worker, asked: AccessAsked) -> Result<(), FailureDetail> {
        let decided = self.record.decide(Input::AccessAsked(Box::new(asked)));
        let effects = decided.map_err(|error| FailureDetail::new("not_recorded", format!("{error:#}")))?;
        for effect in effects {
            // Without a session nothing else follows. A worker that has ended says so itself.
            if let Effect::Perform { op, grant, .. } = effect {
                let _ = worker.send(Command::Perform { op, grant });
            } else if let Effect::Refuse { op, why, .. } = effect {
                let _ = worker.send(Command::Refuse { op, why });
            }
        }
        Ok(())
    }
}

/// Ends a worker, and waits until it has ended with everything that it started.
fn end(worker: &Worker, reports: &Receiver<Report>) {
    // One that has ended already cannot be told.
    let _ = worker.send(Command::Stop { reason: StopReason::Shutdown });
    if !has_ended(reports) {
        worker.kill();
        has_ended(reports);
    }
}

fn has_ended(reports: &Receiver<Report>) -> bool {
    let deadline = Instant::now() + END_MAX;
    loop {
        match reports.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(report) => {
                if matches!(report, Report::Ended(_)) {
                    return true;
                }
            }
            Err(RecvTimeoutError::Disconnected) => return true,
            Err(RecvTimeoutError::Timeout) => return false,
        }
    }
}

fn ended(end: WorkerEnd) -> FailureDetail {
    match end {
        WorkerEnd::Stopped => FailureDetail::new("worker_lost", "it ended without a word"),
        WorkerEnd::Fault(failure) => failure.detail(),
        WorkerEnd::Trapped(detail) => detail,
    }
}

/// Keeps what the agent writes, as far as it is looked at.
fn listener(said: &Arc<Mutex<Vec<u8>>>) -> CallSink {
    let said = Arc::clone(said);
    CallSink::new(move |call| {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        for input in call.inputs.as_array().into_iter().flatten() {
            let bytes = read_bytes(&input["stdout"]["data"]).unwrap_or_default();
            if said.len() + bytes.len() <= SAID_BYTES_MAX {
                said.extend(bytes);
            }
        }
    })
}

/// The result of `initialize` among what an agent wrote.
fn initialized(said: &[u8]) -> Option<Value> {
    let messages = serde_json::Deserializer::from_slice(said).into_iter::<Value>();
    let messages = messages.map_while(Result::ok);
    let mut results = messages.map(|mut message| message["result"].take());
    results.find(|result| result["protocolVersion"].is_number())
}

/// Where the log-in of an agent is named, or what a server wants instead.
fn log_in_hint(name: &str) -> String {
    if Agent::registration_table(name).is_some() {
        format!("omi-agentd adapters --detect names the command for {name}")
    } else {
        format!("log in with the agent by hand, or give `[registrations.{name}]` its `secrets`")
    }
}

fn detail(first: &Value) -> String {
    let methods = first["authMethods"].as_array().into_iter().flatten();
    let methods: Vec<&str> = methods.filter_map(|method| method["id"].as_str()).collect();
    let log_in = if methods.is_empty() { "none offered".to_owned() } else { methods.join(", ") };
    let can = &first["agentCapabilities"];
    let session = can["sessionCapabilities"].as_object().into_iter().flatten();
    let load = can["loadSession"].as_bool().unwrap_or_default().then_some("load");
    let mut words: Vec<&str> = load.into_iter().chain(session.map(|(name, _)| name.as_str())).collect();
    for (kind, word) in [("http", "mcp over http"), ("sse", "mcp over sse")] {
        words.extend(can["mcpCapabilities"][kind].as_bool().unwrap_or_default().then_some(word));
    }
    words.extend(can["promptCapabilities"]["image"].as_bool().unwrap_or_default().then_some("images"));
    format!("; log-in: {log_in}; offers: {}", words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_answer_is_found_and_told() {
        let said = concat!(
            r#"{"jsonrpc":"2.0","method":"x","params":{}}"#,
            "\n",
            r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":1,"agentCapabilities":{"loadSession":true,"#,
            r#""sessionCapabilities":{"list":{}},"promptCapabilities":{"image":true}},"authMethods":[{"id":"key"}]}}"#,
        );
        let first = initialized(said.as_bytes()).unwrap();
        assert_eq!(detail(&first), "; log-in: key; offers: load, list, images");
        assert_eq!(initialized(b"hello"), None);
    }
}
