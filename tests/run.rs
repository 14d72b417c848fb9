//! `omi-agentd run`: a prompt, its answer, and what is recorded.

use omi_tests::world::{World, tester};

/// The order of SPEC §3.3 for a run that succeeds.
const SUCCESS: [&str; 11] = [
    "session.created",
    "run.queued",
    "session.updated",
    "run.starting",
    "attempt.created",
    "binding.created",
    "attempt.started",
    "run.running",
    "message.completed",
    "usage.updated",
    "run.succeeded",
];

#[test]
fn echo_answers_and_every_event_is_recorded_in_its_order() {
    let world = World::new();
    let ended = world.run(&["run", "hello there"], "");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "hello there\n"), "{ended:?}");
    let mut types = world.event_types();
    // What echo knows of a session ends with its worker.
    types.retain(|kind| kind != "binding.stale");
    assert_eq!(types, SUCCESS);
    let runs = world.list("runs");
    assert_eq!((runs.len(), runs[0]["status"].as_str()), (1, Some("succeeded")));
    assert_eq!(runs[0]["finalText"], "hello there");
}

#[test]
fn an_answer_ends_its_line_before_anything_is_said_about_its_run() {
    let world = World::new();
    let both = std::fs::File::create_new(world.path("both")).unwrap();
    let mut command = world.command(&["run", "hello there"]);
    command.stdout(both.try_clone().unwrap()).stderr(both);
    assert!(command.status().unwrap().success());
    let text = std::fs::read_to_string(world.path("both")).unwrap();
    assert!(text.contains("hello there\nrun     succeeded"), "{text}");
    assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{text}");
}

#[test]
fn what_is_said_of_a_retry_is_true_of_it() {
    let help = World::new().run(&["retry", "--help"], "").stdout;
    assert!(help.contains("[default: that of the attempt before]"), "{help}");
    assert!(!help.contains("default-adapter"), "{help}");
    assert!(World::new().run(&["run", "--help"], "").stdout.contains("default-adapter"));
}

#[test]
fn json_prints_the_events_that_are_recorded() {
    let world = World::new();
    let ended = world.run(&["run", "--json", "hello"], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let printed: Vec<serde_json::Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    assert_eq!(printed.last().map(|event| event["type"].clone()), Some("run.succeeded".into()));
    let core = |event: &&serde_json::Value| event["type"] != "message.delta";
    let cursors = |events: &[serde_json::Value]| -> Vec<serde_json::Value> {
        events.iter().filter(core).map(|event| event["cursor"].clone()).collect()
    };
    let (printed, recorded) = (cursors(&printed), cursors(&world.list("events")));
    assert!(recorded.starts_with(&printed), "{recorded:?} does not begin with {printed:?}");
}

#[test]
fn an_agent_streams_uses_a_tool_and_writes_once_it_is_allowed() {
    let world = World::new();
    world.register_tester(&[]);
    std::fs::write(world.work().join("notes.txt"), "the answer is 42").unwrap();
    let prompt = "say hello from the agent\nread notes.txt\nwrite out.txt written";
    let ended = world.run(&["run", "--adapter", "tester", "--ask", prompt], "1\n");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("hello from the agent"), "{ended:?}");
    assert!(ended.stdout.contains("notes.txt says: the answer is 42"), "{ended:?}");
    assert_eq!(std::fs::read_to_string(world.work().join("out.txt")).unwrap(), "written");
    assert!(
        ended.stderr.contains("? Write out.txt") && ended.stderr.contains("answered `allow` (by user)"),
        "{ended:?}"
    );
    let types = world.event_types();
    for kind in
        ["tool.started", "tool.completed", "approval.requested", "run.waiting_approval", "approval.resolved"]
    {
        assert!(types.iter().any(|recorded| recorded == kind), "{kind}: {types:?}");
    }
    let run = &world.list("runs")[0];
    assert_eq!((run["inputTokens"].as_i64(), run["outputTokens"].as_i64()), (Some(11), Some(7)));
}

#[test]
fn without_a_person_a_permission_is_refused_with_the_reason() {
    let world = World::new();
    world.register_tester(&[]);
    let ended = world.run(&["run", "--adapter", "tester", "write out.txt no\nsay still here"], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("nobody to ask; hint: run it at a terminal, or with --ask"), "{ended:?}");
    assert!(ended.stdout.contains("still here"), "{ended:?}");
    assert!(!world.work().join("out.txt").exists());
}

#[test]
fn a_registration_that_opts_in_is_answered_by_the_legacy_policy_and_says_so() {
    let world = World::new();
    world.configure(&tester(&[], "approvals = \"legacy\""));
    let ended = world.run(&["run", "--adapter", "tester", "write out.txt yes"], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let resolved =
        world.list("events").into_iter().find(|event| event["type"] == "approval.resolved").unwrap();
    assert_eq!(resolved["payload"]["policy"], "legacy_high_trust");
    assert_eq!(std::fs::read_to_string(world.work().join("out.txt")).unwrap(), "yes");
}

#[test]
fn a_session_goes_on_in_another_process_with_the_same_native_session() {
    let world = World::new();
    world.register_tester(&["--state", &world.path("agent").display().to_string()]);
    let first = world.run(&["run", "--adapter", "tester", "say one"], "");
    assert_eq!(first.code, Some(0), "{first:?}");
    let session = world.list("sessions")[0]["sessionId"].as_str().unwrap().to_owned();
    let second = world.run(&["run", "--session", &session, "say two"], "");
    assert_eq!(
        (second.code, second.stdout.as_str()),
        (Some(0), "two\n"),
        "the replay is no news: {second:?}"
    );
    assert!(world.event_types().contains(&"binding.resumed".to_owned()));
    let runs = world.list("runs");
    assert_eq!(runs[0]["sessionId"], runs[1]["sessionId"]);
    assert_eq!(runs[0]["attempts"][0]["adapterSessionId"], runs[1]["attempts"][0]["adapterSessionId"]);
}

#[test]
fn a_native_session_that_is_gone_costs_one_attempt_and_not_the_session() {
    let world = World::new();
    let state = world.path("agent").display().to_string();
    world.register_tester(&["--state", &state]);
    assert_eq!(world.run(&["run", "--adapter", "tester", "say one"], "").code, Some(0));
    let session = world.list("sessions")[0]["sessionId"].as_str().unwrap().to_owned();
    world.register_tester(&["forgetful", "--state", &state]);
    let second = world.run(&["run", "--session", &session, "say two"], "");
    assert_eq!((second.code, second.stdout.as_str()), (Some(0), "two\n"), "{second:?}");
    let attempts = world.list("runs")[0]["attempts"].clone();
    assert_eq!(attempts[0]["status"], "failed");
    assert_eq!(
        (&attempts[1]["status"], &attempts[1]["retryReason"]),
        (&"succeeded".into(), &"stale_binding".into())
    );
    let types = world.event_types();
    assert!(
        types.contains(&"binding.stale".to_owned()) && types.contains(&"binding.replaced".to_owned()),
        "{types:?}"
    );
}

#[test]
fn a_picture_reaches_the_agent() {
    let world = World::new();
    world.register_tester(&[]);
    let picture = world.path("picture.png");
    std::fs::write(&picture, vec![7; 3000]).unwrap();
    let picture = picture.display().to_string();
    let ended = world.run(&["run", "--adapter", "tester", "--image", &picture, "say seen"], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("[a picture, 4000 characters of base64]"), "{ended:?}");
}

#[test]
fn adapters_lists_what_is_bundled_registered_and_missing() {
    let world = World::new();
    world.register_tester(&[]);
    let adapters = world.list("adapters");
    let bundled: Vec<_> = adapters.iter().filter_map(|row| row["bundled"].as_str()).collect();
    assert_eq!(bundled, ["echo", "acp", "pi-mono", "a2a", "openai-chat"]);
    let tester = adapters.iter().find(|row| row["registration"] == "tester").unwrap();
    assert!(tester["programs"][0]["path"].is_string(), "{tester}");
    let missing = World::new();
    missing.configure("[registrations.x]\ncomponent = 'acp'\ngrants.agent.command = ['no-such-program']\n");
    let ended = missing.run(&["adapters"], "");
    assert!(ended.stdout.contains("`no-such-program` is not on PATH"), "{ended:?}");
}
