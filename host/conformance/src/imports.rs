//! What it means that a component imports something.

/// What a component gets that imports this, in a few words for a person.
pub fn meaning(import: &str) -> &'static str {
    let package = import.split('/').next().unwrap_or(import);
    match package {
        "omi:runtime-adapter" if import.contains("/log@") => "writes lines to the daemon's log",
        "omi:runtime-adapter" => "names of the contract; no function",
        "wasi:cli" => "no arguments, no environment; what it prints is kept for the report of a trap",
        "wasi:io" => "streams and polls; waiting ends the worker",
        "wasi:clocks" => "the time since the worker's start, as it is told anyway",
        "wasi:random" => "numbers made of the worker's seed, the same each time",
        "wasi:filesystem" => "no folder at all",
        _ => "nothing that this host offers",
    }
}
