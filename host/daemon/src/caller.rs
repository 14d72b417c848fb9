//! The name of a client as it is recorded: (client, request) names a run among those of every owner, and two owners must
//! not get into each other's way by calling their clients the same.
//!
//! The clients of who owns the daemon keep their names. Those of another owner, and names that could be taken for one
//! of those, have a mark before them that no other owner's can have.

use omi_kernel::id::{ClientId, OwnerId};

use crate::prompt::{OWNER, sha256};

/// What the name of another owner's client begins with.
const MARK: &str = "owner:";
/// Digits of the digest of an owner: owners are configured, and few.
const DIGITS: usize = 16;

/// How a client of an owner is recorded.
pub(crate) fn recorded(owner: &OwnerId, client: &str) -> ClientId {
    let digest = match owner.as_str() {
        OWNER if !client.starts_with(MARK) => return ClientId(client.to_owned()),
        // Nobody's digest is empty.
        OWNER => String::new(),
        owner => sha256(owner).chars().take(DIGITS).collect(),
    };
    // No name stays none, so that it is refused as one.
    if client.is_empty() { ClientId(String::new()) } else { ClientId(format!("{MARK}{digest}:{client}")) }
}

/// What its owner calls a client that is recorded so.
pub(crate) fn shown(recorded: &str) -> &str {
    let rest = recorded.strip_prefix(MARK).and_then(|rest| rest.split_once(':'));
    rest.map_or(recorded, |(_, client)| client)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::owner;

    #[test]
    fn no_two_owners_have_clients_of_one_name_and_each_sees_its_own() {
        let owners = [owner(), "ann".into(), "bob".into()];
        let of_ann = recorded(&"ann".into(), "app").0;
        let clients = ["app", "owner:", "owner::app", of_ann.as_str(), "a:b"];
        let mut all = std::collections::BTreeSet::new();
        for owner in &owners {
            for client in clients {
                let name = recorded(owner, client);
                assert_eq!(shown(name.as_str()), client, "{owner:?}");
                assert!(all.insert(name.0), "{owner:?} {client}");
            }
            assert_eq!(recorded(owner, "").as_str(), "");
        }
        assert_eq!(recorded(&owner(), "app").as_str(), "app");
    }
}
