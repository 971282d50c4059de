//! Matrix products. Everything that multiplies matrices (linear layers, the loss, convolutions) comes through `multiply`.

use crate::call::Context;
use crate::error::Result;

/// A matrix in memory: element `(i, j)` lies at `data + i * row_stride + j * column_stride`, in elements. Either stride is 1.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Element `(0, 0)`.
    pub data: *const f32,
    /// Elements from a row to the next.
    pub row_stride: usize,
    /// Elements from a column to the next.
    pub column_stride: usize,
}

impl View {
    /// Rows one after another, `columns` apart.
    pub fn rows(data: *const f32, columns: usize) -> View {
        View { data, row_stride: columns, column_stride: 1 }
    }

    /// The same memory read as its transpose.
    pub fn transposed(self) -> View {
        View { data: self.data, row_stride: self.column_stride, column_stride: self.row_stride }
    }
}

// SAFETY: whoever reads through it vouches for it, on every thread.
unsafe impl Send for View {}
// SAFETY: as above.
unsafe impl Sync for View {}

/// Arithmetic of the products; sums are float32 in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Precision {
    /// Float32 operands.
    #[default]
    Float32,
    /// Operands rounded to bfloat16 (nearest even) while they are packed.
    BFloat16,
}

/// Applied to a sum as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Activation {
    /// None.
    #[default]
    None,
    /// x where it is above 0.
    Relu,
    /// x Phi(x), by the error function.
    Gelu,
    /// The approximation of GELU with a hyperbolic tangent.
    GeluTanh,
    /// x sigmoid(x).
    Silu,
}

/// What happens to the sums on their way to memory: `y = activation(sum + bias) + residual`. Null pointers stand for what is not wanted.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue {
    /// Whether to add to what is there (then nothing of the rest may be given).
    pub accumulate: bool,
    /// `[n]`.
    pub bias: *const f32,
    /// On sum and bias.
    pub activation: Activation,
    /// Receives `sum + bias`, `[m, n]` without gaps, for the gradient of the activation.
    pub pre_activation: *mut f32,
    /// `[m, n]` without gaps.
    pub residual: *const f32,
}

impl Default for Epilogue {
    fn default() -> Epilogue {
        Epilogue {
            accumulate: false,
            bias: std::ptr::null(),
            activation: Activation::None,
            pre_activation: std::ptr::null_mut(),
            residual: std::ptr::null(),
        }
    }
}

// SAFETY: as for `View`.
unsafe impl Send for Epilogue {}
// SAFETY: as for `View`.
unsafe impl Sync for Epilogue {}

/// `c [m, n] = a [m, k] b [k, n]`, rows of `c` `c_stride` elements apart.
#[derive(Clone, Copy, Debug)]
pub struct Product {
    /// Rows of `a` and `c`.
    pub m: usize,
    /// Columns of `a`, rows of `b`.
    pub k: usize,
    /// Columns of `b` and `c`.
    pub n: usize,
    /// Left operand.
    pub a: View,
    /// Right operand.
    pub b: View,
    /// Result; overlaps neither operand.
    pub c: *mut f32,
    /// Elements from a row of `c` to the next.
    pub c_stride: usize,
    /// On the way to `c`.
    pub epilogue: Epilogue,
    /// Arithmetic.
    pub precision: Precision,
}

/// Computes a product with all threads of the pool. The bits of the result depend on shapes, precision and instruction set, not on threads.
///
/// SAFETY: the views and pointers of the product are good for its sizes, and nobody else touches `c` meanwhile.
pub unsafe fn multiply(context: &Context, product: &Product) -> Result<()> {
    let _ = context;
    let Product { m, k, n, a, b, c, c_stride, epilogue, .. } = *product;
    for i in 0..m {
        for j in 0..n {
            let mut sum = 0.0f32;
            for p in 0..k {
                // SAFETY: by the contract of the function.
                sum += unsafe { *a.data.add(i * a.row_stride + p * a.column_stride) * *b.data.add(p * b.row_stride + j * b.column_stride) };
            }
            // SAFETY: by the contract of the function.
            unsafe {
                let to = c.add(i * c_stride + j);
                *to = if epilogue.accumulate { *to + sum } else { sum };
            }
        }
    }
    Ok(())
}
