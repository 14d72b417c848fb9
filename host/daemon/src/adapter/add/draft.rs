//! A registration that is being put together: what is known about an agent, and what a person says about it.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::adapter::stanza::{key, quoted};

/// The key of a registration that is written first.
const COMPONENT: &str = "component";

/// A registration, before it is lines.
#[derive(Debug)]
pub(super) struct Draft {
    /// What is neither a grant nor a setting.
    keys: Table,
    grants: BTreeMap<String, Table>,
    /// The settings of the component.
    pub(super) config: Table,
}

impl Draft {
    /// One of which only the component is said.
    pub(super) fn new(component: &str) -> Self {
        Self::of(Table::from_iter([(COMPONENT.to_owned(), component.into())]))
    }

    /// One that is known.
    pub(super) fn of(mut known: Table) -> Self {
        let config = table(&mut known, "config");
        let grants = table(&mut known, "grants").into_iter();
        let grants = grants.filter_map(|(name, grant)| match grant {
            Value::Table(grant) => Some((name, grant)),
            _ => None,
        });
        Self { grants: grants.collect(), config, keys: known }
    }

    /// The component.
    pub(super) fn component(&self) -> &str {
        self.keys.get(COMPONENT).and_then(Value::as_str).unwrap_or_default()
    }

    /// It has this grant.
    pub(super) fn has(&self, grant: &str) -> bool {
        self.grants.contains_key(grant)
    }

    /// Puts a value behind a grant.
    pub(super) fn put(&mut self, grant: &str, key: &str, value: impl Into<Value>) {
        self.grants.entry(grant.to_owned()).or_default().insert(key.to_owned(), value.into());
    }

    /// Adds to a table behind a grant; what it has under the same names is replaced.
    pub(super) fn put_more(&mut self, grant: &str, key: &str, more: Table) {
        let grant = self.grants.entry(grant.to_owned()).or_default();
        let mut all = table(grant, key);
        all.extend(more);
        if !all.is_empty() {
            grant.insert(key.to_owned(), all.into());
        }
    }

    /// The lines of configuration.
    pub(super) fn lines(&self, name: &str) -> String {
        let mut lines = vec![format!("[registrations.{}]", key(name))];
        let (first, rest): (Vec<_>, Vec<_>) = self.keys.iter().partition(|(key, _)| *key == COMPONENT);
        let line = |key: &str, value: &Value| format!("{key} = {}", text(value));
        lines.extend(first.into_iter().chain(rest).map(|(name, value)| line(&key(name), value)));
        lines.extend(
            self.grants.iter().map(|(name, grant)| format!("grants.{} = {}", key(name), inline(grant))),
        );
        let config = self.config.iter();
        lines.extend(config.map(|(name, value)| line(&format!("config.{}", key(name)), value)));
        lines.join("\n") + "\n"
    }
}

/// Takes a table out of another one; an empty one if there is none.
fn table(from: &mut Table, key: &str) -> Table {
    match from.remove(key) {
        Some(Value::Table(table)) => table,
        _ => Table::new(),
    }
}

/// A value on one line.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(", ")),
        Value::Table(table) => inline(table),
        Value::Integer(number) => number.to_string(),
        // With a point, which makes it one.
        Value::Float(number) => format!("{number:?}").to_lowercase(),
        Value::Boolean(truth) => truth.to_string(),
        Value::Datetime(time) => time.to_string(),
    }
}

fn inline(table: &Table) -> String {
    let members: Vec<String> =
        table.iter().map(|(name, value)| format!("{} = {}", key(name), text(value))).collect();
    if members.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", members.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_beside_what_is_known() {
        let known = "zeal = 1\ncomponent = 'acp'\ngrants.agent = { command = ['x'], env = { A = '1' } }\nconfig.b = 1.0\n";
        let mut draft = Draft::of(toml::from_str(known).unwrap());
        draft.put("agent", "command", vec!["y".to_owned(), "a\n\"b".to_owned()]);
        draft.put_more("agent", "env", Table::from_iter([("odd name".to_owned(), "2".into())]));
        draft.put_more("agent", "secrets", Table::new());
        draft.config.insert("a".to_owned(), true.into());
        let expected = r#"[registrations.mine]
component = "acp"
zeal = 1
grants.agent = { command = ["y", "a\n\"b"], env = { A = "1", "odd name" = "2" } }
config.a = true
config.b = 1.0
"#;
        let lines = draft.lines("mine");
        assert_eq!(lines, expected);
        assert!(toml::from_str::<Table>(&lines).is_ok() && draft.has("agent") && !draft.has("b"));
    }
}
