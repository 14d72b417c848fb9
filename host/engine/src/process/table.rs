//! The processes of one worker. Shared, so that they can be killed when the worker's thread is stuck.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use super::Process;
use crate::input::Op;
use crate::lock::lock;
use crate::stdin::Stdin;

/// Time to wait for killed processes to be gone; a process that is stuck in the system is left to its supervisor.
const KILL_WAIT: Duration = Duration::from_secs(5);

/// The processes of one worker, by op.
#[derive(Default)]
pub(crate) struct Processes(Mutex<Table>);

#[derive(Default)]
struct Table {
    running: BTreeMap<Op, Process>,
    over: bool,
}

impl Processes {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        lock(&self.0).running.len()
    }

    /// Adds what `start` starts, unless the worker is over.
    pub(crate) fn add(&self, op: Op, start: impl FnOnce() -> Process) {
        let mut table = lock(&self.0);
        if !table.over {
            table.running.insert(op, start());
        }
    }

    /// Forgets one whose end was told.
    pub(crate) fn forget(&self, op: Op) {
        lock(&self.0).running.remove(&op);
    }

    /// The standard input of one.
    pub(crate) fn stdin(&self, op: Op) -> Option<Stdin> {
        lock(&self.0).running.get(&op).map(|process| process.stdin().clone())
    }

    /// Ends one; false if there is none of this number.
    pub(crate) fn end(&self, op: Op, grace: Duration) -> bool {
        lock(&self.0).running.get(&op).inspect(|process| process.end(grace)).is_some()
    }

    /// Begins to end all.
    pub(crate) fn end_all(&self, grace: Duration) {
        lock(&self.0).running.values().for_each(|process| process.end(grace));
    }

    /// Kills all, starts no more, and waits until they are gone. Not on a thread of tokio's.
    pub(crate) fn kill_all(&self, tokio: &tokio::runtime::Handle) {
        let running = {
            let mut table = lock(&self.0);
            table.over = true;
            std::mem::take(&mut table.running)
        };
        let tasks: Vec<_> = running.into_values().map(Process::kill).collect();
        tokio.block_on(async {
            let all_gone = async {
                for task in tasks {
                    // A task that panicked dropped its control socket: that kills, too.
                    let _ = task.await;
                }
            };
            if tokio::time::timeout(KILL_WAIT, all_gone).await.is_err() {
                tracing::warn!("a killed process is not gone yet; its supervisor goes on");
            }
        });
    }
}
