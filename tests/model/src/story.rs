//! What clients and workers say, drawn from a script: shared by the simulation and the wild walk.

mod access;

use omi_kernel::command::{Base64, McpServer, McpTransport, PromptBlock, RunMode};
use omi_kernel::delegation::DelegationMode;
use omi_kernel::descriptor::{Fidelity, Recovery};
use omi_kernel::id::{AdapterId, BindingId, RunId, SessionId, WorkerId};
use omi_kernel::input::Begin;
use omi_kernel::model::ModelProfile;
use omi_kernel::permission::ApprovalPolicy;
use omi_kernel::report::{
    Activity, ApprovalOption, Artifact, AuthMethod, Failure, FailureDetail, Lease, OptionKind, Payload,
};
use omi_kernel::request::{Accept, CreateSession, Delegate, SessionRef, WorkerLimits};
use omi_kernel::row::RunInput;
use omi_kernel::usage::Usage;
use serde_json::json;

pub use access::{access, component, component_path};

use crate::script::Dice;

/// A registration of the simulated world.
#[derive(Debug, Clone, Copy)]
pub struct Registration {
    /// Its name.
    pub name: &'static str,
    /// What its component can do at best.
    pub resume: Fidelity,
    /// Who takes up an interrupted turn.
    pub recovery: Recovery,
    /// How many bindings a worker of it holds.
    pub bindings_max: usize,
    /// How its requests for approval are decided.
    pub policy: ApprovalPolicy,
    /// What it speaks.
    pub protocol: &'static str,
    /// How many workers of it there may be.
    pub workers_max: Option<usize>,
}

/// The registrations of the simulated world: one that can do everything, one whose bindings die with their worker, and
/// one that nobody can be asked for and that goes on by itself.
pub const REGISTRATIONS: [Registration; 3] = [
    Registration {
        name: "acp",
        resume: Fidelity::Native,
        recovery: Recovery::Host,
        bindings_max: 3,
        policy: ApprovalPolicy::Ask,
        protocol: "acp",
        workers_max: None,
    },
    Registration {
        name: "pinned",
        resume: Fidelity::None,
        recovery: Recovery::Host,
        bindings_max: 1,
        policy: ApprovalPolicy::Legacy,
        protocol: "pi-rpc",
        workers_max: Some(2),
    },
    Registration {
        name: "deaf",
        resume: Fidelity::Reconstructed,
        recovery: Recovery::Runtime,
        bindings_max: 2,
        policy: ApprovalPolicy::Refuse,
        protocol: "a2a",
        workers_max: None,
    },
];

/// A registration by its name.
pub fn registration(adapter: &AdapterId) -> Registration {
    let found = REGISTRATIONS.into_iter().find(|known| known.name == adapter.as_str());
    found.unwrap_or(REGISTRATIONS[0])
}

/// The limits of all registrations.
pub fn limits(parked_max: usize) -> WorkerLimits {
    let of_adapter = REGISTRATIONS.iter().filter_map(|it| Some((it.name.into(), it.workers_max?)));
    WorkerLimits { of_adapter: of_adapter.collect(), parked_max }
}

fn text(dice: &mut Dice) -> Vec<PromptBlock> {
    let text = dice.of(&["hello", "hello", "hello", "bye", "bye", "what now?", "again", " "]);
    let mut blocks = vec![PromptBlock::Text { text: text.to_owned() }];
    if dice.once_in(12) {
        blocks.push(PromptBlock::Image { mime_type: "image/png".into(), data: Base64("AAAA".into()) });
    }
    blocks
}

fn adapter(dice: &mut Dice) -> Option<AdapterId> {
    dice.of(&[None, None, None, Some("acp"), Some("pinned"), Some("deaf")]).map(Into::into)
}

/// A prompt.
pub fn accept(dice: &mut Dice, owner: &str, session: SessionRef) -> Accept {
    let request = format!("r{}", dice.below(200));
    let input = RunInput {
        prompt: text(dice),
        system_prompt: None,
        adapter: adapter(dice),
        model: dice.of(&[None, None, None, Some("m1")]).map(str::to_owned),
        profile: dice.of(&[None, None, Some(ModelProfile::Vision)]),
        cwd: dice.of(&[None, None, None, Some("/a"), Some("/b")]).map(str::to_owned),
        legacy_adapter_session_id: dice.of(&[None, None, None, None, Some("old-1")]).map(Into::into),
        timeout_ms: dice.of(&[None, None, None, Some(20_000), Some(2_000)]),
    };
    Accept {
        owner: owner.into(),
        client: dice.of(&["cli", "app"]).into(),
        request: request.as_str().into(),
        session,
        surface: "cli".into(),
        title: dice.of(&[None, Some("A title")]).map(str::to_owned),
        idempotency_key: dice.of(&[None, None, None, None, Some("k1"), Some("k2")]).map(str::to_owned),
        default_adapter: dice.of(&["acp", "pinned", "deaf"]).into(),
        input,
        system_prompt_hash: dice.of(&[None, None, None, Some("h1"), Some("h2")]).map(str::to_owned),
        mode: dice.of(&[RunMode::Act, RunMode::Act, RunMode::Ask]),
        legacy: if dice.once_in(3) { vec!["acp".into()] } else { vec![] },
    }
}

/// A session before anything is asked in it, by one of the names that prompts use, too.
pub fn create_session(dice: &mut Dice, owner: &str) -> CreateSession {
    CreateSession {
        owner: owner.into(),
        external: dice.of(&[None, Some("x"), Some("y"), Some("z")]).map(|name| ("chat".into(), name.into())),
        surface: dice.of(&["http", "http", "http", ""]).into(),
        title: dice.of(&[None, Some("A title")]).map(str::to_owned),
        adapter: dice.of(&["acp", "pinned", "deaf"]).into(),
        cwd: dice.of(&[None, Some("/a")]).map(str::to_owned),
        profile: dice.of(&[None, Some(ModelProfile::Vision)]),
    }
}

/// A session by one of the ways to name one.
pub fn session(dice: &mut Dice, known: &[SessionId]) -> SessionRef {
    let name = |dice: &mut Dice| dice.of(&["x", "y", "z"]).to_owned();
    match dice.below(8) {
        0 => SessionRef::default(),
        1 => SessionRef { external: Some(("chat".into(), name(dice))), ..SessionRef::default() },
        2 => SessionRef { legacy: Some(("bridge".into(), name(dice))), ..SessionRef::default() },
        3 => SessionRef {
            external: Some(("chat".into(), name(dice))),
            legacy: Some(("bridge".into(), name(dice))),
            ..SessionRef::default()
        },
        _ => SessionRef { id: dice.recent(known).cloned(), ..SessionRef::default() },
    }
}

/// The bytes of every component that nobody installed.
pub const DIGEST: &str = "d1";

/// A worker for a run.
pub fn begin(run: RunId, worker: WorkerId, held: Vec<BindingId>, of: Registration, dice: &mut Dice) -> Begin {
    let server = McpServer {
        name: "files".into(),
        transport: McpTransport::Http { url: "http://127.0.0.1:1/mcp".into(), headers: Default::default() },
    };
    Begin {
        run,
        worker,
        held,
        resume: of.resume,
        recovery: of.recovery,
        default_cwd: "/a".into(),
        digest: DIGEST.into(),
        protocol: of.protocol.into(),
        models: [(ModelProfile::Vision, "eyes".to_owned())].into(),
        mcp_servers: vec![server],
        mcp_hash: dice
            .of(&[None, Some("mcp-1"), Some("mcp-1"), Some("mcp-1"), Some("mcp-2")])
            .map(str::to_owned),
        lease: dice.once_in(2).then(|| lease(dice)),
    }
}

/// A process.
pub fn lease(dice: &mut Dice) -> Lease {
    let pid = 100 + i32::try_from(dice.below(50)).unwrap_or_default();
    Lease { pid, start_ticks: 7, boot_id: "boot".into() }
}

/// A request of one run for another.
pub fn delegate(
    dice: &mut Dice,
    owner: &str,
    parent: RunId,
    known: &[SessionId],
    parked_max: usize,
) -> Delegate {
    use DelegationMode::{Call, Continue, Spawn};
    let mode = dice.of(&[Call, Spawn, Continue, Call, Spawn, Continue, Continue]);
    let named = mode == Continue || dice.once_in(20);
    let request = format!("d{}", dice.below(40));
    Delegate {
        owner: owner.into(),
        parent,
        client: "agent".into(),
        request: request.as_str().into(),
        mode,
        objective: dice
            .of(&["Look into it", "Look into it", "Look into it", "Write it down", "Write it down", ""])
            .into(),
        context: dice.of(&[None, Some("Be quick")]).map(str::to_owned),
        session: if named { dice.recent(known).cloned() } else { None },
        title: None,
        adapter: adapter(dice),
        model: None,
        profile: dice.of(&[None, Some(ModelProfile::Verifier)]),
        run_mode: RunMode::Ask,
        cwd: None,
        depth_max: dice.of(&[None, None, Some(5), None, Some(4), Some(1), Some(9)]),
        budget_usd: dice.of(&[None, Some(1.0), Some(1.0), Some(10.0), Some(0.0)]),
        limits: limits(parked_max),
        legacy: vec!["pinned".into()],
    }
}

/// What went wrong.
pub fn trouble(code: &str) -> FailureDetail {
    FailureDetail::new(code, "it did not work")
}

/// The ways to log in.
pub fn methods() -> Vec<AuthMethod> {
    let method = |id: &str| AuthMethod {
        id: id.into(),
        kind: "agent".into(),
        name: "Log in".into(),
        description: String::new(),
    };
    vec![method("key"), method("browser")]
}

/// How something failed.
pub fn failure(dice: &mut Dice) -> Failure {
    match dice.below(6) {
        0 | 1 => Failure::Stale(trouble("no_such_session")),
        2 => Failure::Retryable(trouble("busy")),
        3 => Failure::Fatal(trouble("broken")),
        _ => Failure::AuthRequired { methods: methods(), message: String::new() },
    }
}

/// What was used. Sums of quarters are exact, in whatever order.
pub fn usage(dice: &mut Dice) -> Usage {
    Usage {
        input_tokens: dice.of(&[None, Some(10), Some(200)]),
        output_tokens: dice.of(&[None, Some(3)]),
        cache_read_tokens: dice.of(&[None, Some(1)]),
        cache_write_tokens: None,
        cost_usd: dice.of(&[None, Some(0.25), Some(0.5), Some(1.25), Some(4.0)]),
    }
}

/// The possible answers to a request for approval.
pub fn options() -> Vec<ApprovalOption> {
    let option = |id: &str, kind| ApprovalOption { option_id: id.into(), name: id.into(), kind };
    vec![
        option("yes", OptionKind::AllowOnce),
        option("always", OptionKind::AllowAlways),
        option("no", OptionKind::RejectOnce),
    ]
}

/// Something an attempt does, but for text.
pub fn activity(dice: &mut Dice) -> Activity {
    let id = || "call".to_owned();
    match dice.below(12) {
        0 => Activity::Progress { text: "reading".into() },
        1 => Activity::ToolStarted {
            id: id(),
            name: "read".into(),
            title: "Read".into(),
            kind: "read".into(),
            input: Some(Payload::Json { value: json!({ "path": "/a" }) }),
        },
        2 => {
            Activity::ToolUpdated {
                id: id(), title: None, content: Some(Payload::Text { text: "…".into() })
            }
        }
        3 => Activity::ToolCompleted { id: id(), output: None },
        4 => Activity::ToolFailed { id: id(), error: trouble("no_such_file") },
        5..=7 => Activity::Usage(usage(dice)),
        8 | 9 => Activity::Artifact(artifact(dice)),
        10 => Activity::ModelUsed { model: "m1".into() },
        _ => Activity::Other { name: "plan".into(), value: json!([1, 2]) },
    }
}

fn artifact(dice: &mut Dice) -> Artifact {
    Artifact {
        kind: dice.of(&["file", "memory_candidate"]).into(),
        role: dice.of(&["checkpoint", "result", "log", "nonsense"]).into(),
        uri: "file:///a".into(),
        name: dice.of(&[None, Some("a")]).map(str::to_owned),
        mime_type: None,
        content: None,
        content_hash: dice.of(&[None, Some("abc")]).map(str::to_owned),
        size_bytes: dice.of(&[None, Some(17)]),
        metadata: dice.of(&[json!({}), json!({ "uncertainty": "low" }), json!(3)]),
    }
}
