//! API keys: who has one acts for its owner. They are compared in constant time, and kept as digests.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use omi_kernel::id::OwnerId;
use sha2::{Digest as _, Sha256};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};

use crate::config::Config;
use crate::prompt::{hex, owner};
use crate::state::StateDir;

/// Bytes of a key that is made here, before they are written in hexadecimal.
const KEY_BYTES: usize = 32;
/// Characters of a key that somebody made, at least: it must not be possible to guess it.
const KEY_CHARS_MIN: usize = 32;
/// Bytes of a file with a key, at most.
const FILE_BYTES_MAX: u64 = 4096;

/// What is wrong with a key. One line each.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// Its file cannot be read or made.
    #[error("cannot use the API key in `{path}`: {error}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// It could be guessed, or written in no header.
    #[error(
        "the API key in `{0}` is no key; hint: it has at least {KEY_CHARS_MIN} letters, digits, `-` or `_`, and nothing else"
    )]
    Weak(PathBuf),
    /// Two owners have the same.
    #[error("the API key in `{0}` is another one's, too; hint: give each owner a key of its own")]
    Twice(PathBuf),
}

/// The keys of a daemon.
#[derive(Debug, Clone)]
pub(crate) struct Keys(Vec<Key>);

#[derive(Debug, Clone)]
struct Key {
    digest: [u8; 32],
    owner: OwnerId,
}

impl Keys {
    /// The key in the state folder, made if there is none, and those of the configuration.
    pub(crate) fn load(state: &StateDir, config: &Config) -> Result<Self, KeyError> {
        let mut keys = Self(Vec::new());
        let own = state.api_key();
        make(&own).map_err(|error| KeyError::Unusable { path: own.clone(), error })?;
        keys.add(&own, owner())?;
        for key in config.api_keys.values() {
            keys.add(&key.file, OwnerId(key.owner.clone()))?;
        }
        Ok(keys)
    }

    fn add(&mut self, path: &Path, owner: OwnerId) -> Result<(), KeyError> {
        let key = read(path).map_err(|error| KeyError::Unusable { path: path.to_owned(), error })?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if key.len() < KEY_CHARS_MIN || !key.bytes().all(is_plain) {
            return Err(KeyError::Weak(path.to_owned()));
        }
        if self.owner(&key).is_some() {
            return Err(KeyError::Twice(path.to_owned()));
        }
        self.0.push(Key { digest: Sha256::digest(key).into(), owner });
        Ok(())
    }

    /// Whose a key is. How long it takes says nothing about the keys: their digests are compared, all of them, whole.
    pub(crate) fn owner(&self, given: &str) -> Option<OwnerId> {
        let digest: [u8; 32] = Sha256::digest(given).into();
        let mut found = u32::MAX;
        for (place, key) in (0_u32..).zip(&self.0) {
            found.conditional_assign(&place, key.digest.ct_eq(&digest));
        }
        self.0.get(usize::try_from(found).ok()?).map(|key| key.owner.clone())
    }
}

/// The key in a file.
pub(crate) fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text.trim().to_owned())
}

/// Makes a key, for the owner of the file alone, unless there is one.
fn make(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut key = Vec::with_capacity(KEY_BYTES);
    while key.len() < KEY_BYTES {
        // 122 random bits each, from the system.
        key.extend(Sha256::digest(uuid::Uuid::new_v4().as_bytes()).iter().take(16));
    }
    writeln!(file, "{}", hex(&key))?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(letter: &str) -> String {
        letter.repeat(KEY_CHARS_MIN)
    }

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api-key");
        make(&path).unwrap();
        let made = read(&path).unwrap();
        assert_eq!(made.len(), 2 * KEY_BYTES);
        make(&path).unwrap();
        assert_eq!(read(&path).unwrap(), made);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn each_key_has_its_owner_and_nothing_else_has_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let mut keys = Keys(Vec::new());
        for name in ["a", "b"] {
            keys.add(&file(name, &format!("{}\n", key(name))), OwnerId(name.to_owned())).unwrap();
        }
        let owner = |given: &str| keys.owner(given).map(|owner| owner.0);
        assert_eq!(owner(&key("a")), Some("a".to_owned()));
        assert_eq!(owner(&key("b")), Some("b".to_owned()));
        for wrong in [String::new(), key("c"), key("a") + "a", key("a")[1..].to_owned()] {
            assert_eq!(owner(&wrong), None, "{wrong}");
        }
        let mut add = |path: PathBuf| keys.add(&path, OwnerId("c".to_owned())).unwrap_err();
        assert!(matches!(add(file("c", &key("a"))), KeyError::Twice(_)));
        assert!(matches!(add(file("c", "short")), KeyError::Weak(_)));
        assert!(matches!(add(file("c", &format!("{} {}", key("c"), key("d")))), KeyError::Weak(_)));
        assert!(matches!(add(folder.path().join("none")), KeyError::Unusable { .. }));
    }
}
