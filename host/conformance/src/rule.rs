//! The rules of the contract that the suite can judge, each with what it demands and why it matters.

/// How thoroughly a component is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It can be loaded, says who it is, and keeps the order of the contract.
    Core,
    /// Also when everything around it goes wrong, and within bounds.
    Full,
}

impl Level {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Full => "full",
        }
    }
}

/// A rule. Two are the same if their names are.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, for programs and for people.
    pub name: &'static str,
    /// What an adapter has to do.
    pub demands: &'static str,
    /// What goes wrong for a user where it is broken.
    pub why: &'static str,
}

macro_rules! rules {
    ($($constant:ident $name:literal: $demands:literal, $why:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`: ", $demands)]
            pub const $constant: Rule = Rule { name: $name, demands: $demands, why: $why };
        )*

        /// Every rule, in the order in which they are judged.
        pub const RULES: &[Rule] = &[$($constant),*];
    };
}

rules! {
    COMPONENT_VALID "component-valid": "the file is a WebAssembly component",
        "nothing else can be loaded";
    COMPONENT_SIZE "component-size": "the file is no larger than the host loads",
        "a larger one is refused before it is read";
    CONTRACT_EXPORTED "contract-exported": "it exports `omi:runtime-adapter/runtime-adapter`",
        "without it the component is no adapter";
    CONTRACT_VERSION "contract-version": "it is built for a version of the contract that this host speaks",
        "the host cannot call what it does not know";
    CONTRACT_TYPES "contract-types": "its functions have the types of the contract",
        "a component of another shape cannot be linked";
    IMPORTS_ALLOWED "imports-allowed": "it imports nothing but `log` and the empty parts of WASI",
        "whatever else it wants is not there";
    STARTS_WITHIN_LIMITS "starts-within-limits": "it starts within the host's limits of time, memory and tables",
        "it would never get to its first call";
    DESCRIBE_RETURNS "describe-returns": "`describe` returns, without any input before it",
        "a person cannot be shown what it asks for";
    DESCRIBE_STABLE "describe-stable": "`describe` always answers the same",
        "what a person agreed to would not be what runs";
    DESCRIBE_VALID "describe-valid": "what `describe` answers is well formed: id, version, reasons, JSON",
        "a person has to be able to judge it and a program to read it";
    GRANTS_DECLARED "grants-declared": "it uses only grants that `describe` lists",
        "the gate refuses the others, and nobody was asked about them";
    CALL_RETURNS "call-returns": "no call traps, spins or goes over a limit",
        "a trap ends the worker with everything it was doing";
    WAITS_NEVER "waits-never": "no call waits",
        "a call that waits holds up the cancellation that would end it";
    EMPTY_CALL "empty-call": "a call without inputs does nothing",
        "the host may call at any time";
    START_ANSWERED "start-answered": "`start` is answered by exactly one of `ready`, `auth-required`, `fault`",
        "a run would wait for ever, or begin twice";
    EXTENSION_IGNORED "extension-ignored": "an `extension` that it does not know is ignored",
        "a newer host may send one";
    EXTRA_IGNORED "extra-ignored": "unknown members of `extra` are ignored",
        "this is how the contract grows";
    JSON_VALID "json-valid": "what the contract calls JSON is JSON",
        "clients read it as such";
    BINDING_ANSWERED "binding-answered": "each `open-binding` and `resume-binding` is answered exactly once",
        "a run would wait for its session for ever";
    BINDING_KNOWN "binding-known": "nothing is said about a binding that nobody asked for",
        "it could be taken for somebody else's session";
    NATIVE_ID_OWN "native-id-own": "a native id is the runtime's own, never an id of Omi, never empty",
        "the session could not be taken up again";
    ATTEMPT_FINISHED "attempt-finished": "each `execute-attempt` is answered by exactly one `attempt-finished`",
        "a run would stay `running`, or end twice";
    ATTEMPT_RUNNING "attempt-running": "nothing is said about an attempt that is not running",
        "text would appear under the wrong run";
    CANCEL_ANSWERED "cancel-answered": "each `cancel-attempt` is answered by exactly one `cancel-answer`",
        "the person who pressed stop hears nothing";
    CANCEL_HONEST "cancel-honest": "a `cancel-answer` claims no more than `describe` says can be known",
        "work goes on that a person believes has stopped";
    CANCEL_ENDS "cancel-ends": "after an acknowledged cancellation the attempt is finished",
        "the run would have to be ended by force";
    OP_FRESH "op-fresh": "no op is used twice within a worker",
        "an answer could be taken for that of another effect";
    OP_KNOWN "op-known": "an effect on a process, request or blob names one that the worker has",
        "the host refuses it and counts a breach";
    SCOPE_HELD "scope-held": "a scope names a binding or attempt that the worker holds",
        "an effect could not be authorised for the right session";
    REQUEST_FRESH "request-fresh": "request numbers are below 2^31, used once, and withdrawn only while open",
        "a person's answer could reach the wrong question";
    CAPABILITIES_KEPT "capabilities-kept": "it does nothing that its capabilities deny",
        "sessions are planned by what it says it can do";
    STOP_QUIET "stop-quiet": "after `stop` nothing new is opened",
        "it would outlive the worker that it belongs to";
    LATE_IGNORED "late-ignored": "what comes late, twice or for nothing is ignored",
        "messages cross: a timer can be due while it is cleared";
    REFUSAL_SURVIVED "refusal-survived": "where an effect is refused, what depends on it ends with a failure",
        "a person says no, and the run would hang";
    BACKPRESSURE_KEPT "backpressure-kept": "after `refused(would-block)` nothing is written before `stdin-progress`",
        "it would spin, and what it writes would be lost";
    PIECES_JOINED "pieces-joined": "output means the same in whatever pieces it comes",
        "a pipe cuts where it likes";
    BYTES_TOLERATED "bytes-tolerated": "bytes that are no UTF-8, and lines that mean nothing, are survived",
        "agents print what they like";
    EXIT_NOTICED "exit-noticed": "when a process ends, at whatever step, what depends on it ends",
        "agents crash, and the run would hang";
    REPLAY_SAME "replay-same": "the same inputs give the same outputs",
        "a recording could not be replayed, and a failure not be found";
    FUEL_BOUNDED "fuel-bounded": "an input takes a bounded amount of work",
        "one talkative agent would slow down everything beside it";
    MEMORY_BOUNDED "memory-bounded": "memory does not grow with every attempt",
        "a worker lives for days";
    OUTPUTS_BOUNDED "outputs-bounded": "a call asks for no more than the host takes",
        "more ends the worker";
    HUGE_INPUTS "huge-inputs": "a prompt may be very long or empty",
        "people paste files";
    MANY_INPUTS "many-inputs": "a call may have very many inputs",
        "they collect while the machine is busy";
    RECORDING_SAME "recording-same": "a recording gives the same events as when it was made",
        "a new version would behave in another way than the one that was tried";
}

/// The rule of this name.
pub fn named(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}
