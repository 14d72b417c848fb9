//! Reads what attempts do and ask: events, payloads, requests for approval.

use omi_kernel::report::{Activity, ApprovalOption, OptionKind, Payload};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::artifact::artifact;
use super::description::short;
use super::session::{detail, usage};
use super::wit::activity as wit;
use crate::blobs::Blobs;
use crate::limits;
use crate::load::hex;
use crate::output::{RequestApproval, RequestInput};
use crate::text::pieces;

/// Options of one request: a person has to choose among them.
const OPTIONS_MAX: usize = 32;
/// Bytes of a payload that is kept whole.
pub(super) const INLINE: usize = limits::INLINE_BYTES as usize;

/// An event as activities: one, or several where its text is long. And what of it is not as the contract says.
pub(crate) fn event(event: wit::Event, blobs: &Blobs) -> (Vec<Activity>, Option<&'static str>) {
    let several = |activities: Vec<Activity>| (activities, None);
    let payload = |payload: Option<wit::Payload>| payload.map(|payload| read_payload(payload, blobs));
    let one = match event {
        wit::Event::MessageDelta(delta) => {
            let message = short(delta.message);
            let piece = |text| Activity::MessageDelta { message: message.clone(), text };
            return several(pieces(delta.text, INLINE).into_iter().map(piece).collect());
        }
        wit::Event::ThoughtDelta(text) => {
            let piece = |text| Activity::ThoughtDelta { text };
            return several(pieces(text, INLINE).into_iter().map(piece).collect());
        }
        wit::Event::MessageEnd(message) => Activity::MessageEnd { message: short(message) },
        wit::Event::Progress(progress) => Activity::Progress { text: short(progress.text) },
        wit::Event::ToolStarted(tool) => Activity::ToolStarted {
            id: short(tool.id),
            name: short(tool.name),
            title: short(tool.title),
            kind: short(tool.kind),
            input: payload(tool.input),
        },
        wit::Event::ToolUpdated(tool) => Activity::ToolUpdated {
            id: short(tool.id),
            title: tool.title.map(short),
            content: payload(tool.content),
        },
        wit::Event::ToolCompleted(tool) => {
            Activity::ToolCompleted { id: short(tool.id), output: payload(tool.output) }
        }
        wit::Event::ToolFailed(tool) => {
            Activity::ToolFailed { id: short(tool.id), error: detail(tool.error) }
        }
        wit::Event::Usage(used) => Activity::Usage(usage(&used)),
        wit::Event::Artifact(named) => {
            let (artifact, broken) = artifact(named, blobs);
            return (vec![Activity::Artifact(artifact)], broken);
        }
        wit::Event::ModelUsed(model) => Activity::ModelUsed { model: short(model) },
        wit::Event::Other(other) => Activity::Other { name: short(other.name), value: json(other.json) },
    };
    several(vec![one])
}

/// A request for approval.
pub(crate) fn request_approval(request: wit::RequestApproval) -> RequestApproval {
    let option = |option: wit::ApprovalOption| ApprovalOption {
        option_id: short(option.id),
        name: short(option.name),
        kind: match option.kind {
            wit::OptionKind::AllowOnce => OptionKind::AllowOnce,
            wit::OptionKind::AllowAlways => OptionKind::AllowAlways,
            wit::OptionKind::RejectOnce => OptionKind::RejectOnce,
            wit::OptionKind::RejectAlways => OptionKind::RejectAlways,
            wit::OptionKind::Other(other) => OptionKind::Other(short(other)),
        },
    };
    RequestApproval {
        request: request.request,
        attempt: request.attempt,
        title: short(request.title),
        tool: request.tool.map(short),
        options: request.options.into_iter().take(OPTIONS_MAX).map(option).collect(),
        details: json(request.details),
    }
}

/// A request for information. A schema that is no JSON, or too large, is kept as a string: no answer fits it.
pub(crate) fn request_input(request: wit::RequestInput) -> RequestInput {
    RequestInput {
        request: request.request,
        attempt: request.attempt,
        prompt: short(request.prompt),
        schema: Some(request.schema).filter(|schema| !schema.is_empty()).map(json),
        // An address that was cut would be that of another page.
        url: request.url.filter(|url| url.len() <= limits::SHORT_TEXT_BYTES),
    }
}

/// A payload, inline or as what is known of it.
fn read_payload(payload: wit::Payload, blobs: &Blobs) -> Payload {
    match payload {
        wit::Payload::Text(text) if text.len() <= INLINE => Payload::Text { text },
        wit::Payload::Json(text) if text.len() <= INLINE => match serde_json::from_str(&text) {
            Ok(value) => Payload::Json { value },
            Err(_) => Payload::Text { text },
        },
        wit::Payload::Text(text) | wit::Payload::Json(text) => large(text.as_bytes()),
        wit::Payload::Blob(blob) => match blobs.get(blob) {
            Some(bytes) => match std::str::from_utf8(&bytes) {
                Ok(text) if text.len() <= INLINE => Payload::Text { text: text.to_owned() },
                Ok(_) | Err(_) => large(&bytes),
            },
            None => {
                Payload::Text { text: format!("(the adapter named a blob {blob} that it does not have)") }
            }
        },
    }
}

fn large(bytes: &[u8]) -> Payload {
    Payload::Large { bytes: bytes.len() as u64, content_hash: hex(&Sha256::digest(bytes)) }
}

/// A JSON value; a text that is none, or that is too large, is kept as a string as far as it fits.
fn json(text: String) -> Value {
    if text.is_empty() {
        return Value::Null;
    }
    let parsed = if text.len() <= INLINE { serde_json::from_str(&text).ok() } else { None };
    parsed.unwrap_or_else(|| Value::String(crate::text::cut(text, INLINE)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Scope;

    #[test]
    fn a_payload_is_kept_whole_or_named_by_its_hash() {
        let mut blobs = Blobs::new(1 << 20);
        let small = blobs.keep(Scope::Worker, b"hi".to_vec()).unwrap();
        let binary = blobs.keep(Scope::Worker, vec![0xff; 3]).unwrap();
        let text = |text: &str| Payload::Text { text: text.to_owned() };
        assert_eq!(
            read_payload(wit::Payload::Json("{\"a\":1}".into()), &blobs),
            Payload::Json { value: serde_json::json!({"a": 1}) }
        );
        assert_eq!(read_payload(wit::Payload::Json("{".into()), &blobs), text("{"));
        assert_eq!(read_payload(wit::Payload::Blob(small), &blobs), text("hi"));
        assert!(matches!(read_payload(wit::Payload::Blob(binary), &blobs), Payload::Large { bytes: 3, .. }));
        let long = "x".repeat(INLINE + 1);
        assert!(matches!(read_payload(wit::Payload::Text(long), &blobs), Payload::Large { .. }));
    }

    #[test]
    fn a_long_message_becomes_several_and_stays_whole() {
        let text = "ä".repeat(INLINE);
        let delta = wit::MessageDelta { message: "m".into(), text: text.clone(), extra: String::new() };
        let (activities, broken) = event(wit::Event::MessageDelta(delta), &Blobs::new(0));
        assert_eq!(broken, None);
        let texts = activities.iter().map(|activity| match activity {
            Activity::MessageDelta { text, .. } => text.as_str(),
            other => panic!("{other:?}"),
        });
        assert_eq!(activities.len(), 2);
        assert_eq!(texts.collect::<String>(), text);
    }

    #[test]
    fn a_schema_is_json_or_a_string_or_nothing() {
        let schema = |schema: &str| {
            let (schema, prompt, extra) = (schema.to_owned(), String::new(), String::new());
            request_input(wit::RequestInput { request: 1, attempt: 1, prompt, schema, url: None, extra })
                .schema
        };
        assert_eq!(schema(""), None);
        assert_eq!(schema("{\"type\":\"number\"}"), Some(serde_json::json!({"type": "number"})));
        assert_eq!(schema("{"), Some(Value::String("{".to_owned())));
    }
}
