//! How long it takes until an accepted query is durable: alone, and with others in one commit.

use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use omi_kernel::command::{PromptBlock, RunMode};
use omi_kernel::id::{Ids, Timestamp};
use omi_kernel::input::Input;
use omi_kernel::request::{Accept, SessionRef};
use omi_kernel::row::RunInput;
use omi_store::Store;

use omi_figures::{Figure, Unit, percentile};

/// Queries that are accepted one by one.
const TIMES: usize = 400;
/// Queries of one commit.
const GROUP: usize = 64;
/// Commits of so many queries.
const GROUPS: usize = 60;

/// A store, and the numbers it has given.
struct Bench {
    store: Store,
    last_id: u128,
    last_request: u64,
}

impl Bench {
    fn open(path: &Path) -> Result<Self> {
        Ok(Self { store: Store::open(path, now())?, last_id: 0, last_request: 0 })
    }

    /// Sixteen sessions, as a house has them.
    fn query(&mut self) -> Input {
        self.last_request += 1;
        let session = format!("s{}", self.last_request % 16);
        let text = "What is the weather like tomorrow, and do I need an umbrella?".to_owned();
        Input::Accept(Box::new(Accept {
            owner: "ann".into(),
            client: "bench".into(),
            request: format!("r{}", self.last_request).as_str().into(),
            session: SessionRef { external: Some(("chat".into(), session)), ..SessionRef::default() },
            surface: "chat".into(),
            title: None,
            idempotency_key: None,
            default_adapter: "acp".into(),
            input: RunInput { prompt: vec![PromptBlock::Text { text }], ..RunInput::default() },
            system_prompt_hash: None,
            mode: RunMode::Act,
            legacy: vec![],
        }))
    }

    /// Milliseconds until all of these are durable.
    fn accept(&mut self, count: usize) -> Result<f64> {
        let inputs: Vec<Input> = (0..count).map(|_| self.query()).collect();
        let last_id = &mut self.last_id;
        let mut source = || {
            *last_id += 1;
            *last_id
        };
        let begun = Instant::now();
        let outcomes = self.store.batch(&inputs, now(), &mut Ids::new(&mut source))?;
        let ms = begun.elapsed().as_secs_f64() * 1e3;
        outcomes.into_iter().collect::<Result<Vec<_>, _>>().context("a query is refused")?;
        Ok(ms)
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or_default())
}

/// One query, one commit.
pub(crate) fn one_by_one(folder: &Path, target_ms: f64) -> Result<Vec<Figure>> {
    let mut bench = Bench::open(&folder.join("accept.sqlite3"))?;
    let mut values = (0..TIMES).map(|_| bench.accept(1)).collect::<Result<Vec<f64>>>()?;
    let (half, most) = (percentile(&mut values, 50), percentile(&mut values, 99));
    Ok(vec![
        Figure::new("accept of a query, p50", half, Unit::Milliseconds).at_most(target_ms),
        Figure::new("accept of a query, p99", most, Unit::Milliseconds),
        Figure::new("accept p50 / (2 x fsync + 0.6 ms)", half / target_ms, Unit::Times),
    ])
}

/// Many queries, one commit.
pub(crate) fn in_groups(folder: &Path) -> Result<Figure> {
    let mut bench = Bench::open(&folder.join("groups.sqlite3"))?;
    let mut values = (0..GROUPS).map(|_| bench.accept(GROUP)).collect::<Result<Vec<f64>>>()?;
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let per_second = GROUP as f64 * 1e3 / percentile(&mut values, 50);
    Ok(Figure::new(format!("accepts in commits of {GROUP}"), per_second, Unit::PerSecond))
}
