//! Rotary position embedding (Su et al. 2021) in Hugging Face's layout: feature `i` is paired with `i + D / 2` (`rotate_half`).

use super::{GRAIN, Kernel};
use crate::call::{Call, Context};
use crate::error::Result;
use crate::pool::Shared;
use crate::simd::{Simd, rows};
use crate::{ensure, simd_dispatch, vectors};

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[("RotaryEmbedding", rotary_embedding), ("RotaryEmbeddingGradient", rotary_embedding_gradient)];

/// Inputs x, cos [B or 1, T, D], sin like cos; output y like x; ints: 1 if x is [B, T, H, D], 0 if it is [B, H, T, D]. D is even.
/// `y = x cos + rotate(x) sin`, where `rotate` exchanges the halves of D and negates the first of the result.
fn rotary_embedding(context: &Context, call: &mut Call) -> Result<()> {
    rotate(context, call, false)
}

/// Inputs dy, cos, sin; output dx; ints: all as in `RotaryEmbedding`. The transposed rotation of dy.
fn rotary_embedding_gradient(context: &Context, call: &mut Call) -> Result<()> {
    rotate(context, call, true)
}

fn rotate(context: &Context, call: &mut Call, transposed: bool) -> Result<()> {
    let (x, cos, sin, y) = (call.input(0)?, call.input(1)?, call.input(2)?, call.output(0)?);
    let time_before_heads = call.flag(0)?;
    ensure!(
        x.shape.rank() == 4 && y.dims() == x.dims(),
        "expected x and y of one shape with four dimensions, got {:?} and {:?}",
        x.shape,
        y.shape()
    );
    let (batch, length, features) = (x.dims()[0], x.dims()[if time_before_heads { 1 } else { 2 }], x.dims()[3]);
    let heads = x.dims()[if time_before_heads { 2 } else { 1 }];
    let of_tables = cos.dims().first().copied().unwrap_or(0);
    ensure!(
        features.is_multiple_of(2)
            && (of_tables == 1 || of_tables == batch)
            && cos.dims() == [of_tables, length, features]
            && sin.dims() == cos.dims(),
        "expected an even number of features, cos and sin [{batch} or 1, {length}, {features}], got {:?} and {:?} for x {:?}",
        cos.shape,
        sin.shape,
        x.shape
    );
    let rotation = Rotation {
        x: x.f32()?,
        cos: cos.f32()?,
        sin: sin.f32()?,
        y: Shared::new(y.f32()?),
        half: features / 2,
        table_of_batch: if of_tables == 1 { 0 } else { length },
        length,
        heads,
        time_before_heads,
        transposed,
    };
    let row_count = batch * length * heads;
    context.pool.run_ranges(row_count, (GRAIN / features.max(1)).max(1), |rows, _| {
        // SAFETY: rows are of one task each, and the sizes are checked.
        unsafe { rotate_rows(context.isa, &rotation, rows) }
    });
    Ok(())
}

struct Rotation<'a> {
    x: &'a [f32],
    cos: &'a [f32],
    sin: &'a [f32],
    y: Shared<f32>,
    /// Half of the features.
    half: usize,
    /// Rows of the tables from one element of the batch to the next.
    table_of_batch: usize,
    length: usize,
    heads: usize,
    time_before_heads: bool,
    transposed: bool,
}

simd_dispatch! { unsafe fn rotate_rows(rotation: &Rotation, rows: std::ops::Range<usize>) = rotate_vectors; }

#[inline(always)]
unsafe fn rotate_vectors<S: Simd>(rotation: &Rotation, rows: std::ops::Range<usize>) {
    let half = rotation.half;
    for row in rows {
        let batch = row / (rotation.length * rotation.heads);
        let time = if rotation.time_before_heads { row / rotation.heads % rotation.length } else { row % rotation.length };
        let table = (batch * rotation.table_of_batch + time) * 2 * half;
        // SAFETY: by the contract of the caller.
        unsafe {
            let (x, y) = (rotation.x.as_ptr().add(row * 2 * half), rotation.y.get().add(row * 2 * half));
            let (cos, sin) = (rotation.cos.as_ptr().add(table), rotation.sin.as_ptr().add(table));
            vectors!(S, half, |at, count| {
                let (first, second) = (rows::load::<S>(x.add(at), count), rows::load::<S>(x.add(half + at), count));
                let (cos_first, cos_second) = (rows::load::<S>(cos.add(at), count), rows::load::<S>(cos.add(half + at), count));
                let (sin_first, sin_second) = (rows::load::<S>(sin.add(at), count), rows::load::<S>(sin.add(half + at), count));
                let (kept_first, kept_second) = (S::mul(first, cos_first), S::mul(second, cos_second));
                let (y_first, y_second) = if rotation.transposed {
                    (S::mul_add(second, sin_second, kept_first), S::neg_mul_add(first, sin_first, kept_second))
                } else {
                    (S::neg_mul_add(second, sin_first, kept_first), S::mul_add(first, sin_second, kept_second))
                };
                rows::store::<S>(y.add(at), y_first, count);
                rows::store::<S>(y.add(half + at), y_second, count);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::call::DType::Float32;
    use crate::testing::{Array, Run};

    /// Batch, heads, length, features, rows of the tables.
    const CASES: [[usize; 5]; 9] = [
        [0, 2, 3, 4, 1],
        [2, 0, 3, 4, 1],
        [1, 1, 1, 2, 1],
        [2, 3, 5, 6, 1],
        [2, 3, 5, 6, 2],
        [1, 2, 7, 32, 1],
        [3, 2, 4, 34, 3],
        [1, 2, 3, 0, 1],
        [2, 4, 50, 128, 1],
    ];

    fn dims([batch, heads, length, features, _]: [usize; 5], time_before_heads: bool) -> [usize; 4] {
        if time_before_heads { [batch, length, heads, features] } else { [batch, heads, length, features] }
    }

    /// `x cos + rotate(x) sin`, element by element.
    fn reference(case: [usize; 5], time_before_heads: bool, x: &[f32], cos: &[f32], sin: &[f32]) -> Vec<f64> {
        let [_, heads, length, features, tables] = case;
        let f = |x: f32| f64::from(x);
        (0..x.len())
            .map(|i| {
                let (feature, row) = (i % features, i / features);
                let time = if time_before_heads { row / heads % length } else { row % length };
                let batch = if tables == 1 { 0 } else { row / (heads * length) };
                let table = (batch * length + time) * features + feature;
                let half = features / 2;
                let rotated = if feature < half { -f(x[i + half]) } else { f(x[i - half]) };
                f(x[i]) * f(cos[table]) + rotated * f(sin[table])
            })
            .collect()
    }

    #[test]
    fn rotates_and_its_gradient_is_the_transpose() {
        for case in CASES {
            for time_before_heads in [false, true] {
                let dims = dims(case, time_before_heads);
                // Tables whose halves differ: the kernel must not take one for the other.
                let tables = [case[4], case[2], case[3]];
                let (x, dy) = (Array::random(&dims, 1), Array::random(&dims, 2));
                let (cos, sin) = (Array::random(&tables, 3), Array::random(&tables, 4));
                let expected = reference(case, time_before_heads, &x.to_f32(), &cos.to_f32(), &sin.to_f32());
                let run = |name, x: &Array| {
                    Run::new(name).input(x).input(&cos).input(&sin).output(Float32, &dims).ints(&[time_before_heads.into()])
                };
                run("RotaryEmbedding", &x).everywhere(|_, y| {
                    for (found, expected) in y[0].to_f32().iter().zip(&expected) {
                        assert!((f64::from(*found) - expected).abs() < 1e-6, "{case:?}");
                    }
                });
                // <dy, R x> = <R^T dy, x> for every x says that the gradient is right.
                let product = |a: &[f64], b: &[f32]| a.iter().zip(b).map(|(a, &b)| a * f64::from(b)).sum::<f64>();
                let forward = product(&expected, &dy.to_f32());
                run("RotaryEmbeddingGradient", &dy).everywhere(|_, dx| {
                    let dx: Vec<f64> = dx[0].to_f32().into_iter().map(f64::from).collect();
                    assert!((product(&dx, &x.to_f32()) - forward).abs() < 1e-6 * (dx.len() as f64).max(1.0), "{case:?}");
                });
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let run = |dims: &[usize], tables: &[usize]| {
            let tables = Array::random(tables, 1);
            let run = Run::new("RotaryEmbedding").input(&Array::random(dims, 1)).input(&tables).input(&tables);
            run.output(Float32, dims).ints(&[0])
        };
        assert!(run(&[1, 2, 3, 5], &[1, 3, 5]).fails().contains("even"));
        assert!(run(&[3, 2, 3, 4], &[2, 3, 4]).fails().contains("[3 or 1, 3, 4]"));
        assert!(run(&[1, 2, 3, 4], &[1, 2, 4]).fails().contains("[1 or 1, 3, 4]"));
        assert!(run(&[2, 3, 4], &[1, 3, 4]).fails().contains("four dimensions"));
    }
}
