//! Where compiled components are kept: a folder that only this user can read or write.
//!
//! wasmtime names each entry after the component's content, the compiler's settings and its own version, so an entry
//! can never be taken for another. Only what this cache wrote is ever loaded.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use wasmtime::{Cache, CacheConfig};

/// Read, write and enter: for the owner alone, because compiled code in it is run.
const PRIVATE: u32 = 0o700;

/// The cache in `folder`, which is created if it is not there. Without a usable folder there is none: it only saves time.
pub(crate) fn open(folder: &Path) -> Option<Cache> {
    let opened = prepare(folder).map_err(wasmtime::Error::from).and_then(|folder| {
        let mut config = CacheConfig::new();
        config.with_directory(folder);
        Cache::new(config)
    });
    opened
        .inspect_err(|error| {
            tracing::warn!(
                folder = %folder.display(),
                error = %error.root_cause(),
                "components are compiled anew each time: the cache folder cannot be used"
            );
        })
        .ok()
}

fn prepare(folder: &Path) -> io::Result<std::path::PathBuf> {
    DirBuilder::new().recursive(true).mode(PRIVATE).create(folder)?;
    fs::set_permissions(folder, Permissions::from_mode(PRIVATE))?;
    folder.canonicalize()
}
