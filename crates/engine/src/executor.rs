//! The queue and its thread.
