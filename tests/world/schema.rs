//! Whether a value is what a JSON Schema allows: as much of 2020-12 as the schema of the wire uses, and a panic about
//! whatever else it would use, so that nothing is passed over.
//!
//! The crates that know all of it bring a licence (MIT-0) that `deny.toml` does not have.

use serde_json::{Map, Value};

/// What says nothing about the value.
const NOTES: [&str; 6] = ["$schema", "$defs", "title", "description", "default", "format"];

/// A schema with what it refers to.
pub struct Schema {
    whole: Value,
}

impl Schema {
    /// A schema with its definitions below `$defs`.
    pub fn new(whole: Value) -> Self {
        Self { whole }
    }

    /// Why a value is not what a definition allows.
    pub fn wrong(&self, definition: &str, value: &Value) -> Option<String> {
        let definition = self.whole["$defs"].get(definition).expect("a definition of the schema");
        self.check(definition, value, "").err()
    }

    /// The words that `type` may be in the messages of a definition.
    pub fn kinds(&self, definition: &str) -> Vec<String> {
        let mut kinds = Vec::new();
        self.collect_kinds(&self.whole["$defs"][definition], &mut kinds);
        kinds.sort();
        kinds.dedup();
        kinds
    }

    fn collect_kinds(&self, schema: &Value, kinds: &mut Vec<String>) {
        if let Some(kind) = schema["properties"]["type"]["const"].as_str() {
            kinds.push(kind.to_owned());
        }
        if let Some(reference) = schema["$ref"].as_str() {
            self.collect_kinds(self.referred(reference), kinds);
        }
        for one in ["oneOf", "anyOf", "allOf"].iter().filter_map(|word| schema[*word].as_array()).flatten() {
            self.collect_kinds(one, kinds);
        }
    }

    fn referred(&self, reference: &str) -> &Value {
        let name = reference.strip_prefix("#/$defs/").expect("a reference to a definition");
        self.whole["$defs"].get(name).unwrap_or_else(|| panic!("there is no {reference}"))
    }

    fn check(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let schema = match schema {
            Value::Bool(true) => return Ok(()),
            Value::Bool(false) => return Err(format!("{at}: nothing is allowed here")),
            Value::Object(schema) => schema,
            other => panic!("{other} is no schema"),
        };
        for (word, says) in schema {
            self.keyword(word, says, schema, value, at)?;
        }
        Ok(())
    }

    fn keyword(
        &self,
        word: &str,
        says: &Value,
        schema: &Map<String, Value>,
        value: &Value,
        at: &str,
    ) -> Result<(), String> {
        let is = |holds: bool| {
            if holds { Ok(()) } else { Err(format!("{at}: {value} against `{word}`: {says}")) }
        };
        match word {
            "$ref" => self.check(self.referred(text(says)), value, at),
            "type" => is(kinds_of(says).iter().any(|kind| has_type(value, kind))),
            "const" => is(value == says),
            "enum" => is(list(says).contains(value)),
            "minimum" => is(value.as_f64().is_none_or(|number| number >= says.as_f64().expect("a number"))),
            "maximum" => is(value.as_f64().is_none_or(|number| number <= says.as_f64().expect("a number"))),
            "minItems" => is(value.as_array().is_none_or(|items| items.len() >= count(says))),
            "maxItems" => is(value.as_array().is_none_or(|items| items.len() <= count(says))),
            "pattern" => is(value.as_str().is_none_or(|value| is_identifier(value, text(says)))),
            "required" => {
                let missing =
                    list(says).iter().find(|name| value.is_object() && value.get(text(name)).is_none());
                missing.map_or(Ok(()), |name| Err(format!("{at}: no {name} in {value}")))
            }
            "properties" => {
                let given = says.as_object().expect("properties").iter();
                let mut given = given.filter_map(|(name, schema)| Some((name, schema, value.get(name)?)));
                given.try_for_each(|(name, schema, value)| self.check(schema, value, &format!("{at}/{name}")))
            }
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                let mut others = value.as_object().into_iter().flatten();
                others.try_for_each(|(name, value)| {
                    let is_known = known.is_some_and(|known| known.contains_key(name));
                    if is_known { Ok(()) } else { self.check(says, value, &format!("{at}/{name}")) }
                })
            }
            "items" => {
                let mut items = value.as_array().into_iter().flatten().enumerate();
                items.try_for_each(|(number, item)| self.check(says, item, &format!("{at}/{number}")))
            }
            "allOf" => list(says).iter().try_for_each(|schema| self.check(schema, value, at)),
            "anyOf" | "oneOf" => {
                let each: Vec<_> = list(says).iter().map(|schema| self.check(schema, value, at)).collect();
                let fits = each.iter().filter(|fit| fit.is_ok()).count();
                if fits == 1 || fits > 1 && word == "anyOf" {
                    return Ok(());
                }
                let whys: Vec<String> = each.into_iter().filter_map(Result::err).collect();
                Err(format!("{at}: {fits} of `{word}`: {}", whys.join("\n")))
            }
            _ if NOTES.contains(&word) => Ok(()),
            _ => panic!("the schema uses `{word}`, which nothing here looks at"),
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn count(value: &Value) -> usize {
    value.as_u64().and_then(|count| usize::try_from(count).ok()).expect("a count")
}

fn kinds_of(says: &Value) -> Vec<&str> {
    match says {
        Value::String(kind) => vec![kind],
        other => list(other).iter().map(text).collect(),
    }
}

fn has_type(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("`{other}` is no type"),
    }
}

/// The one form of pattern there is: a prefix and 32 hexadecimal digits.
fn is_identifier(value: &str, pattern: &str) -> bool {
    let prefix = pattern.strip_prefix('^').and_then(|pattern| pattern.strip_suffix("[0-9a-f]{32}$"));
    let digits = value.strip_prefix(prefix.expect("the pattern of an identifier"));
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    digits.is_some_and(|digits| digits.len() == 32 && digits.bytes().all(is_digit))
}
