//! What waits to be told to one adapter: one queue, in order, with room for output of processes counted apart.
//!
//! Output of processes holds permits in bytes: without a permit its reader waits, and with it the process. Everything
//! else (commands, exits, timers, refusals) takes no permit, so that no flood of output can keep it out.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use omi_kernel::command::Command;
use omi_kernel::report::Report;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::file_jobs::Done;
use crate::input::{Chunk, Input};
use crate::limits;
use crate::lock::lock;

/// What a chunk costs besides its bytes, so that a million empty lines do not go uncounted.
const CHUNK_COST: usize = 64;

/// Something to tell.
#[derive(Debug)]
pub(crate) enum Item {
    /// From the kernel; the worker's thread puts it into an input.
    Command(Command),
    /// From an effect.
    Input(Input),
    /// From an effect, for the kernel: the worker's thread passes it on, because a report may have to wait.
    Report(Report),
    /// What became of a file; the worker's thread makes a blob of what is large.
    File(Done),
}

/// The queue of one worker.
pub(crate) struct Inbox {
    queue: Mutex<Queue>,
    changed: Condvar,
    stdout_room: Arc<Semaphore>,
    stderr_room: Arc<Semaphore>,
    chunk_cost_max: usize,
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Queued>,
    control_items: usize,
    closed: bool,
    overflowed: bool,
}

struct Queued {
    item: Item,
    /// Held until the call that took the item has returned.
    permit: Option<OwnedSemaphorePermit>,
}

/// What was taken for one call. The room it took is given back when this is dropped.
#[derive(Default)]
pub(crate) struct Batch {
    /// The items, in order.
    pub(crate) items: Vec<Item>,
    /// Their room.
    pub(crate) permits: Vec<OwnedSemaphorePermit>,
}

/// What taking a batch came to.
pub(crate) enum Taken {
    /// Items, or none if the time came first.
    Batch(Batch),
    /// More replies piled up than the adapter may let wait.
    Overflow,
    /// The worker is over.
    Closed,
}

impl Inbox {
    /// An empty queue with room for `stdout_bytes` of output.
    pub(crate) fn new(stdout_bytes: u32) -> Self {
        let semaphore = |bytes: u32| Arc::new(Semaphore::new(bytes as usize));
        Self {
            queue: Mutex::default(),
            changed: Condvar::new(),
            stdout_room: semaphore(stdout_bytes),
            stderr_room: semaphore(limits::INBOX_STDERR_BYTES),
            chunk_cost_max: stdout_bytes as usize,
        }
    }

    /// Adds something that is not output of a process; false if the worker is over.
    pub(crate) fn tell(&self, item: Item) -> bool {
        let mut queue = lock(&self.queue);
        if queue.closed {
            return false;
        }
        if queue.control_items >= limits::INBOX_CONTROL_ITEMS {
            queue.overflowed = true;
        } else {
            queue.control_items += 1;
            queue.items.push_back(Queued { item, permit: None });
        }
        self.changed.notify_one();
        true
    }

    /// Adds output of a process, when there is room; false if the worker is over.
    pub(crate) async fn stdout(&self, chunk: Chunk) -> bool {
        self.wait_and_push(chunk, Input::Stdout).await
    }

    /// Adds a piece of the body of an answer, when there is room: it shares the room of standard output. False if the
    /// worker is over.
    pub(crate) async fn http_body(&self, chunk: Chunk) -> bool {
        self.wait_and_push(chunk, Input::HttpBody).await
    }

    async fn wait_and_push(&self, chunk: Chunk, input: impl FnOnce(Chunk) -> Input) -> bool {
        let cost = (chunk.data.len() + CHUNK_COST).min(self.chunk_cost_max);
        let permits = u32::try_from(cost).unwrap_or(u32::MAX);
        match Arc::clone(&self.stdout_room).acquire_many_owned(permits).await {
            Ok(permit) => self.push(input(chunk), permit),
            Err(_closed) => false,
        }
    }

    /// Adds standard error of a process, if there is room; false if not.
    pub(crate) fn stderr(&self, chunk: Chunk) -> bool {
        let permits = u32::try_from(chunk.data.len() + CHUNK_COST).unwrap_or(u32::MAX);
        match Arc::clone(&self.stderr_room).try_acquire_many_owned(permits) {
            Ok(permit) => self.push(Input::Stderr(chunk), permit),
            Err(_) => false,
        }
    }

    /// Takes what waits, or waits for it until `deadline`. At most `items_max` items.
    pub(crate) fn take(&self, deadline: Option<Instant>, items_max: usize) -> Taken {
        let idle = |queue: &mut Queue| queue.items.is_empty() && !queue.closed && !queue.overflowed;
        let queue = lock(&self.queue);
        let mut queue = match deadline {
            None => self.changed.wait_while(queue, idle).unwrap_or_else(PoisonError::into_inner),
            Some(deadline) => {
                let time = deadline.saturating_duration_since(Instant::now());
                self.changed.wait_timeout_while(queue, time, idle).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        if queue.closed {
            return Taken::Closed;
        }
        if queue.overflowed {
            return Taken::Overflow;
        }
        Taken::Batch(queue.batch(items_max))
    }

    /// Nothing more is taken; readers that wait for room are let go.
    pub(crate) fn close(&self) {
        let mut queue = lock(&self.queue);
        queue.closed = true;
        queue.items.clear();
        self.stdout_room.close();
        self.stderr_room.close();
        self.changed.notify_one();
    }

    fn push(&self, input: Input, permit: OwnedSemaphorePermit) -> bool {
        let mut queue = lock(&self.queue);
        if queue.closed {
            return false;
        }
        queue.items.push_back(Queued { item: Item::Input(input), permit: Some(permit) });
        self.changed.notify_one();
        true
    }
}

impl Queue {
    fn batch(&mut self, items_max: usize) -> Batch {
        let mut batch = Batch::default();
        let mut bytes = 0;
        while batch.items.len() < items_max && bytes < limits::INPUT_BYTES_PER_CALL {
            let Some(Queued { item, permit }) = self.items.pop_front() else { break };
            match permit {
                Some(permit) => {
                    bytes += permit.num_permits();
                    batch.permits.push(permit);
                }
                None => self.control_items -= 1,
            }
            batch.items.push(item);
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::ChunkEnd;

    fn chunk(bytes: usize) -> Chunk {
        Chunk { op: 1, data: vec![0; bytes], end: ChunkEnd::Open, dropped: 0 }
    }

    fn taken(inbox: &Inbox) -> Vec<Item> {
        match inbox.take(Some(Instant::now()), usize::MAX) {
            Taken::Batch(batch) => batch.items,
            Taken::Overflow | Taken::Closed => panic!("no batch"),
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_full_inbox_holds_output_back_and_lets_the_rest_through() {
        let inbox = Inbox::new(1000);
        assert!(inbox.stdout(chunk(900)).await);
        let mut second = Box::pin(inbox.stdout(chunk(900)));
        assert!(
            std::future::poll_fn(|cx| std::task::Poll::Ready(second.as_mut().poll(cx).is_pending())).await
        );
        assert!(inbox.tell(Item::Input(Input::Timer { op: 7 })));
        let items = taken(&inbox);
        assert!(matches!(items[..], [Item::Input(Input::Stdout(_)), Item::Input(Input::Timer { op: 7 })]));
        assert!(second.await);
        assert_eq!(taken(&inbox).len(), 1);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn closing_lets_readers_go() {
        let inbox = Inbox::new(100);
        assert!(inbox.stdout(chunk(36)).await);
        let mut waiting = Box::pin(inbox.stdout(chunk(36)));
        assert!(
            std::future::poll_fn(|cx| std::task::Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await
        );
        inbox.close();
        assert!(!waiting.await);
        assert!(matches!(inbox.take(None, 1), Taken::Closed));
    }

    #[test]
    fn replies_do_not_pile_up_without_end() {
        let inbox = Inbox::new(100);
        for op in 0..=u32::try_from(limits::INBOX_CONTROL_ITEMS).unwrap() {
            assert!(inbox.tell(Item::Input(Input::Timer { op })));
        }
        assert!(matches!(inbox.take(None, 1), Taken::Overflow));
    }
}
