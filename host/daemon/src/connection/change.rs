//! What a client changes: answers of a person, sessions, artifacts. Each is answered once.

use omi_kernel::id::{AttemptId, RunId};
use omi_kernel::row::LOG_IN;

use super::{Connection, unexpected};
use crate::client::{Answered, RequestError};
use crate::wire::{
    Address, ApprovalDecision, Authenticate, Correlation, Invalidation, Outbound, ProvideInput, RevokeGrant,
    UpdateArtifact, UpdateSession, Version, WireError,
};

impl Connection {
    pub(super) async fn decide(self, decision: ApprovalDecision, address: Address) {
        let mut correlation = Correlation::new(address.clone());
        let done = self.decided(&decision, &address, &mut correlation).await;
        self.answer(&correlation, done).await;
    }

    async fn decided(
        &self,
        decision: &ApprovalDecision,
        address: &Address,
        correlation: &mut Correlation,
    ) -> Result<Option<Outbound>, WireError> {
        let answer = decision.answer()?;
        let named = (decision.attempt_id.as_ref(), decision.run_id.as_ref());
        let attempt = self.asking(named, address, correlation).await?;
        acknowledged(
            self.surface.client.approve(self.owner(), attempt, decision.approval, answer).await,
            correlation,
        )
    }

    pub(super) async fn provide(self, input: ProvideInput, address: Address) {
        let mut correlation = Correlation::new(address.clone());
        let done = self.provided(input, &address, &mut correlation).await;
        self.answer(&correlation, done).await;
    }

    async fn provided(
        &self,
        input: ProvideInput,
        address: &Address,
        correlation: &mut Correlation,
    ) -> Result<Option<Outbound>, WireError> {
        let named = (input.attempt_id.as_ref(), input.run_id.as_ref());
        let attempt = self.asking(named, address, correlation).await?;
        let request = input.request;
        let answer = input.answer()?;
        acknowledged(
            self.surface.client.provide_input(self.owner(), attempt, request, answer).await,
            correlation,
        )
    }

    pub(super) async fn authenticate(self, authenticate: Authenticate, address: Address) {
        let mut correlation = Correlation::new(address.clone());
        let done = self.authenticated(&authenticate, &address, &mut correlation).await;
        self.answer(&correlation, done).await;
    }

    async fn authenticated(
        &self,
        authenticate: &Authenticate,
        address: &Address,
        correlation: &mut Correlation,
    ) -> Result<Option<Outbound>, WireError> {
        let named = (authenticate.attempt_id.as_ref(), authenticate.run_id.as_ref());
        let attempt = self.asking(named, address, correlation).await?;
        let answer = authenticate.answer();
        acknowledged(
            self.surface.client.provide_input(self.owner(), attempt, LOG_IN, answer).await,
            correlation,
        )
    }

    /// The attempt that an answer is for: the one that is named, else the newest of the run that is named or that
    /// the same request began.
    async fn asking(
        &self,
        (attempt, run): (Option<&AttemptId>, Option<&RunId>),
        address: &Address,
        correlation: &mut Correlation,
    ) -> Result<AttemptId, WireError> {
        if let Some(attempt) = attempt {
            correlation.attempt = Some(attempt.to_string());
            return Ok(attempt.clone());
        }
        let run = match run {
            Some(run) => run.clone(),
            None => self.requests.run_of(address).await.ok_or_else(|| {
                let why =
                    "the request has no run that is not over; hint: name it with `runId` or `attemptId`";
                WireError::new("not_found", why)
            })?,
        };
        correlation.run = Some(run.to_string());
        let found = self.find_run(&run)?;
        let newest = found.attempts.last().map(|attempt| AttemptId::parse(&attempt.attempt_id));
        let Some(Ok(attempt)) = newest else {
            return Err(WireError::new(
                "no_open_request",
                format!("`{run}` has no attempt that asks anything"),
            ));
        };
        correlation.session = Some(found.session_id);
        correlation.attempt = Some(attempt.to_string());
        Ok(attempt)
    }

    pub(super) async fn update_session(self, update: UpdateSession, mut correlation: Correlation) {
        let session = update.session_id.clone();
        correlation.session = Some(session.to_string());
        let done = match update.change() {
            Ok(change) => acknowledged(
                self.surface.client.update_session(self.owner(), session, change).await,
                &correlation,
            ),
            Err(error) => Err(error),
        };
        self.answer(&correlation, done).await;
    }

    pub(super) async fn invalidate(self, invalidation: Invalidation, mut correlation: Correlation) {
        let done = match invalidation.session() {
            Ok(session) => {
                correlation.session = session.id.as_ref().map(ToString::to_string);
                acknowledged(self.surface.client.invalidate(self.owner(), session).await, &correlation)
            }
            Err(error) => Err(error),
        };
        let done = match done {
            // A client of v1 says so of each session that it may have had; an error would be one of its query.
            Err(error) if correlation.version() == Version::V1 && error.code == "not_found" => Ok(None),
            done => done,
        };
        self.answer(&correlation, done).await;
    }

    pub(super) async fn update_artifact(self, update: UpdateArtifact, correlation: Correlation) {
        let done = self.surface.client.update_artifact(self.owner(), update.artifact_id, update.state).await;
        self.answer(&correlation, acknowledged(done, &correlation)).await;
    }

    pub(super) async fn revoke_grant(self, revocation: RevokeGrant, correlation: Correlation) {
        let done = self.surface.client.revoke_grant(self.owner(), revocation.grant_id).await;
        self.answer(&correlation, acknowledged(done, &correlation)).await;
    }
}

/// The answer to what is done and needs no more words.
pub(super) fn acknowledged(
    done: Result<Answered, RequestError>,
    correlation: &Correlation,
) -> Result<Option<Outbound>, WireError> {
    match done? {
        Answered::Done => Ok(correlation.ack()),
        other => Err(unexpected(&other)),
    }
}
