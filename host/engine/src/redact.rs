//! Takes secrets out of what comes back from outside, before an adapter, a log or an error has it.
//!
//! At each place the longest secret that stands there is replaced. A place is decided only when no byte that may still
//! come could change that, so it does not matter in which pieces the bytes come.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::contract_json;

/// What stands in the place of a secret.
const MASK: &[u8] = b"[redacted]";

/// What must not be seen: each secret as it is, and as it stands in JSON. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Hidden(Arc<BTreeSet<Vec<u8>>>);

impl Hidden {
    /// Hides these. One that is empty cannot be hidden.
    pub(crate) fn new<'s>(secrets: impl IntoIterator<Item = &'s str>) -> Self {
        let mut forms = BTreeSet::new();
        for secret in secrets {
            forms.insert(secret.as_bytes().to_vec());
            forms.insert(json_form(secret).into_bytes());
        }
        forms.remove(&Vec::new());
        Self(Arc::new(forms))
    }

    /// These too.
    pub(crate) fn with<'s>(&self, secrets: impl IntoIterator<Item = &'s str>) -> Self {
        let more = Self::new(secrets);
        Self(Arc::new(self.0.union(&more.0).cloned().collect()))
    }

    /// A value without them, in whatever text or bytes they stand.
    pub(crate) fn json(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.json(item)).collect(),
            Value::Object(members) => match contract_json::bytes_of(&members) {
                Some(bytes) => contract_json::write_bytes(self.bytes(&bytes)),
                None => members.into_iter().map(|(name, value)| (name, self.json(value))).collect(),
            },
            other => other,
        }
    }

    /// A whole text without them.
    pub(crate) fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned()
    }

    fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut redactor = Redactor::new(self.clone());
        let mut shown = redactor.push(bytes);
        shown.extend(redactor.finish());
        shown
    }
}

/// Never what is hidden.
impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} hidden texts", self.0.len())
    }
}

/// Takes secrets out of one stream.
#[derive(Debug)]
pub(crate) struct Redactor {
    hidden: Hidden,
    /// Whether a secret begins with this byte.
    begins: [bool; 256],
    /// The end of what came, while it may be the beginning of a secret.
    held: Vec<u8>,
}

/// What stands at a place.
enum Found {
    /// No secret.
    Nothing,
    /// A secret of so many bytes.
    Secret(usize),
    /// Only what comes can tell.
    Unknown,
}

impl Redactor {
    /// Nothing came yet.
    pub(crate) fn new(hidden: Hidden) -> Self {
        let mut begins = [false; 256];
        for secret in hidden.0.iter() {
            begins[usize::from(secret[0])] = true;
        }
        Self { hidden, begins, held: Vec::new() }
    }

    /// What can be given out after `bytes` came: all but an end that may be the beginning of a secret.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.held.is_empty() && !bytes.iter().any(|byte| self.begins[usize::from(*byte)]) {
            return bytes.to_vec();
        }
        self.held.extend_from_slice(bytes);
        self.take(false)
    }

    /// What is left when the stream has ended.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        self.take(true)
    }

    fn take(&mut self, ended: bool) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        let mut out = Vec::with_capacity(held.len());
        let mut at = 0;
        while let Some(byte) = held.get(at) {
            match self.found(*byte, &held[at..], ended) {
                Found::Nothing => {
                    out.push(*byte);
                    at += 1;
                }
                Found::Secret(length) => {
                    out.extend_from_slice(MASK);
                    at += length;
                }
                Found::Unknown => break,
            }
        }
        self.held = held[at..].to_vec();
        out
    }

    fn found(&self, first: u8, rest: &[u8], ended: bool) -> Found {
        if !self.begins[usize::from(first)] {
            return Found::Nothing;
        }
        let mut longest = 0;
        for secret in self.hidden.0.iter() {
            if rest.starts_with(secret) {
                longest = longest.max(secret.len());
            } else if !ended && secret.starts_with(rest) {
                return Found::Unknown;
            }
        }
        if longest == 0 { Found::Nothing } else { Found::Secret(longest) }
    }
}

/// A text as it stands between the quotation marks of JSON.
fn json_form(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Texts that are tried.
    const TEXTS: usize = 400;

    /// Numbers that look as if by chance, the same in every run.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, end: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(self.0 >> 33).unwrap() % end
        }

        fn secret(&mut self) -> String {
            let length = self.below(5) + 1;
            self.text(length)
        }

        fn text(&mut self, length: usize) -> String {
            (0..length).map(|_| ['x', 'y', '"'][self.below(3)]).collect()
        }
    }

    fn redact(hidden: &Hidden, pieces: &[&[u8]]) -> Vec<u8> {
        let mut redactor = Redactor::new(hidden.clone());
        let mut out: Vec<u8> = pieces.iter().flat_map(|piece| redactor.push(piece)).collect();
        out.extend(redactor.finish());
        out
    }

    fn contains(text: &[u8], part: &[u8]) -> bool {
        text.windows(part.len()).any(|window| window == part)
    }

    /// What the rule says, written as plainly as possible: from left to right, the longest.
    fn by_the_rule(secrets: &BTreeSet<Vec<u8>>, text: &[u8]) -> Vec<u8> {
        let Some(first) = text.first() else { return Vec::new() };
        let here = secrets.iter().filter(|secret| text.starts_with(secret)).map(Vec::len).max();
        let (out, length) = here.map_or((vec![*first], 1), |length| (MASK.to_vec(), length));
        [out, by_the_rule(secrets, &text[length..])].concat()
    }

    #[test]
    fn pieces_make_no_difference_and_no_secret_survives() {
        let mut dice = Dice(7);
        for _ in 0..TEXTS {
            let count = dice.below(3) + 1;
            let secrets: Vec<String> = (0..count).map(|_| dice.secret()).collect();
            let hidden = Hidden::new(secrets.iter().map(String::as_str));
            let length = dice.below(60);
            let text = dice.text(length).into_bytes();
            let whole = redact(&hidden, &[&text]);
            assert_eq!(whole, by_the_rule(&hidden.0, &text));
            assert!(!hidden.0.iter().any(|secret| contains(&whole, secret)), "{secrets:?} {text:?}");
            let bytes: Vec<&[u8]> = text.chunks(1).collect();
            assert_eq!(redact(&hidden, &bytes), whole, "{secrets:?} {text:?}");
            for split in 0..=text.len() {
                let later = split + dice.below(text.len() - split + 1);
                let pieces = [&text[..split], &text[split..later], &text[later..]];
                assert_eq!(redact(&hidden, &pieces), whole, "{secrets:?} {text:?} {split} {later}");
            }
        }
    }

    #[test]
    fn nothing_is_held_back_but_the_beginning_of_a_secret() {
        let mut redactor = Redactor::new(Hidden::new(["secret"]));
        assert_eq!(redactor.push(b"a line\n"), b"a line\n");
        assert_eq!(redactor.push(b"it is sec"), b"it is ");
        assert_eq!(redactor.push(b"ond"), b"second");
        assert_eq!(redactor.push(b" sec"), b" ");
        assert_eq!(redactor.push(b"ret!"), b"[redacted]!");
        assert_eq!(redactor.push(b"se"), b"");
        assert_eq!(redactor.finish(), b"se");
    }

    #[test]
    fn a_secret_is_hidden_as_it_stands_in_json_too() {
        let hidden = Hidden::new(["a\"b\nc", "\"", ""]);
        assert_eq!(
            hidden.text(r#"{"k":"a\"b\nc"}"#),
            "{[redacted]k[redacted]:[redacted][redacted][redacted]}"
        );
        assert_eq!(Hidden::new(["a\"b\nc"]).text("x a\"b\nc a\\\"b\\nc"), "x [redacted] [redacted]");
        assert_eq!(Hidden::default().text("as it is"), "as it is");
    }

    #[test]
    fn bytes_that_are_no_text_are_hidden_in_too() {
        let hidden = Hidden::new(["sesame"]);
        let written = |bytes: &[u8]| contract_json::write_bytes(bytes.to_vec());
        let odd = written(b"\xff sesame \xfe");
        assert!(odd["base64"].is_string(), "{odd}");
        assert_eq!(hidden.json(odd), written(b"\xff [redacted] \xfe"));
        let split = Hidden::new(["\u{e9}t\u{e9}"]).json(json!([{ "base64": "w6l0w6k=" }]));
        assert_eq!(split, json!(["[redacted]"]), "what is text now is written as text");
        for other in [json!({ "base64": "sesame", "and": 1 }), json!({ "base64": "sesame!" })] {
            assert!(!hidden.json(other).to_string().contains("sesame"), "it is no bytes, but still a text");
        }
    }

    #[test]
    fn what_is_hidden_is_not_shown_by_mistake() {
        assert_eq!(format!("{:?}", Hidden::new(["sesame"])), "1 hidden texts");
    }
}
