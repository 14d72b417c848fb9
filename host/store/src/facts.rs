//! Reads the facts that a decision needs, inside the transaction that will write it.

mod access;
mod delegation;
mod history;
mod request;
mod run;
mod session;
mod unfinished;

use omi_kernel::facts::Facts;
use omi_kernel::wants::Wants;
pub(crate) use request::{kind, options};
use rusqlite::{Connection, Result};

/// Reads what `wants` names. What does not exist is absent.
pub(crate) fn read(db: &Connection, wants: &Wants) -> Result<Facts> {
    match wants {
        Wants::Request { owner, session, client, request, key } => {
            session::of_request(db, owner, session, (client, request), key.as_deref())
        }
        Wants::Run(run) => run::by_id(db, run),
        Wants::Begin { run, held } => history::added(db, held, run::by_id(db, run)?),
        Wants::Tree(run) => {
            let facts = run::by_id(db, run)?;
            let descendants = match &facts.run {
                Some(run) => delegation::descendants(db, &run.id)?,
                None => Vec::new(),
            };
            Ok(Facts { descendants, ..facts })
        }
        Wants::Retry(run, checkpoint) => {
            let artifact = match checkpoint {
                Some(checkpoint) => run::artifact(db, checkpoint)?,
                None => None,
            };
            Ok(Facts {
                artifact,
                legacy_granted: access::legacy_granted(db, run)?,
                left_to: run::left_to(db, run)?,
                ..run::by_id(db, run)?
            })
        }
        Wants::Attempt { attempt, opened } => run::of_attempt(db, attempt, opened.as_ref()),
        Wants::Delegation { parent, session, client, request } => {
            delegation::asked(db, parent, session.as_ref(), (client, request))
        }
        Wants::Session { owner, session } => session::with_bindings(db, owner, session),
        Wants::Artifact(artifact) => {
            let artifact = run::artifact(db, artifact)?;
            let session = match &artifact {
                Some(artifact) => session::by_id(db, &artifact.session)?,
                None => None,
            };
            Ok(Facts { artifact, session, ..Facts::default() })
        }
        Wants::Access { attempt, session, registration, component } => {
            access::asked(db, attempt.as_ref(), session.as_ref(), registration, component)
        }
        Wants::Grant(grant) => access::grant(db, grant),
        Wants::Component(path) => Ok(Facts {
            component: access::component(db, path)?,
            component_grants: access::of_component(db, path, None)?,
            ..Facts::default()
        }),
        Wants::Worker(worker) => {
            Ok(Facts { bindings: session::bindings_of_worker(db, worker)?, ..Facts::default() })
        }
        Wants::Unfinished => unfinished::read(db),
        Wants::Nothing => Ok(Facts::default()),
    }
}
