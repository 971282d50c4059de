//! A tensor engine for TensorFlow.js programs and language models: kernels for the processor it finds, an allocator that
//! reuses, one thread pool, and an executor that runs a queue of operations in order. It knows nothing of Node.
//!
//! The way of an operation: words of a queue (`wire`) are checked and resolved against buffers (`executor`) into a `Call`, which the
//! kernel of that name (`kernels`) computes with the pool and the instruction set of its `Context`.

pub mod cache_sizes;
pub mod call;
pub mod error;
pub mod executor;
pub mod isa;
pub mod kernels;
pub mod matmul;
pub mod memory;
pub mod pool;
pub mod simd;
#[cfg(test)]
mod testing;
pub mod wire;
