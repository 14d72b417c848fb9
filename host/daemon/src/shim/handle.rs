//! The handles of native sessions: random, each for one binding in one worker, and dead with either.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use omi_kernel::command::{McpServer, McpTransport};
use omi_kernel::id::{BindingId, RunId, WorkerId};
use subtle::ConstantTimeEq as _;
use tokio::sync::watch;

use super::{COMMAND, HANDLE, SERVER, SOCKET};
use crate::driver::random;

/// The handles that are alive. There is one for each native session that was offered the tools.
#[derive(Clone, Default)]
pub(crate) struct Handles(Arc<Mutex<BTreeMap<BindingId, Held>>>);

struct Held {
    worker: WorkerId,
    handle: String,
    /// The run that it was made for, or that it executed last.
    run: watch::Sender<RunId>,
}

/// What a handle is for.
pub(crate) struct Holder {
    /// The native session.
    pub(crate) binding: BindingId,
    /// The run that it was made for, or that it executed last: which tools of its surface there are. What it may do now
    /// is another question.
    pub(crate) run: watch::Receiver<RunId>,
}

impl Handles {
    /// A handle for a binding that is made, or taken up, in a worker. One that it had before is dead.
    pub(crate) fn make(&self, worker: WorkerId, binding: BindingId, run: RunId) -> String {
        let handle = format!("{:032x}", random());
        let held = Held { worker, handle: handle.clone(), run: watch::channel(run).0 };
        self.lock().insert(binding, held);
        handle
    }

    /// A binding executes a run.
    pub(crate) fn executes(&self, binding: &BindingId, run: &RunId) {
        if let Some(held) = self.lock().get(binding) {
            held.run.send_if_modified(|last| {
                let is_new = *last != *run;
                last.clone_from(run);
                is_new
            });
        }
    }

    /// A worker has let a binding go.
    pub(crate) fn end(&self, worker: &WorkerId, binding: &BindingId) {
        let mut held = self.lock();
        // Another worker may have it meanwhile.
        if held.get(binding).is_some_and(|held| held.worker == *worker) {
            held.remove(binding);
        }
    }

    /// A worker is over, and with it what it held.
    pub(crate) fn end_worker(&self, worker: &WorkerId) {
        self.lock().retain(|_, held| held.worker != *worker);
    }

    /// What a handle is for, if it is alive. How long it takes says nothing about how much of it is right.
    pub(crate) fn find(&self, handle: &str) -> Option<Holder> {
        let all = self.lock();
        let mut found = None;
        for (binding, held) in all.iter() {
            if bool::from(held.handle.as_bytes().ct_eq(handle.as_bytes())) {
                found = Some(Holder { binding: binding.clone(), run: held.run.subscribe() });
            }
        }
        found
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<BindingId, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What native sessions are offered: the tools, through the shim.
#[derive(Clone)]
pub(crate) struct Offer {
    /// The handles that are given out.
    pub(crate) handles: Handles,
    /// The socket.
    pub(crate) socket: PathBuf,
    /// This program.
    pub(crate) program: PathBuf,
}

impl Offer {
    /// The MCP server for a binding that is made, or taken up, in a worker.
    pub(crate) fn server(&self, worker: &WorkerId, binding: &BindingId, run: &RunId) -> McpServer {
        let handle = self.handles.make(worker.clone(), binding.clone(), run.clone());
        let socket = self.socket.display().to_string();
        McpServer {
            name: SERVER.to_owned(),
            transport: McpTransport::Stdio {
                command: self.program.display().to_string(),
                args: vec![COMMAND.to_owned()],
                env: BTreeMap::from([(SOCKET.to_owned(), socket), (HANDLE.to_owned(), handle)]),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use omi_kernel::id::Ids;

    use super::*;

    #[test]
    fn a_handle_is_for_one_binding_in_one_worker_and_dead_with_either() {
        let mut source = random;
        let ids = &mut Ids::new(&mut source);
        let (first, second) = (WorkerId::new(ids), WorkerId::new(ids));
        let (one, other) = (BindingId::new(ids), BindingId::new(ids));
        let (run, next) = (RunId::new(ids), RunId::new(ids));
        let handles = Handles::default();
        let handle = handles.make(first.clone(), one.clone(), run.clone());
        assert_eq!(handle.len(), 32);
        assert!(handles.find("").is_none() && handles.find(&handle[1..]).is_none());
        assert!(handles.find(&"0".repeat(32)).is_none(), "a stranger's");
        let theirs = handles.make(first.clone(), other.clone(), run.clone());
        assert_eq!(handles.find(&handle).unwrap().binding, one);
        assert_eq!(handles.find(&theirs).unwrap().binding, other);

        let mut seen = handles.find(&handle).unwrap().run;
        handles.executes(&one, &run);
        assert!(!seen.has_changed().unwrap(), "the run that it was made for");
        handles.executes(&one, &next);
        assert_eq!(*seen.borrow_and_update(), next);

        let moved = handles.make(second.clone(), one.clone(), run.clone());
        assert!(handles.find(&handle).is_none(), "the one before is dead");
        handles.end(&first, &one);
        assert_eq!(handles.find(&moved).unwrap().binding, one, "it is in another worker by now");
        handles.end_worker(&first);
        assert!(handles.find(&theirs).is_none());
        handles.end(&second, &one);
        assert!(handles.find(&moved).is_none());
    }
}
