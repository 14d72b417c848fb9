//! The engine's tests against real components and real processes.
//!
//! The components are taken from `target/adapters` and `target/guests`, where `cargo xtask adapters` puts them; other folders can
//! be named with `OMI_ADAPTERS` and `OMI_GUESTS`. This binary is also what the engine starts as its supervisor.

mod access;
mod artifacts;
mod basics;
mod calls;
mod confine;
mod hostile;
mod loading;
mod opening;
mod people;
mod processes;
mod stdin;
mod support;
mod survival;
mod tree;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

macro_rules! trials {
    ($($module:ident: $($test:ident),+ $(,)?;)+) => {
        vec![$($(Trial::test(concat!(stringify!($module), "::", stringify!($test)), || {
            $module::$test();
            Ok(())
        }),)+)+]
    };
}

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let first = args.next();
    if first.as_deref() == Some(support::SUPERVISE.as_ref()) {
        return omi_engine::supervisor::main(args);
    }
    if first.as_deref() == Some(survival::HOLD.as_ref()) {
        return survival::hold(args);
    }
    if first.as_deref() == Some(tree::DAEMON.as_ref()) {
        return tree::daemon(args);
    }
    let trials = trials! {
        loading:
            what_is_no_component_is_named,
            a_foreign_import_is_named,
            a_component_that_is_no_adapter_is_refused,
            another_version_of_the_contract_is_named,
            a_component_of_several_versions_is_run_in_the_one_that_is_served,
            an_empty_export_of_a_newer_version_hides_nothing,
            types_of_another_version_need_no_host,
            a_missing_file_is_named,
            a_pipe_is_not_waited_for,
            an_adapter_says_who_it_is,
            the_cache_is_private;
        basics:
            a_prompt_comes_back,
            a_stopped_worker_says_so_last,
            a_killed_worker_stops_in_the_middle_of_a_call,
            an_attempt_on_a_binding_that_is_not_open_is_stale,
            a_picture_that_is_not_base64_fails_its_attempt,
            many_workers_at_once;
        calls:
            a_trial_counts_outputs_before_it_writes_them,
            what_is_written_down_is_small,
            a_recorded_worker_counts_outputs_before_it_writes_them;
        people:
            information_is_asked_for_and_given,
            every_answer_arrives_as_it_was_given,
            a_schema_that_is_no_json_is_a_string,
            an_answer_of_the_other_kind_changes_nothing,
            a_number_is_used_once,
            what_is_taken_back_is_not_answered,
            what_is_open_at_the_end_is_cancelled,
            nobody_is_asked_for_a_foreign_attempt,
            too_many_questions_are_declined,
            a_chosen_way_to_log_in_arrives,
            the_mcp_servers_arrive;
        artifacts:
            an_artifact_brings_its_bytes,
            what_is_wrong_with_an_artifact_is_left_out_and_counted,
            one_blob_is_not_copied_without_end;
        access:
            what_waits_is_opened_once_and_not_before,
            what_is_refused_says_why,
            a_grant_that_was_revoked_meanwhile_opens_nothing,
            a_grant_of_another_session_opens_nothing,
            revoking_ends_what_is_open,
            what_is_written_to_a_process_that_waits_arrives,
            what_is_killed_while_it_waits_never_runs,
            what_waits_ends_with_its_attempt,
            what_waits_when_the_worker_stops_is_taken_back,
            so_much_waits_and_no_more,
            what_is_not_declared_is_recorded_a_while_and_ends_the_worker,
            refusals_beyond_a_number_are_told_and_not_recorded,
            what_is_asked_for_and_killed_again_and_again_ends_the_worker,
            a_number_of_the_host_is_not_for_adapters,
            an_adapter_is_told_what_it_may_use;
        opening:
            a_program_of_the_runtimes_choice_runs_in_the_folder_of_its_session,
            the_program_of_a_registration_runs_in_the_folder_of_a_session_if_it_says_so,
            a_program_does_not_leave_its_folder,
            variables_do_not_make_it_another_program,
            a_folder_that_becomes_a_link_out_is_seen_when_it_is_used,
            a_program_in_the_folder_is_the_one_that_was_asked_about,
            files_are_read_and_written_below_the_folder,
            a_pattern_of_the_component_binds_it,
            a_secret_is_taken_out_of_all_that_a_process_says,
            a_secret_that_is_not_there_is_named_and_its_text_is_not,
            a_request_has_the_secret_and_its_answer_has_not,
            a_request_goes_where_it_is_granted_and_nowhere_else,
            a_request_can_be_given_up;
        hostile:
            a_spin_in_describe_is_a_limit,
            a_panic_in_describe_has_its_message,
            a_spin_ends_its_worker,
            recursion_ends_its_worker,
            growing_memory_ends_its_worker,
            a_panic_ends_its_worker_and_nothing_is_performed,
            a_million_outputs_end_the_worker,
            a_log_flood_is_dropped,
            what_is_not_granted_is_refused,
            what_is_granted_stays_in_its_bounds,
            foreign_numbers_are_refused,
            an_omi_id_is_no_native_id,
            what_comes_after_the_end_is_dropped,
            a_stopping_worker_starts_nothing,
            refusals_do_not_pile_up,
            waiting_is_a_trap,
            the_world_is_empty_and_the_same;
        processes:
            a_missing_program_is_named,
            a_process_that_exits_at_once_says_how,
            a_process_ended_by_a_signal_says_which,
            a_flood_of_stderr_is_read,
            a_line_of_ten_megabytes_is_split,
            bytes_come_as_they_are,
            a_process_may_close_its_output_and_live_on,
            the_environment_is_what_was_allowed,
            output_waits_for_a_slow_worker_and_is_whole,
            a_started_process_can_be_reaped_by_its_lease;
        stdin:
            a_process_that_does_not_read_never_blocks_its_worker,
            a_process_that_begins_to_read_gets_everything,
            a_picture_is_written_as_base64_by_the_host,
            a_closed_pipe_says_what_was_lost;
        survival:
            a_grandchild_of_its_own_session_dies_with_its_worker,
            what_a_process_leaves_behind_dies_with_it,
            a_process_that_ignores_sigterm_is_killed,
            nothing_survives_the_daemon,
            a_killed_supervisor_takes_its_program_along;
        confine:
            it_works_inside,
            it_cannot_leave,
            it_cannot_look_into_the_daemon,
            its_temporary_folder_is_its_own_and_goes_with_it,
            the_folder_of_the_daemon_is_never_granted,
            what_its_variables_name_is_not_opened,
            a_folder_that_is_not_there_is_named,
            a_node_program_works_inside_and_not_outside,
            real_agents_answer;
        tree:
            a_mark_shows_a_whole_tree,
            a_fork_bomb_ends_within_its_limit,
            a_fork_bomb_outside_of_its_group_ends_too,
            a_fork_bomb_of_daemons_ends_too,
            as_many_as_are_allowed_live,
            a_chain_that_never_rests_is_caught,
            daemons_of_daemons_end,
            what_has_no_readable_name_ends,
            one_that_ignores_all_orders_is_killed,
            one_that_stops_its_supervisor_is_killed,
            one_that_stops_its_supervisor_again_and_again_is_killed,
            one_that_floods_stderr_is_killed,
            one_that_never_reads_is_killed,
            one_that_closes_its_output_and_lives_on_is_killed,
            nothing_of_any_tree_survives_a_killed_daemon,
            nothing_in_its_group_survives_a_killed_supervisor,
            no_child_has_the_terminal_of_the_daemon,
            every_process_has_its_limits;
    };
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
