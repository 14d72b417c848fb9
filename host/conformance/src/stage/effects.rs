//! What an adapter asks for is done, as far as it is not refused.

use std::collections::btree_map::Entry;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use omi_engine::{limits, read_bytes};
use serde_json::{Value, json};

use super::Stage;
use super::runtime::Child;
use crate::output::{HttpRequest, OnFile, Output, RequestApproval, Spawn, WriteMode};
use crate::peer::Kept;
use crate::stop::{Step, Stop};
use crate::told;
use crate::weather::Effect;

impl Stage<'_> {
    pub(super) fn perform(&mut self, output: &Output) -> Step {
        match output {
            Output::Spawn(spawn) if !self.refuses(Effect::Spawn, spawn.op) => self.spawn(spawn)?,
            Output::WriteStdin(write) => self.write(write.process, &self.bytes(&write.parts)),
            Output::CloseStdin(on) => {
                if self.runs(on.process) {
                    self.queue.push_back(told::stdin_closed(on.process, "requested"));
                    self.child_exits(on.process, &json!({ "code": 0 }));
                }
            }
            Output::Kill(on) => self.child_exits(on.process, &json!({ "signal": 15 })),
            Output::SetTimer(timer)
                if !self.refuses(Effect::Timer, timer.op)
                    && !self.limits(self.timers.len(), limits::TIMERS as usize, timer.op) =>
            {
                self.timers.insert(timer.op, self.now_ms.saturating_add(timer.after_ms));
            }
            Output::ClearTimer(op) => self.cleared.extend(self.timers.remove(op).map(|_| *op)),
            Output::ReadFile(file) if !self.refuses(Effect::File, file.op) => self.read_file(file),
            Output::WriteFile(file) if !self.refuses(Effect::File, file.op) => self.write_file(file),
            Output::HttpRequest(request) if !self.refuses(Effect::Request, request.op) => {
                self.request(request)?;
            }
            Output::HttpAbort(op) => {
                if self.transfers.remove(op) {
                    self.queue.push_back(told::http_end(*op, &json!("aborted")));
                }
            }
            Output::CreateBlob(create) if !self.refuses(Effect::Blob, create.op) => {
                let bytes = self.bytes(&create.content);
                let blob = self.next_blob;
                self.next_blob += 1;
                self.queue.push_back(told::blob_created(create.op, blob, bytes.len()));
                self.watch.blobs.insert(blob);
                self.blobs.insert(blob, bytes);
            }
            Output::CallTool(call) => self.queue.push_back(told::tool_failed(call.op)),
            Output::RequestApproval(request) => self.answer(request)?,
            Output::RequestInput(request) if !self.weather.silent_person => {
                self.queue.push_back(told::provided(request.request, &json!("declined")));
            }
            Output::Ready(_)
            | Output::AuthRequired(_)
            | Output::Fault(_)
            | Output::BindingOpened(_)
            | Output::BindingFailed(_)
            | Output::AttemptEvent(_)
            | Output::AttemptFinished(_)
            | Output::CancelAnswer(_)
            | Output::RequestInput(_)
            | Output::WithdrawRequest(_)
            | Output::Spawn(_)
            | Output::SetTimer(_)
            | Output::ReadFile(_)
            | Output::WriteFile(_)
            | Output::HttpRequest(_)
            | Output::CreateBlob(_)
            | Output::DropBlob(_)
            | Output::Extension(_) => {}
        }
        Ok(())
    }

    /// Whether the weather refuses it; then the adapter is told.
    fn refuses(&mut self, effect: Effect, op: u32) -> bool {
        let refusal = self.weather.refuses.filter(|(refused, _)| *refused == effect);
        self.queue.extend(refusal.map(|(_, refusal)| told::refused(op, &refusal.why())));
        refusal.is_some()
    }

    /// Whether a worker has as many of them as it may; then the adapter is told.
    fn limits(&mut self, there: usize, most: usize, op: u32) -> bool {
        let over = there >= most;
        if over {
            let why = json!({ "limit": format!("{most} at the same time are allowed") });
            self.queue.push_back(told::refused(op, &why));
        }
        over
    }

    fn runs(&self, op: u32) -> bool {
        self.children.get(&op).is_some_and(|child| child.running)
    }

    fn spawn(&mut self, spawn: &Spawn) -> Step {
        let (op, grant) = (spawn.op, spawn.grant.as_str());
        let Some(peer) = self.subject.peer.as_ref() else {
            let hint = "hint: write a peer file that plays it (`NAME.peer.toml` beside the component)";
            return Err(Stop::unplayed(format!("it starts a program under the grant `{grant}`; {hint}")));
        };
        let Some(index) = peer.process.iter().position(|process| process.grant == grant) else {
            return Err(Stop::unplayed(format!("the peer file has no [[process]] for the grant `{grant}`")));
        };
        let running = self.children.values().filter(|child| child.running).count();
        if self.limits(running, limits::PROCESSES as usize, op) {
            return Ok(());
        }
        let (stdout, kept) = (spawn.stdout, Kept::new());
        let child =
            Child { peer: index, stdout, partial: Vec::new(), kept, running: true, queued: Vec::new() };
        self.children.insert(op, child);
        self.queue.push_back(told::spawned(op));
        if !self.steps_on() {
            self.child_exits(op, &json!({ "code": 1 }));
            return Ok(());
        }
        for noise in self.weather.noise.clone() {
            self.weathered = true;
            self.child_says(op, noise);
        }
        for greeting in &peer.process[index].greets {
            self.child_says(op, greeting.as_bytes());
        }
        Ok(())
    }

    fn write(&mut self, op: u32, bytes: &[u8]) {
        let room = self.weather.limits().stdin_bytes;
        let Some(child) = self.children.get_mut(&op).filter(|child| child.running) else {
            let why = json!({ "failed": "the process takes no more input" });
            return self.queue.push_back(told::refused(op, &why));
        };
        if bytes.len() > room {
            let why = json!({ "limit": format!("{} bytes never fit the queue of {room}", bytes.len()) });
            return self.queue.push_back(told::refused(op, &why));
        }
        if child.queued.len() + bytes.len() > room {
            return self.queue.push_back(told::refused(op, &json!("would-block")));
        }
        child.queued.extend_from_slice(bytes);
        match self.weather.stdin_room {
            Some(_) if self.later.contains(&op) => {}
            Some(_) => self.later.push(op),
            None => self.child_takes(op),
        }
    }

    fn read_file(&mut self, file: &OnFile) {
        let found = self.files.get(&name_of(file));
        self.queue.push_back(match found {
            Some(bytes) => {
                let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
                let from = number(file.offset).min(bytes.len());
                let most = if file.max == 0 { bytes.len() } else { number(file.max) };
                let end = from.saturating_add(most).min(bytes.len());
                told::file_read(file.op, &bytes[from..end], bytes.len())
            }
            None => told::file(file.op, &json!({ "failed": "not-found" })),
        });
    }

    fn write_file(&mut self, file: &OnFile) {
        let bytes = self.bytes(&file.content);
        let written = bytes.len();
        let there = self.files.entry(name_of(file));
        match (file.mode, there) {
            (WriteMode::CreateNew, Entry::Occupied(_)) => {
                return self.queue.push_back(told::file(file.op, &json!({ "failed": "exists" })));
            }
            (WriteMode::Append, Entry::Occupied(mut there)) => there.get_mut().extend(bytes),
            (_, there) => drop(there.insert_entry(bytes)),
        }
        self.queue.push_back(told::file(file.op, &json!({ "written": written })));
    }

    fn request(&mut self, request: &HttpRequest) -> Step {
        let (op, grant) = (request.op, request.grant.as_str());
        let body = String::from_utf8_lossy(&self.bytes(&request.body)).into_owned();
        let peer =
            self.subject.peer.as_ref().and_then(|peer| peer.http.iter().find(|http| http.grant == grant));
        let Some(peer) = peer else {
            let hint = "hint: write a peer file with an [[http]] that plays it";
            return Err(Stop::unplayed(format!("it sends a request under the grant `{grant}`; {hint}")));
        };
        let broke = json!({ "failed": "the connection broke" });
        if self.limits(self.transfers.len(), limits::REQUESTS as usize, op) {
            return Ok(());
        }
        if !self.steps_on() {
            self.queue.push_back(told::http_end(op, &broke));
            return Ok(());
        }
        let Some(reply) = peer.reply(&request.method, &request.path, &body) else {
            self.queue.push_back(told::http_head(op, 404, &[]));
            self.queue.push_back(told::http_end(op, &json!("complete")));
            return Ok(());
        };
        let headers: Vec<_> = reply.headers.iter().collect();
        self.queue.push_back(told::http_head(op, reply.status, &headers));
        if !self.steps_on() {
            self.queue.push_back(told::http_end(op, &broke));
            return Ok(());
        }
        self.http_body(request, reply.body(&body).as_bytes());
        if reply.hold {
            self.transfers.insert(op);
        } else {
            self.queue.push_back(told::http_end(op, &json!("complete")));
        }
        Ok(())
    }

    /// Chooses once, else for good.
    fn answer(&mut self, request: &RequestApproval) -> Step {
        if self.weather.silent_person {
            return Ok(());
        }
        let wanted = if self.weather.denies {
            ["reject-once", "reject-always"]
        } else {
            ["allow-once", "allow-always"]
        };
        let option =
            wanted.iter().find_map(|kind| request.options.iter().find(|option| option.kind == *kind));
        let decision = match option {
            Some(option) => json!({ "selected": option.id }),
            None if self.weather.denies => json!({ "rejected": "there is no such option" }),
            None => return Err(Stop::unable("an approval has no option that allows it")),
        };
        self.queue.push_back(told::approval(request.request, &decision));
        Ok(())
    }

    /// The bytes of parts, with those of blobs put in.
    fn bytes(&self, parts: &[Value]) -> Vec<u8> {
        let blob = |number: &Value| {
            let number = number.as_u64().and_then(|number| u32::try_from(number).ok());
            number.and_then(|number| self.blobs.get(&number)).cloned().unwrap_or_default()
        };
        let of_part = |part: &Value| match part.as_object().and_then(|part| part.iter().next()) {
            Some((case, number)) if case == "blob-raw" => blob(number),
            Some((case, number)) if case == "blob-base64" => {
                BASE64_STANDARD.encode(blob(number)).into_bytes()
            }
            Some((_, bytes)) => read_bytes(bytes).unwrap_or_default(),
            None => Vec::new(),
        };
        parts.iter().flat_map(of_part).collect()
    }
}

fn name_of(file: &OnFile) -> String {
    format!("{}:{}", file.grant, file.path)
}
