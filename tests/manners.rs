//! How commands behave at a terminal and away from it: the line that tells how far a run is, colours, help, completions.

use std::io::Read as _;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use omi_tests::world::wire::Serving;
use omi_tests::world::{World, eventually, terminal};
use rustix::process::{Pid, Signal, kill_process};

/// What takes the line away.
const ERASE: &str = "\r\u{1b}[K";

/// Runs a prompt that works for seconds, with a terminal as standard error, until the line was there; then ends it.
fn shown(world: &World, no_color: bool) -> String {
    let (screen, person) = terminal();
    let mut command = world.command(&["run", "--adapter", "tester", "say some words\nslow"]);
    command.env("TERM", "xterm").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(screen);
    if no_color {
        command.env("NO_COLOR", "1");
    }
    let mut child = command.spawn().unwrap();
    drop(command);
    let text = Arc::new(Mutex::new(String::new()));
    let reader = std::thread::spawn({
        let (text, mut person) = (text.clone(), person);
        move || {
            let mut bytes = [0; 1024];
            // The end of the last one who writes there is an error of its own.
            while let Ok(count @ 1..) = person.read(&mut bytes) {
                text.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        }
    });
    let so_far = || text.lock().unwrap().clone();
    eventually("the line is there, and there again", || {
        so_far().matches(&format!("{ERASE}running ")).count() >= 2
    });
    kill_process(Pid::from_raw(child.id().try_into().unwrap()).unwrap(), Signal::INT).unwrap();
    // What it says to standard output is little enough to wait in its pipe.
    assert_eq!(child.wait().unwrap().code(), Some(3), "{}", so_far());
    reader.join().unwrap();
    so_far()
}

#[test]
fn how_far_a_run_is_is_shown_in_one_line_that_leaves_nothing() {
    let world = World::new();
    world.register_tester(&[]);
    for beside in [false, true] {
        let daemon = beside.then(|| Serving::start(&world));
        let text = shown(&world, false);
        for line in text.split('\n') {
            let stays = line.trim_end_matches('\r').rsplit(ERASE).next().unwrap_or_default();
            assert!(!stays.starts_with("running "), "it stays: {line:?} in {text:?}");
        }
        assert!(text.contains("\u{1b}[33mcancelled\u{1b}[0m"), "{text:?}");
        drop(daemon);
    }
    let text = shown(&world, true);
    assert!(text.contains("run     cancelled") && !text.contains("\u{1b}[3"), "no colours: {text:?}");
}

#[test]
fn away_from_a_terminal_there_are_no_lines_to_take_away_and_no_colours() {
    let world = World::new();
    world.register_tester(&[]);
    let running = world.start(&["run", "--adapter", "tester", "slow"]);
    running.prints("some seconds of text", |all| all.contains("tick 15"));
    running.signal(Signal::INT);
    let ended = running.ended();
    assert!(!ended.stderr.contains('\u{1b}') && !ended.stderr.contains('\r'), "{ended:?}");
    assert!(!world.run(&["runs", "nonsense"], "").stderr.contains('\u{1b}'));
}

#[test]
fn shells_complete_the_commands_and_man_shows_each() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = world.run(&["completions", shell], "");
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{shell}");
        for command in ["native-host", "approve", "delegate"] {
            assert!(ended.stdout.contains(command), "{shell}: {command}");
        }
    }
    let page = world.run(&["man"], "");
    assert_eq!(page.code, Some(0), "{page:?}");
    for words in [".TH omi-agentd 1", "it was orphaned", "completions"] {
        assert!(page.stdout.contains(words), "{words}: {}", page.stdout);
    }
    let folder = world.path("man");
    let ended = world.run(&["man", "--dir", folder.to_str().unwrap()], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for page in ["omi-agentd.1", "omi-agentd-run.1", "omi-agentd-native-host-install.1"] {
        let text = std::fs::read_to_string(folder.join(page)).unwrap();
        assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{page}");
    }
    let nowhere = world.run(&["man", "--dir", "/proc/nowhere"], "");
    assert!(nowhere.code == Some(1) && nowhere.stderr.contains("/proc/nowhere"), "{nowhere:?}");
}

#[test]
fn what_bash_is_told_is_what_bash_understands() {
    let world = World::new();
    let script = world.run(&["completions", "bash"], "").stdout;
    let mut bash = std::process::Command::new("bash");
    world.settle(&mut bash);
    let asks = "COMP_WORDS=(omi-agentd appr); COMP_CWORD=1; _omi__agentd omi-agentd appr omi-agentd; echo \"${COMPREPLY[@]}\"";
    let output = bash.arg("-c").arg(format!("{script}\n{asks}")).output().expect("bash is there");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "approve", "{output:?}");
}
