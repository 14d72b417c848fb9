//! Messages that are longer than a browser takes: their JSON text is cut into chunks, which the extension joins.

use serde_json::json;

use super::frame::OUT_BYTES_MAX;

/// Bytes of what is around the text of a chunk, at most.
const AROUND_BYTES_MAX: usize = 128;

/// Cuts messages where they are too long.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    /// The number of the last message that was cut.
    id: u64,
}

impl Chunks {
    /// The frames of a message, given as its JSON: itself, or its chunks in their order.
    pub(super) fn frames(&mut self, text: String) -> Vec<String> {
        if text.len() <= OUT_BYTES_MAX {
            return vec![text];
        }
        self.id += 1;
        let pieces = cut(&text, OUT_BYTES_MAX - AROUND_BYTES_MAX);
        let count = pieces.len();
        let chunk = |(index, data)| {
            json!({ "type": "chunk", "id": self.id, "index": index, "last": index + 1 == count,
                "data": data })
            .to_string()
        };
        pieces.into_iter().enumerate().map(chunk).collect()
    }
}

/// Cuts a text into pieces that have at most so many bytes once they are in JSON.
fn cut(text: &str, bytes_max: usize) -> Vec<&str> {
    let (mut pieces, mut begin, mut bytes) = (Vec::new(), 0, 0);
    for (at, char) in text.char_indices() {
        let size = match char {
            '"' | '\\' => 2,
            '\0'..='\u{1f}' => 6,
            char => char.len_utf8(),
        };
        if bytes + size > bytes_max {
            pieces.push(&text[begin..at]);
            (begin, bytes) = (at, 0);
        }
        bytes += size;
    }
    pieces.push(&text[begin..]);
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use serde_json::Value;

    use super::*;

    proptest! {
        #[test]
        fn the_pieces_are_the_text_and_none_is_too_long(text in "[a-z\"\\\\\u{0}-\u{1f}é€😀]{0,200}", max in 6_usize..40) {
            let pieces = cut(&text, max);
            prop_assert_eq!(pieces.concat(), text.as_str());
            for piece in pieces {
                prop_assert!(serde_json::to_string(piece).unwrap().len() - 2 <= max, "{}", piece);
            }
        }
    }

    #[test]
    fn what_is_long_is_joined_again_and_what_is_short_is_itself() {
        let mut chunks = Chunks::default();
        let short = json!({ "type": "ack" });
        assert_eq!(chunks.frames(short.to_string()), [short.to_string()]);
        for id in 1..3 {
            let long = json!({ "type": "result", "text": "say \"hé\"\n".repeat(300_000) });
            let frames = chunks.frames(long.to_string());
            assert!(frames.len() > 3 && frames.iter().all(|frame| frame.len() <= OUT_BYTES_MAX));
            let read: Vec<Value> = frames.iter().map(|frame| serde_json::from_str(frame).unwrap()).collect();
            for (index, chunk) in read.iter().enumerate() {
                assert_eq!(
                    (&chunk["type"], &chunk["id"], &chunk["index"]),
                    (&json!("chunk"), &json!(id), &json!(index))
                );
                assert_eq!(chunk["last"], index + 1 == read.len());
            }
            let text: String = read.iter().map(|chunk| chunk["data"].as_str().unwrap()).collect();
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), long);
        }
    }
}
