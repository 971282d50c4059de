//! Copying bytes.

use super::Kernel;
use crate::call::{Call, Context};
use crate::ensure;
use crate::error::Result;
use crate::pool::Shared;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[("Copy", copy)];

/// Input x, output y with as many elements of the same type. Shapes may differ.
fn copy(context: &Context, call: &mut Call) -> Result<()> {
    let (x, y) = (call.input(0)?, call.output(0)?);
    ensure!(
        x.dtype == y.dtype() && x.size() == y.size(),
        "expected as many elements of the same type, got {:?} and {:?}",
        x.shape,
        y.shape()
    );
    let (from, to) = (x.bytes(), y.bytes());
    let to = Shared::new(to);
    context.pool.run_ranges(from.len(), 1 << 20, |range, _| {
        // SAFETY: ranges do not overlap, and both slices have the same length.
        unsafe { to.part(range.start, range.len()) }.copy_from_slice(&from[range]);
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::call::DType;
    use crate::testing::{Array, Run};

    #[test]
    fn copies_any_size_into_another_shape() {
        for size in [0, 1, 7, 64, 100_000, 600_000] {
            let x = Array::random(&[size, 2], 1);
            Run::new("Copy").input(&x).output(DType::Float32, &[2, size]).everywhere(|_, results| assert_eq!(results[0].bytes, x.bytes));
        }
    }

    #[test]
    fn another_size_or_type_is_an_error() {
        let x = Array::i32(&[3], &[1, 2, 3]);
        assert!(Run::new("Copy").input(&x).output(DType::Int32, &[4]).fails().contains("as many elements"));
        assert!(Run::new("Copy").input(&x).output(DType::Float32, &[3]).fails().contains("as many elements"));
    }
}
