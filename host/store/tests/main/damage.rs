//! Files that cannot be used: each is refused with its name and the next step, and left as it is.

use std::path::{Path, PathBuf};

use omi_kernel::grant::Policy;
use omi_kernel::id::Timestamp;
use omi_kernel::input::Input;
use omi_kernel::row::HOST_REQUESTS;
use omi_store::{ArtifactFilter, EventFilter, GrantFilter, Reader, Store, StoreError};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::bench::*;

fn open(path: &Path) -> StoreError {
    Store::open(path, Timestamp(1)).err().unwrap()
}

/// Every file of a folder with its bytes, but for what SQLite itself makes anew whenever it looks at a database: the
/// index of its log, and an empty log.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_content = |(path, bytes): &(PathBuf, Vec<u8>)| {
        let name = path.to_str().unwrap();
        let is_index = name.ends_with("-shm");
        let is_empty_log = name.ends_with("-wal") && bytes.is_empty();
        !is_index && !is_empty_log
    };
    let read = |path: PathBuf| (path.clone(), std::fs::read(path).unwrap());
    let mut files: Vec<_> = entries.map(read).filter(is_content).collect();
    files.sort();
    files
}

/// One line, naming the file and the next step.
fn assert_helpful(error: &StoreError, path: &Path) {
    let text = error.to_string();
    assert!(!text.contains('\n'), "{text}");
    assert!(text.contains(path.to_str().unwrap()) && text.contains("; hint: "), "{text}");
}

#[test]
fn a_database_of_a_newer_version_is_left_as_it_is() {
    for journal in ["WAL", "DELETE"] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("omi.sqlite3");
        let newer = Connection::open(&path).unwrap();
        newer.pragma_update(None, "journal_mode", journal).unwrap();
        newer.execute_batch("CREATE TABLE sessions (other TEXT); PRAGMA user_version = 99").unwrap();
        newer.close().unwrap();
        let before = files(folder.path());
        let error = open(&path);
        assert!(matches!(error, StoreError::TooNew { found: 99, known: 5, .. }), "{error:?}");
        assert_helpful(&error, &path);
        assert!(files(folder.path()) == before, "a file in journal mode {journal} was changed");
        assert!(matches!(Reader::open(&path).err().unwrap(), StoreError::TooNew { .. }));
    }
}

#[test]
fn what_a_newer_daemon_wrote_before_it_died_is_left_as_it_is() {
    let folder = TempDir::new().unwrap();
    let (lived, died) = (folder.path().join("lived"), folder.path().join("died"));
    std::fs::create_dir_all(&lived).unwrap();
    std::fs::create_dir_all(&died).unwrap();
    let newer = Connection::open(lived.join("omi.sqlite3")).unwrap();
    newer.pragma_update(None, "journal_mode", "WAL").unwrap();
    newer.execute_batch("CREATE TABLE sessions (other TEXT); PRAGMA user_version = 99").unwrap();
    for name in ["omi.sqlite3", "omi.sqlite3-wal"] {
        std::fs::copy(lived.join(name), died.join(name)).unwrap();
    }
    let path = died.join("omi.sqlite3");
    let before = files(&died);
    assert_eq!(before.len(), 2);
    assert!(matches!(open(&path), StoreError::TooNew { found: 99, .. }));
    assert!(files(&died) == before, "the file or its log was changed");
}

#[test]
fn a_file_that_is_no_database_is_left_as_it_is() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("omi.sqlite3");
    std::fs::write(&path, "Dear diary,\n".repeat(1000)).unwrap();
    let before = files(folder.path());
    for error in [open(&path), Reader::open(&path).err().unwrap()] {
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
        assert_helpful(&error, &path);
    }
    assert!(files(folder.path()) == before, "the file was changed");
}

#[test]
fn a_damaged_page_is_an_error_and_not_a_guess() {
    let mut bench = Bench::new();
    bench.accept(asks("r1"));
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'runs'";
    let page: usize = bench.column(sql)[0].parse().unwrap();
    let size: usize = bench.column("PRAGMA page_size")[0].parse().unwrap();
    bench.column("PRAGMA wal_checkpoint(TRUNCATE)");
    let mut bench = bench.reopen();
    let mut bytes = std::fs::read(bench.path()).unwrap();
    bytes[(page - 1) * size..page * size].fill(0xa5);
    std::fs::write(bench.path(), bytes).unwrap();
    let error = bench.batch(&[accepts(asks("r2"))]).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    assert_helpful(&error, &bench.path());
}

#[test]
fn a_row_that_cannot_be_read_is_damage() {
    let mut bench = Bench::new();
    let run = bench.accept(asks("r1")).run;
    bench.beside().execute("UPDATE runs SET input_json = '[]'", []).unwrap();
    let error = bench.batch(&[leased(&run)]).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    assert_helpful(&error, &bench.path());
}

/// The checks of the schema are off, as they are for whoever writes with another program.
fn spoil(bench: &Bench, sql: &str) {
    let db = bench.beside();
    db.pragma_update(None, "ignore_check_constraints", true).unwrap();
    assert!(db.execute(sql, []).unwrap() > 0, "{sql}");
}

/// What goes wrong when something is read.
type Read<'a> = &'a dyn Fn(&Reader) -> Option<StoreError>;

#[test]
fn json_that_is_none_is_damage_wherever_it_is_read() {
    let mut bench = Bench::new();
    let (parent, begun) = bench.running("r1");
    bench.take(makes(&begun.attempt, "result", "file:///a"));
    let child = bench.delegate(calls(&parent.run, "c1"));
    let read: [(&str, Read<'_>); 8] = [
        ("sessions SET metadata_json", &|reader| reader.session(None, &parent.session).err()),
        ("run_attempts SET metadata_json", &|reader| reader.run(None, &parent.run).err()),
        ("runs SET result_json", &|reader| reader.run(None, &parent.run).err()),
        ("adapter_bindings SET metadata_json", &|reader| reader.bindings(None, &parent.session).err()),
        ("artifacts SET metadata_json", &|reader| {
            reader.artifacts(&ArtifactFilter { limit: 9, ..ArtifactFilter::default() }).err()
        }),
        ("delegations SET request_json", &|reader| reader.delegations(None, &child.run).err()),
        ("delegations SET result_json", &|reader| reader.delegations(None, &child.run).err()),
        ("events SET payload_json", &|reader| {
            reader.events(&EventFilter { limit: 9, ..EventFilter::default() }).err()
        }),
    ];
    let reader = bench.reader();
    for (column, error) in read {
        assert!(error(&reader).is_none(), "{column}");
        spoil(&bench, &format!("UPDATE {column} = '{{\"a\":'"));
        let error = error(&reader).unwrap();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{column}: {error:?}");
        assert_helpful(&error, &bench.path());
        spoil(&bench, &format!("UPDATE {column} = '{{}}'"));
    }
}

#[test]
fn json_that_is_none_is_damage_where_it_is_decided_upon() {
    for (column, value) in [
        ("runs SET input_json", "{"),
        ("run_attempts SET lease_json", "{\"pid\":true}"),
        ("runs SET model_profile", "genius"),
        ("runs SET retry_reason = 'retry', retry_checkpoint_id", "art_1"),
        ("sessions SET model_profile", "genius"),
        ("run_attempts SET adapter_instance_id", "somebody"),
    ] {
        let mut bench = Bench::new();
        let (accepted, _) = bench.running("r1");
        spoil(&bench, &format!("UPDATE {column} = '{value}'"));
        let before = bench.dump();
        let inputs = [accepts(asks("r2")), cancel(&accepted.run), Input::Reconcile];
        let error = bench.batch(&inputs).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{column}: {error:?}");
        assert_helpful(&error, &bench.path());
        assert_eq!(bench.dump(), before, "{column}");
    }
}

/// A session that an adapter of a run may open something in, and a component with a grant for good.
fn granted() -> (Bench, Accepted, Begun) {
    let mut bench = Bench::new();
    bench.take(installs("/opt/echo.wasm", "d1"));
    let (accepted, begun) = bench.running("r1");
    bench.take(wants(Some(&accepted.session), &begun.attempt, reads(1, "a.txt", Policy::Ask)));
    bench.take(chooses(&begun.attempt, HOST_REQUESTS + 1, "always"));
    bench.take(wants(None, &begun.attempt, reads(2, "a.txt", Policy::Ask)));
    (bench, accepted, begun)
}

#[test]
fn what_is_damaged_about_grants_is_listed_for_nobody() {
    let grants: Read<'_> = &|reader| reader.grants(&GrantFilter { limit: 9, ..GrantFilter::default() }).err();
    let components: Read<'_> = &|reader| reader.components().err();
    let one: Read<'_> = &|reader| reader.component("/opt/echo.wasm").err();
    let decisions: Read<'_> = &|reader| reader.gate_decisions(9).err();
    for (change, error) in [
        ("grants SET constraints_json = '{'", grants),
        ("component_grants SET declared_json = '{}'", grants),
        ("components SET grants_json = '[{}]'", components),
        ("components SET grants_json = '{'", one),
        ("components SET imports_json = '[1]'", components),
        ("gate_decisions SET access_json = '{}' WHERE access_json IS NOT NULL", decisions),
    ] {
        let (bench, ..) = granted();
        let reader = bench.reader();
        assert!(error(&reader).is_none(), "{change}");
        spoil(&bench, &format!("UPDATE {change}"));
        let error = error(&reader).unwrap();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{change}: {error:?}");
        assert_helpful(&error, &bench.path());
    }
}

#[test]
fn what_is_damaged_about_grants_allows_nothing() {
    for change in [
        "grants SET constraints_json = '{'",
        "grants SET constraints_json = '[]'",
        // A limit that a newer daemon would know.
        "grants SET constraints_json = '{\"weekdays\":1}'",
        "grants SET constraints_json = '{\"only\":{\"worker\":\"somebody\",\"op\":3}}'",
        "grants SET effect = 'perhaps'",
        "grants SET source = 'nobody'",
        "grants SET origin_grant_id = 'grant_1'",
        "component_grants SET declared_json = '{}'",
        "component_grants SET grant_id = 'grant_1'",
    ] {
        let (mut bench, accepted, begun) = granted();
        spoil(&bench, &format!("UPDATE {change}"));
        let before = bench.dump();
        let asked = wants(Some(&accepted.session), &begun.attempt, reads(3, "a.txt", Policy::Allow));
        let error = bench.batch(&[asked]).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{change}: {error:?}");
        assert_helpful(&error, &bench.path());
        assert_eq!(bench.dump(), before, "{change}");
    }
}

#[test]
fn a_question_about_an_access_that_cannot_be_read_is_damage() {
    for details in ["null", "{}", "\"a.txt\""] {
        let mut bench = Bench::new();
        let (accepted, begun) = bench.running("r1");
        bench.take(wants(Some(&accepted.session), &begun.attempt, reads(1, "a.txt", Policy::Ask)));
        spoil(
            &bench,
            &format!(
                "UPDATE events SET payload_json = json_set(payload_json, '$.details', json('{details}')) \
                 WHERE type = 'approval.requested'"
            ),
        );
        let error = bench.batch(&[chooses(&begun.attempt, HOST_REQUESTS + 1, "once")]).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{details}: {error:?}");
        assert_helpful(&error, &bench.path());
    }
}

#[test]
fn a_component_that_cannot_be_read_is_neither_replaced_nor_removed() {
    let remove = Input::RemoveComponent { path: "/opt/echo.wasm".into() };
    for input in [installs("/opt/echo.wasm", "d2"), remove] {
        let (mut bench, ..) = granted();
        spoil(&bench, "UPDATE components SET grants_json = '[{}]'");
        let before = bench.dump();
        let error = bench.batch(&[input]).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
        assert_eq!(bench.dump(), before);
    }
}

#[test]
fn runs_that_are_above_themselves_end_the_search() {
    let mut bench = Bench::new();
    let (parent, _) = bench.running("r1");
    let child = bench.delegate(calls(&parent.run, "c1"));
    spoil(
        &bench,
        &format!("UPDATE runs SET parent_run_id = '{}' WHERE run_id = '{}'", child.run, parent.run),
    );
    bench.batch(&[Input::Delegate(Box::new(calls(&parent.run, "c2"))), cancel(&parent.run)]).unwrap();
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("missing").join("omi.sqlite3");
    for error in [open(&path), Reader::open(&path).err().unwrap()] {
        assert!(matches!(error, StoreError::Sqlite { .. }), "{error:?}");
        assert_helpful(&error, &path);
    }
    assert!(!folder.path().join("missing").exists());
}

#[test]
fn a_reader_changes_no_old_database() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("omi.sqlite3");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    let before = files(folder.path());
    let error = Reader::open(&path).err().unwrap();
    assert!(matches!(error, StoreError::TooOld { found: 0, .. }), "{error:?}");
    assert_helpful(&error, &path);
    assert!(files(folder.path()) == before, "the file was changed");
}

#[test]
fn a_reader_makes_no_database() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("omi.sqlite3");
    assert!(Reader::open(&path).is_err());
    assert!(files(folder.path()).is_empty());
}

/// SQLite itself is told that the file is read-only, by the `mode` of its URI: permissions mean nothing to root, as
/// whom the tests may run.
#[test]
fn a_read_only_database_is_not_written_and_nothing_is_lost() {
    let mut bench = Bench::new();
    bench.accept(asks("r1"));
    let before = bench.dump();
    let read_only = PathBuf::from(format!("file:{}?mode=ro", bench.path().display()));
    let mut store = Store::open(&read_only, Timestamp(1)).unwrap();
    let mut source = || 0x999;
    let mut ids = omi_kernel::id::Ids::new(&mut source);
    let error = store.batch(&[accepts(asks("r2"))], Timestamp(2), &mut ids).unwrap_err();
    assert!(matches!(error, StoreError::Sqlite { .. }), "{error:?}");
    assert_helpful(&error, &read_only);
    assert!(error.to_string().contains("readonly"), "{error}");
    assert_eq!(bench.dump(), before);
    bench.accept(asks("r2"));
}

#[test]
fn a_folder_where_nothing_can_be_made_is_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("omi.sqlite3");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (a); DROP TABLE t").unwrap();
    let read_only = PathBuf::from(format!("file:{}?mode=ro", path.display()));
    let error = open(&read_only);
    assert!(matches!(error, StoreError::Sqlite { .. }), "{error:?}");
    assert_helpful(&error, &read_only);
}
