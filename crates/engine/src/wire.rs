//! How operations cross from JavaScript: 32-bit words.
