//! Judges whether a component keeps the adapter contract.
