//! Waiting for two things at the same time, without a task for each.

use std::task::Poll;

/// Which of two futures was done, and what it gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Either<A, B> {
    /// The first one.
    First(A),
    /// The second one.
    Second(B),
}

/// What the first future to be done gives; the other is dropped. If both are done it is the first.
///
/// Nothing is lost by dropping `next_input`, `read_line`, `exited` or `next_piece`: what comes is given to the next
/// one that asks. Dropping a request gives it up, and the answer about a file is forgotten.
///
/// ```
/// use omi_adapter_sdk::{Either, Host, Input, Process, either};
///
/// async fn line_or_input(host: &Host, agent: &mut Process) -> Either<Option<String>, Input> {
///     match either(agent.read_line(), host.next_input()).await {
///         Either::First(line) => Either::First(line.ok().flatten()),
///         Either::Second(input) => Either::Second(input),
///     }
/// }
/// ```
pub async fn either<A, B>(first: impl Future<Output = A>, second: impl Future<Output = B>) -> Either<A, B> {
    let (mut first, mut second) = (std::pin::pin!(first), std::pin::pin!(second));
    std::future::poll_fn(|context| {
        if let Poll::Ready(value) = first.as_mut().poll(context) {
            return Poll::Ready(Either::First(value));
        }
        second.as_mut().poll(context).map(Either::Second)
    })
    .await
}
