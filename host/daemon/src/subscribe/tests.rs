//! Subscriptions on a real record: what is replayed, what is live, and what is told to be missing.

use omi_kernel::command::{PromptBlock, RunMode};
use omi_kernel::event::{Event, EventKind};
use omi_kernel::id::{AttemptId, Ids, RequestId, Timestamp};
use omi_kernel::input::Input;
use omi_kernel::request::{Accept, SessionRef};
use omi_kernel::row::RunInput;
use omi_store::Store;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::*;
use crate::client::{LiveKind, Once, Owners};
use crate::driver::{Message, random};

/// Things that may wait for a subscriber of these tests.
const QUEUE: usize = 8;
/// Longer than anything takes here, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A record, and a way to publish what is in it.
struct Record {
    folder: tempfile::TempDir,
    store: Store,
    publish: broadcast::Sender<Published>,
    client: Client,
    requests: u32,
    _messages: mpsc::Receiver<Message>,
}

impl Record {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("record"), Timestamp(1)).unwrap();
        let (messages, kept) = mpsc::channel(1);
        let (publish, listener) = broadcast::channel(QUEUE);
        let client = Client { messages, published: Arc::new(listener), owners: Owners::default() };
        Self { folder, store, publish, client, requests: 0, _messages: kept }
    }

    fn decide(&mut self, input: Input) -> Vec<Event> {
        let outcomes = self.store.batch(&[input], Timestamp(1000), &mut Ids::new(&mut random)).unwrap();
        outcomes.into_iter().flat_map(|outcome| outcome.unwrap().events).collect()
    }

    /// Somebody has a prompt run: recorded and published.
    fn accept(&mut self, owner: &str, session: Option<&SessionId>) -> Vec<Event> {
        self.requests += 1;
        let prompt = vec![PromptBlock::Text { text: "hi".to_owned() }];
        let events = self.decide(Input::Accept(Box::new(Accept {
            owner: OwnerId(owner.to_owned()),
            client: "test".into(),
            request: RequestId(self.requests.to_string()),
            session: SessionRef { id: session.cloned(), ..SessionRef::default() },
            surface: "test".to_owned(),
            title: None,
            idempotency_key: None,
            default_adapter: "echo".into(),
            input: RunInput { prompt, ..RunInput::default() },
            system_prompt_hash: None,
            mode: RunMode::Act,
            legacy: vec![],
        })));
        for event in &events {
            self.publish.send(Published::Event(Arc::new(event.clone().into()))).unwrap();
        }
        events
    }

    fn subscribe(&self, owner: &str, after: Option<i64>) -> Subscription {
        let filter = SubscribeFilter { owner: Some(OwnerId(owner.to_owned())), ..SubscribeFilter::default() };
        Subscription::new(
            &self.client,
            Readers::new(self.folder.path().join("record")),
            filter,
            after.map(Cursor),
        )
    }

    /// An attempt of the run that these events are about says something after them.
    fn say(&self, events: &[Event], text: &str) {
        let about = events.iter().rfind(|event| event.run_id.is_some()).unwrap();
        let cursor = events.last().unwrap().cursor;
        let live = LiveText {
            session: about.session_id.clone(),
            run: about.run_id.clone().unwrap(),
            attempt: AttemptId::new(&mut Ids::new(&mut random)),
            request: RequestId("1".to_owned()),
            cursor,
            sequence: 1,
            kind: LiveKind::Thought,
            text: text.to_owned(),
            once: Once::default(),
        };
        self.publish.send(Published::Live(Arc::new(live))).unwrap();
    }

    /// A piece of a message, live.
    fn stream(&self, before: &Event, attempt: &AttemptId, offset: usize, text: &str) {
        let live = LiveText {
            session: before.session_id.clone(),
            run: before.run_id.clone().unwrap(),
            attempt: attempt.clone(),
            request: RequestId("1".to_owned()),
            cursor: before.cursor,
            sequence: 1,
            kind: LiveKind::Message { message: "m".to_owned(), offset },
            text: text.to_owned(),
            once: Once::default(),
        };
        self.publish.send(Published::Live(Arc::new(live))).unwrap();
    }

    /// A piece of a message, as it is recorded.
    fn record(&self, before: &mut Event, attempt: &AttemptId, offset: usize, text: &str) {
        before.cursor = Cursor(before.cursor.0 + 1);
        before.kind = EventKind::MessageDelta;
        before.attempt_id = Some(attempt.clone());
        before.payload = serde_json::json!({ "message": "m", "offset": offset, "text": text }).into();
        self.publish.send(Published::Event(Arc::new(before.clone().into()))).unwrap();
    }
}

async fn next(subscription: &mut Subscription) -> Seen {
    timeout(PATIENCE, subscription.next()).await.expect("something comes").expect("the driver is there")
}

/// The cursors of the next events, and nothing but events.
async fn cursors(subscription: &mut Subscription, count: usize) -> Vec<Cursor> {
    let mut cursors = Vec::new();
    while cursors.len() < count {
        match next(subscription).await {
            Seen::Event(event) => cursors.push(event.cursor),
            other => panic!("{other:?}"),
        }
    }
    cursors
}

fn of(events: &[Event]) -> Vec<Cursor> {
    events.iter().map(|event| event.cursor).collect()
}

#[tokio::test]
async fn between_replay_and_live_nothing_is_missing_and_nothing_comes_twice() {
    let mut record = Record::new();
    let mut all = record.accept("me", None);
    let mut subscription = record.subscribe("me", Some(0));
    // In the record and on its way to the subscriber, too.
    all.extend(record.accept("me", None));
    assert_eq!(cursors(&mut subscription, all.len()).await, of(&all));
    let live = record.accept("me", None);
    assert_eq!(cursors(&mut subscription, live.len()).await, of(&live));
}

#[tokio::test]
async fn without_a_cursor_it_begins_now() {
    let mut record = Record::new();
    record.accept("me", None);
    let mut subscription = record.subscribe("me", None);
    let live = record.accept("me", None);
    assert_eq!(cursors(&mut subscription, live.len()).await, of(&live));
}

#[tokio::test]
async fn what_belongs_to_somebody_else_is_not_seen() {
    let mut record = Record::new();
    let theirs = record.accept("them", None);
    let mut subscription = record.subscribe("me", Some(0));
    let more = record.accept("them", Some(&theirs[0].session_id));
    record.say(&more, "a secret");
    let mine = record.accept("me", None);
    assert_eq!(cursors(&mut subscription, mine.len()).await, of(&mine));
}

#[tokio::test]
async fn one_run_of_one_session_can_be_followed() {
    let mut record = Record::new();
    let first = record.accept("me", None);
    let second = record.accept("me", Some(&first[0].session_id));
    let run = second.iter().find_map(|event| event.run_id.clone());
    let filter = SubscribeFilter { run: run.clone(), ..SubscribeFilter::default() };
    let database = record.folder.path().join("record");
    let mut subscription = Subscription::new(&record.client, Readers::new(database), filter, Some(Cursor(0)));
    let wanted: Vec<Cursor> =
        second.iter().filter(|event| event.run_id == run).map(|event| event.cursor).collect();
    assert!(!wanted.is_empty());
    assert_eq!(cursors(&mut subscription, wanted.len()).await, wanted);
}

#[tokio::test]
async fn a_slow_subscriber_is_told_so_and_gets_every_event() {
    let mut record = Record::new();
    let mut all = record.accept("me", None);
    let mut subscription = record.subscribe("me", Some(0));
    assert_eq!(cursors(&mut subscription, all.len()).await, of(&all));
    let last = of(&all).pop().unwrap();
    let mut missed = Vec::new();
    while missed.len() <= 2 * QUEUE {
        missed.extend(record.accept("me", None));
    }
    let Seen::Gap { after, through, reason: "slow" } = next(&mut subscription).await else { panic!() };
    assert_eq!((Some(after), Some(through)), (Some(last), of(&missed).pop()));
    all.clear();
    assert_eq!(cursors(&mut subscription, missed.len()).await, of(&missed));
    let live = record.accept("me", None);
    assert_eq!(cursors(&mut subscription, live.len()).await, of(&live));
}

#[tokio::test]
async fn more_than_a_page_is_replayed_in_order() {
    let mut record = Record::new();
    let mut all = Vec::new();
    while all.len() <= PAGE as usize {
        all.extend(record.accept("me", None));
    }
    let mut subscription = record.subscribe("me", Some(0));
    // Whoever subscribes after the fact has missed nothing live.
    assert_eq!(cursors(&mut subscription, all.len()).await, of(&all));
}

#[tokio::test]
async fn what_retention_took_is_a_gap_and_the_rest_is_there() {
    let mut record = Record::new();
    let old = record.accept("me", None);
    let run = old.iter().find_map(|event| event.run_id.clone()).unwrap();
    record.decide(Input::Cancel { owner: OwnerId("me".to_owned()), run });
    record.decide(Input::Retain { ended_before: Timestamp(5000), events_max: u64::MAX });
    let kept = record.accept("me", None);

    let mut subscription = record.subscribe("me", Some(0));
    let Seen::Gap { after: Cursor(0), through, reason: "retention" } = next(&mut subscription).await else {
        panic!()
    };
    assert!(through > old[0].cursor && through < kept[0].cursor, "{through:?}");
    let mut seen = Vec::new();
    while seen.last() != of(&kept).last() {
        seen.extend(cursors(&mut subscription, 1).await);
    }
    assert!(seen.ends_with(&of(&kept)), "{seen:?}");
}

#[tokio::test]
async fn live_text_from_before_the_replay_is_not_shown_after_it() {
    let mut record = Record::new();
    let first = record.accept("me", None);
    let mut subscription = record.subscribe("me", Some(0));
    record.say(&first, "old");
    let second = record.accept("me", None);
    record.say(&second, "new");
    let all = [of(&first), of(&second)].concat();
    assert_eq!(cursors(&mut subscription, all.len()).await, all);
    let Seen::Live(live) = next(&mut subscription).await else { panic!() };
    assert_eq!(live.text, "new");
}

#[tokio::test]
async fn no_piece_of_text_comes_before_what_stands_before_it() {
    let mut record = Record::new();
    let all = record.accept("me", None);
    let latest = all.last().unwrap().cursor;
    let mut event = all.into_iter().find(|event| event.run_id.is_some()).unwrap();
    event.cursor = latest;
    let mut subscription = record.subscribe("me", None);
    let attempt = AttemptId::new(&mut Ids::new(&mut random));
    // What was said until now is not recorded yet: whoever comes in the middle waits for that.
    record.stream(&event, &attempt, 4, "five");
    record.record(&mut event, &attempt, 0, "one five");
    record.stream(&event, &attempt, 8, " six");
    record.stream(&event, &attempt, 20, "later");
    record.stream(&event, &attempt, 12, " seven");
    let mut told = Vec::new();
    while told.len() < 3 {
        match next(&mut subscription).await {
            Seen::Event(event) => told.push(event.payload["text"].as_str().unwrap().to_owned()),
            Seen::Live(live) => told.push(live.text.clone()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(told, ["one five", " six", " seven"]);
}

#[tokio::test]
async fn a_subscriber_hears_that_the_driver_is_gone() {
    let mut record = Record::new();
    let all = record.accept("me", None);
    let mut subscription = record.subscribe("me", Some(0));
    let Record { publish, folder: _folder, .. } = record;
    drop(publish);
    assert_eq!(cursors(&mut subscription, all.len()).await, of(&all));
    assert!(timeout(PATIENCE, subscription.next()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_cursor_of_another_record_is_a_gap_and_what_comes_is_there() {
    let mut record = Record::new();
    let last = record.accept("me", None).last().unwrap().cursor;
    let mut subscription = record.subscribe("me", Some(1_000_000));
    let Seen::Gap { after, through: Cursor(1_000_000), reason: "unknown" } = next(&mut subscription).await
    else {
        panic!()
    };
    assert_eq!(after, last);
    let new = record.accept("me", None);
    assert_eq!(cursors(&mut subscription, new.len()).await, of(&new));
}
