//! Files that come with the program and that agents read: what a command calls `bundled:NAME`.
//!
//! A file lies below the user's cache in a folder named after its content, for its owner alone, so two versions of this
//! program do not change each other's. What is there is compared each time, and replaced in one step if it differs.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use omi_engine::{Bound, Registration};

use crate::state::create_private;

/// What stands before the name of a file in a command.
const PREFIX: &str = "bundled:";

/// The files: their names, and what is in them.
const FILES: &[(&str, &str)] =
    &[("omi-gate.js", include_str!("../../../adapters/pi-mono/extension/omi-gate.js"))];

/// Why a file is not there. One line each.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BundledFileError {
    /// No such file comes with the program.
    #[error("the command names a file in the wrong way: it {0}")]
    Unknown(String),
    /// There is no home folder to put it in.
    #[error(
        "there is no home folder for the file `{0}`; hint: set HOME, or name a file of yours in the command"
    )]
    NoHome(&'static str),
    /// It cannot be written.
    #[error("cannot write the file `{path}`: {error}; hint: make its folder writable, or set XDG_CACHE_HOME")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

/// Refuses a command that names a file that does not come with the program. The error is a sentence without its subject.
pub(crate) fn check(argv: &[String]) -> Result<(), String> {
    argv.iter()
        .skip(1)
        .filter_map(|word| word.strip_prefix(PREFIX))
        .try_for_each(|name| named(name).map(|_| ()))
}

/// Writes the files that the programs of a registration name, and puts their paths into the commands.
pub(crate) fn place(registration: &mut Registration) -> Result<(), BundledFileError> {
    place_below(registration, cache)
}

fn place_below(
    registration: &mut Registration,
    folder: impl Fn() -> Option<PathBuf>,
) -> Result<(), BundledFileError> {
    for binding in registration.grants.values_mut() {
        let process = match &mut binding.bound {
            Bound::Process(process) => process,
            Bound::Terminal(_) | Bound::Files(_) | Bound::Http(_) => continue,
        };
        for word in process.argv.iter_mut().skip(1) {
            let Some(name) = word.strip_prefix(PREFIX) else { continue };
            let (name, text) = named(name).map_err(BundledFileError::Unknown)?;
            let folder = folder().ok_or(BundledFileError::NoHome(name))?;
            let path = written(&folder, name, text)?;
            *word = path.to_string_lossy().into_owned();
            if let Some(confine) = &mut process.setting.confine {
                confine.read.push(path);
            }
        }
    }
    Ok(())
}

fn named(name: &str) -> Result<(&'static str, &'static str), String> {
    FILES.iter().copied().find(|(known, _)| *known == name).ok_or_else(|| {
        let known: Vec<String> = FILES.iter().map(|(name, _)| format!("`{PREFIX}{name}`")).collect();
        format!(
            "has `{PREFIX}{}`, which is not bundled; hint: there is {}",
            name.escape_debug(),
            known.join(", ")
        )
    })
}

fn cache() -> Option<PathBuf> {
    Some(etcetera::choose_base_strategy().ok()?.cache_dir().join("omi-agentd/files"))
}

/// The file, with exactly this in it.
fn written(folder: &Path, name: &str, text: &str) -> Result<PathBuf, BundledFileError> {
    let folder = folder.join(omi_engine::digest(text.as_bytes()));
    let path = folder.join(name);
    if fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(path);
    }
    match replace(&folder, &path, text) {
        Ok(()) => Ok(path),
        Err(error) => Err(BundledFileError::Unwritable { path, error }),
    }
}

/// Another daemon may do the same at the same time: whoever comes last puts the same in its place.
fn replace(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    create_private(folder)?;
    let new = path.with_extension(format!("{}.new", std::process::id()));
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&new)?.write_all(text.as_bytes())?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use omi_engine::{Binding, BoundProcess, Confine, Setting};
    use omi_kernel::grant::Policy;

    use super::*;

    fn registration(argv: &[&str]) -> Registration {
        let argv = argv.iter().map(|&word| word.to_owned()).collect();
        let setting = Setting { confine: Some(Confine::default()), ..Setting::default() };
        let bound = Bound::Process(BoundProcess { argv, setting, ..BoundProcess::default() });
        let binding = Binding { bound, policy: Policy::Allow, operations: Vec::new(), resources: Vec::new() };
        Registration { grants: [("agent".to_owned(), binding)].into(), ..Registration::default() }
    }

    fn process(registration: &Registration) -> &BoundProcess {
        match &registration.grants["agent"].bound {
            Bound::Process(process) => process,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_command_gets_the_path_of_a_file_that_says_what_it_should() {
        let home = tempfile::tempdir().unwrap();
        let mut first = registration(&["pi", "-e", "bundled:omi-gate.js", "plain"]);
        place_below(&mut first, || Some(home.path().join("a"))).unwrap();
        let process = process(&first);
        let path = PathBuf::from(&process.argv[2]);
        assert!(path.starts_with(home.path()) && path.ends_with("omi-gate.js"), "{path:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), FILES[0].1);
        assert_eq!((&process.argv[0][..], &process.argv[3][..]), ("pi", "plain"));
        assert_eq!(
            process.setting.confine.as_ref().unwrap().read,
            std::slice::from_ref(&path),
            "also when it is confined"
        );

        fs::write(&path, "something else").unwrap();
        let mut second = registration(&["pi", "bundled:omi-gate.js"]);
        place_below(&mut second, || Some(home.path().join("a"))).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), FILES[0].1, "what was changed is replaced");
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_can_change_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let path = written(&home.path().join("a"), "x", "text").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }

    #[test]
    fn what_is_not_bundled_or_cannot_be_written_is_said() {
        let error = place_below(&mut registration(&["pi", "bundled:x"]), || None).unwrap_err().to_string();
        assert!(error.contains("`bundled:x`") && error.contains("hint: "), "{error}");
        let mut known = registration(&["pi", "bundled:omi-gate.js"]);
        let error = place_below(&mut known, || None).unwrap_err().to_string();
        assert!(error.contains("home folder") && error.contains("hint: "), "{error}");
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = place_below(&mut known, || Some(file.path().to_owned())).unwrap_err().to_string();
        assert!(error.contains("cannot write") && error.contains("hint: "), "{error}");
    }
}
