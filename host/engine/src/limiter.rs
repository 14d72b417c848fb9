//! What one instance may take of the host: memory and tables in total, and how many of everything.

use wasmtime::{ResourceLimiter, Result};

use crate::limits;

/// An instance went over one of its limits.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct LimitHit(pub(crate) String);

/// Counts what one instance takes.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory_bytes: usize,
    memory_bytes_max: usize,
    table_elements: usize,
}

impl Limiter {
    /// Nothing is taken yet.
    pub(crate) fn new(memory_bytes_max: usize) -> Self {
        Self { memory_bytes: 0, memory_bytes_max, table_elements: 0 }
    }

    /// Bytes of linear memory it has now; a memory never shrinks.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let total = self.memory_bytes + desired.saturating_sub(current);
        if total > self.memory_bytes_max {
            let text = format!("it wants {total} bytes of memory, the limit is {}", self.memory_bytes_max);
            return Err(LimitHit(text).into());
        }
        self.memory_bytes = total;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let total = self.table_elements + desired.saturating_sub(current);
        if total > limits::TABLE_ELEMENTS {
            let text = format!("it wants {total} table elements, the limit is {}", limits::TABLE_ELEMENTS);
            return Err(LimitHit(text).into());
        }
        self.table_elements = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        limits::INSTANCES
    }

    fn tables(&self) -> usize {
        limits::TABLES
    }

    fn memories(&self) -> usize {
        limits::MEMORIES
    }
}
