//! A component: one of the bundled ones, or a file that a person installed with exactly the bytes it has.

use std::path::{Path, PathBuf};

use omi_engine::{Adapter, Engine, read_component};
use omi_kernel::grant::Component;
use omi_kernel::report::FailureDetail;
use omi_store::{ComponentView, Reader};

use crate::bundled;
use crate::config::Config;

/// Loads a bundled component; none if there is none of that name.
pub(crate) fn load_bundled(engine: &Engine, name: &str) -> Option<Result<Adapter, FailureDetail>> {
    Bundled::named(name).map(|bundled| bundled.load(engine))
}

/// A bundled component.
pub(crate) struct Bundled(&'static bundled::Component);

impl Bundled {
    /// The one of a name; none if there is none of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        bundled::COMPONENTS.iter().find(|bundled| bundled.name == name).map(Self)
    }

    /// What it is.
    pub(crate) fn bytes(&self) -> &'static [u8] {
        self.0.bytes
    }

    /// Loads it.
    pub(crate) fn load(&self, engine: &Engine) -> Result<Adapter, FailureDetail> {
        let bundled::Component { name, bytes, digest } = self.0;
        engine.load_known(name, bytes, digest).map_err(|error| rejected(name, &error))
    }
}

/// What the file of a component had in it when it was read.
pub(crate) struct Bytes {
    content: Vec<u8>,
    /// The SHA-256, in hexadecimal.
    pub(crate) digest: String,
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

    /// Reads it.
    pub(crate) fn read(&self) -> Result<Bytes, FailureDetail> {
        let content = read_component(Path::new(&self.0)).map_err(|error| rejected(&self.0, &error))?;
        let digest = omi_engine::digest(&content);
        Ok(Bytes { content, digest })
    }

    /// Loads what was read of it, under the file's name.
    pub(crate) fn load_bytes(&self, engine: &Engine, bytes: &Bytes) -> Result<Adapter, FailureDetail> {
        let path = Path::new(&self.0);
        let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
        engine.load_known(&name, &bytes.content, &bytes.digest).map_err(|error| rejected(&self.0, &error))
    }

    /// Reads it, if it is installed with exactly these bytes: what was read is what is compared, and nothing of what
    /// nobody agreed to is even compiled.
    pub(crate) fn read_installed(&self, database: &Path) -> Result<Bytes, FailureDetail> {
        let mut installed = self.installed(database)?;
        loop {
            let bytes = self.read()?;
            if bytes.digest == installed {
                return Ok(bytes);
            }
            // It may have been installed again since the record was looked at.
            let latest = self.installed(database)?;
            if latest == installed {
                let (path, then, now) = (&self.0, short(&installed), short(&bytes.digest));
                let why = format!(
                    "the component `{path}` has changed since it was installed ({then}, now {now}); {}",
                    self.hint()
                );
                return Err(FailureDetail::new("component_changed", why));
            }
            installed = latest;
        }
    }

    /// The digest with which it is installed.
    fn installed(&self, database: &Path) -> Result<String, FailureDetail> {
        let path = &self.0;
        let found = Reader::open(database).and_then(|reader| reader.component(path));
        match found.map_err(|error| rejected(path, &error))? {
            Some(installed) => Ok(installed.digest),
            None => {
                let why = format!("the component `{path}` is not installed; {}", self.hint());
                Err(FailureDetail::new("component_not_installed", why))
            }
        }
    }

    fn hint(&self) -> String {
        format!("hint: omi-agentd adapter install {}", self.0)
    }
}

/// What is recorded of a component that is installed.
pub(crate) fn to_record(adapter: &Adapter, path: &str) -> Component {
    let descriptor = adapter.descriptor();
    Component {
        path: path.to_owned(),
        name: adapter.name().to_owned(),
        digest: adapter.digest().to_owned(),
        adapter_id: descriptor.adapter_id.clone(),
        version: descriptor.version.clone(),
        grants: descriptor.grants.clone(),
        imports: adapter.imports().to_vec(),
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
            Ok(bytes) if omi_engine::digest(&bytes) == installed.digest => Self::Installed,
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
    fn what_was_never_installed_is_not_even_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.wasm");
        std::fs::write(&file, "not even a component").unwrap();
        let database = folder.path().join("record");
        drop(omi_store::Store::open(&database, Timestamp(1)).unwrap());
        let refused = ComponentFile::at(&file).unwrap().read_installed(&database).err().unwrap();
        assert_eq!(refused.code, "component_not_installed");
        assert!(refused.message.contains("hint: omi-agentd adapter install /"), "{}", refused.message);
    }
}
