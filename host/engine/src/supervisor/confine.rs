//! Confinement (ARCHITECTURE §5): Landlock rules for one program and everything below it, which nobody can lift again.
//!
//! - It may write to its folder, to a temporary folder of its own (with the cache in it), to its state, and to a few
//!   devices; rename and truncate included.
//! - It may read that, what the system is made of, where it is installed itself, and what it was granted besides.
//! - It may never be given a folder that has the daemon's own in it, or is in the daemon's own: that is an error, not a
//!   smaller rule.
//! - It cannot look into processes outside, nor gain rights by starting a program (`sudo`); if it is root's, it loses
//!   the rights with which the rules could be walked around.
//!
//! All that is granted comes from the daemon. Nothing here is read from the environment, which is the program's.
//!
//! What this does not cover: metadata can be changed and seen everywhere (`chmod`, `utimes`, extended attributes, `stat`),
//! path-named sockets outside can be connected to, the network is open, and processes outside can be signalled as the
//! user can. Terminals of its own cannot be opened: `/dev/pts` has the user's in it.
//!
//! All of it or nothing: a kernel that lacks a right that is needed here is an error.

use std::path::{Path, PathBuf};

/// Variables of the daemon that every process gets and that name a file or folder to read.
pub(crate) const NAMED: &[&str] =
    &["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];

/// The cache of a confined program, in its temporary folder.
pub(super) fn cache(scratch: &Path) -> PathBuf {
    scratch.join("cache")
}

#[cfg(target_os = "linux")]
pub(super) use rules::confine;

/// Refuses: only Linux has Landlock.
#[cfg(not(target_os = "linux"))]
pub(super) fn confine(
    _: &super::options::Confinement,
    _: Option<&Path>,
    program: &std::ffi::OsStr,
) -> Result<(), String> {
    let program = program.to_string_lossy();
    Err(format!("cannot confine `{program}`: only Linux has Landlock; hint: remove `confine` from its grant"))
}

#[cfg(target_os = "linux")]
mod rules {
    use std::ffi::OsStr;
    use std::fs::DirBuilder;
    use std::os::unix::fs::DirBuilderExt;
    use std::path::{Path, PathBuf};

    use landlock::{
        ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
        RulesetCreatedAttr, RulesetError, RulesetStatus,
    };

    use super::super::capabilities;
    use super::super::options::{Confinement, PRIVATE_FOLDER};
    use super::cache;

    /// The first version with all that is needed: renames between folders (2) and truncation (3).
    const NEEDED: ABI = ABI::V3;
    /// The first Linux that has it.
    const NEEDED_LINUX: &str = "6.2";
    /// What the system is made of; what is not there is left out. Logs and the data of services are not in it.
    const SYSTEM: &[&str] = &[
        "/usr",
        "/bin",
        "/sbin",
        "/lib",
        "/lib32",
        "/lib64",
        "/libx32",
        "/etc",
        "/opt",
        "/nix/store",
        "/proc",
        "/sys",
    ];
    /// What often leads out of `/etc` by a symlink: names, time, certificates.
    const LINKED: &[&str] = &["/etc/resolv.conf", "/etc/localtime", "/etc/ssl/certs", "/etc/ssl/cert.pem"];
    /// Devices without anything behind them that is not the program's own.
    const DEVICES: &[&str] = &[
        "/dev/null",
        "/dev/zero",
        "/dev/full",
        "/dev/random",
        "/dev/urandom",
        "/dev/tty",
        "/dev/ptmx",
        "/dev/shm",
    ];

    /// What may be done with what is below a path.
    #[derive(Clone, Copy)]
    enum Right {
        /// List, which opens nothing.
        List,
        /// Read, list and execute.
        Read,
        /// All, but to make devices.
        Write,
    }

    impl Right {
        fn access(self) -> BitFlags<AccessFs> {
            match self {
                Self::List => AccessFs::ReadDir.into(),
                Self::Read => AccessFs::from_read(NEEDED),
                Self::Write => AccessFs::from_all(NEEDED) & !(AccessFs::MakeChar | AccessFs::MakeBlock),
            }
        }
    }

    /// Confines this process. `scratch` is its temporary folder; its folder is the one it is in.
    pub(in super::super) fn confine(
        confinement: &Confinement,
        scratch: Option<&Path>,
        program: &OsStr,
    ) -> Result<(), String> {
        let cannot = |why: String| format!("cannot confine `{}`: {why}", program.to_string_lossy());
        is_in(&confinement.folder).map_err(cannot)?;
        make_folders(confinement, scratch).map_err(cannot)?;
        let mut rules = rules(confinement, scratch);
        rules.retain(|(path, _, is_needed)| *is_needed || path.exists());
        check(&rules, &confinement.private, scratch).map_err(cannot)?;
        restrict(&rules).map_err(cannot)?;
        capabilities::reduce().map_err(|error| cannot(format!("cannot give up the rights of root: {error}")))
    }

    /// Refuses where a part of the path to its folder was replaced since that was judged.
    fn is_in(folder: &Path) -> Result<(), String> {
        match std::env::current_dir() {
            Ok(real) if real == folder => Ok(()),
            Ok(real) => Err(format!("its folder `{}` is now `{}`", folder.display(), real.display())),
            Err(error) => Err(format!("its folder `{}` is gone: {error}", folder.display())),
        }
    }

    fn make_folders(confinement: &Confinement, scratch: Option<&Path>) -> Result<(), String> {
        let caches = scratch.map(cache);
        for folder in confinement.state.iter().chain(&caches).filter(|folder| !folder.exists()) {
            DirBuilder::new()
                .recursive(true)
                .mode(PRIVATE_FOLDER)
                .create(folder)
                .map_err(|error| format!("cannot make the folder `{}`: {error}", folder.display()))?;
        }
        Ok(())
    }

    /// What it may do where, and whether the place has to be there.
    fn rules(confinement: &Confinement, scratch: Option<&Path>) -> Vec<(PathBuf, Right, bool)> {
        let needed = |paths: &[PathBuf], right| {
            paths.iter().map(|path| (path.clone(), right, true)).collect::<Vec<_>>()
        };
        let known = |paths: &[&str], right| {
            paths.iter().map(|path| (PathBuf::from(path), right, false)).collect::<Vec<_>>()
        };
        let mut rules = needed(&confinement.state, Right::Write);
        rules.extend(needed(&confinement.read, Right::Read));
        rules.push((PathBuf::from("."), Right::Write, true));
        rules.extend(scratch.map(|folder| (folder.to_owned(), Right::Write, true)));
        rules.extend(confinement.known.iter().map(|path| (path.clone(), Right::Read, false)));
        rules.extend(known(SYSTEM, Right::Read));
        rules.extend(known(LINKED, Right::Read));
        rules.extend(known(DEVICES, Right::Write));
        rules.extend(known(&["/dev"], Right::List));
        rules
    }

    /// Refuses a folder that has the daemon's own in it, or is in the daemon's own. Only the temporary folder may be
    /// there: it is new, and made by the daemon.
    fn check(
        rules: &[(PathBuf, Right, bool)],
        private: &[PathBuf],
        scratch: Option<&Path>,
    ) -> Result<(), String> {
        let private: Vec<_> = private.iter().flat_map(|path| names(path)).collect();
        for (path, right, _) in rules {
            let real = path.canonicalize().map_err(|error| {
                format!("there is no `{}`: {error}; hint: correct its folders in the grant", path.display())
            })?;
            let is_made_for_it = scratch == Some(path.as_path());
            let wrong = private.iter().find_map(|private| {
                if private.starts_with(&real) {
                    Some(("has", private, " in it; hint: grant a smaller folder"))
                } else if real.starts_with(private) && !is_made_for_it {
                    Some(("is in", private, "; hint: grant another folder"))
                } else {
                    None
                }
            });
            match (right, wrong) {
                (Right::List, _) | (_, None) => {}
                (Right::Read | Right::Write, Some((how, private, hint))) => {
                    return Err(format!(
                        "it would be granted `{}`, which {how} the daemon's own `{}`{hint}, or move the daemon's",
                        real.display(),
                        private.display()
                    ));
                }
            }
        }
        Ok(())
    }

    /// All names of a path that need not be there: as it is written, and with the symlinks of each of its parents
    /// followed. So neither what it leads to can be granted, nor a folder where it can be put or replaced.
    fn names(path: &Path) -> Vec<PathBuf> {
        let name = |parent: &Path| {
            let (real, rest) = (parent.canonicalize().ok()?, path.strip_prefix(parent).ok()?);
            Some(real.components().chain(rest.components()).collect())
        };
        path.ancestors().filter_map(name).collect()
    }

    fn restrict(rules: &[(PathBuf, Right, bool)]) -> Result<(), String> {
        let lacking = |_: RulesetError| {
            format!(
                "this kernel has no Landlock, or too old a one (Linux {NEEDED_LINUX} has what is needed); \
                 hint: remove `confine` from its grant, or use another kernel"
            )
        };
        let failed = |error: RulesetError| format!("the rules were not accepted: {error}");
        let mut ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(NEEDED))
            .and_then(Ruleset::create)
            .map_err(lacking)?;
        for (path, right, _) in rules {
            let fd =
                PathFd::new(path).map_err(|error| format!("cannot open `{}`: {error}", path.display()))?;
            let access =
                if path.is_dir() { right.access() } else { right.access() & AccessFs::from_file(NEEDED) };
            ruleset = ruleset.add_rule(PathBeneath::new(fd, access)).map_err(failed)?;
        }
        let status = ruleset.restrict_self().map_err(failed)?;
        let is_whole = matches!(status.ruleset, RulesetStatus::FullyEnforced) && status.no_new_privs;
        if is_whole { Ok(()) } else { Err("the kernel keeps only a part of the rules".to_owned()) }
    }
}
