//! What attempts use of models.

use serde::{Deserialize, Serialize};

/// What an attempt used. Absent is unknown, not zero.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: Option<u32>,
    /// Tokens written.
    pub output_tokens: Option<u32>,
    /// Tokens read from the provider's cache.
    pub cache_read_tokens: Option<u32>,
    /// Tokens written to the provider's cache.
    pub cache_write_tokens: Option<u32>,
    /// Money, in US dollars.
    pub cost_usd: Option<f64>,
}

impl Usage {
    /// What is known here, and where it is not, what was known earlier.
    #[must_use]
    pub fn or(self, earlier: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.or(earlier.input_tokens),
            output_tokens: self.output_tokens.or(earlier.output_tokens),
            cache_read_tokens: self.cache_read_tokens.or(earlier.cache_read_tokens),
            cache_write_tokens: self.cache_write_tokens.or(earlier.cache_write_tokens),
            cost_usd: self.cost_usd.or(earlier.cost_usd),
        }
    }

    /// This and another one together. What is unknown in both stays unknown.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let tokens = |a: Option<u32>, b: Option<u32>| match (a, b) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (a, b) => a.or(b),
        };
        Self {
            input_tokens: tokens(self.input_tokens, other.input_tokens),
            output_tokens: tokens(self.output_tokens, other.output_tokens),
            cache_read_tokens: tokens(self.cache_read_tokens, other.cache_read_tokens),
            cache_write_tokens: tokens(self.cache_write_tokens, other.cache_write_tokens),
            cost_usd: match (self.cost_usd, other.cost_usd) {
                (Some(a), Some(b)) => Some(a + b),
                (a, b) => a.or(b),
            },
        }
    }
}
