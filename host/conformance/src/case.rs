//! The cases: short stories, each of which an adapter has to get through.

mod bounds;
mod cancels;
mod fair;
mod life;
mod trouble;

use crate::recording::Call;
use crate::rule::Level;
use crate::stage::{Stage, Subject};
use crate::stop::{Step, Stop};
use crate::weather::Weather;
use fair::Fair;

/// One case.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) level: Level,
    pub(crate) run: Box<dyn Fn(&mut Play<'_>) -> Step>,
}

/// Where a case plays: stages, and what was said on the last of them.
pub(crate) struct Play<'s> {
    pub(crate) subject: &'s Subject,
    pub(crate) calls: Vec<Call>,
}

impl<'s> Play<'s> {
    /// Plays on a fresh worker. What was said stays, also where the story breaks off.
    pub(crate) fn on<T>(
        &mut self,
        weather: Weather,
        story: impl FnOnce(&mut Stage<'s>) -> Step<T>,
    ) -> Step<T> {
        let mut stage = Stage::new(self.subject, weather)?;
        let told = story(&mut stage);
        self.calls = std::mem::take(&mut stage.calls);
        told
    }

    /// Plays where nothing goes wrong.
    pub(crate) fn in_fair_weather<T>(&mut self, story: impl FnOnce(&mut Stage<'s>) -> Step<T>) -> Step<T> {
        self.on(Weather::default(), story)
    }
}

/// The cases for what is judged: some depend on what it does with its runtime. What goes wrong is only judged of an
/// adapter that answers a prompt where nothing goes wrong; that it does is judged before.
pub(crate) fn cases(subject: &Subject) -> Vec<Case> {
    let mut cases = life::cases();
    cases.extend(cancels::cases());
    let fair = Fair::of(subject);
    let troubles = trouble::cases(fair.as_ref().ok()).into_iter().chain(bounds::cases());
    cases.extend(troubles.map(|case| match &fair {
        Ok(_) => case,
        Err(not_run) => {
            let not_run = not_run.clone();
            Case { run: Box::new(move |_| Err(Stop::NotRun(not_run.clone()))), ..case }
        }
    }));
    cases
}

fn core(name: &str, run: impl Fn(&mut Play<'_>) -> Step + 'static) -> Case {
    Case { name: name.to_owned(), level: Level::Core, run: Box::new(run) }
}

fn full(name: impl Into<String>, run: impl Fn(&mut Play<'_>) -> Step + 'static) -> Case {
    Case { name: name.into(), level: Level::Full, run: Box::new(run) }
}
