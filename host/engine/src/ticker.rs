//! The clock that interrupts guests: it advances the engine's epoch while calls are open, and sleeps otherwise.
//!
//! A call that is over its deadline and cannot be interrupted (it is blocked in the host) is given up after a while:
//! what the call left to be done then runs on a thread of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::lock::lock;

/// Time between two looks at the open calls: short against a call's deadline, long against a tick's cost.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// What is done about a call that is given up.
pub(crate) type GiveUp = Box<dyn FnOnce() + Send>;

/// The ticker of one engine. Its thread ends when it is dropped.
pub(crate) struct Ticker(Arc<Shared>);

#[derive(Default)]
struct Shared {
    calls: Mutex<Calls>,
    changed: Condvar,
}

#[derive(Default)]
struct Calls {
    next: u64,
    open: BTreeMap<u64, OpenCall>,
    over: bool,
}

struct OpenCall {
    given_up_at: Instant,
    give_up: GiveUp,
}

/// An open call; dropped when it has returned.
pub(crate) struct CallGuard {
    shared: Arc<Shared>,
    call: u64,
}

impl Ticker {
    /// Starts the thread that ticks for `engine`.
    pub(crate) fn start(engine: &wasmtime::Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (theirs, engine) = (Arc::clone(&shared), engine.clone());
        thread::Builder::new().name("omi-ticker".into()).spawn(move || tick(&theirs, &engine))?;
        Ok(Self(shared))
    }

    /// Watches a call until the guard is dropped.
    pub(crate) fn watch(&self, given_up_at: Instant, give_up: GiveUp) -> CallGuard {
        let mut calls = lock(&self.0.calls);
        let call = calls.next;
        calls.next += 1;
        calls.open.insert(call, OpenCall { given_up_at, give_up });
        self.0.changed.notify_one();
        CallGuard { shared: Arc::clone(&self.0), call }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        lock(&self.0.calls).over = true;
        self.0.changed.notify_one();
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        lock(&self.shared.calls).open.remove(&self.call);
    }
}

fn tick(shared: &Shared, engine: &wasmtime::Engine) {
    loop {
        let idle = |calls: &mut Calls| calls.open.is_empty() && !calls.over;
        let mut calls =
            shared.changed.wait_while(lock(&shared.calls), idle).unwrap_or_else(PoisonError::into_inner);
        if calls.over {
            return;
        }
        let now = Instant::now();
        let late: Vec<_> = calls.open.extract_if(.., |_, call| call.given_up_at < now).collect();
        drop(calls);
        for (_, call) in late {
            let spawned = thread::Builder::new().name("omi-give-up".into()).spawn(call.give_up);
            if let Err(error) = spawned {
                tracing::error!(%error, "cannot start the thread that ends a stuck worker");
            }
        }
        engine.increment_epoch();
        thread::sleep(TICK);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Longer than any thread is kept waiting on a busy machine.
    const PATIENCE: Duration = Duration::from_secs(30);

    #[test]
    fn a_call_that_is_far_over_its_time_is_given_up_and_others_are_not() {
        let ticker = Ticker::start(&wasmtime::Engine::default()).unwrap();
        let (given_up, reports) = mpsc::channel();
        let give_up = |name: &'static str| -> GiveUp {
            let given_up = given_up.clone();
            Box::new(move || given_up.send(name).unwrap())
        };
        let _in_time = ticker.watch(Instant::now() + PATIENCE, give_up("in time"));
        drop(ticker.watch(Instant::now() + 2 * TICK, give_up("returned")));
        let _stuck = ticker.watch(Instant::now(), give_up("stuck"));
        assert_eq!(reports.recv_timeout(PATIENCE), Ok("stuck"));
        assert!(reports.try_recv().is_err());
    }
}
