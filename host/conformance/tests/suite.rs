//! The suite over every bundled adapter.

use std::path::Path;
use std::sync::OnceLock;

use omi_conformance::{Options, Peer, Report, Verdict, check, rule::Level};
use omi_engine::{Engine, EngineConfig};

/// An engine that meters, with a cache beside the build. Nothing is ever started here, so its supervisor is no program.
fn engine() -> Engine {
    static TOKIO: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let tokio =
        TOKIO.get_or_init(|| tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap());
    let config = EngineConfig::for_trials(Some(root().join("target/tmp/conformance-cache")));
    Engine::new(config, tokio.handle().clone()).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace")
}

fn judge(adapter: &str) -> Report {
    let bytes =
        std::fs::read(root().join(format!("target/adapters/{adapter}.wasm"))).expect("a built adapter");
    let peer = root().join(format!("adapters/{adapter}/{adapter}.peer.toml"));
    let peer = peer.is_file().then(|| Peer::read(&peer).unwrap());
    let options = Options { level: Some(Level::Full), peer, ..Options::default() };
    check(&engine(), adapter, &bytes, options, &mut |case| {
        if let Verdict::Broken { rule, what } = &case.verdict {
            for call in &case.calls {
                println!("{} {} -> {}", call.now_ms, call.inputs, call.outputs);
            }
            println!("{}: {}: {what}", case.name, rule.name);
        } else {
            println!("{} {:?} {:?}", case.name, case.verdict, case.took);
        }
    })
}

#[test]
fn echo_keeps_every_rule() {
    assert!(judge("echo").is_clean());
}

#[test]
fn acp_keeps_every_rule_and_is_judged_whole() {
    let report = judge("acp");
    assert!(report.is_clean());
}
