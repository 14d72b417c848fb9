//! What became of accesses: each way in which one ends must really be reached.

use omi_kernel::command::{Answer, NotPerformed};
use omi_kernel::effect::Effect;
use omi_kernel::event::EventKind;
use omi_kernel::grant::{Grant, GrantSource};
use omi_kernel::input::{By, Input};
use omi_kernel::status::Status;

use super::Coverage;
use crate::record::{Record, Taken};

/// What can become of an access, as far as it is recorded.
pub(super) const ACCESSES: &[&str] = &[
    "asked for before its adapter has the attempt",
    "asked for while its adapter has the attempt",
    "allowed by the policy, for the worker",
    "allowed by the policy, for a session",
    "allowed by a legacy grant",
    "allowed once, for the worker",
    "allowed once, for a run",
    "allowed for a session",
    "allowed always, for the worker",
    "allowed always, copied to a session",
    "allowed by an earlier answer",
    "denied by a person",
    "denied by what a person said before",
    "denied because nobody can be asked",
    "denied because its policy was taken back",
    "denied for want of a legacy grant",
    "denied by the policy",
    "denied because it is not declared",
    "denied because it is not bound",
    "denied because it is left out",
    "expired",
    "cancelled with its run",
    "withdrawn",
];

/// What only a driver with its workers can meet.
pub(super) const MEETINGS: &[&str] = &[
    "held until there is an attempt",
    "withdrawn while a person is asked",
    "performed only with the permit of its run",
    "refused because its run stops first",
    "opened by a worker",
    "refused to a worker",
    "taken back before it was opened",
    "closed because its grant was taken back",
    "told to a worker that gave it up",
    "ended because something else is installed",
    "begun elsewhere because its worker came with what was replaced",
];

impl Coverage {
    pub(super) fn note_accesses(&mut self, input: &Input, taken: &Taken, record: &Record) {
        if let Input::AccessAsked(asked) = input {
            let asks = taken.events.iter().any(|event| event.kind == EventKind::ApprovalRequested);
            let attempt = asked.attempt.as_ref().and_then(|id| record.attempts.get(id));
            match attempt.map(|row| row.attempt.binding.is_some()) {
                Some(true) if asks => self.note_access("asked for while its adapter has the attempt"),
                Some(false) if asks => self.note_access("asked for before its adapter has the attempt"),
                Some(_) | None => {}
            }
        }
        for effect in &taken.effects {
            if let Effect::Perform { grant, .. } = effect {
                if let Some(what) = allowed(input, grant.as_deref()) {
                    self.note_access(what);
                }
            } else if let Effect::Refuse { why, .. } = effect {
                self.note_refusal(why, input, taken);
            }
        }
    }

    fn note_access(&mut self, what: &'static str) {
        *self.accesses.entry(what).or_default() += 1;
    }

    fn note_refusal(&mut self, why: &NotPerformed, input: &Input, taken: &Taken) {
        let withdrawn = matches!(input, Input::ApprovalAnswered { by: By::Runtime, .. });
        let stops =
            taken.events.iter().any(|event| event.kind.as_str() == format!("run.{}", Status::Cancelling));
        let what = match why {
            NotPerformed::Denied(text) => match denied(text) {
                Some(what) => what,
                None => return,
            },
            NotPerformed::Expired => "expired",
            NotPerformed::Cancelled if withdrawn => "withdrawn",
            NotPerformed::Cancelled if stops => "cancelled with its run",
            NotPerformed::Cancelled => return,
        };
        self.note_access(what);
    }
}

fn allowed(input: &Input, grant: Option<&Grant>) -> Option<&'static str> {
    let of_worker = grant.is_none_or(|grant| grant.session.is_none());
    let answer = if let Input::ApprovalAnswered { answer: Answer::Selected { option_id }, .. } = input {
        Some(option_id.as_str())
    } else {
        None
    };
    Some(match (answer, grant.map(|grant| grant.source)) {
        (Some("once"), _) if of_worker => "allowed once, for the worker",
        (Some("once"), _) => "allowed once, for a run",
        (Some("session"), _) => "allowed for a session",
        (Some("always"), _) if of_worker => "allowed always, for the worker",
        (Some("always"), _) => "allowed always, copied to a session",
        (_, None) => "allowed by the policy, for the worker",
        (_, Some(GrantSource::Policy)) => "allowed by the policy, for a session",
        (_, Some(GrantSource::LegacyDefault)) => "allowed by a legacy grant",
        (_, Some(GrantSource::User)) => "allowed by an earlier answer",
        (_, Some(GrantSource::System)) => return None,
    })
}

/// By the reason that the refusal gives: it is for people, and each has its own.
fn denied(text: &str) -> Option<&'static str> {
    let reasons = [
        ("it was denied when asked for", "denied by a person"),
        ("denies it", "denied by what a person said before"),
        ("nobody can be asked", "denied because nobody can be asked"),
        ("of this session was revoked", "denied because its policy was taken back"),
        ("has no `legacy_default` grant", "denied for want of a legacy grant"),
        ("is `deny`", "denied by the policy"),
        ("does not declare", "denied because it is not declared"),
        ("binds nothing", "denied because it is not bound"),
        ("leaves it out", "denied because it is left out"),
    ];
    reasons.iter().find(|(part, _)| text.contains(part)).map(|(_, what)| *what)
}
