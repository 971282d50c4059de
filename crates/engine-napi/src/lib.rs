//! The engine for Node: conversions only.
