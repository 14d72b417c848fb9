//! The contract changes by its rules: a draft only as it is listed, a frozen one only as no built component notices.

mod form;
mod rule;

use std::fs;
use std::path::{Path, PathBuf};

use form::Form;
use rule::judge;

/// A contract with one of everything that matters here.
const MADE_UP: &str = "package made:up@0.1.0;
interface log { write: func(text: string); }
interface adapter { variant why { denied, other(string) } handle: func(why: why) -> u32; }
world guest { import log; export adapter; }
";

fn wit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit")
}

fn landed_file() -> PathBuf {
    wit().join("landed/v0.1.wit")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What `wit/v0.1` is now, and whether it is marked a draft.
fn current() -> (bool, Form) {
    let folder = wit().join("v0.1");
    let is_draft = read(&folder.join("adapter.wit")).lines().any(|line| line.starts_with("/// DRAFT."));
    (is_draft, Form::of_folder(&folder).unwrap_or_else(|error| panic!("wit/v0.1: {error}")))
}

fn judge_the_contract(is_draft: bool, form: &Form) {
    let readme = read(&wit().join("README.md"));
    if let Err(broken) = judge(is_draft, form, &read(&landed_file()), &rule::listed(&readme)) {
        panic!("wit/v0.1: {broken}");
    }
}

#[test]
fn the_contract_has_changed_by_its_rules() {
    let (is_draft, form) = current();
    judge_the_contract(is_draft, &form);
}

/// `cargo xtask wit land` runs it: the form that is allowed now is what later changes are measured by.
#[test]
#[ignore = "it writes wit/landed/v0.1.wit"]
fn land() {
    let (is_draft, form) = current();
    judge_the_contract(is_draft, &form);
    let file = landed_file();
    fs::write(&file, rule::landed(is_draft, &form))
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    println!("wit/landed/v0.1.wit is `{}`", form.hash());
}

fn made_up(from: &str, to: &str) -> Form {
    assert!(MADE_UP.contains(from), "{from}");
    Form::of_text("made up", &MADE_UP.replace(from, to)).unwrap()
}

/// The made-up contract as it was landed, a draft or frozen.
fn landed(is_draft: bool) -> String {
    rule::landed(is_draft, &made_up("", ""))
}

#[track_caller]
fn refused(judged: Result<(), String>, words: &[&str]) {
    let text = judged.unwrap_err();
    assert!(words.iter().all(|word| text.contains(word)) && !text.contains('\n'), "{text}");
}

#[test]
fn what_has_not_changed_is_allowed_and_comments_are_no_change() {
    let with_comments = made_up("interface log {", "/// The log.\ninterface log { // and a remark\n");
    for is_draft in [true, false] {
        assert_eq!(judge(is_draft, &with_comments, &landed(is_draft), &[]), Ok(()));
    }
}

#[test]
fn a_frozen_contract_may_offer_a_new_function() {
    let form = made_up("write: func", "flush: func();\nwrite: func");
    assert_eq!(judge(false, &form, &landed(false), &[]), Ok(()));
    assert_eq!(judge(false, &form, &landed(true), &[]), Ok(()), "also with the change that freezes it");
}

#[test]
fn a_frozen_contract_breaks_no_built_component() {
    for (from, to, found) in [
        ("variant why { denied,", "variant why { denied, expired,", "expected 3 cases, found 2"),
        ("write: func(text: string)", "write: func(text: string, level: u8)", "parameter"),
        ("write: func(text: string);", "", "write"),
        ("handle: func", "describe: func() -> string; handle: func", "describe"),
        ("package made:up@", "package made:over@", "made:over"),
    ] {
        let form = made_up(from, to);
        let listed = form.hash();
        refused(judge(false, &form, &landed(false), &[&listed]), &["frozen", found, "wit/v0.2"]);
    }
}

#[test]
fn a_draft_changes_only_as_it_is_listed() {
    let breaking = made_up("denied,", "denied, expired,");
    let hash = breaking.hash();
    let unlisted = judge(true, &breaking, &landed(true), &["0123456789ab"]);
    refused(unlisted, &["`why` expected 3 cases", "wit/README.md", "Changes to the draft", &hash]);
    assert_eq!(judge(true, &breaking, &landed(true), &[&hash, "0123456789ab"]), Ok(()));
    let not_the_newest = judge(true, &breaking, &landed(true), &["0123456789ab", &hash]);
    refused(not_the_newest, &["not the newest"]);
    let added = made_up("write: func", "flush: func();\nwrite: func");
    refused(judge(true, &added, &landed(true), &[]), &["does not notice", &added.hash()]);
}

#[test]
fn what_is_frozen_never_becomes_a_draft_again() {
    let form = made_up("denied,", "denied, expired,");
    refused(judge(true, &form, &landed(false), &[&form.hash()]), &["marked a draft again", "wit/v0.2"]);
}

#[test]
fn the_list_is_read_in_its_order_and_to_its_end() {
    let readme = "# It\n- `no` is above\n## Changes to the draft\n\nNewest first.\n\n- `two` why\n- `one`: why\n  and more\n\
                  \n## Else\n- `no` is below\n";
    assert_eq!(rule::listed(readme), ["two", "one"]);
    assert_eq!(rule::listed("# It\n"), Vec::<&str>::new());
}
