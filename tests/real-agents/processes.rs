//! The processes of an agent, as `/proc` shows them.

use std::fs;
use std::path::Path;

/// A process that an agent is or has started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    /// Its id.
    pub(crate) id: i32,
    /// The id of the one that started it.
    pub(crate) parent: i32,
    /// Its command line.
    pub(crate) command: String,
}

/// The processes that have a folder in their environment or on their command line, or work in it or below it.
pub(crate) fn processes_of(folder: &Path) -> Vec<Process> {
    let name = folder.to_str().expect("test folders have UTF-8 names");
    let entries = fs::read_dir("/proc").expect("there is a /proc").flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(|id| process(id, folder, name)).collect()
}

fn process(id: i32, folder: &Path, name: &str) -> Option<Process> {
    let entry = Path::new("/proc").join(id.to_string());
    let read = |file: &str| fs::read(entry.join(file)).unwrap_or_default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace('\0', " ");
    let command = text(&read("cmdline"));
    let works_there = fs::read_link(entry.join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
    if !works_there && !command.contains(name) && !text(&read("environ")).contains(name) {
        return None;
    }
    // `id (name) state parent …`, where the name may hold anything.
    let stat = text(&read("stat"));
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    // What has ended and is not collected yet does nothing any more.
    let alive = fields.next()? != "Z";
    let parent = fields.next()?.parse().ok()?;
    alive.then_some(Process { id, parent, command })
}
