//! What adapters want to open, and the components that people install.

use omi_kernel::descriptor::{Capability, GrantRequest};
use omi_kernel::grant::{Access, AccessScope, Asked, Component, Policy, Terms};
use omi_kernel::id::WorkerId;

use super::Registration;
use crate::script::Dice;

/// A grant that the components of the simulated world ask for, and how it is bound.
struct Wish {
    name: &'static str,
    capability: Capability,
    operations: &'static [&'static str],
    pattern: &'static str,
    /// The last one is outside of the pattern, if that leaves anything out.
    resources: &'static [&'static str],
    policy: Policy,
}

const WISHES: [Wish; 7] = [
    Wish {
        name: "workspace",
        capability: Capability::Files,
        operations: &["read", "write"],
        pattern: "src/**",
        resources: &["src/a", "src/a", "src/b/c", "src/a", "secret"],
        policy: Policy::Ask,
    },
    Wish {
        name: "shell",
        capability: Capability::Terminal,
        operations: &["spawn"],
        pattern: "*",
        resources: &["git status", "git add src/a", "rm"],
        policy: Policy::Ask,
    },
    Wish {
        name: "shell",
        capability: Capability::Terminal,
        operations: &["spawn"],
        pattern: "*",
        resources: &["git status"],
        policy: Policy::Ask,
    },
    Wish {
        name: "agent",
        capability: Capability::Process,
        operations: &["spawn"],
        pattern: "*",
        resources: &["agent"],
        policy: Policy::Allow,
    },
    Wish {
        name: "remote",
        capability: Capability::Http,
        operations: &["request"],
        pattern: "GET /v1/*",
        resources: &["GET /v1/a", "GET /v1/b", "GET /v1/b/c"],
        policy: Policy::Allow,
    },
    Wish {
        name: "old",
        capability: Capability::Files,
        operations: &["read"],
        pattern: "*",
        resources: &["src/a"],
        policy: Policy::Legacy,
    },
    Wish {
        name: "closed",
        capability: Capability::Process,
        operations: &["spawn"],
        pattern: "*",
        resources: &["rm"],
        policy: Policy::Deny,
    },
];

/// The component of a registration, as that names it.
pub fn component_path(registration: Registration) -> String {
    format!("/components/{}.wasm", registration.name)
}

fn request(wish: &Wish, pattern: &str) -> GrantRequest {
    GrantRequest {
        name: wish.name.to_owned(),
        capability: wish.capability.clone(),
        operation: "*".to_owned(),
        pattern: pattern.to_owned(),
        reason: "to work".to_owned(),
        optional: true,
    }
}

/// Something that an adapter wants to open: what it declares as a rule, and now and then what nobody allows.
pub fn access(of: Registration, worker: WorkerId, op: u32, scope: AccessScope, dice: &mut Dice) -> Asked {
    let wish = &WISHES[dice.weighed(&[(5, 0), (2, 1), (2, 2), (4, 3), (3, 4), (2, 5), (1, 6)])];
    let resource = dice.of(wish.resources);
    let operation = dice.of(wish.operations).to_owned();
    // The second version asks for more than the first one did.
    let newer = dice.once_in(4);
    let pattern = if newer && wish.name == "workspace" { "src/*" } else { wish.pattern };
    let covers = match resource.split_once(' ') {
        Some((program, _)) if wish.capability == Capability::Terminal => format!("{program} **"),
        Some(_) | None if wish.capability == Capability::Terminal => resource.to_owned(),
        Some(_) | None => pattern.to_owned(),
    };
    let odd = dice.below(20);
    let terms = Terms {
        registration: of.name.into(),
        component: component_path(of),
        digest: if newer { "d2".to_owned() } else { "d1".to_owned() },
        declared: (odd != 1).then(|| request(wish, pattern)),
        bound: (odd != 2).then(|| wish.capability.clone()),
        policy: wish.policy,
        operations: if odd == 3 { vec!["read".to_owned()] } else { vec![] },
        resources: if odd == 4 { vec!["src/a".to_owned()] } else { vec![] },
    };
    let access = Access {
        worker,
        op,
        grant: wish.name.to_owned(),
        capability: wish.capability.clone(),
        operation,
        resource: resource.to_owned(),
        covers,
    };
    Asked { scope, access, terms }
}

/// A component that somebody installs.
pub fn component(of: Registration, dice: &mut Dice) -> Component {
    Component {
        path: component_path(of),
        name: format!("{}.wasm", of.name),
        digest: dice.of(&["d1", "d2"]).to_owned(),
        adapter_id: of.name.to_owned(),
        version: dice.of(&["1.0.0", "1.1.0"]).to_owned(),
        grants: vec![request(&WISHES[0], WISHES[0].pattern)],
        imports: vec!["wasi:cli/environment".to_owned()],
    }
}
