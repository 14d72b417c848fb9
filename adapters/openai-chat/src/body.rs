//! The body of a request: text from here, pictures and sounds spliced in by the host.

use omi_adapter_sdk::Part;
use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::said::{Bytes, Clip, Kind, Piece, Turn};

/// Where the bytes of a picture go. A quote inside of a JSON string is always escaped, so this cannot be part of a text.
const NO_URL_DATA: &str = r#";base64,""#;

/// Where the bytes of a sound go, for the same reason.
const NO_DATA: &str = r#""data":"""#;

/// What is asked.
pub(crate) struct Asked<'a> {
    pub(crate) model: &'a str,
    /// The system prompt of the run.
    pub(crate) system_prompt: Option<&'a str>,
    /// What was said before.
    pub(crate) turns: &'a [&'a Turn],
    pub(crate) prompt: &'a [Piece],
    /// Ask for the use of the attempt, which some servers do not know.
    pub(crate) with_usage: bool,
}

/// The body, as parts to send.
pub(crate) fn parts(config: &Config, asked: &Asked<'_>) -> Vec<Part> {
    let members = Value::Object(members(config, asked)).to_string();
    let mut body = Body { parts: Vec::new(), text: members };
    // Into the object, which has members.
    body.text.pop();
    body.text.push_str(r#","messages":["#);
    let system = [config.system_prompt.as_deref(), asked.system_prompt];
    let system: Vec<&str> = system.into_iter().flatten().filter(|text| !text.is_empty()).collect();
    if !system.is_empty() {
        body.message(&json!({ "role": "system", "content": system.join("\n\n") }));
        body.text.push(',');
    }
    for turn in asked.turns {
        body.prompt(&turn.prompt);
        body.text.push(',');
        body.message(&json!({ "role": "assistant", "content": turn.answer }));
        body.text.push(',');
    }
    body.prompt(asked.prompt);
    body.text.push_str("]}");
    body.cut();
    body.parts
}

/// Everything but the messages.
fn members(config: &Config, asked: &Asked<'_>) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("stream".to_owned(), true.into());
    if asked.with_usage {
        members.insert("stream_options".to_owned(), json!({ "include_usage": true }));
    }
    if let Some(tokens) = config.max_tokens {
        members.insert(config.max_tokens_field.name().to_owned(), tokens.into());
    }
    if let Some(temperature) = &config.temperature {
        members.insert("temperature".to_owned(), temperature.clone().into());
    }
    members.extend(config.extra_body.clone());
    members.retain(|_, value| !value.is_null());
    members.insert("model".to_owned(), asked.model.into());
    members
}

struct Body {
    parts: Vec<Part>,
    text: String,
}

impl Body {
    fn message(&mut self, message: &Value) {
        self.text.push_str(&message.to_string());
    }

    /// Text alone is a string, which every server takes; with more it is a list.
    fn prompt(&mut self, pieces: &[Piece]) {
        let texts: Option<Vec<&str>> = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => Some(text.as_str()),
                Piece::Media(_) => None,
            })
            .collect();
        if let Some(texts) = texts {
            return self.message(&json!({ "role": "user", "content": texts.join("\n\n") }));
        }
        self.text.push_str(r#"{"role":"user","content":["#);
        for (index, piece) in pieces.iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            match piece {
                Piece::Text(text) => self.message(&json!({ "type": "text", "text": text })),
                Piece::Media(clip) => self.clip(clip),
            }
        }
        self.text.push_str("]}");
    }

    fn clip(&mut self, clip: &Clip) {
        let blob = match clip.bytes {
            Bytes::Kept(blob) => blob,
            Bytes::Asked(_) | Bytes::Gone => {
                return self.message(&json!({ "type": "text", "text": clip.missing() }));
            }
        };
        let (part, place) = match clip.kind {
            Kind::Picture => {
                let url = format!("data:{};base64,", clip.mime_type);
                (json!({ "type": "image_url", "image_url": { "url": url } }), NO_URL_DATA)
            }
            Kind::Sound => {
                let sound = json!({ "data": "", "format": sound_format(&clip.mime_type) });
                (json!({ "type": "input_audio", "input_audio": sound }), NO_DATA)
            }
        };
        let part = part.to_string();
        // Both places are in what was just written, and end with the quote before which the bytes go.
        let (before, after) = part.split_at(part.find(place).map_or(part.len(), |at| at + place.len() - 1));
        self.text.push_str(before);
        self.cut();
        self.parts.push(Part::BlobBase64(blob));
        self.text.push_str(after);
    }

    fn cut(&mut self) {
        self.parts.push(Part::Bytes(std::mem::take(&mut self.text).into_bytes()));
    }
}

/// The short name that the API has for a type of sound.
fn sound_format(mime_type: &str) -> &str {
    match mime_type {
        "audio/wav" | "audio/wave" | "audio/x-wav" | "audio/vnd.wave" => "wav",
        "audio/mpeg" | "audio/mp3" => "mp3",
        other => other.strip_prefix("audio/").unwrap_or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(parts: &[Part]) -> String {
        let show = |part: &Part| match part {
            Part::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Part::BlobRaw(blob) => format!("<raw {blob}>"),
            Part::BlobBase64(blob) => format!("<base64 {blob}>"),
        };
        parts.iter().map(show).collect()
    }

    fn body(config: &str, prompt: &[Piece]) -> Value {
        let config = Config::parse(config).expect("a table");
        let asked = Asked { model: "m", system_prompt: None, turns: &[], prompt, with_usage: true };
        serde_json::from_str(&text(&parts(&config, &asked))).expect("the body is JSON")
    }

    fn clip(kind: Kind, mime_type: &str, bytes: Bytes) -> Piece {
        Piece::Media(Clip { kind, mime_type: mime_type.to_owned(), bytes })
    }

    #[test]
    fn texts_are_one_string() {
        let prompt = ["one", "two \"quoted\""].map(|text| Piece::Text(text.to_owned()));
        let expected = json!({ "model": "m", "stream": true, "stream_options": { "include_usage": true },
            "messages": [{ "role": "user", "content": "one\n\ntwo \"quoted\"" }] });
        assert_eq!(body("{}", &prompt), expected);
    }

    #[test]
    fn the_registration_may_add_members_and_take_them_away() {
        let config = r#"{"maxTokens": 5, "maxTokensField": "max_completion_tokens", "temperature": 0.5,
            "systemPrompt": "be kind", "extraBody": {"stream_options": null, "top_p": 0.9}}"#;
        let expected = json!({ "model": "m", "stream": true, "max_completion_tokens": 5, "temperature": 0.5,
            "top_p": 0.9, "messages": [{ "role": "system", "content": "be kind" }, { "role": "user", "content": "hi" }] });
        assert_eq!(body(config, &[Piece::Text("hi".to_owned())]), expected);
    }

    #[test]
    fn pictures_and_sounds_are_written_by_the_host() {
        let strange = r#"x";base64,""data":"""#;
        let prompt = [
            Piece::Text(strange.to_owned()),
            clip(Kind::Picture, "image/png", Bytes::Kept(7)),
            clip(Kind::Sound, "audio/x-wav", Bytes::Kept(8)),
            clip(Kind::Picture, strange, Bytes::Kept(9)),
            clip(Kind::Picture, "image/gif", Bytes::Gone),
        ];
        let expected = json!([
            { "type": "text", "text": strange },
            { "type": "image_url", "image_url": { "url": "data:image/png;base64,<base64 7>" } },
            { "type": "input_audio", "input_audio": { "data": "<base64 8>", "format": "wav" } },
            { "type": "image_url", "image_url": { "url": format!("data:{strange};base64,<base64 9>") } },
            { "type": "text", "text": "[a picture, image/gif, is not kept]" },
        ]);
        assert_eq!(body("{}", &prompt)["messages"][0]["content"], expected);
    }
}
