//! A component as it is shown to a person, who decides about it.

use omi_engine::Adapter;
use omi_kernel::descriptor::GrantRequest;
use omi_kernel::grant::Component;
use omi_store::ComponentView;
use serde_json::{Value, json};

use crate::component::{short, to_record};
use crate::terminal::plain;

/// A component with what it asks for.
pub(super) struct Shown {
    /// What is recorded of it.
    pub(super) component: Component,
    /// Its title, where it was loaded.
    title: Option<String>,
}

impl Shown {
    /// One that was loaded, by what the record calls it.
    pub(super) fn of(adapter: &Adapter, path: &str) -> Self {
        Self { component: to_record(adapter, path), title: Some(adapter.descriptor().title.clone()) }
    }

    /// One as it was when it was installed.
    pub(super) fn recorded(view: ComponentView) -> Self {
        Self { component: component(view), title: None }
    }

    pub(super) fn json(&self) -> Value {
        let Component { path, name, digest, adapter_id, version, grants, imports } = &self.component;
        json!({ "path": path, "name": name, "title": self.title, "adapterId": adapter_id, "version": version,
            "digest": digest, "imports": imports, "grants": grants })
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let Component { path, name: _, digest, adapter_id, version, grants, imports } = &self.component;
        let mut lines = vec![format!("component  {}", plain(path))];
        lines.extend(self.title.as_ref().map(|title| format!("title      {}", plain(title))));
        lines.push(format!("adapter    {} {}", plain(adapter_id), plain(version)));
        lines.push(format!("digest     {digest}"));
        lines.extend(list("imports", imports.iter().map(|import| plain(import))));
        lines.extend(list("asks for", grants.iter().map(asks)));
        lines
    }

    /// What is different from what is installed at the same path, one line each; none if nothing is installed there.
    pub(super) fn changes(&self, before: ComponentView) -> Vec<String> {
        changes(&component(before), &self.component)
    }
}

fn component(view: ComponentView) -> Component {
    let ComponentView { path, name, digest, adapter_id, version, grants, imports, installed_at_ms: _ } = view;
    Component { path, name, digest, adapter_id, version, grants, imports }
}

fn list(title: &str, items: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        let title = if lines.is_empty() { title } else { "" };
        lines.push(format!("{title:10} {item}"));
    }
    if lines.is_empty() {
        lines.push(format!("{title:10} nothing"));
    }
    lines
}

/// One thing that a component asks for, with its reason.
pub(super) fn asks(grant: &GrantRequest) -> String {
    let optional = if grant.optional { " (it works without)" } else { "" };
    format!(
        "{}: {} {} `{}`{optional}: {}",
        plain(&grant.name),
        plain(grant.capability.as_str()),
        plain(&grant.operation),
        plain(&grant.pattern),
        plain(&grant.reason)
    )
}

fn changes(before: &Component, now: &Component) -> Vec<String> {
    let mut lines = Vec::new();
    if before.digest == now.digest {
        return lines;
    }
    lines.push(format!("digest {} was {}", short(&now.digest), short(&before.digest)));
    let identity = |component: &Component| plain(&format!("{} {}", component.adapter_id, component.version));
    if identity(before) != identity(now) {
        lines.push(format!("adapter {} was {}", identity(now), identity(before)));
    }
    for grant in &now.grants {
        match before.grants.iter().find(|old| old.name == grant.name) {
            None => lines.push(format!("asks anew for {}", asks(grant))),
            Some(old) if old != grant => {
                lines.push(format!("asks for {}; before that for {}", asks(grant), asks(old)));
            }
            Some(_) => {}
        }
    }
    let gone = before.grants.iter().filter(|old| !now.grants.iter().any(|grant| grant.name == old.name));
    lines.extend(gone.map(|old| format!("asks no longer for {}", asks(old))));
    let new = now.imports.iter().filter(|import| !before.imports.contains(import));
    lines.extend(new.map(|import| format!("imports {} anew", plain(import))));
    let gone = before.imports.iter().filter(|import| !now.imports.contains(import));
    lines.extend(gone.map(|import| format!("imports {} no longer", plain(import))));
    lines
}

#[cfg(test)]
mod tests {
    use omi_kernel::descriptor::Capability;

    use super::*;

    fn grant(name: &str, pattern: &str) -> GrantRequest {
        GrantRequest {
            name: name.to_owned(),
            capability: Capability::Files,
            operation: "*".to_owned(),
            pattern: pattern.to_owned(),
            reason: "It is\x1b[31m needed.".to_owned(),
            optional: false,
        }
    }

    fn component(digest: &str, grants: Vec<GrantRequest>, imports: &[&str]) -> Component {
        Component {
            path: "/x.wasm".to_owned(),
            name: "x".to_owned(),
            digest: digest.to_owned(),
            adapter_id: "x".to_owned(),
            version: digest.to_owned(),
            grants,
            imports: imports.iter().map(|import| (*import).to_owned()).collect(),
        }
    }

    #[test]
    fn what_a_new_version_asks_for_anew_is_said() {
        let before =
            component("1", vec![grant("kept", "*"), grant("wider", "src/**"), grant("gone", "*")], &["a"]);
        let now = component("2", vec![grant("kept", "*"), grant("wider", "*"), grant("new", "*")], &["b"]);
        let lines = changes(&before, &now);
        let has =
            |words: &str| assert!(lines.iter().any(|line| line.starts_with(words)), "{words}: {lines:?}");
        has("digest 2 was 1");
        has("adapter x 2 was x 1");
        has("asks anew for new: files * `*`");
        has("asks for wider: files * `*`");
        has("asks no longer for gone");
        has("imports b anew");
        has("imports a no longer");
        assert_eq!(lines.len(), 7, "{lines:?}");
        assert!(lines.iter().all(|line| !line.contains('\x1b')), "{lines:?}");
        assert_eq!(changes(&before, &before), Vec::<String>::new());
    }

    #[test]
    fn whoever_asks_for_nothing_is_said_to() {
        let shown = Shown { component: component("1", Vec::new(), &[]), title: None };
        assert!(shown.lines().contains(&"asks for   nothing".to_owned()), "{:?}", shown.lines());
    }
}
