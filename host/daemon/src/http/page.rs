//! Lists come in pages: so many things, and where the next ones begin.

use axum::response::{IntoResponse, Json, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::Problem;

/// Things on a page where nothing is said.
const LIMIT_DEFAULT: u32 = 50;
/// Things on a page at most (SPEC §12).
pub(super) const LIMIT_MAX: u32 = 200;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<T> {
    /// What is on it.
    pub(super) items: Vec<T>,
    /// Where the next page begins, for `cursor`; none if this is the last one.
    pub(super) next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page of at most so many of what was read, which is one more if there are more.
    pub(super) fn cut(mut items: Vec<T>, limit: Limit, cursor: impl Fn(&T) -> String) -> Self {
        let most = limit.count();
        let next_cursor = if items.len() > most { items.get(most - 1).map(cursor) } else { None };
        items.truncate(most);
        Self { items, next_cursor }
    }
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

/// How many things a page has at most.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "u32")]
pub(super) struct Limit(u32);

impl Limit {
    /// As many, and one by which it is seen that there are more.
    pub(super) fn and_one(self) -> u32 {
        self.0 + 1
    }

    /// As a number of the record.
    pub(super) fn get(self) -> u32 {
        self.0
    }

    fn count(self) -> usize {
        self.0.try_into().unwrap_or(usize::MAX)
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(LIMIT_DEFAULT)
    }
}

impl TryFrom<u32> for Limit {
    type Error = String;

    fn try_from(limit: u32) -> Result<Self, String> {
        match limit {
            1..=LIMIT_MAX => Ok(Self(limit)),
            _ => Err(format!("`limit` is {limit}; hint: from 1 to {LIMIT_MAX}")),
        }
    }
}

/// Where a page begins: after the thing that a cursor names, which has to be there.
pub(super) fn after<T: TryFrom<String>>(cursor: Option<&String>) -> Result<Option<T>, Problem> {
    cursor.map(|text| T::try_from(text.clone()).map_err(|_| no_cursor())).transpose()
}

/// What is given as a cursor is none of this list.
pub(super) fn no_cursor() -> Problem {
    Problem::new("invalid_parameter", "`cursor` is none of this list; hint: take it from `nextCursor`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_where_the_next_one_begins_if_there_is_one() {
        let cut = |count: u32, limit| {
            let page = Page::cut((0..count).collect(), Limit(limit), ToString::to_string);
            (page.items.len(), page.next_cursor)
        };
        assert_eq!(cut(0, 2), (0, None));
        assert_eq!(cut(2, 2), (2, None));
        assert_eq!(cut(3, 2), (2, Some("1".to_owned())));
    }

    #[test]
    fn a_limit_is_neither_nothing_nor_everything() {
        assert!(Limit::try_from(0).is_err() && Limit::try_from(LIMIT_MAX + 1).is_err());
        assert_eq!(Limit::try_from(LIMIT_MAX).unwrap().get(), LIMIT_MAX);
    }
}
