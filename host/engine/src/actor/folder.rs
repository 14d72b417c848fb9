//! The folders in which programs run and below which files are read: what a grant names, never anything outside of it.

use std::path::{Component, Path, PathBuf};

use super::Actor;
use crate::input::Why;
use crate::output::Scope;
use crate::registration::{Folder, ProcessFolder};

impl Actor {
    /// The folder that a grant names.
    pub(super) fn granted_folder(&self, folder: &Folder, scope: Scope, grant: &str) -> Result<PathBuf, Why> {
        let of_session = match folder {
            Folder::At(path) => return Ok(path.clone()),
            Folder::Session => self.holdings.cwd(scope).map(PathBuf::from),
        };
        of_session.filter(|path| path.is_absolute()).ok_or_else(|| {
            Why::Denied(format!(
                "the grant `{grant}` is for the working folder of a session, and this is not asked for on behalf of \
                 one; hint: name a folder in `[registrations.{}.grants.{grant}]`",
                self.spec.registration.name
            ))
        })
    }

    /// The folder in which the program of a registration starts.
    pub(super) fn process_folder(&self, folder: &ProcessFolder, scope: Scope) -> PathBuf {
        let of_session = match folder {
            ProcessFolder::At(path) => return path.clone(),
            ProcessFolder::Worker => None,
            ProcessFolder::Session => self.holdings.cwd(scope).map(PathBuf::from),
        };
        of_session.filter(|path| path.is_absolute()).unwrap_or_else(|| self.spec.cwd.clone())
    }
}

/// The folder a process starts in: the granted one, or one below it. Symlinks are followed before it is judged.
pub(super) fn folder_below(granted: &Path, asked: Option<&str>) -> Result<PathBuf, Why> {
    let real = |path: &Path| {
        let real = path
            .canonicalize()
            .map_err(|error| format!("cannot use the folder `{}`: {error}", path.display()));
        real.and_then(|real| {
            if real.is_dir() { Ok(real) } else { Err(format!("`{}` is not a folder", path.display())) }
        })
    };
    let granted = real(granted).map_err(Why::Failed)?;
    let Some(asked) = asked else { return Ok(granted) };
    let outside =
        || Why::Denied(format!("the folder `{}` is not below the granted one", asked.escape_debug()));
    if Path::new(asked).components().any(|part| part == Component::ParentDir) {
        return Err(outside());
    }
    let folder = real(&granted.join(asked)).map_err(Why::Failed)?;
    if folder.starts_with(&granted) { Ok(folder) } else { Err(outside()) }
}
