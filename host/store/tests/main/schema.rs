//! The rules of the schema, read from its text and from a database that was made with it.

use std::path::{Path, PathBuf};

use crate::bench::Bench;

fn migrations() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let sql = paths.filter(|path| path.extension().is_some_and(|extension| extension == "sql"));
    let read = |path: PathBuf| (path.clone(), std::fs::read_to_string(path).unwrap());
    let mut all: Vec<_> = sql.map(read).collect();
    all.sort();
    assert!(!all.is_empty());
    all
}

#[test]
fn every_table_index_and_added_column_says_who_reads_it() {
    for (path, text) in migrations() {
        let mut before = "";
        let mut count = 0;
        for line in text.lines() {
            if line.starts_with("ALTER ") {
                assert!(before.starts_with("-- ") && before.ends_with('.'), "{}: {line}", path.display());
            }
            if line.starts_with("CREATE ") {
                count += 1;
                assert!(before.starts_with("-- ") && before.ends_with('.'), "{}: {line}", path.display());
            }
            before = line;
        }
        let statements = text.to_uppercase().matches("CREATE ").count();
        assert_eq!(count, statements, "{}: a statement begins its line", path.display());
    }
}

#[test]
fn every_table_is_strict() {
    let bench = Bench::new();
    let tables = "SELECT COUNT(*) FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%'";
    let count: usize = bench.column(tables)[0].parse().unwrap();
    assert!(count >= 9, "the schema of SPEC §1.5 has 9 tables");
    assert_eq!(bench.column(&format!("{tables} AND NOT strict")), ["0"]);
}

#[test]
fn every_column_of_json_is_checked() {
    let bench = Bench::new();
    let columns = "SELECT m.name || '.' || c.name FROM sqlite_schema m, pragma_table_info(m.name) c \
                   WHERE m.type = 'table' AND c.name LIKE '%\\_json' ESCAPE '\\' \
                   AND instr(m.sql, 'json_valid(' || c.name || ')') = 0";
    assert_eq!(bench.column(columns), Vec::<String>::new());
}

#[test]
fn every_migration_is_recorded() {
    let bench = Bench::new();
    let count = migrations().len().to_string();
    assert_eq!(bench.column("PRAGMA user_version"), std::slice::from_ref(&count));
    assert_eq!(bench.column("SELECT MAX(version) || COUNT(*) FROM schema_migrations"), [count.repeat(2)]);
}

#[test]
fn the_file_is_written_as_the_design_says() {
    let bench = Bench::new();
    assert_eq!(bench.column("PRAGMA journal_mode"), ["wal"]);
    assert_eq!(bench.column("PRAGMA integrity_check"), ["ok"]);
    assert_eq!(bench.column("PRAGMA foreign_key_check"), Vec::<String>::new());
}
