//! What can be wrong with the store.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// What can be wrong with the store. One line each, with the next step.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file was written by a newer version.
    #[error(
        "the database `{path}` has schema version {found}, this omi-agentd knows up to {known}; \
         hint: use the newer omi-agentd, or another --state-dir"
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// The file was written by an older version, and only whoever writes brings it up to date.
    #[error(
        "the database `{path}` has the old schema version {found}; \
         hint: `omi-agentd run` or `omi-agentd serve` brings it up to date"
    )]
    TooOld {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: u32,
    },
    /// The file is not a database, or is damaged. It is never deleted.
    #[error(
        "the database `{path}` is damaged: {reason}; \
         hint: it was left as it is; move it away, or use another --state-dir"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no room for more.
    #[error("no room to write the database `{path}`; hint: free disk space; nothing was lost")]
    Full {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
    /// It cannot be opened or written.
    #[error("cannot use the database `{path}`: {error}; hint: check that its folder exists and is writable")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        error: rusqlite::Error,
    },
}

impl StoreError {
    /// Sorts what SQLite says into what can be done about it.
    pub(crate) fn from_sqlite(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        // A row that does not read as what it must be.
        if let rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..) = source
        {
            return Self::Corrupt { path, reason: source.to_string() };
        }
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Corrupt { path, reason: source.to_string() }
            }
            Some(ErrorCode::DiskFull) => Self::Full { path, source },
            _ => Self::Sqlite { path, error: source },
        }
    }
}
