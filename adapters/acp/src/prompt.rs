//! The line of `session/prompt`: text from here, pictures spliced in by the host.

use agent_client_protocol_schema::v1::{
    AudioContent, ContentBlock, EmbeddedResource, EmbeddedResourceResource, ImageContent, PromptRequest,
    ResourceLink, TextContent, TextResourceContents,
};
use omi_adapter_sdk::rpc;
use omi_adapter_sdk::{EmbeddedText, Failure, Media, Part, PromptBlock};
use serde_json::Value;

use crate::json::value;
use crate::offers::Offers;

/// Where the blocks go. A quote inside of a JSON string is always escaped, so this cannot be part of a text.
const NO_BLOCKS: &str = r#""prompt":[]"#;

/// Where the bytes of a picture go, for the same reason.
const NO_DATA: &str = r#""data":"""#;

/// A prompt as parts to write.
pub(crate) struct PromptLine {
    pub(crate) parts: Vec<Part>,
    /// Bytes that its blobs become.
    pub(crate) blob_bytes: usize,
    text: String,
}

/// Make the line. `first` is a text to say before the prompt.
pub(crate) fn line(
    id: u64,
    session: &str,
    first: Option<&str>,
    blocks: &[PromptBlock],
    offers: &Offers,
) -> Result<PromptLine, Failure> {
    let empty =
        rpc::request(id, "session/prompt", value(&PromptRequest::new(session.to_owned(), Vec::new())));
    let empty = String::from_utf8_lossy(&empty).into_owned();
    let (before, after) = split_inside(&empty, NO_BLOCKS, 1);
    let mut line = PromptLine { parts: Vec::new(), blob_bytes: 0, text: before.to_owned() };
    if let Some(first) = first {
        line.block(&text_block(first));
    }
    for (index, block) in blocks.iter().enumerate() {
        if index > 0 || first.is_some() {
            line.text.push(',');
        }
        line.add(block, offers)?;
    }
    line.text.push_str(after);
    line.cut();
    Ok(line)
}

impl PromptLine {
    fn add(&mut self, block: &PromptBlock, offers: &Offers) -> Result<(), Failure> {
        match block {
            PromptBlock::Text(text) => self.block(&text_block(text)),
            PromptBlock::Image(media) if offers.image => {
                self.media(&ContentBlock::Image(ImageContent::new("", media.mime_type.clone())), media);
            }
            PromptBlock::Audio(media) if offers.audio => {
                self.media(&ContentBlock::Audio(AudioContent::new("", media.mime_type.clone())), media);
            }
            PromptBlock::Image(_) => return Err(unsupported("pictures", "image_unsupported")),
            PromptBlock::Audio(_) => return Err(unsupported("sound", "audio_unsupported")),
            PromptBlock::Link(link) => {
                let block =
                    ResourceLink::new(link.name.clone(), link.uri.clone()).mime_type(link.mime_type.clone());
                self.block(&ContentBlock::ResourceLink(block));
            }
            PromptBlock::Embedded(embedded) => self.block(&embedded_block(embedded, offers)),
            PromptBlock::Other(json) => match serde_json::from_str::<Value>(json) {
                Ok(value) if value.is_object() => self.text.push_str(&value.to_string()),
                _ => return Err(unsupported("a block that is not a JSON object", "block_unsupported")),
            },
        }
        Ok(())
    }

    fn block(&mut self, block: &ContentBlock) {
        self.text.push_str(&value(block).to_string());
    }

    fn media(&mut self, block: &ContentBlock, media: &Media) {
        let block = value(block).to_string();
        let (before, after) = split_inside(&block, NO_DATA, 1);
        self.text.push_str(before);
        self.cut();
        self.parts.push(Part::BlobBase64(media.data));
        self.blob_bytes += usize::try_from(media.size).unwrap_or(usize::MAX).div_ceil(3).saturating_mul(4);
        self.text.push_str(after);
    }

    fn cut(&mut self) {
        self.parts.push(Part::Bytes(std::mem::take(&mut self.text).into_bytes()));
    }
}

/// Split a JSON text inside of a member that is empty: `from_end` bytes before its end.
fn split_inside<'a>(json: &'a str, member: &str, from_end: usize) -> (&'a str, &'a str) {
    match json.find(member) {
        Some(start) => json.split_at(start + member.len() - from_end),
        None => (json, ""),
    }
}

fn text_block(text: &str) -> ContentBlock {
    ContentBlock::Text(TextContent::new(text))
}

/// An agent that does not take embedded texts gets the same as plain text.
fn embedded_block(embedded: &EmbeddedText, offers: &Offers) -> ContentBlock {
    if !offers.embedded {
        return text_block(&format!("{}:\n{}", embedded.uri, embedded.text));
    }
    let contents = TextResourceContents::new(embedded.text.clone(), embedded.uri.clone())
        .mime_type(embedded.mime_type.clone());
    ContentBlock::Resource(EmbeddedResource::new(EmbeddedResourceResource::TextResourceContents(contents)))
}

fn unsupported(what: &str, code: &str) -> Failure {
    Failure::fatal(code, format!("the agent does not take {what} in a prompt"))
}

#[cfg(test)]
mod tests {
    use omi_adapter_sdk::testkit::written_text;
    use omi_adapter_sdk::{Output, WriteStdin};
    use serde_json::json;

    use super::*;

    fn written(blocks: &[PromptBlock], offers: &Offers) -> String {
        let line = line(7, "s", Some("be kind"), blocks, offers).expect("everything is supported");
        let write = WriteStdin { process: 1, parts: line.parts, extra: String::new() };
        written_text(&[Output::WriteStdin(write)])
    }

    #[test]
    fn a_picture_is_spliced_into_the_line_whatever_the_text_says() {
        let offers = Offers { image: true, ..Offers::default() };
        let text = r#"the words "prompt":[] and "data":"" and \"data\":\"\" are text"#;
        let picture = Media { mime_type: "image/png".to_owned(), data: 9, size: 10, extra: String::new() };
        let line = written(&[PromptBlock::Text(text.to_owned()), PromptBlock::Image(picture)], &offers);
        let message: Value = serde_json::from_str(&line).expect("the line is JSON");
        assert_eq!(message["params"]["prompt"][0]["text"], "be kind");
        assert_eq!(message["params"]["prompt"][1]["text"], text);
        assert_eq!(
            message["params"]["prompt"][2],
            json!({"type": "image", "mimeType": "image/png", "data": "<base64 of blob 9>"})
        );
        assert_eq!(message["params"]["sessionId"], "s");
        assert!(line.ends_with('\n') && line.matches('\n').count() == 1);
    }

    #[test]
    fn an_embedded_text_becomes_plain_text_for_an_agent_that_takes_no_other() {
        let embedded = PromptBlock::Embedded(EmbeddedText {
            uri: "file:///a".to_owned(),
            mime_type: None,
            text: "hi".to_owned(),
            extra: String::new(),
        });
        let plain = written(std::slice::from_ref(&embedded), &Offers::default());
        assert!(plain.contains(r#"{"type":"text","text":"file:///a:\nhi"}"#), "{plain}");
        let whole = written(&[embedded], &Offers { embedded: true, ..Offers::default() });
        assert!(whole.contains(r#""type":"resource""#), "{whole}");
    }

    #[test]
    fn a_picture_for_an_agent_that_takes_none_is_a_failure_that_says_so() {
        let media = Media { mime_type: String::new(), data: 1, size: 1, extra: String::new() };
        let failure = line(1, "s", None, &[PromptBlock::Image(media)], &Offers::default()).err();
        assert!(matches!(failure, Some(Failure::Fatal(detail)) if detail.code == "image_unsupported"));
    }
}
