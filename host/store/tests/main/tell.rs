//! What a client, a scheduler and a worker tell the store.

use omi_kernel::artifact::ArtifactState;
use omi_kernel::command::{Answer, InputAnswer, PromptBlock, RunMode};
use omi_kernel::delegation::DelegationMode;
use omi_kernel::descriptor::{Capability, Fidelity, GrantRequest, Recovery};
use omi_kernel::grant::{Access, AccessScope, Asked, Component, Policy, Terms};
use omi_kernel::id::{ArtifactId, AttemptId, GrantId, Ids, RunId, SessionId, Timestamp, WorkerId};
use omi_kernel::input::{AccessAsked, Begin, BindingOpened, By, Finished, Input};
use omi_kernel::model::Models;
use omi_kernel::permission::ApprovalPolicy;
use omi_kernel::report::{
    Activity, ApprovalOption, ApprovalRequest, Artifact, AuthMethod, Failure, FailureDetail, InputRequest,
    Lease, OptionKind, Outcome, Usage,
};
use omi_kernel::request::{Accept, Delegate, Retry, SessionRef, WorkerLimits};
use omi_kernel::row::{HOST_REQUESTS, RunInput};
use omi_kernel::session::SessionChange;
use omi_kernel::transcript::Chunk;

use crate::bench::Begun;

/// Ann asks for something in a new session.
pub(crate) fn asks(request: &str) -> Accept {
    Accept {
        owner: "ann".into(),
        client: "cli".into(),
        request: request.into(),
        session: SessionRef::default(),
        surface: "cli".into(),
        title: None,
        idempotency_key: None,
        default_adapter: "echo".into(),
        input: RunInput {
            prompt: vec![PromptBlock::Text { text: format!("do {request}") }],
            ..RunInput::default()
        },
        system_prompt_hash: None,
        mode: RunMode::Act,
        legacy: vec![],
    }
}

/// Ann asks for something in this session.
pub(crate) fn asks_in(session: &SessionId, request: &str) -> Accept {
    Accept { session: SessionRef { id: Some(session.clone()), ..SessionRef::default() }, ..asks(request) }
}

pub(crate) fn accepts(accept: Accept) -> Input {
    Input::Accept(Box::new(accept))
}

/// The worker that the tests have.
pub(crate) fn worker() -> WorkerId {
    WorkerId::new(&mut Ids::new(&mut || 0xbee))
}

/// A worker that holds no binding begins the run.
pub(crate) fn leased(run: &RunId) -> Input {
    Input::Begin(begin(run))
}

pub(crate) fn begin(run: &RunId) -> Begin {
    Begin {
        run: run.clone(),
        worker: worker(),
        held: vec![],
        resume: Fidelity::Native,
        recovery: Recovery::Host,
        default_cwd: "/home/ann".into(),
        digest: "d1".into(),
        protocol: "acp".into(),
        models: Models::new(),
        mcp_servers: vec![],
        mcp_hash: None,
        lease: None,
    }
}

pub(crate) fn opened(begun: &Begun, native_id: &str, fidelity: Fidelity) -> Input {
    Input::BindingOpened(BindingOpened {
        attempt: begun.attempt.clone(),
        binding: begun.binding.clone(),
        native_id: native_id.into(),
        fidelity,
        model: Some("small".into()),
        digest: "d1".into(),
        mcp_hash: None,
    })
}

pub(crate) fn chunk(attempt: &AttemptId, message: &str, offset: usize, text: &str) -> Input {
    let chunk = Chunk { message: message.into(), offset, text: text.into() };
    Input::Chunk { attempt: attempt.clone(), chunk }
}

pub(crate) fn message_completed(attempt: &AttemptId, message: &str, text: &str) -> Input {
    Input::MessageCompleted { attempt: attempt.clone(), message: message.into(), text: text.into() }
}

pub(crate) fn finished(attempt: &AttemptId, outcome: Outcome, text: &str, usage: Option<Usage>) -> Input {
    let text = text.into();
    Input::Finished(Finished { attempt: attempt.clone(), outcome, usage, text, acted: false, person: false })
}

pub(crate) fn well() -> Outcome {
    Outcome::Succeeded { stop_reason: "end_turn".into() }
}

pub(crate) fn stale() -> Outcome {
    Outcome::Failed(Failure::Stale(FailureDetail::new("no_such_session", "it is gone")))
}

pub(crate) fn cancel(run: &RunId) -> Input {
    Input::Cancel { owner: "ann".into(), run: run.clone() }
}

pub(crate) fn cancel_dispatched(attempt: &AttemptId) -> Input {
    Input::CancelDispatched { attempt: attempt.clone(), dispatched: true, acknowledged: false }
}

pub(crate) fn asks_leave(attempt: &AttemptId, request: u32, policy: ApprovalPolicy) -> Input {
    let option =
        ApprovalOption { option_id: "yes".into(), name: "Allow".into(), kind: OptionKind::AllowOnce };
    let request = ApprovalRequest {
        attempt: attempt.clone(),
        request,
        title: "Write a file".into(),
        tool: None,
        options: vec![option],
        details: serde_json::json!({ "path": "a.txt" }),
    };
    Input::ApprovalRequested { request, policy }
}

pub(crate) fn allows(attempt: &AttemptId, request: u32) -> Input {
    chooses(attempt, request, "yes")
}

/// Ann answers with one of the possible answers.
pub(crate) fn chooses(attempt: &AttemptId, request: u32, option: &str) -> Input {
    let answer = Answer::Selected { option_id: option.into() };
    Input::ApprovalAnswered { attempt: attempt.clone(), request, answer, by: By::Person("ann".into()) }
}

/// An adapter asks for information, and a person can be asked.
pub(crate) fn asks_for(attempt: &AttemptId, request: u32, prompt: &str) -> Input {
    let request =
        InputRequest { attempt: attempt.clone(), request, prompt: prompt.into(), schema: None, url: None };
    Input::InputRequested { request, person: true }
}

pub(crate) fn provides(attempt: &AttemptId, request: u32, answer: InputAnswer) -> Input {
    Input::InputProvided { attempt: attempt.clone(), request, answer, by: By::Person("ann".into()) }
}

/// A runtime that cannot go on before somebody logs in, and a person can be asked.
pub(crate) fn wants_log_in(attempt: &AttemptId, methods: &[&str]) -> Input {
    let method = |id: &&str| AuthMethod {
        id: (*id).to_owned(),
        kind: "agent".into(),
        name: (*id).to_owned(),
        description: String::new(),
    };
    let outcome = Outcome::Failed(Failure::AuthRequired {
        methods: methods.iter().map(method).collect(),
        message: String::new(),
    });
    let text = String::new();
    Input::Finished(Finished {
        attempt: attempt.clone(),
        outcome,
        usage: None,
        text,
        acted: false,
        person: true,
    })
}

pub(crate) fn makes(attempt: &AttemptId, role: &str, uri: &str) -> Input {
    let artifact = Artifact {
        kind: "file".into(),
        role: role.into(),
        uri: uri.into(),
        name: Some("It's a file".into()),
        mime_type: Some("text/plain".into()),
        content: None,
        content_hash: Some("ab12".into()),
        size_bytes: Some(u64::MAX),
        metadata: serde_json::json!({ "pages": 3 }),
    };
    Input::Activity { attempt: attempt.clone(), activity: Activity::Artifact(artifact) }
}

pub(crate) fn uses(attempt: &AttemptId, cost_usd: f64) -> Input {
    let usage = Usage { cost_usd: Some(cost_usd), ..Usage::default() };
    Input::Activity { attempt: attempt.clone(), activity: Activity::Usage(usage) }
}

pub(crate) fn opens(artifact: &ArtifactId) -> Input {
    Input::UpdateArtifact { owner: "ann".into(), artifact: artifact.clone(), state: ArtifactState::Opened }
}

pub(crate) fn retries(run: &RunId) -> Retry {
    Retry {
        owner: "ann".into(),
        run: run.clone(),
        adapter: None,
        model: None,
        checkpoint: None,
        legacy: vec![],
        anyway: false,
    }
}

/// A run calls another one, and waits for it.
pub(crate) fn calls(parent: &RunId, request: &str) -> Delegate {
    Delegate {
        owner: "ann".into(),
        parent: parent.clone(),
        client: "cli".into(),
        request: request.into(),
        mode: DelegationMode::Call,
        objective: format!("do {request}"),
        context: None,
        session: None,
        title: None,
        adapter: None,
        model: None,
        profile: None,
        run_mode: RunMode::Act,
        cwd: None,
        depth_max: None,
        budget_usd: None,
        limits: WorkerLimits { parked_max: 8, ..WorkerLimits::default() },
        legacy: vec![],
    }
}

pub(crate) fn changes(session: &SessionId, change: SessionChange) -> Input {
    Input::UpdateSession { owner: "ann".into(), session: session.clone(), change }
}

pub(crate) fn lease(pid: i32) -> Lease {
    Lease { pid, start_ticks: u64::MAX, boot_id: "boot".into() }
}

/// What the adapters of the tests declare.
pub(crate) fn declares_workspace() -> GrantRequest {
    GrantRequest {
        name: "workspace".into(),
        capability: Capability::Files,
        operation: "*".into(),
        pattern: "**".into(),
        reason: "It's where the work is".into(),
        optional: true,
    }
}

/// A run's adapter, in its own name, wants to read a file. `op` is the worker's number of it.
pub(crate) fn reads(op: u32, path: &str, policy: Policy) -> Asked {
    let access = Access {
        worker: worker(),
        op,
        grant: "workspace".into(),
        capability: Capability::Files,
        operation: "read".into(),
        resource: path.into(),
        covers: "**".into(),
    };
    let terms = Terms {
        registration: "echo".into(),
        component: "/opt/echo.wasm".into(),
        digest: "d1".into(),
        declared: Some(declares_workspace()),
        bound: Some(Capability::Files),
        policy,
        operations: vec![],
        resources: vec![],
    };
    Asked { scope: AccessScope::Attempt, access, terms }
}

/// An adapter wants to open something in a session, or none, and a person can be asked in the name of an attempt. The
/// number of the request is [`HOST_REQUESTS`] and the number of the access.
pub(crate) fn wants(session: Option<&SessionId>, attempt: &AttemptId, asked: Asked) -> Input {
    Input::AccessAsked(Box::new(AccessAsked {
        at: Timestamp(1000),
        request: HOST_REQUESTS + asked.access.op,
        session: session.cloned(),
        attempt: Some(attempt.clone()),
        asked,
        person: true,
    }))
}

pub(crate) fn revokes(grant: &GrantId) -> Input {
    Input::RevokeGrant { owner: "ann".into(), grant: grant.clone() }
}

pub(crate) fn installs(path: &str, digest: &str) -> Input {
    Input::InstallComponent(Box::new(component(path, digest)))
}

pub(crate) fn component(path: &str, digest: &str) -> Component {
    Component {
        path: path.into(),
        name: "echo".into(),
        digest: digest.into(),
        adapter_id: "test.echo".into(),
        version: "1.2.3".into(),
        grants: vec![declares_workspace()],
        imports: vec!["omi:agent/log@0.1.0".into()],
    }
}
