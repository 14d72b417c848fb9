//! A component: one of the bundled ones, or a file that a person installed with exactly the bytes it has.

use std::path::{Path, PathBuf};

use omi_engine::{Adapter, Engine, read_component};
use omi_kernel::report::FailureDetail;
use omi_store::{ComponentView, Reader, StoreError};

use crate::bundled;
use crate::config::Config;

/// Loads a bundled component; none if there is none of that name.
pub(crate) fn load_bundled(engine: &Engine, name: &str) -> Option<Result<Adapter, FailureDetail>> {
    let (name, bytes) = bundled::COMPONENTS.iter().find(|(bundled, _)| *bundled == name)?;
    Some(engine.load(name, bytes).map_err(|error| rejected(name, &error)))
}

/// The file of a component, by the one path that leads to it without links: what the record calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ComponentFile(String);

impl ComponentFile {
    /// The file at a path, which must be there.
    pub(crate) fn at(path: &Path) -> Result<Self, FailureDetail> {
        let cannot = |why: &dyn std::fmt::Display| rejected(&path.display().to_string(), why);
        let real = path.canonicalize().map_err(|error| cannot(&error))?;
        let text = real.to_str().ok_or_else(|| cannot(&"its path is no text"))?;
        Ok(Self(text.to_owned()))
    }

    /// The file that a registration names, relative to the configuration file.
    pub(crate) fn named(config: &Config, component: &str) -> Result<Self, FailureDetail> {
        let path = config.component(component).map_err(|why| rejected(component, &why))?;
        Self::at(&path)
    }

    /// The path.
    pub(crate) fn path(&self) -> &str {
        &self.0
    }

    /// Loads it, whatever it is.
    pub(crate) fn load(&self, engine: &Engine) -> Result<Adapter, FailureDetail> {
        self.load_bytes(engine, &self.read()?)
    }

    fn read(&self) -> Result<Vec<u8>, FailureDetail> {
        read_component(Path::new(&self.0)).map_err(|error| rejected(&self.0, &error))
    }

    /// Loads what was read of it, under the file's name.
    fn load_bytes(&self, engine: &Engine, bytes: &[u8]) -> Result<Adapter, FailureDetail> {
        let path = Path::new(&self.0);
        let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
        engine.load(&name, bytes).map_err(|error| rejected(&self.0, &error))
    }

    /// Loads it if it is installed with exactly these bytes: what was read is what is compared.
    pub(crate) fn load_installed(&self, engine: &Engine, database: &Path) -> Result<Adapter, FailureDetail> {
        let path = &self.0;
        let installed = self.installed(database).map_err(|error| rejected(path, &error))?;
        let hint = format!("hint: omi-agentd adapter install {path}");
        let Some(installed) = installed else {
            let why = format!("the component `{path}` is not installed; {hint}");
            return Err(FailureDetail::new("component_not_installed", why));
        };
        // Nothing of what nobody agreed to is even compiled.
        let bytes = self.read()?;
        let now = crate::prompt::sha256_of(&bytes);
        if installed.digest != now {
            let (now, then) = (short(&now), short(&installed.digest));
            let why = format!(
                "the component `{path}` has changed since it was installed ({then}, now {now}); {hint}"
            );
            return Err(FailureDetail::new("component_changed", why));
        }
        self.load_bytes(engine, &bytes)
    }

    fn installed(&self, database: &Path) -> Result<Option<ComponentView>, StoreError> {
        Reader::open(database)?.component(&self.0)
    }
}

/// The beginning of a digest: enough for a person to tell two of them apart.
pub(crate) fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

/// Where the file of an installed component stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileState {
    /// It is what was installed.
    Installed,
    /// It has other bytes.
    Changed,
    /// It cannot be read.
    Missing,
}

impl FileState {
    /// Looks at the file of an installed component.
    pub(crate) fn of(installed: &ComponentView) -> Self {
        match std::fs::read(PathBuf::from(&installed.path)) {
            Ok(bytes) if crate::prompt::sha256_of(&bytes) == installed.digest => Self::Installed,
            Ok(_) => Self::Changed,
            Err(_) => Self::Missing,
        }
    }

    /// The word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Changed => "changed",
            Self::Missing => "missing",
        }
    }
}

fn rejected(component: &str, error: &dyn std::fmt::Display) -> FailureDetail {
    FailureDetail::new("component_rejected", format!("cannot load the component `{component}`: {error}"))
}

#[cfg(test)]
mod tests {
    use omi_kernel::id::Timestamp;

    use super::*;

    #[test]
    fn a_file_is_what_was_installed_or_changed_or_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.wasm");
        std::fs::write(&path, "one").unwrap();
        let installed = ComponentView {
            path: path.display().to_string(),
            name: "x".to_owned(),
            digest: crate::prompt::sha256("one"),
            adapter_id: "x".to_owned(),
            version: "1".to_owned(),
            grants: Vec::new(),
            imports: Vec::new(),
            installed_at_ms: Timestamp(1),
        };
        assert_eq!(FileState::of(&installed), FileState::Installed);
        std::fs::write(&path, "two").unwrap();
        assert_eq!(FileState::of(&installed), FileState::Changed);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(FileState::of(&installed), FileState::Missing);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_has_one_name_whatever_leads_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap().join("x.wasm");
        std::fs::write(&real, "").unwrap();
        std::os::unix::fs::symlink(&real, folder.path().join("link")).unwrap();
        assert_eq!(ComponentFile::at(&folder.path().join("link")).unwrap().path(), real.to_str().unwrap());
        assert_eq!(
            ComponentFile::at(&folder.path().join("./x.wasm")).unwrap().path(),
            real.to_str().unwrap()
        );
        let missing = ComponentFile::at(&folder.path().join("y")).unwrap_err();
        assert_eq!(missing.code, "component_rejected");
    }

    #[test]
    fn what_was_never_installed_is_not_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.wasm");
        std::fs::write(&file, "not even a component").unwrap();
        let database = folder.path().join("record");
        drop(omi_store::Store::open(&database, Timestamp(1)).unwrap());
        let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let state = crate::state::StateDir::choose(Some(folder.path().join("state"))).unwrap();
        let engine = crate::daemon::engine(&state, Vec::new(), tokio.handle()).unwrap();
        let refused = ComponentFile::at(&file).unwrap().load_installed(&engine, &database).unwrap_err();
        assert_eq!(refused.code, "component_not_installed");
        assert!(refused.message.contains("hint: omi-agentd adapter install /"), "{}", refused.message);
    }
}
