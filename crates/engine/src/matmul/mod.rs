//! Matrix products. Everything that multiplies matrices (linear layers, the loss, convolutions) comes through `multiply`.

mod arithmetic;
mod blocked;
mod blocking;
mod epilogue;
mod narrow;
mod pack;
mod tile;

use crate::call::Context;
use crate::ensure;
use crate::error::Result;
use crate::isa::Isa;
use crate::memory::Allocator;
use blocked::{Workers, multiply_blocked};
use epilogue::{Finished, finish};
use narrow::multiply_narrow;
use std::sync::Mutex;
use tile::TileSet;

/// Multiplications from which on one product of a few is shared out among threads (about 50 microseconds of one).
const SHARED_OUT_WITHIN: usize = 1 << 21;

/// A matrix in memory: element `(i, j)` lies at `data + i * row_stride + j * column_stride`, in elements. Either stride is 1.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Element `(0, 0)`.
    pub data: *const f32,
    /// Elements from a row to the next.
    pub row_stride: usize,
    /// Elements from a column to the next.
    pub column_stride: usize,
    /// Applied to each element as it is read.
    pub activation: Activation,
}

impl View {
    /// Rows one after another, `columns` apart.
    pub fn rows(data: *const f32, columns: usize) -> View {
        View { data, row_stride: columns, column_stride: 1, activation: Activation::None }
    }

    /// Element `(row, column)`.
    ///
    /// SAFETY: there is one.
    #[inline(always)]
    pub unsafe fn at(&self, row: usize, column: usize) -> *const f32 {
        // SAFETY: by the contract of the function.
        unsafe { self.data.add(row * self.row_stride + column * self.column_stride) }
    }

    /// The same memory read through an activation.
    pub fn activated(self, activation: Activation) -> View {
        View { activation, ..self }
    }

    /// The same memory read as its transpose.
    pub fn transposed(self) -> View {
        View { row_stride: self.column_stride, column_stride: self.row_stride, ..self }
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

/// How products of bfloat16 are computed on this processor: whichever is faster. Measures that for a moment at the first call.
pub fn uses_bfloat16_dot_products(isa: Isa) -> bool {
    TileSet::pairs(isa).is_some_and(|pairs| std::ptr::eq(pairs, TileSet::bfloat16(isa)))
}

/// Applied to an element as it is read, or to a sum as it is stored.
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
    /// `[m, n]` without gaps.
    pub residual: *const f32,
}

impl Default for Epilogue {
    fn default() -> Epilogue {
        Epilogue { accumulate: false, bias: std::ptr::null(), activation: Activation::None, residual: std::ptr::null() }
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

impl Product {
    /// The same product with each matrix so many elements further on.
    ///
    /// SAFETY: the matrices are there.
    pub unsafe fn offset(&self, a: usize, b: usize, c: usize) -> Product {
        // SAFETY: by the contract of the function.
        unsafe {
            Product {
                a: View { data: self.a.data.add(a), ..self.a },
                b: View { data: self.b.data.add(b), ..self.b },
                c: self.c.add(c),
                ..*self
            }
        }
    }
}

// SAFETY: as for `View`.
unsafe impl Send for Product {}
// SAFETY: as for `View`.
unsafe impl Sync for Product {}

/// Computes a product with all threads of the pool. The bits of the result depend on precision and instruction set, and those of an element
/// on its row, its column and the length of K: not on threads, nor on what else is computed with it.
///
/// SAFETY: the views and pointers of the product are good for its sizes, and nobody else touches `c` meanwhile.
pub unsafe fn multiply(context: &Context, product: &Product) -> Result<()> {
    // SAFETY: by the contract of the function.
    unsafe { multiply_with(context.isa, Workers::Pool(context.pool), context.allocator, product) }
}

/// `multiply` on the calling thread, for tasks that have products of their own.
///
/// SAFETY: as for `multiply`.
pub unsafe fn multiply_serial(context: &Context, product: &Product) -> Result<()> {
    // SAFETY: by the contract of the function.
    unsafe { multiply_with(context.isa, Workers::Caller, context.allocator, product) }
}

/// Computes products `0 .. count`, which are alike in size, with all threads of the pool.
///
/// SAFETY: as for `multiply`, for each of them.
pub unsafe fn multiply_batch(context: &Context, count: usize, product: impl Fn(usize) -> Product + Sync) -> Result<()> {
    if count == 0 {
        return Ok(());
    }
    let Product { m, k, n, .. } = product(0);
    let size = m.saturating_mul(n).saturating_mul(k);
    let threads = context.pool.threads();
    if count < 4 * threads && size > SHARED_OUT_WITHIN {
        // SAFETY: by the contract of the function.
        return (0..count).try_for_each(|index| unsafe { multiply(context, &product(index)) });
    }
    let grain = (SHARED_OUT_WITHIN / 4 / size.max(1)).max(1);
    let grain = if count.saturating_mul(size) < SHARED_OUT_WITHIN { count } else { grain };
    let failed = Mutex::new(Ok(()));
    context.pool.run_ranges(count, grain, |range, _| {
        for index in range {
            // SAFETY: by the contract of the function.
            if let Err(error) = unsafe { multiply_serial(context, &product(index)) } {
                *failed.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Err(error);
            }
        }
    });
    failed.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// SAFETY: as for `multiply`.
unsafe fn multiply_with(isa: Isa, workers: Workers, allocator: &Allocator, product: &Product) -> Result<()> {
    let &Product { m, k, n, a, b, c, c_stride, epilogue, .. } = product;
    let dense = |view: &View| view.row_stride == 1 || view.column_stride == 1;
    ensure!(dense(&a) && dense(&b), "expected matrices with neighbouring elements in rows or columns, got {a:?} and {b:?}");
    if m == 0 || n == 0 {
        return Ok(());
    }
    if k == 0 {
        // SAFETY: by the contract of the function.
        unsafe {
            for row in (0..m).filter(|_| !epilogue.accumulate) {
                std::slice::from_raw_parts_mut(c.add(row * c_stride), n).fill(0.0);
            }
            if !epilogue.is_plain() {
                finish(isa, &epilogue, &Finished { c, c_stride, row: 0, column: 0, rows: m, columns: n, n });
            }
        }
        return Ok(());
    }
    // What is read as it lies in memory is not activated on the way.
    let wide = if m <= n { &b } else { &a };
    if m.min(n) <= narrow::MOST && wide.activation == Activation::None {
        // SAFETY: by the contract of the function.
        return unsafe { multiply_narrow(isa, workers, allocator, product) };
    }
    let set = match product.precision {
        Precision::Float32 => TileSet::float32(isa),
        Precision::BFloat16 => TileSet::bfloat16(isa),
    };
    // SAFETY: by the contract of the function.
    unsafe { multiply_blocked(isa, set, workers, allocator, product) }
}

#[cfg(test)]
mod tests;
