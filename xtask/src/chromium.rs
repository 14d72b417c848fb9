//! The browser of the long tests: Debian's Chromium, installed where the machine lacks it and may be changed.

use std::path::PathBuf;
use std::process::Command;

use crate::step;

/// Tells the tests where it is.
pub(crate) const VARIABLE: &str = "OMI_CHROMIUM";

/// What is said where there is none.
pub(crate) const LEFT_OUT: &str = "Chromium (it is not installed, and can only be by root with apt-get)";

/// Gives its program; none where the machine has none and it cannot be installed.
pub(crate) fn install() -> Option<PathBuf> {
    if !step::is_on_path("chromium") && is_root() && step::is_on_path("apt-get") {
        let apt = |arguments: &[&str]| {
            let mut command = Command::new("apt-get");
            command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
            step::run("Chromium", &mut command)
        };
        let installed = apt(&["--quiet", "update"])
            .and_then(|()| apt(&["--quiet", "install", "--yes", "--no-install-recommends", "chromium"]));
        // Without a network the rest is still worth testing.
        if let Err(error) = installed {
            step::say(format_args!("{error:#}"));
        }
    }
    if step::is_on_path("chromium") {
        return Some("chromium".into());
    }
    step::say(format_args!("left out: {LEFT_OUT}"));
    None
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
