//! One server-sent event as bytes.

use std::io::Write as _;

use omi_kernel::id::Cursor;
use serde_json::{Value, json};

use crate::client::{LiveKind, LiveText};

/// Writes an event. Its data is JSON, which has no line end in it.
pub(super) fn frame(chunk: &mut Vec<u8>, id: Option<Cursor>, kind: &str, data: &str) {
    if let Some(Cursor(id)) = id {
        // To write to memory cannot fail.
        let _ = writeln!(chunk, "id: {id}");
    }
    chunk.extend_from_slice(b"event: ");
    chunk.extend_from_slice(kind.as_bytes());
    chunk.extend_from_slice(b"\ndata: ");
    chunk.extend_from_slice(data.as_bytes());
    chunk.extend_from_slice(b"\n\n");
}

/// What a piece of live text is called.
pub(super) fn live_kind(live: &LiveText) -> &'static str {
    match live.kind {
        LiveKind::Message { .. } => "text_delta",
        LiveKind::Thought => "thinking_delta",
    }
}

/// A piece of live text: of which message, and where in it, so that the recorded text is not taken for more.
pub(super) fn live(live: &LiveText) -> Value {
    let mut data = json!({ "sessionId": live.session, "runId": live.run, "attemptId": live.attempt,
        "requestId": live.request, "cursor": live.cursor, "sequence": live.sequence, "text": live.text });
    if let LiveKind::Message { message, offset } = &live.kind {
        data["message"] = json!(message);
        data["offset"] = json!(offset);
    }
    data
}

/// Something is not shown: what came after one cursor, up to another.
pub(super) fn gap(after: Cursor, through: Cursor, reason: &str) -> Value {
    json!({ "afterCursor": after, "throughCursor": through, "reason": reason })
}

/// Nothing can be recorded, or read, at the moment.
pub(super) fn failing(why: &str) -> Value {
    json!({ "code": "store_failing", "message": why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_lines_and_an_empty_one() {
        let mut chunk = Vec::new();
        frame(&mut chunk, Some(Cursor(7)), "run.queued", "{}");
        frame(&mut chunk, None, "gap", "{\"a\":1}");
        let text = String::from_utf8(chunk).unwrap();
        assert_eq!(text, "id: 7\nevent: run.queued\ndata: {}\n\nevent: gap\ndata: {\"a\":1}\n\n");
    }
}
