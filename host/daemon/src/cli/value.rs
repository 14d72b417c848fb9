//! Values of the command line that are more than text.

use omi_kernel::model::ModelProfile;

/// A logical model profile.
pub(super) fn profile(text: &str) -> Result<ModelProfile, String> {
    ModelProfile::parse(text).ok_or_else(|| {
        let names = ModelProfile::ALL.map(ModelProfile::as_str);
        format!("there is no such profile; hint: {}", names.join(", "))
    })
}

/// A time with its unit, in milliseconds.
pub(super) fn milliseconds(text: &str) -> Result<u64, String> {
    let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
    let with_unit = units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)));
    let (number, factor) = with_unit.unwrap_or((text, 0));
    let time = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    time.filter(|time| *time > 0).ok_or_else(|| "is no time; hint: `90s`, `5m`, `1h` or `500ms`".to_owned())
}

/// A name and what it is to be, which may be nothing.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("is no `NAME=VALUE`".to_owned()),
    }
}

/// Bytes of an adapter's id, as the engine has it.
const ADAPTER_NAME_BYTES: usize = 64;

/// The name of a new adapter, which becomes its id, and part of names in its language.
pub(super) fn adapter_name(text: &str) -> Result<String, String> {
    let is_of_ids = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let is_name = text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.len() <= ADAPTER_NAME_BYTES
        && text.bytes().all(is_of_ids);
    if is_name {
        Ok(text.to_owned())
    } else {
        Err("is no name for an adapter; hint: 1 to 64 of `a-z`, `0-9` and `-`, beginning with a letter"
            .to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit() {
        assert_eq!(
            ["90s", "5m", "1h", "500ms"].map(|text| milliseconds(text).ok()),
            [Some(90_000), Some(300_000), Some(3_600_000), Some(500)]
        );
        for text in ["", "5", "s", "0s", "-1s", "1.5s", "5d", "18446744073709551615h"] {
            assert!(milliseconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_value_may_be_empty_and_a_name_may_not() {
        assert_eq!(pair("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert_eq!(pair("a="), Ok(("a".to_owned(), String::new())));
        assert!(pair("=a").is_err() && pair("a").is_err());
    }

    #[test]
    fn the_name_of_an_adapter_is_an_id() {
        let longest = "a".repeat(ADAPTER_NAME_BYTES);
        for name in ["a", "my-agent", "a1-", &longest] {
            assert_eq!(adapter_name(name).as_deref(), Ok(name));
        }
        let too_long = format!("{longest}a");
        for name in ["", "1a", "-a", "A", "a_b", "a b", "../a", "a/b", "ä", &too_long] {
            assert!(adapter_name(name).unwrap_err().contains("hint"), "{name}");
        }
    }

    #[test]
    fn a_profile_is_one_of_six() {
        assert_eq!(profile("worker"), Ok(ModelProfile::Worker));
        assert!(profile("painter").unwrap_err().contains("summarizer"));
    }
}
