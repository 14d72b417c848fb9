//! The line of `prompt`: text from here, pictures spliced in by the host.

use omi_adapter_sdk::{Failure, Media, Part, PromptBlock};
use serde_json::json;

/// A prompt as parts to write.
pub(crate) struct PromptLine {
    pub(crate) parts: Vec<Part>,
    /// Bytes that its blobs become.
    pub(crate) blob_bytes: usize,
}

/// Make the line. `takes_images` is what pi says about its model.
pub(crate) fn line(id: u64, blocks: &[PromptBlock], takes_images: bool) -> Result<PromptLine, Failure> {
    let (mut texts, mut images) = (Vec::new(), Vec::new());
    for block in blocks {
        match block {
            PromptBlock::Text(text) => texts.push(text.clone()),
            PromptBlock::Link(link) => texts.push(format!("{}: {}", link.name, link.uri)),
            PromptBlock::Embedded(embedded) => texts.push(format!("{}:\n{}", embedded.uri, embedded.text)),
            PromptBlock::Image(media) if takes_images => images.push(media),
            PromptBlock::Image(_) => return Err(unsupported("the model of pi takes no pictures", "image")),
            PromptBlock::Audio(_) => return Err(unsupported("pi takes no sound in a prompt", "audio")),
            PromptBlock::Other(_) => return Err(unsupported("pi does not know this kind of block", "block")),
        }
    }
    let head = json!({"id": id.to_string(), "type": "prompt", "message": texts.join("\n\n")}).to_string();
    Ok(spliced(head, &images))
}

/// The pictures as a last member of the object.
fn spliced(mut text: String, images: &[&Media]) -> PromptLine {
    let (mut parts, mut blob_bytes) = (Vec::new(), 0_usize);
    if !images.is_empty() {
        // Without its closing brace the object goes on.
        text.pop();
        text.push_str(r#","images":["#);
        for (index, media) in images.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let mime_type = json!(media.mime_type).to_string();
            text.extend([comma, r#"{"type":"image","mimeType":"#, &mime_type, r#","data":""#]);
            parts.push(Part::Bytes(std::mem::take(&mut text).into_bytes()));
            parts.push(Part::BlobBase64(media.data));
            blob_bytes += usize::try_from(media.size).unwrap_or(usize::MAX).div_ceil(3).saturating_mul(4);
            text.push_str("\"}");
        }
        text.push_str("]}");
    }
    text.push('\n');
    parts.push(Part::Bytes(text.into_bytes()));
    PromptLine { parts, blob_bytes }
}

fn unsupported(why: &str, what: &str) -> Failure {
    Failure::fatal(format!("{what}_unsupported"), why)
}

#[cfg(test)]
mod tests {
    use omi_adapter_sdk::testkit::written_text;
    use omi_adapter_sdk::{EmbeddedText, Output, WriteStdin};
    use serde_json::Value;

    use super::*;

    fn picture(data: u32) -> PromptBlock {
        let mime_type = "image/png".to_owned();
        PromptBlock::Image(Media { mime_type, data, size: 10, extra: String::new() })
    }

    fn written(blocks: &[PromptBlock]) -> Value {
        let line = line(7, blocks, true).expect("everything is supported");
        let write = WriteStdin { process: 1, parts: line.parts, extra: String::new() };
        let text = written_text(&[Output::WriteStdin(write)]);
        assert!(text.ends_with('\n') && text.matches('\n').count() == 1, "{text}");
        serde_json::from_str(&text).expect("the line is JSON")
    }

    #[test]
    fn texts_are_one_message_and_pictures_are_spliced_in() {
        let embedded = EmbeddedText {
            uri: "file:///a".to_owned(),
            mime_type: None,
            text: "hi".to_owned(),
            extra: String::new(),
        };
        let text = PromptBlock::Text("look \"here\"}".to_owned());
        let message = written(&[text, picture(9), PromptBlock::Embedded(embedded), picture(8)]);
        assert_eq!(message["id"], "7");
        assert_eq!(message["message"], "look \"here\"}\n\nfile:///a:\nhi");
        assert_eq!(
            message["images"],
            json!([
                {"type": "image", "mimeType": "image/png", "data": "<base64 of blob 9>"},
                {"type": "image", "mimeType": "image/png", "data": "<base64 of blob 8>"},
            ])
        );
        assert!(written(&[PromptBlock::Text("x".to_owned())]).get("images").is_none());
    }

    #[test]
    fn what_the_model_does_not_take_is_a_failure_that_says_so() {
        let failure = line(1, &[picture(1)], false).err();
        assert!(matches!(failure, Some(Failure::Fatal(detail)) if detail.code == "image_unsupported"));
        assert!(line(1, &[PromptBlock::Other("{}".to_owned())], true).is_err());
    }
}
