//! Short ways to read what was asked for.

use crate::{Event, Op, Outcome, Output, Part, RequestApproval};

/// The number of the one process, file or request that is asked for. Timers beside it do not matter.
pub fn effect_op(outputs: &[Output]) -> Op {
    let op = |output: &Output| match output {
        Output::Spawn(spawn) => Some(spawn.op),
        Output::ReadFile(read) => Some(read.op),
        Output::WriteFile(write) => Some(write.op),
        Output::HttpRequest(request) => Some(request.op),
        _ => None,
    };
    let mut ops = outputs.iter().filter_map(op);
    match (ops.next(), ops.next()) {
        (Some(op), None) => op,
        (None, _) | (_, Some(_)) => panic!("one process, file or request is expected: {outputs:?}"),
    }
}

/// The one approval that is asked for.
pub fn approval_asked(outputs: &[Output]) -> &RequestApproval {
    let mut asked = outputs.iter().filter_map(|output| match output {
        Output::RequestApproval(request) => Some(request),
        _ => None,
    });
    match (asked.next(), asked.next()) {
        (Some(request), None) => request,
        (None, _) | (_, Some(_)) => panic!("one approval is expected: {outputs:?}"),
    }
}

/// Everything that was written to processes, blobs shown as `<base64 of blob 7>`.
pub fn written_text(outputs: &[Output]) -> String {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::WriteStdin(write) => Some(&write.parts),
            _ => None,
        })
        .flatten()
        .map(|part| match part {
            Part::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Part::BlobRaw(blob) => format!("<blob {blob}>"),
            Part::BlobBase64(blob) => format!("<base64 of blob {blob}>"),
        })
        .collect()
}

/// The text of the answer in these outputs.
pub fn answer_text(outputs: &[Output]) -> String {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::AttemptEvent(event) => match &event.event {
                Event::MessageDelta(delta) => Some(delta.text.as_str()),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

/// How the attempt ended, if it did in these outputs.
pub fn outcome(outputs: &[Output]) -> Option<&Outcome> {
    outputs.iter().find_map(|output| match output {
        Output::AttemptFinished(finished) => Some(&finished.outcome),
        _ => None,
    })
}
