//! What a turn used: pi says it for each message of the model.

use omi_adapter_sdk::Usage;
use serde_json::{Value, json};

/// The sum over the messages of a turn.
#[derive(Debug, Default)]
pub(crate) struct Used {
    sum: Option<Figures>,
    /// A message came without figures: an aborted one has zeros, whatever it cost.
    incomplete: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    tokens: [u64; 4],
    cost_usd: f64,
}

/// The members of `usage`, in the order of `Figures::tokens`.
const TOKENS: [&str; 4] = ["input", "output", "cacheRead", "cacheWrite"];

impl Used {
    /// Add the `usage` of a message.
    pub(crate) fn add(&mut self, usage: &Value) {
        let tokens = TOKENS.map(|key| usage[key].as_u64().unwrap_or_default());
        if tokens == [0; 4] {
            self.incomplete = true;
            return;
        }
        let sum = self.sum.get_or_insert_default();
        for (sum, tokens) in sum.tokens.iter_mut().zip(tokens) {
            *sum = sum.saturating_add(tokens);
        }
        sum.cost_usd += usage["cost"]["total"].as_f64().unwrap_or_default();
    }

    /// The sum, if any of it is known.
    pub(crate) fn known(&self) -> Option<Usage> {
        let Figures { tokens, cost_usd } = self.sum?;
        let [input, output, cache_read, cache_write] =
            tokens.map(|tokens| Some(u32::try_from(tokens).unwrap_or(u32::MAX)));
        Some(Usage {
            input_tokens: input,
            output_tokens: output,
            cache_read_tokens: cache_read,
            cache_write_tokens: cache_write,
            // pi gives 0 for a model whose price it does not know.
            cost_usd: (cost_usd > 0.0).then_some(cost_usd),
            extra: if self.incomplete { json!({"atLeast": true}).to_string() } else { String::new() },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(input: u64, cost: f64) -> Value {
        json!({"input": input, "output": 2, "cacheRead": 0, "cacheWrite": 1, "cost": {"total": cost}})
    }

    #[test]
    fn the_messages_of_a_turn_are_summed() {
        let mut sum = Used::default();
        sum.add(&used(10, 0.5));
        sum.add(&used(20, 0.25));
        let usage = sum.known().expect("it is known");
        assert_eq!(
            (usage.input_tokens, usage.output_tokens, usage.cache_write_tokens),
            (Some(30), Some(4), Some(2))
        );
        assert_eq!((usage.cost_usd, usage.extra.as_str()), (Some(0.75), ""));
    }

    #[test]
    fn zeros_are_unknown_and_not_nothing() {
        let zero = json!({"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "cost": {"total": 0}});
        let mut sum = Used::default();
        sum.add(&zero);
        assert_eq!(sum.known(), None);
        sum.add(&used(10, 0.0));
        let usage = sum.known().expect("a part of it is known");
        assert_eq!((usage.input_tokens, usage.cost_usd), (Some(10), None));
        assert_eq!(usage.extra, r#"{"atLeast":true}"#);
    }
}
