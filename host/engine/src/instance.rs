//! One instance of a component in a store of its own, and the calls into it. Each call has a deadline, armed before
//! the instance exists: a component's start-up runs guest code.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use omi_kernel::descriptor::Descriptor;
use wasmtime::component::ResourceTable;
use wasmtime::{Store, UpdateDeadline};
use wasmtime_wasi::random::WasiRandomCtx;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::engine::Runtime;
use crate::limiter::Limiter;
use crate::limits;
use crate::log::Log;
use crate::trap::{TrapKind, Trapped};
use crate::v0_1;
use crate::wasi::{self, FrozenClock, GuestClock, GuestStderr};

/// What the host keeps for one instance.
pub(crate) struct State {
    table: ResourceTable,
    wasi: WasiCtx,
    clock: GuestClock,
    limiter: Limiter,
    deadline: Deadline,
    stderr: GuestStderr,
    /// The instance's log.
    pub(crate) log: Log,
}

impl State {
    /// The clock, as `wasi:clocks/monotonic-clock` needs it.
    pub(crate) fn frozen_clock(&mut self) -> FrozenClock<'_> {
        FrozenClock { table: &mut self.table, clock: &self.clock }
    }

    /// The randomness, as `wasi:random` needs it.
    pub(crate) fn randomness(&mut self) -> &mut WasiRandomCtx {
        self.wasi.random()
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// When a call is over its time: by the time its thread has run, so that an honest adapter on a busy machine is not
/// ended, and by the clock on the wall after many times as long.
struct Deadline {
    cpu: Duration,
    wall: Instant,
}

impl Deadline {
    fn after(budget_ms: u32) -> Self {
        let budget = Duration::from_millis(budget_ms.into());
        Self { cpu: thread_time() + budget, wall: Instant::now() + limits::WALL_FACTOR * budget }
    }

    /// To be asked on the thread of the call.
    fn is_over(&self) -> bool {
        thread_time() >= self.cpu || Instant::now() >= self.wall
    }
}

/// How long this thread has run.
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    // The time a thread has run is never negative.
    Duration::try_from(time).unwrap_or_default()
}

/// Who an instance is for.
#[derive(Clone)]
pub(crate) struct Purpose {
    /// Its name in the log.
    pub(crate) who: String,
    /// Its randomness.
    pub(crate) seed: u32,
    /// Bytes that one call of it may hand to the host.
    pub(crate) transfer_bytes: usize,
    /// Set when it is no longer wanted: the call that runs is interrupted.
    pub(crate) killed: Arc<AtomicBool>,
    /// What to do when a call cannot even be interrupted.
    pub(crate) give_up: Arc<dyn Fn() + Send + Sync>,
}

impl Purpose {
    /// For an instance that is no worker: nobody else wants it ended, and whoever calls it hears of a call that fails.
    pub(crate) fn alone(who: String, seed: u32, transfer_bytes: usize) -> Self {
        Self { who, seed, transfer_bytes, killed: Arc::default(), give_up: Arc::new(|| {}) }
    }
}

/// A running component.
pub(crate) struct Instance {
    runtime: Runtime,
    store: Store<State>,
    bindings: v0_1::Bindings,
    purpose: Purpose,
    /// The first call may take as long as the start-up: Python and JavaScript guests initialise in it.
    fresh: bool,
}

impl Instance {
    /// Starts a component.
    pub(crate) fn start(runtime: &Runtime, component: &v0_1::Pre, purpose: Purpose) -> Result<Self, Trapped> {
        let (clock, stderr) = (GuestClock::default(), GuestStderr::new());
        let state = State {
            table: ResourceTable::new(),
            wasi: wasi::context(&clock, purpose.seed, stderr.clone()),
            clock,
            limiter: Limiter::new(runtime.limits.memory_bytes),
            deadline: Deadline::after(runtime.limits.startup_ms),
            stderr,
            log: Log::new(purpose.who.clone()),
        };
        let mut store = Store::new(&runtime.wasmtime, state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(purpose.transfer_bytes);
        if runtime.metered {
            // It is counted, not rationed: time is what ends a call.
            store.set_fuel(u64::MAX).map_err(|error| Trapped::new(TrapKind::Host, error.to_string()))?;
        }
        let killed = Arc::clone(&purpose.killed);
        store.epoch_deadline_callback(move |store| {
            let over = killed.load(Ordering::Relaxed) || store.data().deadline.is_over();
            Ok(if over { UpdateDeadline::Interrupt } else { UpdateDeadline::Continue(1) })
        });
        let budget_ms = runtime.limits.startup_ms;
        let bindings =
            in_time(runtime, &mut store, &purpose, budget_ms, |store| component.instantiate(store))?;
        Ok(Self { runtime: runtime.clone(), store, bindings, purpose, fresh: true })
    }

    /// Asks who the adapter is.
    pub(crate) fn describe(&mut self) -> Result<Descriptor, Trapped> {
        self.describe_whole().map(v0_1::read_descriptor)
    }

    /// The same as the contract has it, with everything the host does not need.
    pub(crate) fn describe_whole(&mut self) -> Result<v0_1::Descriptor, Trapped> {
        self.call(v0_1::describe)
    }

    /// Tells what happened, and returns what the adapter asks for, if that is not too much: before it is looked at, or
    /// written down.
    pub(crate) fn handle(
        &mut self,
        now_ms: u32,
        inputs: &[v0_1::Input],
    ) -> Result<Vec<v0_1::Output>, Trapped> {
        self.store.data().clock.set(now_ms);
        let outputs = self.call(|bindings, store| v0_1::handle(bindings, store, now_ms, inputs))?;
        let (count, max) = (outputs.len(), limits::OUTPUTS_PER_CALL);
        if count > max as usize {
            let text = format!("{count} outputs in one call; the limit is {max}");
            return Err(Trapped::new(TrapKind::TooMany { outputs: count }, text));
        }
        Ok(outputs)
    }

    /// Fuel that is left; 0 if it is not counted.
    pub(crate) fn fuel(&self) -> u64 {
        self.store.get_fuel().unwrap_or(0)
    }

    /// Bytes of linear memory it has.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.store.data().limiter.memory_bytes()
    }

    fn call<R>(
        &mut self,
        call: impl FnOnce(&v0_1::Bindings, &mut Store<State>) -> wasmtime::Result<R>,
    ) -> Result<R, Trapped> {
        let limits = &self.runtime.limits;
        let budget_ms = if self.fresh { limits.startup_ms } else { limits.call_ms };
        self.fresh = false;
        let bindings = &self.bindings;
        in_time(&self.runtime, &mut self.store, &self.purpose, budget_ms, |store| call(bindings, store))
    }
}

/// Runs guest code under a deadline: an interrupt at its end, and the worker given up if that does not help.
fn in_time<R>(
    runtime: &Runtime,
    store: &mut Store<State>,
    purpose: &Purpose,
    budget_ms: u32,
    run: impl FnOnce(&mut Store<State>) -> wasmtime::Result<R>,
) -> Result<R, Trapped> {
    let deadline = Deadline::after(budget_ms);
    let given_up_at = deadline.wall + Duration::from_millis(limits::OVERRUN_MS.into());
    store.data_mut().deadline = deadline;
    store.data_mut().log.begin_call();
    store.set_epoch_deadline(1);
    let give_up = Arc::clone(&purpose.give_up);
    let _watched = runtime.ticker.watch(given_up_at, Box::new(move || give_up()));
    // Streams of WASI look for a runtime even where they do not wait.
    let _entered = runtime.tokio.enter();
    run(store).map_err(|error| {
        let state = store.data();
        Trapped::read(&error, budget_ms, &last_words(&state.stderr.text(), state.log.last_error()))
    })
}

/// What the guest itself said about its end. An SDK reports a panic in the log, a bare runtime on standard error.
fn last_words(stderr: &str, last_error: &str) -> String {
    if stderr.trim().is_empty() { last_error.to_owned() } else { stderr.to_owned() }
}
