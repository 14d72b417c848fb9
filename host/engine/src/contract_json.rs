//! Values of the contract as JSON, in the contract's own words: `{"open-binding": {"binding": 1, ...}}`.
//!
//! Members and cases are named as in the WIT. Bytes are a string where they are UTF-8, else `{"base64": "..."}` (a list of numbers is
//! read, too); an option is the value or `null`; a member that may be absent (`extra`, an option) may be left out when reading.
//! Generated types write and read themselves under the names of Rust: here those names are exchanged, led by the
//! component's own types, so no version of the contract needs a second description.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};
use wasmtime::component::Type;

/// The member that every record has, and that is empty most of the time.
const EXTRA: &str = "extra";
/// How bytes are written that are no text.
const BASE64: &str = "base64";

/// A value that a generated type wrote, in the words of the contract.
pub(crate) fn write(value: Value, shape: &Type) -> Value {
    match (shape, value) {
        (Type::Record(record), Value::Object(mut members)) => record
            .fields()
            .map(|field| {
                let member = members.remove(&rust_field(field.name)).unwrap_or_default();
                (field.name.to_owned(), write(member, &field.ty))
            })
            .collect(),
        (Type::Variant(variant), value) => {
            let (tag, payload) = tagged(value);
            let case = variant.cases().find(|case| rust_case(case.name) == tag);
            match case.map(|case| (case.name, case.ty)) {
                Some((name, Some(shape))) => json!({ name: write(payload, &shape) }),
                Some((name, None)) => Value::from(name),
                None => Value::Null,
            }
        }
        (Type::Enum(names), Value::String(tag)) => {
            names.names().find(|name| rust_case(name) == tag).map_or(Value::Null, Value::from)
        }
        (Type::Option(_), Value::Null) => Value::Null,
        (Type::Option(inner), value) => write(value, &inner.ty()),
        (Type::List(list), Value::Array(items)) if list.ty() == Type::U8 => bytes_to_json(&items),
        (Type::List(list), Value::Array(items)) => {
            items.into_iter().map(|item| write(item, &list.ty())).collect()
        }
        (Type::Tuple(tuple), Value::Array(items)) => {
            items.into_iter().zip(tuple.types()).map(|(item, shape)| write(item, &shape)).collect()
        }
        (_, value) => value,
    }
}

/// A value in the words of the contract, as a generated type reads it. The error names the place.
pub(crate) fn read(value: &Value, shape: &Type) -> Result<Value, String> {
    match shape {
        Type::Record(record) => {
            let members = value.as_object().ok_or_else(|| expected("an object", value))?;
            let known: Vec<&str> = record.fields().map(|field| field.name).collect();
            if let Some(odd) = members.keys().find(|name| !known.contains(&name.as_str())) {
                return Err(format!("`{odd}`: there is no such member, but {}", known.join(", ")));
            }
            let member = |name: &str, shape: &Type| match members.get(name) {
                Some(value) => read(value, shape),
                None if name == EXTRA => Ok(Value::from("")),
                None if matches!(shape, Type::Option(_)) => Ok(Value::Null),
                None => Err("it is missing".to_owned()),
            };
            let fields = record.fields().map(|field| {
                let value = member(field.name, &field.ty).map_err(|why| format!("{}: {why}", field.name))?;
                Ok((rust_field(field.name), value))
            });
            fields.collect::<Result<Map<_, _>, String>>().map(Value::Object)
        }
        Type::Variant(variant) => {
            let (tag, payload) = tagged(value.clone());
            let Some(case) = variant.cases().find(|case| case.name == tag) else {
                return Err(format!("`{tag}`: there is no such case"));
            };
            match case.ty {
                Some(shape) => {
                    let payload = read(&payload, &shape).map_err(|why| format!("{tag}: {why}"))?;
                    Ok(json!({ rust_case(&tag): payload }))
                }
                None => Ok(Value::from(rust_case(&tag))),
            }
        }
        Type::Enum(names) => {
            let name = value.as_str().ok_or_else(|| expected("a name", value))?;
            let known = names.names().any(|known| known == name);
            if known {
                Ok(Value::from(rust_case(name)))
            } else {
                Err(format!("`{name}`: there is no such name"))
            }
        }
        Type::Option(_) if value.is_null() => Ok(Value::Null),
        Type::Option(inner) => read(value, &inner.ty()),
        Type::List(list) if list.ty() == Type::U8 => json_to_bytes(value),
        Type::List(list) => {
            let items = value.as_array().ok_or_else(|| expected("a list", value))?;
            let item = |(at, item)| read(item, &list.ty()).map_err(|why| format!("[{at}]: {why}"));
            items.iter().enumerate().map(item).collect()
        }
        Type::Tuple(tuple) => {
            let items = value.as_array().filter(|items| items.len() == tuple.types().len());
            let items = items.ok_or_else(|| expected("a list of the right length", value))?;
            items.iter().zip(tuple.types()).map(|(item, shape)| read(item, &shape)).collect()
        }
        _ => Ok(value.clone()),
    }
}

/// The case and the payload of a variant: `{"case": payload}`, or `"case"` alone.
fn tagged(value: Value) -> (String, Value) {
    match value {
        Value::Object(members) if members.len() == 1 => members.into_iter().next().unwrap_or_default(),
        Value::String(case) => (case, Value::Null),
        _ => (String::new(), Value::Null),
    }
}

fn bytes_to_json(items: &[Value]) -> Value {
    write_bytes(items.iter().filter_map(Value::as_u64).filter_map(|byte| u8::try_from(byte).ok()).collect())
}

/// Bytes, as they are written.
pub(crate) fn write_bytes(bytes: Vec<u8>) -> Value {
    match String::from_utf8(bytes) {
        Ok(text) => Value::String(text),
        Err(error) => json!({ BASE64: BASE64_STANDARD.encode(error.as_bytes()) }),
    }
}

/// The bytes that an object of nothing but `base64` stands for.
pub(crate) fn bytes_of(members: &Map<String, Value>) -> Option<Vec<u8>> {
    let text = members.get(BASE64).filter(|_| members.len() == 1)?.as_str()?;
    BASE64_STANDARD.decode(text).ok()
}

/// The bytes that are written in one of the two ways of `write_bytes`.
pub fn read_bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.as_bytes().to_vec()),
        Value::Object(members) => bytes_of(members),
        _ => None,
    }
}

fn json_to_bytes(value: &Value) -> Result<Value, String> {
    let bytes = match value {
        Value::String(text) => text.as_bytes().to_vec(),
        Value::Array(_) => return Ok(value.clone()),
        other => match other[BASE64].as_str() {
            Some(text) => BASE64_STANDARD.decode(text).map_err(|error| format!("base64: {error}"))?,
            None => return Err(expected("bytes (a string, numbers, or an object with `base64`)", value)),
        },
    };
    Ok(bytes.into())
}

fn expected(what: &str, value: &Value) -> String {
    let mut text = value.to_string();
    text.truncate(text.floor_char_boundary(80));
    format!("{what} is expected, not {text}")
}

/// The name of a field in Rust.
fn rust_field(name: &str) -> String {
    name.replace('-', "_")
}

/// The name of a case in Rust.
fn rust_case(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    name.split('-').map(word).collect()
}
