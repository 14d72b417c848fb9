//! What it means that a component imports something.

/// What a component gets that imports this, in a few words for a person.
pub(crate) fn meaning(import: &str) -> &'static str {
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

/// What a component imports, one line for each package and meaning.
pub(crate) fn lines(imports: &[String]) -> Vec<String> {
    let mut groups: Vec<(String, &'static str, Vec<&str>)> = Vec::new();
    for import in imports {
        let package = package(import);
        let meaning = meaning(import);
        match groups.iter_mut().find(|group| group.0 == package && group.1 == meaning) {
            Some((_, _, of_it)) => of_it.push(import),
            None => groups.push((package, meaning, vec![import])),
        }
    }
    let line = |(package, meaning, of_it): (String, &str, Vec<&str>)| match of_it.as_slice() {
        [one] => format!("{one}: {meaning}"),
        several => format!("{package} ({} interfaces): {meaning}", several.len()),
    };
    groups.into_iter().map(line).collect()
}

/// `wasi:cli@0.2.6` of `wasi:cli/stdin@0.2.6`.
fn package(import: &str) -> String {
    let (package, interface) = import.split_once('/').unwrap_or((import, ""));
    match interface.split_once('@') {
        Some((_, version)) => format!("{package}@{version}"),
        None => package.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_of_one_package_that_mean_the_same_are_one_line() {
        let imports = [
            "omi:runtime-adapter/types@0.1.0",
            "omi:runtime-adapter/log@0.1.0",
            "wasi:cli/stdin@0.2.6",
            "wasi:cli/stdout@0.2.6",
            "wasi:cli/stdin@0.2.3",
            "wasi:cli/stderr@0.2.6",
        ];
        let lines = lines(&imports.map(str::to_owned));
        let begin = |line: &String| line.split_once(": ").unwrap().0.to_owned();
        assert_eq!(
            lines.iter().map(begin).collect::<Vec<_>>(),
            [
                "omi:runtime-adapter/types@0.1.0",
                "omi:runtime-adapter/log@0.1.0",
                "wasi:cli@0.2.6 (3 interfaces)",
                "wasi:cli/stdin@0.2.3"
            ]
        );
        assert_eq!(super::lines(&["odd".to_owned()]), ["odd: nothing that this host offers"]);
    }
}
