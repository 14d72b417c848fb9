//! Tests on real folders: what is read and written, and that nothing outside is.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use cap_std::fs::OpenOptions;
use rustix::fs::{FileType, Mode};
use tempfile::TempDir;

use super::*;
use crate::limits;

/// A granted folder with a secret beside it.
struct World {
    top: TempDir,
    folder: Folder,
}

const SECRET: &str = "nobody may read this";

impl World {
    fn new() -> Self {
        let top = TempDir::new().unwrap();
        fs::create_dir_all(top.path().join("root/sub")).unwrap();
        fs::create_dir(top.path().join("root-evil")).unwrap();
        fs::write(top.path().join("root-evil/secret"), SECRET).unwrap();
        fs::write(top.path().join("secret"), SECRET).unwrap();
        fs::write(top.path().join("root/plain"), "plain").unwrap();
        let folder = Folder::open(&top.path().join("root")).unwrap();
        Self { top, folder }
    }

    fn root(&self) -> PathBuf {
        self.top.path().join("root")
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    /// As an adapter reads: first the text of the path, then the file.
    fn read(&self, path: &str) -> Result<String, FileError> {
        let path = relative(&self.root(), path)?;
        self.folder.read(&path, 0, None).map(|read| String::from_utf8(read.bytes).unwrap())
    }

    fn write(&self, path: &str, text: &str, mode: WriteMode) -> Result<u64, FileError> {
        let path = relative(&self.root(), path)?;
        self.folder.write(&path, &[text.as_bytes()], mode)
    }

    /// Every name below the root, links not followed.
    fn names(&self) -> Vec<String> {
        fn below(folder: &Path, names: &mut Vec<String>) {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                names.push(entry.file_name().into_string().unwrap());
                if entry.file_type().unwrap().is_dir() {
                    below(&entry.path(), names);
                }
            }
        }
        let mut names = Vec::new();
        below(&self.root(), &mut names);
        names.sort();
        names
    }
}

#[test]
fn no_form_of_path_leads_out() {
    let world = World::new();
    let secret = world.top.path().join("secret");
    symlink(&secret, world.at("absolute-link")).unwrap();
    symlink("../secret", world.at("relative-link")).unwrap();
    symlink("..", world.at("folder-link")).unwrap();
    symlink(world.top.path(), world.at("absolute-folder-link")).unwrap();
    symlink("relative-link", world.at("chain-1")).unwrap();
    symlink("sub/../chain-1", world.at("chain-2")).unwrap();
    symlink("/proc/self/root", world.at("proc-link")).unwrap();
    symlink("/dev/fd", world.at("descriptors")).unwrap();
    symlink("sub/../../root/../secret", world.at("winding-link")).unwrap();
    symlink("missing/../../secret", world.at("dangling-link")).unwrap();
    symlink("loop", world.at("loop")).unwrap();
    symlink("/", world.at("sub/slash")).unwrap();
    let absolute = secret.display().to_string();
    let beside = world.top.path().join("root-evil/secret").display().to_string();
    let from_link = format!("sub/slash{absolute}");
    let through_proc = format!("/proc/self/root{absolute}");
    let through_proc_link = format!("proc-link{absolute}");
    let climbing = format!("{}/../secret", world.root().display());
    let doubled = format!("/{absolute}");
    let tilde = format!("~{absolute}");
    let long = format!("{}secret", "../".repeat(2_000));
    let deep = format!("{}secret", "sub/../".repeat(100));
    let forms = [
        "../secret",
        "sub/../../secret",
        "sub/..",
        "..",
        ".//..//secret",
        "./../secret",
        "sub/./../../secret",
        &absolute,
        &beside,
        &climbing,
        &doubled,
        "/",
        "/etc/passwd",
        "/proc/self/environ",
        &through_proc,
        "absolute-link",
        "relative-link",
        "folder-link/secret",
        "folder-link/root/../secret",
        "absolute-folder-link/secret",
        "chain-1",
        "chain-2",
        &through_proc_link,
        "descriptors/0",
        "winding-link",
        "dangling-link",
        "loop",
        &from_link,
        &long,
        &deep,
        "\u{2025}/secret",
        "．．/secret",
        "%2e%2e/secret",
        "..%2fsecret",
        "..\\secret",
        "sub\\..\\..\\secret",
        "~",
        "~root/secret",
        &tilde,
        "file:///etc/passwd",
        "..\0/secret",
        "plain\0/../../secret",
        "../secret\n",
        "",
        ".",
        "./",
        "sub",
        "sub/",
        "plain/",
        "plain/.",
        "plain/../../secret",
        "plain/secret",
    ];
    for form in forms {
        let read = world.read(form);
        assert!(read.is_err(), "`{form}` was read: {read:?}");
    }
    for form in forms {
        for mode in [WriteMode::Replace, WriteMode::Append, WriteMode::CreateNew] {
            // Some are names of new files or folders inside, and are that; the secrets are as they were.
            let _ = world.write(form, "overwritten", mode);
        }
        assert_eq!(fs::read_to_string(&secret).unwrap(), SECRET, "`{form}`");
        assert_eq!(fs::read_to_string(&beside).unwrap(), SECRET, "`{form}`");
    }
    let outside: Vec<String> = fs::read_dir(world.top.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(outside.len(), 3, "{outside:?}");
    assert!(world.names().iter().all(|name| !name.starts_with(".omi-agentd")), "{:?}", world.names());
}

#[test]
fn what_leads_out_is_called_so() {
    let world = World::new();
    symlink("../secret", world.at("link")).unwrap();
    symlink("..", world.at("folder-link")).unwrap();
    symlink(world.top.path().join("secret"), world.at("absolute-link")).unwrap();
    for path in ["../secret", "/etc/passwd", "link", "folder-link/secret", "folder-link/new", "absolute-link"]
    {
        assert_eq!(world.read(path), Err(FileError::Outside), "{path}");
        assert_eq!(world.write(path, "x", WriteMode::Replace), Err(FileError::Outside), "{path}");
        assert_eq!(world.write(path, "x", WriteMode::Append), Err(FileError::Outside), "{path}");
    }
    assert_eq!(world.write("folder-link/new/file", "x", WriteMode::CreateNew), Err(FileError::Outside));
    assert!(!world.top.path().join("new").exists());
}

#[test]
fn a_link_that_is_swapped_all_the_time_never_leads_out() {
    use std::sync::atomic::{AtomicBool, Ordering};

    let world = World::new();
    fs::write(world.at("sub/secret"), "inside").unwrap();
    symlink("sub", world.at("way")).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut outside = false;
            while !done.load(Ordering::Relaxed) {
                outside = !outside;
                symlink(if outside { ".." } else { "sub" }, world.at("next")).unwrap();
                fs::rename(world.at("next"), world.at("way")).unwrap();
            }
        });
        let (mut inside, mut refused) = (0, 0);
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while (inside < 50 || refused < 50) && std::time::Instant::now() < deadline {
            match world.read("way/secret") {
                Ok(text) => {
                    assert_ne!(text, SECRET);
                    inside += 1;
                }
                Err(_) => refused += 1,
            }
            let _ = world.write("way/secret", "inside", WriteMode::Replace);
            let _ = world.write("way/secret", "inside", WriteMode::Append);
        }
        done.store(true, Ordering::Relaxed);
        assert!(inside > 0 && refused > 0, "{inside} {refused}");
    });
    assert_eq!(fs::read_to_string(world.top.path().join("secret")).unwrap(), SECRET);
}

#[test]
fn a_path_is_a_text_below_the_folder() {
    let world = World::new();
    let root = world.root();
    let absolute = |path: &str| format!("{}/{path}", root.display());
    for (path, want) in [
        ("a", "a"),
        ("./a//b/./c", "a/b/c"),
        (&absolute("a/b"), "a/b"),
        (&absolute("/a"), "a"),
        ("..a/...", "..a/..."),
        ("a\\b", "a\\b"),
        ("~", "~"),
        ("ä ü/ 日本", "ä ü/ 日本"),
    ] {
        assert_eq!(relative(&root, path), Ok(want.to_owned()), "{path}");
    }
    // A program finds its working folder under its real name.
    symlink(&root, world.top.path().join("alias")).unwrap();
    let alias = world.top.path().join("alias");
    assert_eq!(relative(&alias, &absolute("a")), Ok("a".to_owned()));
    assert_eq!(relative(Path::new("/"), "/etc/x"), Ok("etc/x".to_owned()));
    // Not even where it would come back: what a grant covers is decided by the text.
    for path in ["sub/../plain", "/etc/x", "/etc/../etc/x", &absolute("../root/plain")] {
        assert_eq!(relative(&root, path), Err(FileError::Outside), "{path}");
    }
    assert_eq!(relative(&root, &format!("{}-evil/secret", root.display())), Err(FileError::Outside));
    assert_eq!(relative(&root, &absolute("")), Err(FileError::NotAFile));
}

#[test]
fn only_regular_files_are_read_and_written_and_nothing_waits() {
    let world = World::new();
    rustix::fs::mknodat(rustix::fs::CWD, world.at("pipe"), FileType::Fifo, Mode::from_raw_mode(0o666), 0)
        .unwrap();
    let _socket = UnixListener::bind(world.at("socket")).unwrap();
    symlink("pipe", world.at("link-to-pipe")).unwrap();
    symlink("missing", world.at("link-to-nothing")).unwrap();
    for path in ["pipe", "socket", "sub", "link-to-pipe"] {
        assert_eq!(world.read(path), Err(FileError::NotAFile), "{path}");
        for mode in [WriteMode::Replace, WriteMode::Append] {
            assert_eq!(world.write(path, "x", mode), Err(FileError::NotAFile), "{path}");
        }
        assert_eq!(world.write(path, "x", WriteMode::CreateNew), Err(FileError::Exists), "{path}");
    }
    assert_eq!(world.read("link-to-nothing"), Err(FileError::NotFound));
    assert_eq!(world.write("link-to-nothing", "x", WriteMode::Replace), Err(FileError::NotAFile));
    assert!(!world.at("missing").exists());
    // Not even what became a pipe since it was looked at: this returns, although nobody writes to it.
    let opened = world.folder.open_now("pipe", OpenOptions::new().read(true));
    assert_eq!(opened.err(), Some(FileError::NotAFile));
    let devices = Folder::open(Path::new("/dev")).unwrap();
    for device in ["null", "zero", "tty", "ptmx"] {
        assert_eq!(devices.read(device, 0, Some(1)), Err(FileError::NotAFile), "{device}");
        assert_eq!(devices.write(device, &[b"x"], WriteMode::Append), Err(FileError::NotAFile), "{device}");
    }
}

#[test]
fn a_file_is_read_whole_or_in_part() {
    let world = World::new();
    fs::write(world.at("sub/ten"), "0123456789").unwrap();
    symlink("sub/ten", world.at("link")).unwrap();
    let read = |offset, max| {
        let read = world.folder.read("link", offset, max).unwrap();
        (String::from_utf8(read.bytes).unwrap(), read.size)
    };
    assert_eq!(read(0, None), ("0123456789".into(), 10));
    assert_eq!(read(3, Some(4)), ("3456".into(), 10));
    assert_eq!(read(8, Some(4)), ("89".into(), 10));
    assert_eq!(read(99, None), (String::new(), 10));
    assert_eq!(world.read("missing"), Err(FileError::NotFound));
    // The kernel's files say that they have no bytes.
    let kernel = Folder::open(Path::new("/proc/sys/kernel")).unwrap().read("ostype", 0, None).unwrap();
    assert_eq!((kernel.bytes.as_slice(), kernel.size), (b"Linux\n".as_slice(), 6));
}

#[test]
fn what_is_too_large_is_read_in_parts_only() {
    let world = World::new();
    let max = limits::FILE_BYTES;
    fs::File::create(world.at("large")).unwrap().set_len(max + 2).unwrap();
    let too_large = Err(FileError::TooLarge { bytes: max + 2, max });
    assert_eq!(world.folder.read("large", 0, None), too_large);
    assert_eq!(world.folder.read("large", 2, None).unwrap().bytes.len() as u64, max);
    let part = world.folder.read("large", 0, Some(max + 1)).unwrap();
    assert_eq!((part.bytes.len() as u64, part.size), (max, max + 2));
    let bytes = vec![0; usize::try_from(max).unwrap()];
    let wrote = world.folder.write("new", &[&bytes, b"x"], WriteMode::Replace);
    assert_eq!(wrote, Err(FileError::TooLarge { bytes: max + 1, max }));
    assert!(!world.at("new").exists());
}

#[test]
fn writing_replaces_creates_or_appends() {
    let world = World::new();
    assert_eq!(world.write("plain", "new", WriteMode::Replace), Ok(3));
    assert_eq!(world.write("plain", "x", WriteMode::CreateNew), Err(FileError::Exists));
    assert_eq!(world.write("plain", "er", WriteMode::Append), Ok(2));
    assert_eq!(world.read("plain").unwrap(), "newer");
    for (path, mode) in [
        ("a/b/replaced", WriteMode::Replace),
        ("a/c/created", WriteMode::CreateNew),
        ("a/d/appended", WriteMode::Append),
    ] {
        assert_eq!(world.write(path, "text", mode), Ok(4));
        assert_eq!(world.read(path).unwrap(), "text");
        assert_eq!(fs::metadata(world.at(path)).unwrap().nlink(), 1);
    }
    assert_eq!(world.folder.write("pieces", &[b"a", b"", b"bc"], WriteMode::Replace), Ok(3));
    assert_eq!(world.read("pieces").unwrap(), "abc");
    let long = "n".repeat(255);
    assert_eq!(world.write(&long, "x", WriteMode::Replace), Ok(1));
    assert!(matches!(world.write(&"n".repeat(256), "x", WriteMode::Replace), Err(FileError::Io(_))));
    assert!(world.names().iter().all(|name| !name.starts_with(".omi-agentd")));
}

#[test]
fn a_file_that_is_replaced_is_a_new_one_with_the_old_permissions() {
    let world = World::new();
    fs::set_permissions(world.at("plain"), fs::Permissions::from_mode(0o4750)).unwrap();
    let mut reader = fs::File::open(world.at("plain")).unwrap();
    let before = fs::metadata(world.at("plain")).unwrap();
    world.write("plain", "new", WriteMode::Replace).unwrap();
    let after = fs::metadata(world.at("plain")).unwrap();
    assert_ne!(before.ino(), after.ino());
    assert_eq!(after.permissions().mode() & 0o7777, 0o750);
    // Who had it open has the old content, whole.
    let mut old = String::new();
    io::Read::read_to_string(&mut reader, &mut old).unwrap();
    assert_eq!(old, "plain");
}

#[test]
fn writing_through_a_link_keeps_the_link() {
    let world = World::new();
    fs::write(world.at("sub/target"), "old").unwrap();
    symlink("sub/target", world.at("link")).unwrap();
    world.write("link", "new", WriteMode::Replace).unwrap();
    world.write("link", "er", WriteMode::Append).unwrap();
    assert!(fs::symlink_metadata(world.at("link")).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(world.at("sub/target")).unwrap(), "newer");
    assert_eq!(world.write("link", "x", WriteMode::CreateNew), Err(FileError::Exists));
}

#[test]
fn nothing_temporary_is_left_when_writing_fails() {
    let world = World::new();
    let before = world.names();
    fs::create_dir(world.at("sub/taken")).unwrap();
    // What became a folder since it was looked at: the last step fails.
    let place = world.folder.new_place("sub/taken").unwrap();
    assert_eq!(place.replace(&[b"x"]), Err(FileError::NotAFile));
    assert_eq!(place.create(&[b"x"]), Err(FileError::Exists));
    fs::remove_dir(world.at("sub/taken")).unwrap();
    assert_eq!(world.names(), before);
}
