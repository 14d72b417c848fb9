//! `omi-agentd grants`: what adapters were allowed and denied, and taking it back.

use std::process::ExitCode;

use omi_kernel::id::GrantId;
use omi_kernel::input::Input;
use serde_json::json;

use crate::cli::{Grant, Grants, GrantsCommand};
use crate::inspect;
use crate::link::{self, Found};
use crate::prompt::owner;
use crate::record::Record;
use crate::state::StateDir;
use crate::terminal;

pub(crate) async fn grants(args: Grants, state: &StateDir) -> anyhow::Result<ExitCode> {
    match args.command {
        None => inspect::grants(&args.list, state),
        Some(GrantsCommand::List(list)) => inspect::grants(&list, state),
        Some(GrantsCommand::Show(args)) => inspect::grant(&args, state),
        Some(GrantsCommand::Decisions(list)) => inspect::decisions(&list, state),
        Some(GrantsCommand::Revoke(args)) => revoke(&args, state).await,
    }
}

/// A daemon that serves ends what was opened under it, too.
async fn revoke(args: &Grant, state: &StateDir) -> anyhow::Result<ExitCode> {
    let id = GrantId::parse(&args.id)?;
    match link::find(state).await? {
        Found::Free(lock) => {
            let revoke = Input::RevokeGrant { owner: owner(), grant: id.clone() };
            Record::begin(lock, state)?.decide(revoke)?;
        }
        Found::Serving(remote) => remote.revoke_grant(&id).await?,
    }
    if args.json.json {
        // A reader that has gone away has seen enough.
        let _ = terminal::print(&format!("{}\n", json!({ "revoked": id })));
    } else {
        terminal::note(&format!("revoked {id}"));
    }
    Ok(ExitCode::SUCCESS)
}
