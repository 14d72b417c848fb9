//! The WASI 0.2 that guests see: an empty world that never waits and is the same every time.
//!
//! No folders, variables, arguments or network; standard output goes nowhere, the end of standard error is kept.
//! Both clocks show the worker's `now-ms`, randomness is a stream made of the worker's seed, and waiting for
//! something that is not ready is a trap. `wasi:sockets` and `wasi:http` are not linked at all.

use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use wasmtime::Result;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream, WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, io, random, sync};
use wasmtime_wasi::p2::{DynPollable, OutputStream, Pollable, StreamResult, subscribe};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiView};

use crate::instance::State;
use crate::limits;
use crate::lock::lock;
use crate::tail::Tail;

/// Nanoseconds in a millisecond.
const NANOS_PER_MS: u64 = 1_000_000;
/// Bytes a guest may write to standard error in one go: what streams of WASI usually take.
const STDERR_WRITE_BYTES: usize = 64 * 1024;
/// Bytes of randomness in one request, so that a guest cannot have the host make gigabytes.
const RANDOM_BYTES_MAX: u64 = 64 * 1024;

/// The time that a guest sees: that of its latest call.
#[derive(Debug, Clone, Default)]
pub(crate) struct GuestClock(Arc<AtomicU32>);

impl GuestClock {
    /// Sets the time.
    pub(crate) fn set(&self, now_ms: u32) {
        self.0.store(now_ms, Ordering::Relaxed);
    }

    fn nanos(&self) -> u64 {
        u64::from(self.0.load(Ordering::Relaxed)) * NANOS_PER_MS
    }
}

impl HostWallClock for GuestClock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }
    fn now(&self) -> Duration {
        Duration::from_nanos(self.nanos())
    }
}

impl HostMonotonicClock for GuestClock {
    fn resolution(&self) -> u64 {
        NANOS_PER_MS
    }
    fn now(&self) -> u64 {
        self.nanos()
    }
}

/// A stream of numbers made of a seed (`SplitMix64`): the same for the same seed, on every machine.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl rand_core::TryRng for Seeded {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let [a, b, c, d, ..] = self.next().to_le_bytes();
        Ok(u32::from_le_bytes([a, b, c, d]))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.next())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// The end of what a guest wrote to standard error.
#[derive(Debug, Clone)]
pub(crate) struct GuestStderr(Arc<Mutex<Tail>>);

impl GuestStderr {
    /// Nothing was written yet.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Tail::new(limits::GUEST_STDERR_BYTES))))
    }

    /// What was kept.
    pub(crate) fn text(&self) -> String {
        lock(&self.0).text()
    }
}

impl IsTerminal for GuestStderr {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestStderr {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for GuestStderr {
    async fn ready(&mut self) {}
}

impl OutputStream for GuestStderr {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        lock(&self.0).push(&bytes);
        Ok(())
    }
    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }
    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(STDERR_WRITE_BYTES)
    }
}

/// The world of one instance.
pub(crate) fn context(clock: &GuestClock, seed: u32, stderr: GuestStderr) -> WasiCtx {
    let seed = u64::from(seed);
    WasiCtx::builder()
        .stderr(stderr)
        .wall_clock(clock.clone())
        .monotonic_clock(clock.clone())
        .secure_random(Seeded(seed))
        .insecure_random(Seeded(!seed))
        .insecure_random_seed(u128::from(seed))
        .max_random_size(RANDOM_BYTES_MAX)
        .allow_blocking_current_thread(true)
        .build()
}

/// Links what guests may import of WASI.
pub(crate) fn link(linker: &mut Linker<State>) -> Result<()> {
    let l = linker;
    io::error::add_to_linker::<State, Table>(l, |state| state.ctx().table)?;
    sync::io::poll::add_to_linker::<State, Impatient>(l, |state| Impatience(state.ctx().table))?;
    sync::io::streams::add_to_linker::<State, Table>(l, |state| state.ctx().table)?;
    clocks::wall_clock::add_to_linker::<State, WasiClocks>(l, State::clocks)?;
    monotonic_clock::add_to_linker::<State, Frozen>(l, State::frozen_clock)?;
    random::random::add_to_linker::<State, WasiRandom>(l, State::randomness)?;
    random::insecure::add_to_linker::<State, WasiRandom>(l, State::randomness)?;
    random::insecure_seed::add_to_linker::<State, WasiRandom>(l, State::randomness)?;
    filesystem::preopens::add_to_linker::<State, WasiFilesystem>(l, State::filesystem)?;
    sync::filesystem::types::add_to_linker::<State, WasiFilesystem>(l, State::filesystem)?;
    cli::exit::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::environment::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stderr::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_input::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(l, State::cli)
}

struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

/// Selects [`Impatience`] for the linker.
struct Impatient;

impl HasData for Impatient {
    type Data<'a> = Impatience<'a>;
}

/// `wasi:io/poll` for a guest that must not wait.
struct Impatience<'a>(&'a mut ResourceTable);

/// A guest wanted to wait.
#[derive(Debug, thiserror::Error)]
#[error("the adapter tried to wait; an adapter sets a timer and returns")]
pub(crate) struct Waited;

/// The value of a future that is ready at once; else a trap.
fn at_once<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => Err(Waited.into()),
    }
}

impl sync::io::poll::Host for Impatience<'_> {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> Result<Vec<u32>> {
        at_once(io::poll::Host::poll(self.0, pollables))
    }
}

impl sync::io::poll::HostPollable for Impatience<'_> {
    fn ready(&mut self, pollable: Resource<DynPollable>) -> Result<bool> {
        at_once(io::poll::HostPollable::ready(self.0, pollable))
    }
    fn block(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        at_once(io::poll::HostPollable::block(self.0, pollable))
    }
    fn drop(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        io::poll::HostPollable::drop(self.0, pollable)
    }
}

/// Selects [`FrozenClock`] for the linker.
struct Frozen;

impl HasData for Frozen {
    type Data<'a> = FrozenClock<'a>;
}

/// `wasi:clocks/monotonic-clock` for time that stands still during a call.
pub(crate) struct FrozenClock<'a> {
    /// The resources of the instance.
    pub(crate) table: &'a mut ResourceTable,
    /// Its time.
    pub(crate) clock: &'a GuestClock,
}

/// A moment that is reached, or not, when a call begins.
struct Moment {
    nanos: u64,
    clock: GuestClock,
}

#[wasmtime_wasi::async_trait]
impl Pollable for Moment {
    async fn ready(&mut self) {
        if self.clock.nanos() < self.nanos {
            std::future::pending::<()>().await;
        }
    }
}

impl monotonic_clock::Host for FrozenClock<'_> {
    fn now(&mut self) -> Result<u64> {
        Ok(self.clock.nanos())
    }
    fn resolution(&mut self) -> Result<u64> {
        Ok(NANOS_PER_MS)
    }
    fn subscribe_instant(&mut self, nanos: u64) -> Result<Resource<DynPollable>> {
        let moment = self.table.push(Moment { nanos, clock: self.clock.clone() })?;
        subscribe(self.table, moment)
    }
    fn subscribe_duration(&mut self, nanos: u64) -> Result<Resource<DynPollable>> {
        self.subscribe_instant(self.clock.nanos().saturating_add(nanos))
    }
}
