//! What people decide about accesses in the simulated world: they answer, take grants back, install and remove.

use omi_kernel::command::Answer;
use omi_kernel::effect::Effect;
use omi_kernel::id::{AttemptId, GrantId};
use omi_kernel::input::{By, Input};

use super::Sim;
use crate::script::Dice;
use crate::story;

impl Sim {
    pub(super) fn answer_access(attempt: AttemptId, request: u32, by: By, dice: &mut Dice) -> Input {
        let option = dice.of(&["once", "session", "always", "deny", "once", "session", "always", "maybe"]);
        let answer = Answer::Selected { option_id: option.to_owned() };
        Input::ApprovalAnswered { attempt, request, answer, by }
    }

    /// Somebody takes a grant back, their own as a rule.
    pub(super) fn revoke(&self, dice: &mut Dice) -> Option<Input> {
        let of_sessions = self.record.grants.rows().iter().map(|row| row.grant.id.clone());
        let of_components = self.record.component_grants.iter().map(|row| row.grant.id.clone());
        let (of_sessions, of_components): (Vec<GrantId>, Vec<GrantId>) =
            (of_sessions.collect(), of_components.collect());
        let about_to_open: Vec<GrantId> = self.about_to_open();
        let among = if dice.once_in(3) { &of_components } else { &of_sessions };
        let among = if about_to_open.is_empty() { among } else { &about_to_open };
        let grant = dice.recent(among)?.clone();
        let session = self.record.grant(&grant)?.session;
        let owner = session.and_then(|session| self.record.sessions.get(&session));
        let owner = owner.map_or_else(|| "ann".into(), |row| row.session.owner.clone());
        let owner = if dice.once_in(8) { "eve".into() } else { owner };
        Some(Input::RevokeGrant { owner, grant })
    }

    /// The grants under which something is opened as soon as a run has its permit.
    fn about_to_open(&self) -> Vec<GrantId> {
        let grant = |effect: &Effect| {
            let Effect::Perform { grant: Some(grant), .. } = effect else { return None };
            self.record.grant(&grant.id).map(|grant| grant.id)
        };
        self.driver.withheld.values().flatten().filter_map(grant).collect()
    }

    pub(super) fn install(dice: &mut Dice) -> Input {
        let of = dice.of(&story::REGISTRATIONS);
        if dice.once_in(3) {
            return Input::RemoveComponent { path: story::component_path(of) };
        }
        Input::InstallComponent(Box::new(story::component(of, dice)))
    }
}
