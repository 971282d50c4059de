//! What happens to sums on their way to memory, while they are still in the cache.

use super::{Activation, Epilogue};
use crate::simd::{Simd, math};
use crate::simd_dispatch;

/// A part of the result whose sums are complete.
#[derive(Clone, Copy)]
pub struct Finished {
    /// First element.
    pub c: *mut f32,
    /// Elements from a row to the next.
    pub c_stride: usize,
    /// First row within the whole result.
    pub row: usize,
    /// First column within the whole result.
    pub column: usize,
    /// Rows of the part.
    pub rows: usize,
    /// Columns of the part.
    pub columns: usize,
    /// Columns of the whole result.
    pub n: usize,
}

impl Epilogue {
    /// Whether nothing is left to do once the sums are stored.
    pub fn is_plain(&self) -> bool {
        self.bias.is_null() && self.activation == Activation::None && self.residual.is_null()
    }
}

/// SAFETY: the pointers of the epilogue are good for the part.
#[inline(always)]
unsafe fn finish_part<S: Simd>(epilogue: &Epilogue, part: &Finished) {
    for row in 0..part.rows {
        let mut column = 0;
        // SAFETY: within the part.
        unsafe {
            while column + S::LANES <= part.columns {
                finish_vector::<S, true>(epilogue, part, row, column, S::LANES);
                column += S::LANES;
            }
            if column < part.columns {
                finish_vector::<S, false>(epilogue, part, row, column, part.columns - column);
            }
        }
    }
}

/// SAFETY: the part has `count` elements there, and the pointers of the epilogue are good for them.
#[inline(always)]
unsafe fn finish_vector<S: Simd, const FULL: bool>(epilogue: &Epilogue, part: &Finished, row: usize, column: usize, count: usize) {
    // SAFETY: by the contract of the function.
    unsafe {
        let load = |from: *const f32| if FULL { S::load(from) } else { S::load_first(from, count) };
        let store = |to: *mut f32, x: S::F| if FULL { S::store(to, x) } else { S::store_first(to, x, count) };
        let at = (part.row + row) * part.n + part.column + column;
        let to = part.c.add(row * part.c_stride + column);
        let mut x = load(to);
        if !epilogue.bias.is_null() {
            x = S::add(x, load(epilogue.bias.add(part.column + column)));
        }
        x = activate::<S>(epilogue.activation, x);
        if !epilogue.residual.is_null() {
            x = S::add(x, load(epilogue.residual.add(at)));
        }
        store(to, x);
    }
}

/// SAFETY: as for `Simd`.
#[inline(always)]
pub unsafe fn activate<S: Simd>(activation: Activation, x: S::F) -> S::F {
    // SAFETY: by the contract of the function.
    unsafe {
        match activation {
            Activation::None => x,
            // Arguments in this order: NaN stays.
            Activation::Relu => S::max(S::splat(0.0), x),
            Activation::Gelu => math::gelu::<S>(x),
            Activation::GeluTanh => math::gelu_tanh::<S>(x),
            Activation::Silu => math::silu::<S>(x),
        }
    }
}

simd_dispatch! {
    /// SAFETY: the pointers of the epilogue are good for the part.
    pub unsafe fn finish(epilogue: &Epilogue, part: &Finished) = finish_part;
}
