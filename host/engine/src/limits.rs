//! Every limit of the engine, each with its reason. What an adapter may know of them is in `start.limits`, and public.

/// Inputs in one call: enough to empty a burst at once, few enough that a call stays short.
pub const INPUTS_PER_CALL: u32 = 256;
/// Bytes of output chunks in one call: what a guest with 128 MiB can hold several times over.
pub(crate) const INPUT_BYTES_PER_CALL: usize = 1024 * 1024;
/// Outputs of one call: 16 for each input; more is a runaway loop.
pub const OUTPUTS_PER_CALL: u32 = 4096;
/// Bytes that one call may hand to the host, so that a million outputs are stopped before they are copied.
pub(crate) const TRANSFER_BYTES: usize = 32 * 1024 * 1024;
/// The same where calls are written down as JSON: each byte is a value of a few dozen bytes until it is written.
pub(crate) const RECORDED_TRANSFER_BYTES: usize = 4 * 1024 * 1024;
/// Milliseconds one call may run: a call never waits, so a second is a thousand times what it needs.
pub const CALL_MS: u32 = 1_000;
/// Milliseconds of the start-up, the first call and `describe`: Python and JavaScript guests initialise in them.
pub(crate) const STARTUP_MS: u32 = 10_000;
/// How many times its running time a call may last by the clock: the machine may be busy with other things.
pub(crate) const WALL_FACTOR: u32 = 10;
/// Milliseconds that a call may overrun its deadline, blocked in the host, before its worker is declared dead.
pub(crate) const OVERRUN_MS: u32 = 2_000;
/// Bytes of one chunk of stdout: what a pipe of Linux holds.
pub const CHUNK_BYTES: u32 = 64 * 1024;
/// Bytes that wait to be written to one process: a prompt with a few files in it.
pub const STDIN_QUEUE_BYTES: u32 = 4 * 1024 * 1024;
/// Bytes of a payload that travel inline: larger ones would be copied through every queue and table.
pub const INLINE_BYTES: u32 = 64 * 1024;
/// Processes of one worker at the same time: an agent and a few helpers.
pub const PROCESSES: u32 = 8;
/// Processes of one program with everything it starts: an agent that builds a large project has a few hundred.
pub(crate) const TREE_PROCESSES: u32 = 1024;
/// Effects of one worker that wait to be decided about: more is asked for faster than it can be recorded.
pub(crate) const OPEN_ACCESSES: usize = 64;
/// Refusals by the gate that are recorded of one worker. Of the others, those that no grant could prevent are only told
/// to the adapter, and each of the rest counts as a violation of the contract.
pub(crate) const REFUSALS_RECORDED: u32 = 100;
/// Accesses that are recorded of one worker: a long session reads and writes a few thousand files.
pub(crate) const DECISIONS: u32 = 100_000;
/// Bytes of what an access is done to: a command line of a terminal can be long.
pub(crate) const RESOURCE_BYTES: usize = 32 * 1024;
/// Bytes of a pattern of a grant: it is compared with every resource.
pub(crate) const PATTERN_BYTES: usize = 256;
/// Requests of one worker that are open at the same time.
pub const REQUESTS: u32 = 16;
/// Bytes of a file that is read or written: a large source file many times over, and it fits the blobs of a worker.
pub(crate) const FILE_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes of a read that come inline where the adapter says how much it wants: text that it has to look into.
pub(crate) const READ_BYTES: u64 = 4 * 1024 * 1024;
/// Redirects that one request follows.
pub(crate) const REDIRECTS: u32 = 5;
/// Bytes of all headers of a request.
pub(crate) const HEADER_BYTES: usize = 32 * 1024;
/// Timers of one worker at the same time: a few for each attempt it may run.
pub const TIMERS: u32 = 64;
/// Requests for a person that are open at the same time in one worker.
pub(crate) const OPEN_REQUESTS: usize = 256;
/// Bytes of all blobs of one worker: several pictures of the largest size that a provider takes.
pub const BLOB_BYTES: u32 = 64 * 1024 * 1024;
/// Bytes of child output that wait for one worker; when it is full, the child is no longer read.
pub(crate) const INBOX_BYTES: u32 = 4 * 1024 * 1024;
/// Bytes of standard error that wait for one worker; when it is full, standard error reaches only the tail.
pub(crate) const INBOX_STDERR_BYTES: u32 = 256 * 1024;
/// Other inputs that wait for one worker: four full calls of replies; more means that it produces faster than it reads.
pub(crate) const INBOX_CONTROL_ITEMS: usize = 16 * 1024;
/// Bytes of a component: a Python guest with its interpreter has 18 MB.
pub(crate) const COMPONENT_BYTES: usize = 128 * 1024 * 1024;
/// Bytes of linear memory of one instance, all memories together.
pub(crate) const MEMORY_BYTES: usize = 128 * 1024 * 1024;
/// Elements of all tables of one instance: a JavaScript guest needs 8,000 before it does anything.
pub(crate) const TABLE_ELEMENTS: usize = 50_000;
/// Core instances in one component: a Python guest needs 38.
pub(crate) const INSTANCES: usize = 100;
/// Tables in one component.
pub(crate) const TABLES: usize = 20;
/// Linear memories in one component.
pub(crate) const MEMORIES: usize = 10;
/// Bytes of the guest's stack; with the host's own frames it stays far below a thread's 2 MiB.
pub(crate) const WASM_STACK_BYTES: usize = 512 * 1024;
/// Milliseconds for each step of ending a process: close its input, SIGTERM, SIGKILL.
pub(crate) const GRACE_MS: u32 = 2_000;
/// Bytes of a process's standard error that are kept for the report of its end.
pub(crate) const STDERR_TAIL_BYTES: usize = 8 * 1024;
/// Bytes of a guest's own standard error that are kept for the report of a trap.
pub(crate) const GUEST_STDERR_BYTES: usize = 2 * 1024;
/// Bytes of one short text of an adapter: a title, a code, a name.
pub(crate) const SHORT_TEXT_BYTES: usize = 4 * 1024;
/// Contract violations after which a worker is ended: a few may be a race, a thousand is a broken adapter.
pub(crate) const VIOLATIONS: u32 = 1_000;

/// The limits that a configuration or a test may change. The defaults, with their reasons, are the constants above.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Milliseconds one call may run.
    pub call_ms: u32,
    /// Milliseconds for the start-up, the first call and `describe`.
    pub startup_ms: u32,
    /// Bytes of linear memory of one worker.
    pub memory_bytes: usize,
    /// Processes of one worker at the same time.
    pub processes: u32,
    /// Bytes that may wait to be written to one process.
    pub stdin_queue_bytes: u32,
    /// Bytes of all blobs of one worker.
    pub blob_bytes: u32,
    /// Bytes of process output that may wait for one worker.
    pub inbox_bytes: u32,
    /// Milliseconds for each step of ending a process.
    pub grace_ms: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call_ms: CALL_MS,
            startup_ms: STARTUP_MS,
            memory_bytes: MEMORY_BYTES,
            processes: PROCESSES,
            stdin_queue_bytes: STDIN_QUEUE_BYTES,
            blob_bytes: BLOB_BYTES,
            inbox_bytes: INBOX_BYTES,
            grace_ms: GRACE_MS,
        }
    }
}
