//! Taking a lock whose holder may have panicked: the state behind it is still the truth.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The value behind the lock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
