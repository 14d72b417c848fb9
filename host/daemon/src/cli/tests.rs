//! Rules of the command line as a whole.

use clap::CommandFactory as _;

use super::*;

/// Every command with its words, without those that clap adds.
fn commands(command: &clap::Command, words: &str, all: &mut Vec<(String, clap::Command)>) {
    for one in command.get_subcommands().filter(|one| one.get_name() != "help") {
        let words = format!("{words} {}", one.get_name()).trim().to_owned();
        commands(one, &words, all);
        all.push((words, one.clone()));
    }
}

fn all() -> Vec<(String, clap::Command)> {
    let mut all = Vec::new();
    let mut cli = Cli::command();
    cli.build();
    commands(&cli, "", &mut all);
    all
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_and_every_option_has_help() {
    for (words, command) in all() {
        assert!(command.get_about().is_some(), "`{words}` says nothing about itself");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "`{words}`: no help for `{}`", argument.get_id());
        }
    }
}

#[test]
fn whatever_shows_something_can_show_it_as_json() {
    // What has commands of its own, speaks a protocol, writes files, or prints what another program reads.
    let others = [
        "adapter",
        "adapter add",
        "completions",
        "man",
        "mcp",
        "mcp-shim",
        "native-host",
        "schema",
        "schema wire",
        "serve",
    ];
    for (words, command) in all() {
        let has = command.get_arguments().any(|argument| argument.get_long() == Some("json"));
        assert!(has || others.contains(&words.as_str()), "`{words}` cannot show JSON");
    }
}

#[test]
fn the_exit_codes_are_in_the_help_of_the_program() {
    let help = Cli::command().render_long_help().to_string();
    for code in ["0 ", "1 ", "2 ", "3 ", "4 ", "5 ", "130 "] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(code)), "{code}: {help}");
    }
}
