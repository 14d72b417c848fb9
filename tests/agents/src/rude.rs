//! Misbehaviour below the protocol: what is printed, what is read, and when the process ends.

use std::io::{BufRead as _, Write};
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::manner::Manner;

/// Bytes of the line that `long-line` prints: more than a careless reader keeps.
const LONG_LINE_BYTES: usize = 10 * 1024 * 1024;

/// What happens before the first message. Some manners never come back from here.
pub(crate) fn begin(manner: Manner, state: Option<&Path>) {
    let mut out = std::io::stdout();
    // A reader that has gone away ends this program at its next line anyway.
    match manner {
        Manner::Exit => std::process::exit(7),
        Manner::Garbage => loop {
            let _ = writeln!(out, "Welcome! This is not JSON.");
            let _ = out.flush();
            if std::io::stdin().read_line(&mut String::new()).unwrap_or(0) == 0 {
                std::process::exit(0);
            }
        },
        Manner::LongLine => {
            let _ = writeln!(out, "{}", "x".repeat(LONG_LINE_BYTES));
        }
        Manner::Noisy => {
            let _ = out.write_all(b"npm warn deprecated\n\n\r\n> agent@1.0.0\n");
        }
        Manner::Mute => wait_for_the_end(),
        Manner::Unread => read_no_further(),
        Manner::Stubborn => ignore_the_end(state),
        Manner::Good
        | Manner::Deaf
        | Manner::Lossy
        | Manner::Forgetful
        | Manner::Gullible
        | Manner::Locked
        | Manner::Cached
        | Manner::Stall
        | Manner::CrashOnce
        | Manner::Wedge
        | Manner::Drip => {}
    }
}

/// Reads everything and says nothing.
fn wait_for_the_end() -> ! {
    for line in std::io::stdin().lock().lines() {
        if line.is_err() {
            break;
        }
    }
    std::process::exit(0);
}

/// Answers until it has a session, and then reads no more and does not end.
fn read_no_further() -> ! {
    let mut lines = std::io::stdin().lock().lines().map_while(Result::ok);
    for _ in 0..2 {
        let message: Value = serde_json::from_str(&lines.next().unwrap_or_default()).unwrap_or_default();
        let result = json!({ "protocolVersion": 1, "sessionId": "native-unread" });
        println!("{}", json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }));
    }
    sleep_for_ever();
}

/// Once its input has ended this goes on, and it takes no notice of a request to end. What it leaves in the state
/// folder is its number.
fn ignore_the_end(state: Option<&Path>) {
    // SIGTERM is ignored by the program that this becomes, and by nothing in this one: the standard library has no way.
    if std::env::var_os("OMI_TEST_STUBBORN").is_some() {
        let state = state.expect("the test gives a folder");
        std::fs::create_dir_all(state).expect("the folder can be made");
        std::fs::write(state.join("pid"), std::process::id().to_string()).expect("it can be written");
        return;
    }
    let own = std::env::current_exe().expect("a program knows its own file");
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", "trap '' TERM INT HUP; exec \"$0\" \"$@\""]).arg(own).args(std::env::args_os().skip(1));
    panic!("the shell does not start: {}", shell.env("OMI_TEST_STUBBORN", "1").exec());
}

/// Sleeps until something else ends this process.
pub(crate) fn sleep_for_ever() -> ! {
    loop {
        std::thread::park();
    }
}

/// Ends the process the first time, which the state folder remembers.
pub(crate) fn crash_once(state: Option<&Path>) {
    let state = state.expect("the test gives a folder");
    std::fs::create_dir_all(state).expect("the folder can be made");
    let crashed = state.join("crashed");
    if crashed.exists() {
        return;
    }
    std::fs::write(crashed, "").expect("it can be written");
    eprintln!("a bad day");
    std::process::exit(3);
}

/// A message among other things.
pub(crate) fn noisy(message: &Value) -> Vec<u8> {
    let mut bytes = b"(node:1) Warning: \xff\xfe is no text\n\n".to_vec();
    bytes.extend_from_slice(message.to_string().as_bytes());
    bytes.extend_from_slice(b"\r\n{\"not\": \"finished\n");
    bytes
}

/// A message in pieces, which are written one by one.
pub(crate) fn drip(out: &mut impl Write, message: &Value) -> std::io::Result<()> {
    let line = format!("{message}\n");
    line.as_bytes().chunks(3).try_for_each(|piece| out.write_all(piece).and_then(|()| out.flush()))
}
