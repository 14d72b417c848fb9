//! What is not over when the daemon starts.

use omi_kernel::facts::{Facts, Unfinished};
use omi_kernel::report::Lease;
use omi_kernel::row::Run;
use rusqlite::{Connection, Result};

use super::{delegation, run};
use crate::rows::{self, BINDING, RUN, all, json};
use crate::words::ACTIVE;

pub(super) fn read(db: &Connection) -> Result<Facts> {
    // In the order in which they came, whatever the clock said.
    let sql = format!("SELECT {RUN} FROM runs WHERE status IN {ACTIVE} ORDER BY rowid");
    let runs = all(db.prepare_cached(&sql)?, [], rows::run)?;
    let sql = format!(
        "SELECT {BINDING} FROM adapter_bindings WHERE status = 'active' AND resume_fidelity = 'none' \
         ORDER BY rowid"
    );
    Ok(Facts {
        unfinished: runs.into_iter().map(|run| unfinished(db, run)).collect::<Result<_>>()?,
        lost_bindings: all(db.prepare_cached(&sql)?, [], rows::binding)?,
        leases: leases(db)?,
        ..Facts::default()
    })
}

fn unfinished(db: &Connection, run: Run) -> Result<Unfinished> {
    let attempt = run::live_attempt(db, &run.id)?;
    let delegation = match &run.parent {
        Some(_) => delegation::unended(db, &run.id)?,
        None => None,
    };
    Ok(Unfinished { run, attempt, delegation })
}

/// Each once, while their attempts still name the workers that the last daemon had.
fn leases(db: &Connection) -> Result<Vec<Lease>> {
    let sql = "SELECT lease_json FROM run_attempts \
               WHERE adapter_instance_id != '' AND lease_json IS NOT NULL \
               GROUP BY lease_json ORDER BY MIN(rowid)";
    all(db.prepare_cached(sql)?, [], |row| json(row, 0))
}
