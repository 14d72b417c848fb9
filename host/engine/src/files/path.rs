//! What a path of an adapter means below its folder: a text, before anything is looked up.

use std::path::Path;

use super::FileError;

/// Bytes of a path: what Linux takes.
const PATH_BYTES: usize = 4096;

/// The path below `root`: `/`-separated, without empty parts and `.`. An absolute path must be below the root, by the
/// name the registration gives it or by its real one, which is what a program finds its working folder to be.
///
/// `..` is refused wherever it stands: what it means depends on the links before it.
pub(crate) fn relative(root: &Path, path: &str) -> Result<String, FileError> {
    if path.is_empty() {
        return Err(FileError::Io("the path is empty".into()));
    }
    if path.len() > PATH_BYTES {
        return Err(FileError::Io(format!("the path has {} bytes, at most {PATH_BYTES}", path.len())));
    }
    if path.chars().any(char::is_control) {
        return Err(FileError::Io("the path has a control character".into()));
    }
    if path.split('/').any(|part| part == "..") {
        return Err(FileError::Outside);
    }
    let below = if path.starts_with('/') { below(root, path)? } else { path };
    let parts: Vec<&str> = below.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    // The folder itself, or a path that says it is one.
    if parts.is_empty() || path.ends_with('/') || path.ends_with("/.") {
        return Err(FileError::NotAFile);
    }
    Ok(parts.join("/"))
}

/// What an absolute path says after the root.
fn below<'p>(root: &Path, path: &'p str) -> Result<&'p str, FileError> {
    let after = |root: &Path| Path::new(path).strip_prefix(root).ok().and_then(Path::to_str);
    after(root).or_else(|| root.canonicalize().ok().and_then(|real| after(&real))).ok_or(FileError::Outside)
}
