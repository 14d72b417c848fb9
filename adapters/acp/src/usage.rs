//! What a turn used: agents say it in three places, or nowhere.

use omi_adapter_sdk::Usage;
use serde_json::{Value, json};

use crate::json::count;

/// A use of which nothing is known.
pub(crate) fn unknown() -> Usage {
    Usage {
        input_tokens: None,
        output_tokens: None,
        cache_read_tokens: None,
        cache_write_tokens: None,
        cost_usd: None,
        extra: String::new(),
    }
}

/// A use of nothing: where a session begins.
pub(crate) fn nothing() -> Usage {
    Usage {
        input_tokens: Some(0),
        output_tokens: Some(0),
        cache_read_tokens: Some(0),
        cache_write_tokens: Some(0),
        ..unknown()
    }
}

/// What came since: the difference of two counts of the same session. What is not known of both, or has become less,
/// is not known. Nothing at all is not known either: agents count a turn that was cancelled with the next one.
pub(crate) fn since(before: Option<&Usage>, now: &Usage) -> Usage {
    let Some(before) = before else { return Usage { cost_usd: now.cost_usd, ..unknown() } };
    let less = |now: Option<u32>, before: Option<u32>| now?.checked_sub(before?);
    let difference = Usage {
        input_tokens: less(now.input_tokens, before.input_tokens),
        output_tokens: less(now.output_tokens, before.output_tokens),
        cache_read_tokens: less(now.cache_read_tokens, before.cache_read_tokens),
        cache_write_tokens: less(now.cache_write_tokens, before.cache_write_tokens),
        ..unknown()
    };
    let counts = [difference.input_tokens, difference.output_tokens];
    let share = if counts.iter().all(|count| count.unwrap_or(0) == 0) { unknown() } else { difference };
    Usage { cost_usd: now.cost_usd, ..share }
}

/// What the result of a prompt says about its turn.
pub(crate) fn of_result(result: &Value) -> Usage {
    let usage = &result["usage"];
    let quota = &result["_meta"]["quota"]["token_count"];
    Usage {
        input_tokens: count(usage, "inputTokens").or_else(|| count(quota, "input_tokens")),
        output_tokens: count(usage, "outputTokens").or_else(|| count(quota, "output_tokens")),
        cache_read_tokens: count(usage, "cachedReadTokens"),
        cache_write_tokens: count(usage, "cachedWriteTokens"),
        cost_usd: result["_meta"]["costUsd"].as_f64(),
        extra: String::new(),
    }
}

/// The model that the result of a prompt names.
pub(crate) fn model_of_result(result: &Value) -> Option<&str> {
    result.pointer("/_meta/quota/model_usage/0/model").and_then(Value::as_str)
}

/// The cost of the whole session so far, where a `usage_update` gives it in US dollars.
pub(crate) fn session_cost(update: &Value) -> Option<f64> {
    let cost = &update["cost"];
    (cost["currency"] == "USD").then(|| cost["amount"].as_f64()).flatten()
}

/// How full the context is: it is the session's, not the turn's, so it travels in `extra`.
pub(crate) fn context(update: &Value) -> String {
    match (update["used"].as_f64(), update["size"].as_f64()) {
        (Some(_), Some(_)) => {
            json!({"contextUsed": update["used"], "contextSize": update["size"]}).to_string()
        }
        _ => String::new(),
    }
}

/// Both, the first where both know something.
pub(crate) fn merge(first: Usage, second: &Usage) -> Usage {
    Usage {
        input_tokens: first.input_tokens.or(second.input_tokens),
        output_tokens: first.output_tokens.or(second.output_tokens),
        cache_read_tokens: first.cache_read_tokens.or(second.cache_read_tokens),
        cache_write_tokens: first.cache_write_tokens.or(second.cache_write_tokens),
        cost_usd: first.cost_usd.or(second.cost_usd),
        extra: if first.extra.is_empty() { second.extra.clone() } else { first.extra },
    }
}

/// The use, if any figure of it is known.
pub(crate) fn known(usage: Usage) -> Option<Usage> {
    let figures = Usage { extra: String::new(), ..usage.clone() };
    (figures != unknown()).then_some(usage)
}
