//! A single-threaded executor: polls the tasks that were woken, until none is.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

/// A task, as the executor keeps it.
pub(crate) type TaskFuture = Pin<Box<dyn Future<Output = ()>>>;

struct Task {
    future: TaskFuture,
    woken: Arc<Woken>,
}

/// Whether a task has something to do. `Waker` asks for `Send + Sync`, hence the atomic.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The tasks of one session, in the order in which they were started.
#[derive(Default)]
pub(crate) struct Executor {
    tasks: Vec<Task>,
}

impl Executor {
    /// Add a task; it is polled for the first time by the next `run`.
    pub(crate) fn add(&mut self, future: TaskFuture) {
        self.tasks.push(Task { future, woken: Arc::new(Woken(AtomicBool::new(true))) });
    }

    /// Poll every woken task once; say whether there was one.
    pub(crate) fn poll_woken(&mut self) -> bool {
        let mut polled = false;
        self.tasks.retain_mut(|task| {
            if !task.woken.0.swap(false, Ordering::Relaxed) {
                return true;
            }
            polled = true;
            let waker = Waker::from(Arc::clone(&task.woken));
            task.future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending()
        });
        polled
    }
}
