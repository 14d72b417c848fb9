//! Watches over the rules of the contract that show in any conversation, whatever the case is about.

mod effects;
mod form;

use std::collections::{BTreeMap, BTreeSet};

use omi_kernel::descriptor::{Cancellation, Capability, Descriptor, Fidelity};
use serde_json::Value;

use crate::output::{AttemptEvent, CancelAnswer, Output};
use crate::rule;
use crate::stop::{Broken, keeps};
use form::{is_json, json_is_valid, native_id};

/// The first number that is not the adapter's to choose.
const REQUESTS_END: u32 = 1 << 31;

/// How far a binding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BindingState {
    Asked,
    Open,
    Failed,
    Closed,
}

/// How far an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttemptState {
    Running,
    Finished,
}

/// Everything that is known of one worker.
#[derive(Debug)]
pub(crate) struct Watch {
    declared: Descriptor,
    /// Answers to `start` and to each `authenticate` that are still to come.
    pub(crate) awaits_ready: bool,
    pub(crate) logged_out: Option<String>,
    pub(crate) ready: bool,
    pub(crate) fault: Option<Value>,
    /// Nothing may be opened any more.
    stopped: bool,
    stopping: bool,
    ops: BTreeSet<u32>,
    pub(crate) timers: BTreeSet<u32>,
    pub(crate) processes: BTreeSet<u32>,
    requests: BTreeSet<u32>,
    pub(crate) blobs: BTreeSet<u32>,
    pub(crate) bindings: BTreeMap<u32, BindingState>,
    /// What the runtime calls each.
    pub(crate) native_ids: BTreeMap<u32, String>,
    pub(crate) attempts: BTreeMap<u32, AttemptState>,
    /// How attempts ended.
    pub(crate) outcomes: BTreeMap<u32, Value>,
    /// Answers to cancellations that are still to come, by attempt.
    pub(crate) cancels: BTreeMap<u32, u32>,
    /// Attempts whose cancellation was acknowledged.
    pub(crate) acknowledged: BTreeSet<u32>,
    /// Running attempts of which the runtime may know: something was sent to it since they began.
    at_work: BTreeSet<u32>,
    /// Attempts that were cancelled while the runtime worked, and of which it has said nothing since.
    pub(crate) unconfirmed: BTreeSet<u32>,
    /// Requests to people, and whether each is open.
    pub(crate) asked: BTreeMap<u32, bool>,
    /// Processes that take nothing until they say so.
    pub(crate) blocked: BTreeSet<u32>,
}

impl Watch {
    pub(crate) fn new(declared: Descriptor) -> Self {
        Self {
            declared,
            awaits_ready: false,
            logged_out: None,
            ready: false,
            fault: None,
            stopped: false,
            stopping: false,
            ops: BTreeSet::new(),
            timers: BTreeSet::new(),
            processes: BTreeSet::new(),
            requests: BTreeSet::new(),
            blobs: BTreeSet::new(),
            bindings: BTreeMap::new(),
            native_ids: BTreeMap::new(),
            attempts: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            cancels: BTreeMap::new(),
            acknowledged: BTreeSet::new(),
            at_work: BTreeSet::new(),
            unconfirmed: BTreeSet::new(),
            asked: BTreeMap::new(),
            blocked: BTreeSet::new(),
        }
    }

    /// The adapter is told this, in one call. What it was told before `stop` in the same call it may still answer.
    pub(crate) fn told_all(&mut self, inputs: &[Value]) {
        let begins_with_stop = inputs.first().is_some_and(|input| input.get("stop").is_some());
        self.stopped = self.stopping || begins_with_stop;
        for input in inputs {
            self.told(input);
        }
    }

    fn told(&mut self, input: &Value) {
        let Some((case, payload)) = input.as_object().and_then(|input| input.iter().next()) else { return };
        let number = |member: &str| payload[member].as_u64().and_then(|number| u32::try_from(number).ok());
        match case.as_str() {
            "start" => self.awaits_ready = true,
            "authenticate" => {
                (self.awaits_ready, self.ready, self.logged_out) = (true, false, None);
            }
            "stop" => self.stopping = true,
            "open-binding" | "resume-binding" => {
                self.bindings.extend(number("binding").map(|binding| (binding, BindingState::Asked)));
            }
            "close-binding" => {
                self.bindings.extend(number("binding").map(|binding| (binding, BindingState::Closed)));
            }
            "execute-attempt" => {
                self.attempts.extend(number("attempt").map(|attempt| (attempt, AttemptState::Running)));
            }
            "cancel-attempt" => {
                if let Some(attempt) = number("attempt") {
                    *self.cancels.entry(attempt).or_default() += 1;
                    if self.at_work.contains(&attempt) {
                        self.unconfirmed.insert(attempt);
                    }
                }
            }
            "approval" | "provided-input" => {
                self.asked.extend(number("request").map(|request| (request, false)));
            }
            "refused" if payload["why"] == "would-block" => {
                self.blocked.extend(number("op"));
            }
            "stdin-progress" => {
                number("op").map(|op| self.blocked.remove(&op));
            }
            "stdout" | "stderr" | "exited" | "http-head" | "http-body" | "http-end" => {
                self.unconfirmed.clear();
            }
            _ => {}
        }
    }

    /// The adapter asks for this; `raw` is the same as it was written.
    pub(crate) fn asks(&mut self, output: &Output, raw: &Value) -> Result<(), Broken> {
        json_is_valid(raw)?;
        match output {
            Output::Ready(_) => self.is_ready(),
            Output::AuthRequired(auth) => {
                self.awaits_ready = false;
                self.logged_out = auth.methods.first().map(|method| method.id.clone());
                Ok(())
            }
            Output::Fault(fault) => {
                self.awaits_ready = false;
                self.fault = Some(fault.failure.clone());
                Ok(())
            }
            Output::BindingOpened(opened) => {
                native_id(&opened.native_id)?;
                capable(
                    faith(opened.fidelity) <= faith(self.declared.capabilities.resume),
                    "it opens a binding with more fidelity than `capabilities.resume`",
                )?;
                self.native_ids.insert(opened.binding, opened.native_id.clone());
                self.binding(opened.binding, BindingState::Open)
            }
            Output::BindingFailed(failed) => self.binding(failed.binding, BindingState::Failed),
            Output::AttemptEvent(event) => self.event(event),
            Output::AttemptFinished(finished) => {
                self.finished(finished.attempt)?;
                self.outcomes.insert(finished.attempt, finished.outcome.clone());
                Ok(())
            }
            Output::CancelAnswer(answer) => self.cancel_answer(answer),
            Output::RequestApproval(request) => {
                self.runs(request.attempt, "an approval")?;
                is_json("details", &request.details)?;
                self.asks_person(request.request)
            }
            Output::RequestInput(request) => {
                self.runs(request.attempt, "a request for input")?;
                is_json("schema", &request.schema)?;
                self.asks_person(request.request)
            }
            Output::WithdrawRequest(withdraw) => {
                let open = self.asked.insert(withdraw.request, false) == Some(true);
                keeps(open, &rule::REQUEST_FRESH, || {
                    format!("it withdraws the request {}, which is not open", withdraw.request)
                })
            }
            Output::CallTool(call) => {
                self.runs(call.attempt, "a tool call")?;
                capable(self.declared.capabilities.tools, "it calls a tool; `capabilities.tools` is false")?;
                self.opens(call.op, "a tool call")
            }
            Output::Spawn(spawn) => {
                self.granted(&spawn.grant, &[Capability::Process, Capability::Terminal])?;
                self.opens(spawn.op, "a process")?;
                self.processes.insert(spawn.op);
                self.holds(spawn.scope)
            }
            Output::WriteStdin(write) => {
                self.knows_process(write.process)?;
                let free = !self.blocked.contains(&write.process);
                keeps(free, &rule::BACKPRESSURE_KEPT, || {
                    format!("it writes to the process {} before `stdin-progress`", write.process)
                })?;
                self.reaches_runtime();
                write.parts.iter().try_for_each(|part| self.knows_blobs(part))
            }
            Output::CloseStdin(on) | Output::Kill(on) => self.knows_process(on.process),
            Output::SetTimer(timer) => {
                self.fresh(timer.op)?;
                self.timers.insert(timer.op);
                self.holds(timer.scope)
            }
            Output::ClearTimer(op) => {
                keeps(self.timers.contains(op), &rule::OP_KNOWN, || format!("{op} was never set as a timer"))
            }
            Output::ReadFile(file) | Output::WriteFile(file) => {
                self.granted(&file.grant, &[Capability::Files])?;
                self.opens(file.op, "a file")?;
                file.content.iter().try_for_each(|part| self.knows_blobs(part))?;
                self.holds(file.scope)
            }
            Output::HttpRequest(request) => {
                self.granted(&request.grant, &[Capability::Http])?;
                self.opens(request.op, "a request")?;
                self.requests.insert(request.op);
                self.reaches_runtime();
                request.body.iter().try_for_each(|part| self.knows_blobs(part))?;
                self.holds(request.scope)
            }
            Output::HttpAbort(op) => keeps(self.requests.contains(op), &rule::OP_KNOWN, || {
                format!("{op} is no request of this worker")
            }),
            Output::CreateBlob(create) => {
                self.fresh(create.op)?;
                create.content.iter().try_for_each(|part| self.knows_blobs(part))?;
                self.holds(create.scope)
            }
            Output::DropBlob(blob) => self.knows_blob(*blob),
            Output::Extension(extension) => is_json("json", &extension.json),
        }
    }

    fn reaches_runtime(&mut self) {
        let running = self.attempts.iter().filter(|(_, state)| **state == AttemptState::Running);
        self.at_work.extend(running.map(|(attempt, _)| *attempt));
    }

    fn is_ready(&mut self) -> Result<(), Broken> {
        keeps(self.awaits_ready, &rule::START_ANSWERED, || "`ready` comes once more".to_owned())?;
        (self.awaits_ready, self.ready) = (false, true);
        Ok(())
    }

    fn binding(&mut self, binding: u32, state: BindingState) -> Result<(), Broken> {
        let before = self.bindings.get(&binding).copied();
        match (before, state) {
            (None, _) => Err(Broken::new(
                &rule::BINDING_KNOWN,
                format!("it answers about the binding {binding}, which was never asked for"),
            )),
            (Some(BindingState::Asked), _) | (Some(BindingState::Open), BindingState::Failed) => {
                self.bindings.insert(binding, state);
                Ok(())
            }
            // What was asked for may be closed before it is there.
            (Some(BindingState::Closed), _) => Ok(()),
            (Some(BindingState::Open | BindingState::Failed), _) => Err(Broken::new(
                &rule::BINDING_ANSWERED,
                format!("it answers about the binding {binding} once more"),
            )),
        }
    }

    fn event(&self, event: &AttemptEvent) -> Result<(), Broken> {
        self.runs(event.attempt, "an event")?;
        let makes_artifact = event.event.get("artifact").is_some();
        let allowed = !makes_artifact || self.declared.capabilities.artifacts;
        capable(allowed, "it emits an artifact; `capabilities.artifacts` is false")
    }

    fn runs(&self, attempt: u32, what: &str) -> Result<(), Broken> {
        keeps(self.attempts.get(&attempt) == Some(&AttemptState::Running), &rule::ATTEMPT_RUNNING, || {
            format!("{what} of the attempt {attempt}, which is not running")
        })
    }

    fn finished(&mut self, attempt: u32) -> Result<(), Broken> {
        let before = self.attempts.get(&attempt).copied();
        keeps(before != Some(AttemptState::Finished), &rule::ATTEMPT_FINISHED, || {
            format!("the attempt {attempt} is finished once more")
        })?;
        self.runs(attempt, "the end")?;
        self.attempts.insert(attempt, AttemptState::Finished);
        self.at_work.remove(&attempt);
        self.unconfirmed.remove(&attempt);
        Ok(())
    }

    fn cancel_answer(&mut self, answer: &CancelAnswer) -> Result<(), Broken> {
        let attempt = answer.attempt;
        let waiting = self.cancels.get_mut(&attempt).filter(|waiting| **waiting > 0);
        let Some(waiting) = waiting else {
            let what = format!("a `cancel-answer` about the attempt {attempt}, which nobody waits for");
            return Err(Broken::new(&rule::CANCEL_ANSWERED, what));
        };
        *waiting -= 1;
        if self.attempts.get(&attempt) == Some(&AttemptState::Finished) {
            // Whatever it says of one that is over, nothing of it goes on.
            return Ok(());
        }
        let claims = (answer.dispatched, answer.acknowledged);
        let honest = match (self.declared.capabilities.cancellation, claims) {
            (_, (false, true)) => Err("it is acknowledged and was never dispatched"),
            (Cancellation::Unsupported, (true, _)) => {
                Err("it claims `dispatched`; `describe` says `unsupported`")
            }
            (Cancellation::Dispatched, (_, true)) => {
                Err("it claims `acknowledged`; `describe` says `dispatched`")
            }
            (_, (_, true)) if self.unconfirmed.contains(&attempt) => {
                Err("it claims `acknowledged`, and the runtime has said nothing since it was told")
            }
            _ => Ok(()),
        };
        honest.map_err(|what| Broken::new(&rule::CANCEL_HONEST, format!("the attempt {attempt}: {what}")))?;
        if answer.acknowledged {
            self.acknowledged.insert(attempt);
        }
        Ok(())
    }

    fn asks_person(&mut self, request: u32) -> Result<(), Broken> {
        keeps(request < REQUESTS_END, &rule::REQUEST_FRESH, || {
            format!("the request {request} is not below 2^31")
        })?;
        let fresh = self.asked.insert(request, true).is_none();
        keeps(fresh, &rule::REQUEST_FRESH, || format!("the request number {request} is used twice"))
    }
}

fn capable(kept: bool, what: &str) -> Result<(), Broken> {
    keeps(kept, &rule::CAPABILITIES_KEPT, || what.to_owned())
}

/// How faithful it is, from worst to best.
fn faith(fidelity: Fidelity) -> u8 {
    match fidelity {
        Fidelity::None => 0,
        Fidelity::Reconstructed => 1,
        Fidelity::Native => 2,
    }
}
