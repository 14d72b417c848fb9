//! The adapter in the README compiles and answers, and what is here is what stands there.

#[path = "readme/mine.rs"]
mod mine;

use omi_adapter_sdk::testkit::{self, TestKit};
use omi_adapter_sdk::{Outcome, Ready, SessionAdapter};

const README: &str = include_str!("../../README.md");

#[test]
fn the_readme_shows_this_adapter() {
    let blocks: Vec<&str> =
        README.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let (_, adapter) =
        include_str!("readme/mine.rs").split_once("\n\n").expect("a first line, and the adapter");
    assert_eq!(blocks, [adapter], "README.md, `Write an adapter`, against guest-sdk/tests/readme/mine.rs");
}

#[test]
fn the_adapter_of_the_readme_answers() {
    let mut kit = TestKit::<SessionAdapter<mine::Mine>>::new();
    assert_eq!(kit.start("{}"), [Ready::new("mine 1.0").into()]);
    kit.open(1, "/work");
    let outputs = kit.execute(1, 1, "hi");
    assert_eq!(testkit::answer_text(&outputs), "hello");
    assert_eq!(testkit::outcome(&outputs), Some(&Outcome::succeeded("end_turn")));
    assert_eq!(kit.send(testkit::cancel(1)).len(), 1);
    kit.settled();
}
