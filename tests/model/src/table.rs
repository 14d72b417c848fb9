//! Rows in the order in which they were made, each found by its key.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::Fault;

/// Rows in the order in which they were made, each found by its key.
#[derive(Debug)]
pub struct Table<K, R> {
    rows: Vec<R>,
    places: BTreeMap<K, usize>,
}

impl<K, R> Default for Table<K, R> {
    fn default() -> Self {
        Self { rows: Vec::new(), places: BTreeMap::new() }
    }
}

impl<K: Ord + Clone + Display, R> Table<K, R> {
    /// Adds a row. A key is never used twice.
    pub fn insert(&mut self, key: &K, row: R) -> Result<(), Fault> {
        if self.places.insert(key.clone(), self.rows.len()).is_some() {
            return Err(format!("{key} is made twice"));
        }
        self.rows.push(row);
        Ok(())
    }

    /// The row of a key.
    pub fn get(&self, key: &K) -> Option<&R> {
        self.places.get(key).and_then(|&place| self.rows.get(place))
    }

    /// The row of a key, to change it.
    pub fn change(&mut self, key: &K) -> Result<&mut R, Fault> {
        let place = self.places.get(key).copied();
        place.and_then(|place| self.rows.get_mut(place)).ok_or_else(|| format!("there is no {key}"))
    }

    /// Where a row stands in the order.
    pub fn place(&self, key: &K) -> Option<usize> {
        self.places.get(key).copied()
    }

    /// All rows, the oldest first.
    pub fn rows(&self) -> &[R] {
        &self.rows
    }

    /// All rows, to change them.
    pub fn rows_mut(&mut self) -> &mut [R] {
        &mut self.rows
    }
}
