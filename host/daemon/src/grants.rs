//! `omi-agentd grants`: what adapters were allowed and denied, and taking it back.

use std::process::ExitCode;

use anyhow::bail;
use omi_kernel::id::GrantId;
use omi_kernel::input::Input;
use serde_json::json;

use crate::cli::{Grant, Grants, GrantsCommand};
use crate::inspect;
use crate::prompt::owner;
use crate::record::{OpenError, Record};
use crate::state::{StateDir, StateError};
use crate::terminal;

pub(crate) fn grants(args: Grants, state: &StateDir) -> anyhow::Result<ExitCode> {
    match args.command {
        None => inspect::grants(&args.list, state),
        Some(GrantsCommand::List(list)) => inspect::grants(&list, state),
        Some(GrantsCommand::Show(args)) => inspect::grant(&args, state),
        Some(GrantsCommand::Decisions(list)) => inspect::decisions(&list, state),
        Some(GrantsCommand::Revoke(args)) => revoke(&args, state),
    }
}

/// Only whoever has the state folder can take a grant back: a daemon that runs has to end what was opened under it.
fn revoke(args: &Grant, state: &StateDir) -> anyhow::Result<ExitCode> {
    let id = GrantId::parse(&args.id)?;
    let mut record = match Record::open(state) {
        Err(OpenError::State(StateError::InUse { path, pid })) => bail!(
            "omi-agentd (process {pid}) uses `{}`, and only it can take a grant back; \
             hint: send `revoke_grant` to it, or end it first",
            path.display()
        ),
        opened => opened?,
    };
    record.decide(Input::RevokeGrant { owner: owner(), grant: id.clone() })?;
    if args.json.json {
        // A reader that has gone away has seen enough.
        let _ = terminal::print(&format!("{}\n", json!({ "revoked": id })));
    } else {
        terminal::note(&format!("revoked {id}"));
    }
    Ok(ExitCode::SUCCESS)
}
