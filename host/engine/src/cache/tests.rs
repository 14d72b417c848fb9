//! The cache, with components that do nothing.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::folder::PRIVATE;
use super::*;

/// Threads that load the same at once, and how often each does.
const THREADS: usize = 8;
const ROUNDS: usize = 40;

fn engine() -> Engine {
    Engine::default()
}

fn component(engine: &Engine) -> Component {
    Component::new(engine, wat::parse_str("(component)").unwrap()).unwrap()
}

#[test]
fn what_was_kept_is_found_by_its_digest_and_its_engine() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine();
    let cache = Cache::open(&folder.path().join("compiled"), &engine).unwrap();
    assert!(cache.find(&engine, "abc").is_none());
    cache.keep("abc", &component(&engine));
    assert!(cache.find(&engine, "abc").is_some() && cache.find(&engine, "abd").is_none());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&cache.folder), mode(&cache.file("abc"))), (PRIVATE, PRIVATE_FILE));
    let metering = Engine::new(wasmtime::Config::new().consume_fuel(true)).unwrap();
    let other = Cache::open(&cache.folder, &metering).unwrap();
    assert!(other.find(&metering, "abc").is_none(), "another engine has files of its own");
}

#[test]
fn a_file_that_is_no_compiled_component_is_compiled_anew() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine();
    let cache = Cache::open(folder.path(), &engine).unwrap();
    for content in ["", "not even code"] {
        fs::write(cache.file("abc"), content).unwrap();
        assert!(cache.find(&engine, "abc").is_none());
    }
    cache.keep("abc", &component(&engine));
    assert!(cache.find(&engine, "abc").is_some());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
}

/// A file of the cache that was used so many seconds after another time.
fn used_at(cache: &Cache, name: &str, seconds: u64, bytes: u64) -> PathBuf {
    let path = cache.folder.join(name);
    let file = File::create(&path).unwrap();
    file.set_len(bytes).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
    path
}

#[test]
fn the_oldest_go_where_there_are_too_many() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path(), &engine()).unwrap();
    for number in 0..FILES_MAX + 2 {
        let seconds = u64::try_from(number).unwrap();
        used_at(&cache, &format!("{number:03}.{EXTENSION}"), seconds, 0);
    }
    fs::write(folder.path().join("another"), "").unwrap();
    cache.prune();
    let is_there = |number| cache.folder.join(format!("{number:03}.{EXTENSION}")).exists();
    assert!(!is_there(0) && !is_there(1) && is_there(2));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), FILES_MAX + 1);
}

#[test]
fn the_oldest_go_where_they_are_too_large() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path(), &engine()).unwrap();
    // They have no content: the disk is not filled.
    let [old, one, new] = [("old", 1), ("one", 2), ("new", 3)]
        .map(|(name, seconds)| used_at(&cache, &format!("{name}.{EXTENSION}"), seconds, BYTES_MAX / 2));
    cache.prune();
    assert!(!old.exists() && one.exists() && new.exists());
}

#[test]
fn what_is_used_stays_longer() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine();
    let cache = Cache::open(folder.path(), &engine).unwrap();
    cache.keep("abc", &component(&engine));
    let file = cache.file("abc");
    File::open(&file).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    assert!(cache.find(&engine, "abc").is_some());
    let age = fs::metadata(&file).unwrap().modified().unwrap().elapsed().unwrap();
    assert!(age < PARTIAL_AGE_MAX, "{age:?}");
}

#[test]
fn what_never_became_whole_goes() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine();
    let cache = Cache::open(folder.path(), &engine).unwrap();
    let left = used_at(&cache, &format!("abc.1.{PARTIAL}"), 1, 1);
    let being_written = cache.folder.join(format!("abc.2.{PARTIAL}"));
    fs::write(&being_written, "").unwrap();
    cache.keep("abc", &component(&engine));
    assert!(!left.exists() && being_written.exists());
}

#[test]
fn many_threads_keep_and_find_the_same_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine();
    let cache = Cache::open(folder.path(), &engine).unwrap();
    let component = component(&engine);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    cache.keep("abc", &component);
                    assert!(cache.find(&engine, "abc").is_some(), "what is there is whole");
                }
            });
        }
    });
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_folder_in_which_others_could_write_is_not_used() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("compiled");
    fs::create_dir(&folder).unwrap();
    for mode in [0o777, 0o770, 0o702] {
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
        assert!(Cache::open(&folder, &engine()).is_none(), "{mode:o}");
        let now = fs::metadata(&folder).unwrap().permissions().mode() & 0o777;
        assert_eq!(now, mode, "what is in it does not become trusted the next time");
    }
    // Others could read it, which they no longer can.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let link = parent.path().join("link");
    symlink(&folder, &link).unwrap();
    let cache = Cache::open(&link, &engine()).expect("a link to a folder of ours will do");
    assert_eq!(cache.folder, folder.canonicalize().unwrap());
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, PRIVATE);
}

#[test]
fn a_file_that_is_not_ours_is_not_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine();
    let cache = Cache::open(folder.path(), &engine).unwrap();
    cache.keep("abc", &component(&engine));
    symlink(cache.file("abc"), cache.file("abd")).unwrap();
    assert!(cache.find(&engine, "abd").is_none(), "a link");
    fs::create_dir(cache.file("abe")).unwrap();
    assert!(cache.find(&engine, "abe").is_none(), "a folder");
    fs::set_permissions(cache.file("abc"), fs::Permissions::from_mode(0o666)).unwrap();
    assert!(cache.find(&engine, "abc").is_none(), "others could write to it");
    cache.keep("abc", &component(&engine));
    assert!(cache.find(&engine, "abc").is_some(), "it is written anew");
}
