//! The body of an answer: read no faster than the adapter takes it, without secrets, cut as it asked for.

use reqwest::Response;

use super::Remote;
use super::exchange::{Over, cause};
use crate::framing::{ChunkEnd, Framer, Framing};
use crate::inbox::Inbox;
use crate::input::{Chunk, Op};
use crate::limits;
use crate::redact::Redactor;

/// Tells the body of an answer to its end.
pub(super) async fn tell(
    op: Op,
    mut answer: Response,
    framing: Framing,
    remote: &Remote,
    inbox: &Inbox,
) -> Result<(), Over> {
    let mut body =
        Body { op, inbox, redactor: Redactor::new(remote.hidden.clone()), framer: Framer::new(framing) };
    let mut received = 0;
    while let Some(bytes) =
        answer.chunk().await.map_err(|error| format!("the answer broke off: {}", cause(&error)))?
    {
        received += bytes.len() as u64;
        if received > remote.body_bytes {
            return Err(Over::Failed(format!(
                "the answer has more than {} bytes; hint: `body-bytes` in `grants.{}`",
                remote.body_bytes, remote.grant
            )));
        }
        let clean = body.redactor.push(&bytes);
        body.push(&clean).await?;
    }
    let rest = body.redactor.finish();
    body.push(&rest).await?;
    let (data, end) = body.framer.finish();
    body.give(data, end).await
}

/// A body on its way.
struct Body<'i> {
    op: Op,
    inbox: &'i Inbox,
    redactor: Redactor,
    framer: Framer,
}

impl Body<'_> {
    async fn push(&mut self, bytes: &[u8]) -> Result<(), Over> {
        for part in bytes.chunks(limits::CHUNK_BYTES as usize) {
            for (data, end) in self.framer.push(part) {
                self.give(data, end).await?;
            }
        }
        Ok(())
    }

    /// Waits until there is room: meanwhile nothing is read from the server.
    async fn give(&self, data: Vec<u8>, end: ChunkEnd) -> Result<(), Over> {
        let chunk = Chunk { op: self.op, data, end, dropped: 0 };
        if self.inbox.http_body(chunk).await { Ok(()) } else { Err(Over::Worker) }
    }
}
