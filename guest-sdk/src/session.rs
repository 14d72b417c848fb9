//! The straight-line style: an adapter as an `async fn run(host)`, polled inside `handle`.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::either::{Either, either};
use crate::executor::{Executor, TaskFuture};
use crate::files::FileState;
use crate::http::RequestState;
use crate::process::ProcessState;
use crate::{Adapter, Descriptor, Failure, Fault, Input, Millis, Op, Output, Outputs, SetTimer};

/// Inputs that may wait for `next_input`: a session that takes none has a mistake in it and ends with a fault.
const INBOX_MAX: usize = 4096;

/// An adapter as straight-line code.
pub trait Session: 'static {
    /// Who this adapter is. Always the same, and without any effect.
    fn describe() -> Descriptor;

    /// The whole life of a worker. Write it as `async fn run(host: Host)`.
    ///
    /// It may end after [`Input::Stop`] or after a [`Fault`]; if it ends otherwise the worker ends with a fault.
    fn run(host: Host) -> impl Future<Output = ()>;
}

/// Makes an [`Adapter`] of a [`Session`]. [`export_session!`](crate::export_session) uses it.
pub struct SessionAdapter<S> {
    host: Host,
    executor: Executor,
    ended: Rc<Cell<bool>>,
    stopping: bool,
    session: std::marker::PhantomData<S>,
}

impl<S: Session> Adapter for SessionAdapter<S> {
    fn describe() -> Descriptor {
        S::describe()
    }

    fn new() -> Self {
        let (host, ended) = (Host::default(), Rc::new(Cell::new(false)));
        let mut executor = Executor::default();
        let (main_host, main_ended) = (host.clone(), Rc::clone(&ended));
        executor.add(Box::pin(async move {
            S::run(main_host).await;
            main_ended.set(true);
        }));
        Self { host, executor, ended, stopping: false, session: std::marker::PhantomData }
    }

    fn handle(&mut self, now: Millis, input: Input, out: &mut Outputs) {
        self.stopping |= matches!(input, Input::Stop(_));
        let was_ended = self.ended.get();
        self.host.deliver(now, input);
        loop {
            for task in self.host.take_tasks() {
                self.executor.add(task);
            }
            if !self.executor.poll_woken() {
                break;
            }
        }
        if self.ended.get() && !was_ended && !self.stopping {
            self.host.shared.borrow_mut().fault(Failure::fatal(
                "session_ended",
                "the adapter's session ended before it was told to stop",
            ));
        }
        out.extend(self.host.take_outputs());
    }
}

/// The way to the host: cheap to clone, one for each task.
#[derive(Clone, Default)]
pub struct Host {
    pub(crate) shared: Rc<RefCell<Shared>>,
}

/// What the tasks of a session share.
#[derive(Default)]
pub(crate) struct Shared {
    now: Millis,
    last_op: Op,
    pub(crate) stdin_queue_bytes: u32,
    inbox: VecDeque<Input>,
    inbox_wakers: Vec<Waker>,
    pub(crate) out: Outputs,
    /// The host was told that the worker cannot go on, which it is told once.
    faulted: bool,
    new_tasks: Vec<TaskFuture>,
    /// The timers that are not due yet.
    timers: BTreeMap<Op, Option<Waker>>,
    pub(crate) processes: BTreeMap<Op, ProcessState>,
    pub(crate) files: BTreeMap<Op, FileState>,
    pub(crate) requests: BTreeMap<Op, RequestState>,
}

impl Host {
    /// Milliseconds since the worker's start.
    pub fn now(&self) -> Millis {
        self.shared.borrow().now
    }

    /// A number for an effect or a request, never used twice.
    pub fn op(&self) -> Op {
        let mut shared = self.shared.borrow_mut();
        shared.last_op += 1;
        shared.last_op
    }

    /// Ask something of the host. Nothing of it happens before the session waits.
    pub fn send(&self, output: impl Into<Output>) {
        let output = output.into();
        let mut shared = self.shared.borrow_mut();
        shared.faulted |= matches!(output, Output::Fault(_));
        shared.out.push(output);
    }

    /// Run something beside the caller.
    pub fn task(&self, future: impl Future<Output = ()> + 'static) {
        self.shared.borrow_mut().new_tasks.push(Box::pin(future));
    }

    /// The next thing that happened, apart from what belongs to a [`Process`](crate::Process), a file, a
    /// [`Response`](crate::Response) or a [`Sleep`].
    pub async fn next_input(&self) -> Input {
        std::future::poll_fn(|context| {
            let mut shared = self.shared.borrow_mut();
            if let Some(input) = shared.inbox.pop_front() {
                return Poll::Ready(input);
            }
            remember(&mut shared.inbox_wakers, context);
            Poll::Pending
        })
        .await
    }

    /// Wait so long. Dropping it clears the timer.
    pub fn sleep(&self, after_ms: u32) -> Sleep {
        let op = self.op();
        self.shared.borrow_mut().timers.insert(op, None);
        self.send(SetTimer::new(op, after_ms));
        Sleep { host: self.clone(), op }
    }

    /// What `future` gives, or nothing if it takes longer than this.
    pub async fn within<T>(&self, after_ms: u32, future: impl Future<Output = T>) -> Option<T> {
        match either(future, self.sleep(after_ms)).await {
            Either::First(value) => Some(value),
            Either::Second(()) => None,
        }
    }

    fn deliver(&self, now: Millis, input: Input) {
        let mut shared = self.shared.borrow_mut();
        shared.now = now;
        if let Input::Start(start) = &input {
            shared.stdin_queue_bytes = start.limits.stdin_queue_bytes;
        }
        let input = shared.deliver_to_process(input);
        let input = input.and_then(|input| shared.deliver_to_file(input));
        if let Some(input) = input.and_then(|input| shared.deliver_to_request(input)) {
            shared.deliver(input);
        }
    }

    fn take_tasks(&self) -> Vec<TaskFuture> {
        std::mem::take(&mut self.shared.borrow_mut().new_tasks)
    }

    fn take_outputs(&self) -> Vec<Output> {
        std::mem::take(&mut self.shared.borrow_mut().out).into_vec()
    }
}

/// Keep the waker of a task that waits, once for each task, however often it is polled.
pub(crate) fn remember(wakers: &mut Vec<Waker>, context: &Context<'_>) {
    if !wakers.iter().any(|waker| waker.will_wake(context.waker())) {
        wakers.push(context.waker().clone());
    }
}

impl Shared {
    /// The worker cannot go on: said once, whatever else goes wrong.
    pub(crate) fn fault(&mut self, failure: Failure) {
        if !std::mem::replace(&mut self.faulted, true) {
            self.out.push(Fault::new(failure));
        }
    }

    fn deliver(&mut self, input: Input) {
        if let Input::Timer(op) = input
            && let Some(waker) = self.timers.remove(&op)
        {
            waker.into_iter().for_each(Waker::wake);
            return;
        }
        if self.inbox.len() >= INBOX_MAX {
            let message = format!("{INBOX_MAX} inputs wait and the adapter takes none");
            return self.fault(Failure::fatal("inbox_full", message));
        }
        self.inbox.push_back(input);
        self.inbox_wakers.drain(..).for_each(Waker::wake);
    }
}

/// A timer that is waited for. See [`Host::sleep`].
pub struct Sleep {
    host: Host,
    op: Op,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut shared = self.host.shared.borrow_mut();
        match shared.timers.get_mut(&self.op) {
            Some(waker) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let mut shared = self.host.shared.borrow_mut();
        if shared.timers.remove(&self.op).is_some() {
            shared.out.push(Output::ClearTimer(self.op));
        }
    }
}
