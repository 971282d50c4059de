//! What can go wrong.

use std::fmt;

/// Why something did not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// Arguments that do not fit each other: where, what was expected, what came.
    Invalid(String),
}

impl Error {
    /// The stable code that JavaScript sees.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Invalid(_) => "TOKENIZER_OPTIONS_INVALID",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Invalid(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}

/// Of a call.
pub type Result<T> = std::result::Result<T, Error>;

/// `Err(Error::Invalid(format!(...)))` unless the condition holds.
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::error::Error::Invalid(format!($($message)+)));
        }
    };
}
