//! What can go wrong in an operation. The executor adds the operation's name and shapes.

use std::fmt;

/// Why an operation did not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// Operands that do not fit each other or the kernel: where, what was expected, what came.
    Invalid(String),
    /// The memory limit, or the system's, is reached.
    OutOfMemory(String),
    /// A kernel panicked. Nothing runs after this.
    Poisoned(String),
}

impl Error {
    /// The stable code that JavaScript sees.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Invalid(_) => "ENGINE_OPERATION_INVALID",
            Error::OutOfMemory(_) => "ENGINE_OUT_OF_MEMORY",
            Error::Poisoned(_) => "ENGINE_POISONED",
        }
    }

    /// The same error with a place in front of its message.
    pub fn at(self, place: &str) -> Error {
        match self {
            Error::Invalid(message) => Error::Invalid(format!("{place}: {message}")),
            Error::OutOfMemory(message) => Error::OutOfMemory(format!("{place}: {message}")),
            Error::Poisoned(message) => Error::Poisoned(format!("{place}: {message}")),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Invalid(message) | Error::OutOfMemory(message) | Error::Poisoned(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}

/// Of an operation.
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
