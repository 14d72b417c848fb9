//! The form of a contract: what it says without its comments, and whether a built component notices a change of it.

use std::path::Path;

use sha2::{Digest, Sha256};
use wit_component::{OutputToString, WitPrinter, semver_check};
use wit_parser::{PackageId, Resolve, UnresolvedPackageGroup, WorldId};

/// Digits of a hash that a person copies: enough to tell a few hundred forms apart.
const HASH_DIGITS: usize = 12;

/// A contract that was read.
pub(super) struct Form {
    group: UnresolvedPackageGroup,
    /// It as the printer of wit-component writes it, without comments.
    pub(super) text: String,
}

impl Form {
    /// That of a folder of `.wit` files.
    pub(super) fn of_folder(folder: &Path) -> Result<Self, String> {
        Self::of_group(UnresolvedPackageGroup::parse_dir(folder).map_err(|error| format!("{error:#}"))?)
    }

    /// That of one text.
    pub(super) fn of_text(name: &str, text: &str) -> Result<Self, String> {
        let parsed = UnresolvedPackageGroup::parse(name, text);
        Self::of_group(parsed.map_err(|(sources, error)| error.render(&sources))?)
    }

    fn of_group(group: UnresolvedPackageGroup) -> Result<Self, String> {
        let mut resolve = Resolve::default();
        let package = resolve.push_group(group.clone()).map_err(|error| error.render(&resolve.source_map))?;
        let mut printer = WitPrinter::new(OutputToString::default());
        let printed = printer.emit_docs(false).print(&resolve, package, &[]);
        printed.map_err(|error| format!("{error:#}"))?;
        Ok(Self { group, text: printer.output.to_string() })
    }

    /// What it is called in the list of changes.
    pub(super) fn hash(&self) -> String {
        let digest = format!("{:x}", Sha256::digest(&self.text));
        digest.chars().take(HASH_DIGITS).collect()
    }

    /// What a component that was built for `self` would notice of `new`; nothing where both serve it alike.
    pub(super) fn breaks_in(&self, new: &Self) -> Option<String> {
        self.compare(new).err().map(|error| error.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    fn compare(&self, new: &Self) -> Result<(), String> {
        let mut resolve = Resolve::default();
        let mut old = self.group.clone();
        // Two packages in one place need two names. The comparison leaves versions out.
        old.main.name.version = None;
        let old = push_world(&mut resolve, old)?;
        let new = push_world(&mut resolve, new.group.clone())?;
        semver_check(resolve, old, new).map_err(|error| format!("{error:#}"))
    }
}

fn push_world(resolve: &mut Resolve, group: UnresolvedPackageGroup) -> Result<WorldId, String> {
    let pushed: Result<PackageId, _> = resolve.push_group(group);
    let package = pushed.map_err(|error| error.render(&resolve.source_map))?;
    resolve.select_world(&[package], None).map_err(|error| format!("{error:#}"))
}
