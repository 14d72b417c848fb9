//! Every hostile guest: what it is asked, what its registration binds, and what its run must come to.

use std::path::Path;

/// A prompt to a hostile guest.
pub(super) struct Hostile {
    /// Its name.
    pub(super) guest: &'static str,
    /// What it is asked. `BESIDE` is a folder that it may not reach, `INNER` an address.
    pub(super) prompt: &'static str,
    /// More lines of its registration. `OUTER` is an origin that it may reach, `INNER` an address that it may not.
    pub(super) grants: &'static str,
    /// How its run ends.
    pub(super) status: &'static str,
    /// What its answer, or the failure, says.
    pub(super) says: &'static [&'static str],
    /// What neither says.
    pub(super) never: &'static [&'static str],
}

const fn plain(guest: &'static str, status: &'static str, says: &'static [&'static str]) -> Hostile {
    Hostile { guest, prompt: "do your worst", grants: "", status, says, never: &[] }
}

/// A program that would be noticed if it were started.
const AGENT: &str = "grants.agent = { command = ['/bin/sleep', '1000'] }\n";

/// Those that can be installed.
pub(super) const LOADED: &[Hostile] = &[
    Hostile {
        grants: "grants.workspace = { folder = 'session', policy = 'deny' }\n",
        ..plain("access_flood", "succeeded", &["20000 were settled"])
    },
    Hostile { never: &["after the end"], ..plain("attempt_twice", "succeeded", &[]) },
    plain("binding_omi_id", "failed", &["native_id_is_omi_id"]),
    plain("call_grow", "failed", &["adapter_limit", "memory"]),
    plain("call_outputs", "failed", &["adapter_"]),
    plain("call_panic", "failed", &["adapter_trapped", "this is a bug of the guest"]),
    plain("call_recurse", "failed", &["adapter_trapped"]),
    plain("call_spin", "failed", &["adapter_deadline"]),
    plain("call_table", "failed", &["adapter_limit", "table elements"]),
    plain(
        "gate_ungranted",
        "succeeded",
        &["denied", "the grant `secret`", "[registrations.gate_ungranted.grants.agent]"],
    ),
    Hostile {
        grants: "grants.agent = { command = ['/bin/sleep', '1000'] }\n\
            grants.shell = { terminal = 'session', policy = 'allow' }\n\
            grants.other = { folder = 'session', policy = 'allow' }\n\
            grants.api = { origin = 'http://INNER', private = true, methods = ['GET'] }\n\
            grants.workspace = { folder = 'session', policy = 'allow' }\n\
            grants.remote = { origin = 'http://INNER', private = true, methods = ['GET'] }\n",
        never: &["spawned", "FileOutcome", "HttpOutcome"],
        ..plain(
            "grant_undeclared",
            "succeeded",
            &[
                "1 denied",
                "2 denied",
                "3 denied",
                "4 denied",
                "5 denied",
                "6 denied",
                "7 denied",
                "8 denied",
                "12 denied",
            ],
        )
    },
    plain("log_flood", "succeeded", &[]),
    Hostile {
        grants: AGENT,
        never: &["somebody else's", "was ended"],
        ..plain("op_foreign", "succeeded", &["refused"])
    },
    Hostile {
        prompt: "INNER",
        grants: "grants.remote = { origin = 'OUTER', private = true, methods = ['GET', 'POST'] }\n\
            grants.named = { origin = 'http://localhost:PORT', methods = ['GET'] }\n\
            grants.mapped = { origin = 'http://[::ffff:127.0.0.1]:PORT', methods = ['GET'] }\n\
            grants.public = { origin = 'http://INNER', methods = ['GET'] }\n",
        never: &["stolen 200", "UNEXPECTED"],
        ..plain("origin_escape", "succeeded", &["40 requests"])
    },
    Hostile {
        prompt: "BESIDE",
        grants: "grants.workspace = { folder = 'session', policy = 'allow' }\n",
        never: &["GOT", "UNEXPECTED", crate::files::SECRET],
        ..plain("path_escape", "succeeded", &["31 forms tried"])
    },
    plain("scope_foreign", "succeeded", &["4 timer"]),
    plain("secret_fish", "succeeded", &[]),
    Hostile { grants: AGENT, ..plain("stop_late", "succeeded", &[]) },
    Hostile { prompt: "tool", ..plain("text_huge", "succeeded", &[]) },
    Hostile { prompt: "failure", ..plain("text_huge", "failed", &["huge"]) },
    plain("timer_flood", "failed", &["adapter_limit"]),
    plain("wasi_wait", "failed", &["tried to wait"]),
    plain("wasi_world", "succeeded", &["variables 0", "files false"]),
];

/// Those that cannot: what the refusal says besides `describe`.
pub(super) const REFUSED: &[(&str, &str)] =
    &[("describe_huge", ""), ("describe_spin", "ms"), ("describe_trap", "I do not know who I am")];

/// Those that are not hostile, with a test that uses them.
pub(super) const USED_ELSEWHERE: &[(&str, &str)] = &[
    ("effect_probe", "grants.rs"),
    ("gate_probe", "../host/engine/tests/access.rs"),
    ("person_probe", "people.rs"),
    ("process_probe", "../host/engine/tests/processes.rs"),
];

/// The names of all that are hostile, each once.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let refused = REFUSED.iter().map(|(name, _)| *name);
    super::first_of_each().map(|hostile| hostile.guest).chain(refused)
}

/// A registration with another component in it.
pub(super) fn at(registration: &str, component: &Path) -> String {
    let head = registration.lines().next().unwrap_or_default();
    format!("{head}\ncomponent = '{}'\n", component.display())
}

/// The component `call_table` with what it is for: Rust cannot grow a table, so what it wrote in that place is replaced.
pub(super) fn with_a_growing_table(component: &Path) -> Vec<u8> {
    let text = wasmprinter::print_file(component).expect("a component can be printed");
    let lines: Vec<&str> = text.lines().collect();
    let is_mark = |at: &usize| {
        lines[*at].trim() == "i32.const 10007"
            && lines.get(at + 1).is_some_and(|next| next.trim() == "memory.grow")
    };
    let marks: Vec<usize> = (0..lines.len()).filter(is_mark).collect();
    assert_eq!(marks.len(), 1, "the place is there once");
    let table =
        (0..marks[0]).rev().find(|at| lines[*at].trim().starts_with("(table (;0;)")).expect("a table");
    let mut changed: Vec<String> = lines.iter().map(ToString::to_string).collect();
    changed[table] = without_a_maximum(lines[table]);
    changed[marks[0]] = format!("ref.null func\n{}", lines[marks[0]]);
    changed[marks[0] + 1] = String::from("table.grow 0");
    wat::parse_str(changed.join("\n")).expect("a component that was printed can be read")
}

/// `(table (;0;) 20 20 funcref)` as `(table (;0;) 20 funcref)`.
fn without_a_maximum(table: &str) -> String {
    let mut words: Vec<&str> = table.split_whitespace().collect();
    assert_eq!(words.len(), 5, "a table with a maximum: {table}");
    words.remove(3);
    words.join(" ")
}
