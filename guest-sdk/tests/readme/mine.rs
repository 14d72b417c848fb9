//! The adapter in the README.

use omi_adapter_sdk::{
    AttemptEvent, AttemptFinished, BindingFailed, BindingOpened, CancelAnswer, Capabilities, Descriptor,
    Failure, Fidelity, Host, Input, Outcome, Ready, Session, export_session,
};

pub(crate) struct Mine;

impl Session for Mine {
    fn describe() -> Descriptor {
        let [adapter_id, version, title, protocol] = ["mine", "0.1.0", "Mine", "none"].map(str::to_owned);
        let (capabilities, grants, config_schema) = (Capabilities::least(), vec![], String::new());
        Descriptor {
            adapter_id,
            version,
            title,
            protocol,
            capabilities,
            grants,
            config_schema,
            extra: String::new(),
        }
    }

    async fn run(host: Host) {
        host.send(Ready::new("mine 1.0"));
        loop {
            match host.next_input().await {
                Input::OpenBinding(open) => {
                    host.send(BindingOpened::new(open.binding, "native-1", Fidelity::None));
                }
                Input::ExecuteAttempt(run) => {
                    host.send(AttemptEvent::text(run.attempt, "answer", "hello"));
                    host.send(AttemptFinished::new(run.attempt, Outcome::succeeded("end_turn"), None));
                }
                Input::ResumeBinding(resume) => {
                    let failure = Failure::stale("not_kept", "a session ends with its worker");
                    host.send(BindingFailed::new(resume.binding, failure));
                }
                // The attempt is over already: nothing is claimed.
                Input::CancelAttempt(cancel) => host.send(CancelAnswer::new(cancel.attempt, false, false)),
                Input::Stop(_) => return,
                _ => {}
            }
        }
    }
}

export_session!(Mine);
