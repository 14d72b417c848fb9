//! Which keys of a grant go together: one says what is bound, the others belong to it.

use super::{Grant, Wrong, wrong};

/// What a grant binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A program.
    Command,
    /// Programs of the runtime's choice.
    Terminal,
    /// Files below a folder.
    Folder,
    /// A server.
    Origin,
}

/// What has a program's settings.
const PROGRAMS: &[Kind] = &[Kind::Command, Kind::Terminal];

impl Kind {
    /// Its key.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Terminal => "terminal",
            Self::Folder => "folder",
            Self::Origin => "origin",
        }
    }

    /// What can be done with it.
    pub(super) fn operations(self) -> &'static [&'static str] {
        match self {
            Self::Command | Self::Terminal => &["spawn"],
            Self::Folder => &["read", "write"],
            Self::Origin => &["request"],
        }
    }
}

impl Grant {
    /// What it binds, if it says that once and has no key that belongs to something else.
    pub(super) fn kind(&self) -> Result<Kind, Wrong> {
        let given = [
            (Kind::Command, self.command.is_some()),
            (Kind::Terminal, self.terminal.is_some()),
            (Kind::Folder, self.folder.is_some()),
            (Kind::Origin, self.origin.is_some()),
        ];
        let mut kinds = given.into_iter().filter(|(_, given)| *given).map(|(kind, _)| kind);
        let Some(kind) = kinds.next() else {
            let hint = "binds nothing; hint: set one of `command`, `terminal`, `folder` and `origin`";
            return Err(wrong("", hint));
        };
        if let Some(other) = kinds.next() {
            let (one, other) = (kind.word(), other.word());
            return Err(wrong("", format!("binds `{one}` and `{other}`; hint: a grant binds one thing")));
        }
        self.only_its_own(kind)?;
        Ok(kind)
    }

    fn only_its_own(&self, kind: Kind) -> Result<(), Wrong> {
        let keys: [(&str, bool, &[Kind]); 12] = [
            ("env", self.env.is_some(), PROGRAMS),
            ("pass-env", self.pass_env.is_some(), PROGRAMS),
            ("secrets", self.secrets.is_some(), &[Kind::Command, Kind::Terminal, Kind::Origin]),
            ("cwd", self.cwd.is_some(), &[Kind::Command]),
            ("limits", self.limits.is_some(), PROGRAMS),
            ("confine", self.confine.is_some(), PROGRAMS),
            ("state-folders", self.state_folders.is_some(), PROGRAMS),
            ("read-folders", self.read_folders.is_some(), PROGRAMS),
            ("methods", self.methods.is_some(), &[Kind::Origin]),
            ("private", self.private.is_some(), &[Kind::Origin]),
            ("timeout-ms", self.timeout_ms.is_some(), &[Kind::Origin]),
            ("body-bytes", self.body_bytes.is_some(), &[Kind::Origin]),
        ];
        let foreign = keys.into_iter().find(|(_, given, of)| *given && !of.contains(&kind));
        let Some((key, _, of)) = foreign else { return Ok(()) };
        let of: Vec<String> = of.iter().map(|kind| format!("`{}`", kind.word())).collect();
        Err(wrong(
            key,
            format!("does not go with `{}`; hint: it belongs to {}", kind.word(), of.join(" and ")),
        ))
    }
}
