//! What the hostile and odd guests have in common: they behave like an adapter until the one thing they are for.

mod batch;
pub mod line;
pub mod remote;
mod writer;

use omi_adapter_sdk::{
    Attempt, AttemptEvent, AttemptFinished, BindingFailed, BindingOpened, CancelAnswer, Capabilities,
    Capability, Descriptor, Failure, Fidelity, Framing, GrantRequest, HttpRequest, Input, Op, Outcome,
    Outputs, Part, PromptBlock, ReadFile, Ready, Scope, WriteFile, WriteMode,
};

/// A descriptor with nothing special in it.
pub fn descriptor(id: &str) -> Descriptor {
    Descriptor {
        adapter_id: id.to_owned(),
        version: "0.1.0".to_owned(),
        title: id.to_owned(),
        protocol: "none".to_owned(),
        capabilities: Capabilities { bindings_per_worker: 16, ..Capabilities::least() },
        grants: vec![GrantRequest::process("agent", "Tests what happens to processes.")],
        config_schema: String::new(),
        extra: String::new(),
    }
}

/// A descriptor that asks for other things.
pub fn asking(id: &str, grants: Vec<GrantRequest>) -> Descriptor {
    Descriptor { grants, ..descriptor(id) }
}

/// Asks for anything of a kind.
pub fn anything(name: &str, capability: Capability) -> GrantRequest {
    let operation = "*".to_owned();
    GrantRequest { capability, operation, ..GrantRequest::process(name, "Tests what is refused.") }
}

/// A file to be read on behalf of an attempt.
pub fn read(op: Op, attempt: Attempt, grant: &str, path: &str) -> ReadFile {
    let (grant, path) = (grant.to_owned(), path.to_owned());
    ReadFile { op, scope: Scope::Attempt(attempt), grant, path, offset: 0, max: 0, extra: String::new() }
}

/// A file to be written on behalf of an attempt.
pub fn write(op: Op, attempt: Attempt, grant: &str, path: &str, text: &str) -> WriteFile {
    WriteFile {
        op,
        scope: Scope::Attempt(attempt),
        grant: grant.to_owned(),
        path: path.to_owned(),
        content: vec![Part::Bytes(text.into())],
        mode: WriteMode::Replace,
        extra: String::new(),
    }
}

/// A request to be sent on behalf of an attempt.
pub fn get(op: Op, attempt: Attempt, grant: &str, path: &str) -> HttpRequest {
    HttpRequest {
        op,
        scope: Scope::Attempt(attempt),
        grant: grant.to_owned(),
        method: "GET".to_owned(),
        path: path.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        framing: Framing::Bytes,
        extra: String::new(),
    }
}

/// Answers what every adapter answers; gives back what is left.
pub fn polite(input: Input, out: &mut Outputs) -> Option<Input> {
    match input {
        Input::Start(_) => out.push(Ready::new("guest")),
        Input::OpenBinding(open) => {
            out.push(BindingOpened::new(open.binding, format!("native-{}", open.binding), Fidelity::None));
        }
        Input::CancelAttempt(cancel) => out.push(CancelAnswer::new(cancel.attempt, true, false)),
        other => return Some(other),
    }
    None
}

/// A descriptor of an adapter that asks for nothing.
pub fn modest(id: &str) -> Descriptor {
    asking(id, Vec::new())
}

/// What a correct adapter without a runtime does: it says the prompt back. What it does not know it ignores.
///
/// A wrong guest takes the input that it is wrong about, and leaves the others to this.
pub fn correct(input: Input, out: &mut Outputs) {
    match input {
        Input::Start(_) => out.push(Ready::new("guest")),
        Input::OpenBinding(open) => {
            out.push(BindingOpened::new(open.binding, format!("native-{}", open.binding), Fidelity::None));
        }
        Input::ResumeBinding(resume) => {
            let failure = Failure::stale("not_kept", "a session of this guest ends with its worker");
            out.push(BindingFailed::new(resume.binding, failure));
        }
        Input::ExecuteAttempt(execute) => {
            out.push(AttemptEvent::text(execute.attempt, "answer", text(&execute.prompt)));
            finish(execute.attempt, out);
        }
        Input::CancelAttempt(cancel) => {
            out.push(CancelAnswer::new(cancel.attempt, false, false).because("the attempt is over"));
        }
        _ => {}
    }
}

/// A line of the answer.
pub fn say(attempt: Attempt, text: impl Into<String>, out: &mut Outputs) {
    out.push(AttemptEvent::text(attempt, "m", text.into() + "\n"));
}

/// The attempt ended well.
pub fn finish(attempt: Attempt, out: &mut Outputs) {
    out.push(AttemptFinished::new(attempt, Outcome::succeeded("done"), None));
}

/// The text of a prompt.
pub fn text(prompt: &[PromptBlock]) -> String {
    let text = |block: &PromptBlock| match block {
        PromptBlock::Text(text) => text.clone(),
        _ => String::new(),
    };
    prompt.iter().map(text).collect()
}
