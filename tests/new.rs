//! `adapter new` makes a folder to begin from, for each language, and never overwrites anything.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use omi_tests::world::{Ended, World};
use serde_json::Value;

/// The languages, each with the files in which the adapter itself is.
const LANGUAGES: [(&str, &[&str]); 3] = [
    ("rust", &["Cargo.toml", "src/lib.rs", "sdk/Cargo.toml", "sdk/src/lib.rs"]),
    ("javascript", &["package.json", "adapter.js", "component.js", "adapter.test.js"]),
    ("python", &["requirements.txt", "adapter.py", "app.py", "test_adapter.py"]),
];

fn new(world: &World, words: &[&str]) -> Ended {
    world.run(&[&["adapter", "new"], words].concat(), "")
}

/// Every file below a folder, relative to it.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for path in std::fs::read_dir(&next).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found
}

/// It was refused, in one line that has these words.
fn refused(ended: &Ended, words: &[&str]) {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    let has_words = |line: &str| words.iter().all(|word| line.contains(word));
    assert!(ended.stderr.lines().count() == 1 && has_words(&ended.stderr), "{words:?}: {ended:?}");
}

#[test]
fn each_language_gets_its_files_under_the_new_name() {
    let world = World::new();
    for (language, sources) in LANGUAGES {
        let name = format!("my-{language}");
        let ended = new(&world, &[&name, "--language", language]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.starts_with(&format!("cd {name}\n")), "{ended:?}");
        let folder = world.work().join(&name);
        let made = files(&folder);
        let common = ["README.md", ".gitignore", "wit/v0.1/adapter.wit", "wit/v0.1/session.wit"];
        for path in sources.iter().chain(&common) {
            assert!(made.contains(Path::new(path)), "{language}: no {path} in {made:?}");
        }
        assert!(made.contains(Path::new(&format!("{name}.peer.toml"))), "{made:?}");
        let source = std::fs::read_to_string(folder.join(sources[1])).unwrap();
        assert!(source.contains(&format!("\"{name}\"")), "{language}: it does not say who it is");
    }
}

#[test]
fn what_is_copied_is_what_is_in_the_repository() {
    let world = World::new();
    assert_eq!(new(&world, &["x"]).code, Some(0));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for (copy, original) in [("wit/v0.1", "wit/v0.1"), ("sdk/src", "guest-sdk/src")] {
        let (copy, original) = (world.work().join("x").join(copy), root.join(original));
        assert_eq!(files(&copy), files(&original));
        for file in files(&copy) {
            let read = |folder: &Path| std::fs::read(folder.join(&file)).unwrap();
            assert_eq!(read(&copy), read(&original), "{}", file.display());
        }
    }
}

#[test]
fn a_program_reads_what_was_made_and_what_comes_next() {
    let world = World::new();
    let folder = world.path("else where");
    let shown = folder.to_str().unwrap();
    let made = world.show(&["adapter", "new", "mine", "--language", "python", "--path", shown, "--json"]);
    assert_eq!((made["name"].as_str(), made["language"].as_str()), (Some("mine"), Some("python")), "{made}");
    assert_eq!(made["folder"].as_str(), Some(shown));
    let texts = |key: &str| -> Vec<&str> {
        made[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let listed: BTreeSet<PathBuf> = texts("files").into_iter().map(PathBuf::from).collect();
    assert_eq!(listed, files(&folder));
    assert_eq!(texts("next")[0], format!("cd '{shown}'"));
    assert_eq!(texts("next").last(), Some(&"omi-agentd adapter install mine.wasm"));
}

#[test]
fn nothing_is_overwritten() {
    let world = World::new();
    let kept = world.work().join("mine");
    std::fs::create_dir(&kept).unwrap();
    // An empty folder is as good as none.
    assert_eq!(new(&world, &["mine"]).code, Some(0));
    let before = files(&kept);
    std::fs::write(kept.join("Cargo.toml"), "mine").unwrap();
    refused(
        &new(&world, &["mine", "--language", "javascript"]),
        &["`mine` is not empty", "hint: ", "--path"],
    );
    assert_eq!(files(&kept), before);
    assert_eq!(std::fs::read_to_string(kept.join("Cargo.toml")).unwrap(), "mine");
    std::fs::write(world.work().join("file"), "").unwrap();
    refused(&new(&world, &["file"]), &["`file` is no folder", "hint: "]);
    refused(&new(&world, &["x", "--path", "file/x"]), &["file/x"]);
    std::os::unix::fs::symlink("nowhere", world.work().join("link")).unwrap();
    refused(&new(&world, &["link"]), &["`link` is a link to what is not there", "hint: "]);
}

#[test]
fn a_name_is_an_id_and_a_word_of_its_language() {
    let world = World::new();
    for name in ["My", "1st", "a_b", "../up", "", &"a".repeat(65)] {
        let ended = new(&world, &[name]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("is no name for an adapter"), "{ended:?}");
    }
    refused(&new(&world, &["match"]), &["`match`", "hint: ", "`match-adapter`"]);
    assert_eq!(new(&world, &["match", "--language", "python"]).code, Some(0));
    assert_eq!(std::fs::read_dir(world.work()).unwrap().count(), 1, "nothing else was made");
}
