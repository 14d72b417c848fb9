//! `omi-agentd native-host install`: tells a browser which extensions may talk to this program.
//!
//! A browser starts what its file names without arguments of ours, so that file names a small script beside it, which has them.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use serde_json::{Value, json};

use super::place::{NAME, origin};
use crate::cli::{Browser, InstallNativeHost, UninstallNativeHost};
use crate::config::ConfigFile;
use crate::state::StateDir;
use crate::terminal::{self, plain, quoted};

/// The file that the browser reads, and the script that it starts.
struct Files {
    manifest: PathBuf,
    script: PathBuf,
}

impl Files {
    fn of(browser: Browser, folder: Option<&PathBuf>) -> anyhow::Result<Self> {
        let folder = match folder {
            Some(folder) => std::path::absolute(folder)?,
            None => browser.folder()?,
        };
        Ok(Self { manifest: folder.join(format!("{NAME}.json")), script: folder.join(format!("{NAME}.sh")) })
    }
}

pub(super) fn install(
    args: &InstallNativeHost,
    state: &StateDir,
    config: &ConfigFile,
) -> anyhow::Result<ExitCode> {
    for id in &args.extension_id {
        args.browser.check(id).map_err(|why| anyhow!(why))?;
    }
    let files = Files::of(args.browser, args.folder.as_ref())?;
    let manifest = manifest(args.browser, &files.script, &args.extension_id)?;
    // A manifest is made of values that are JSON.
    let manifest = serde_json::to_string_pretty(&manifest).unwrap_or_default() + "\n";
    let script = script(state, config, &args.extension_id)?;
    if !args.dry_run {
        let folder = files.manifest.parent().context("a file is in a folder")?;
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
        // The script first: a browser that finds the other file finds it.
        write(&files.script, &script, 0o755)?;
        write(&files.manifest, &manifest, 0o644)?;
    }
    if args.json {
        let text = json!({ "name": NAME, "browser": args.browser.word(), "extensions": args.extension_id,
            "manifest": files.manifest, "script": files.script, "written": !args.dry_run });
        // A reader that has gone away has seen enough.
        let _ = terminal::print(&format!("{text}\n"));
        return Ok(ExitCode::SUCCESS);
    }
    let wrote = if args.dry_run { "would write" } else { "wrote" };
    for (path, text) in [(&files.script, &script), (&files.manifest, &manifest)] {
        terminal::note(&format!("{wrote} {}", plain(&path.display().to_string())));
        if args.dry_run {
            // A reader that has gone away has seen enough.
            let _ = terminal::print(text);
        }
    }
    if !args.dry_run {
        terminal::note(&format!("an extension connects with `chrome.runtime.connectNative(\"{NAME}\")`"));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn uninstall(args: &UninstallNativeHost) -> anyhow::Result<ExitCode> {
    let files = Files::of(args.browser, args.folder.as_ref())?;
    let mut removed = Vec::new();
    for path in [files.manifest, files.script] {
        match std::fs::remove_file(&path) {
            Ok(()) => removed.push(path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot remove `{}`", path.display()));
            }
        }
    }
    if args.json {
        let text = json!({ "name": NAME, "browser": args.browser.word(), "removed": removed });
        // A reader that has gone away has seen enough.
        let _ = terminal::print(&format!("{text}\n"));
    } else if removed.is_empty() {
        terminal::note("nothing was installed");
    }
    for path in removed.iter().filter(|_| !args.json) {
        terminal::note(&format!("removed {}", plain(&path.display().to_string())));
    }
    Ok(ExitCode::SUCCESS)
}

/// What the browser reads.
fn manifest(browser: Browser, script: &Path, ids: &[String]) -> anyhow::Result<Value> {
    let script = script.to_str().context("the folder's name is not text")?;
    let mut manifest = json!({ "name": NAME, "description": "The daemon beneath your AI agents", "path": script,
        "type": "stdio" });
    match browser {
        Browser::Chrome | Browser::Chromium => {
            manifest["allowed_origins"] = ids.iter().map(|id| origin(id)).collect();
        }
        Browser::Firefox => manifest["allowed_extensions"] = json!(ids),
    }
    Ok(manifest)
}

/// What the browser starts: this program, with the folder and the configuration that are meant now.
fn script(state: &StateDir, config: &ConfigFile, ids: &[String]) -> anyhow::Result<String> {
    let program = std::env::current_exe().context("cannot find the program itself")?;
    let word = |path: &Path| match path.to_str() {
        Some(text) if !text.contains('\n') => Ok(quoted(text)),
        Some(_) | None => bail!("`{}` cannot be written into a script", path.display()),
    };
    let mut words = vec!["exec".to_owned(), word(&program)?, "--state-dir".to_owned(), word(state.path())?];
    if config.required {
        words.extend(["--config".to_owned(), word(&config.path)?]);
    }
    words.push("native-host".to_owned());
    words.extend(ids.iter().flat_map(|id| ["--allow".to_owned(), quoted(id)]));
    Ok(format!("#!/bin/sh\n{} -- \"$@\"\n", words.join(" ")))
}

/// Writes a file whole, in the place of an older one.
fn write(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let written = || -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(mode))?;
        file.persist(path)?;
        Ok(())
    };
    written().with_context(|| format!("cannot write `{}`", path.display()))
}
