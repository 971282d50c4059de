//! Rows of a table by their ids, and the scatter that is its gradient.

use super::{GRAIN, Kernel};
use crate::call::{Call, Context};
use crate::error::Result;
use crate::pool::Shared;
use crate::simd::{Simd, rows};
use crate::{ensure, simd_dispatch, vectors};

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[("Embedding", embedding), ("EmbeddingGradient", embedding_gradient)];

/// Inputs weight [V, C], ids [...] int32, each in 0 .. V - 1; output [..., C]: row `ids[i]` of the weight for each i.
fn embedding(context: &Context, call: &mut Call) -> Result<()> {
    let (weight, ids, y) = (call.input(0)?, call.input(1)?, call.output(0)?);
    ensure!(weight.shape.rank() == 2, "expected a weight [V, C], got {:?}", weight.shape);
    let [vocab_size, columns] = [weight.dims()[0], weight.dims()[1]];
    ensure!(ids.size().checked_mul(columns) == Some(y.size()), "expected {:?} rows of {columns}, got {:?}", ids.shape, y.shape());
    let (weight, ids, y) = (weight.f32()?, ids.i32()?, Shared::new(y.f32()?));
    check_ids(ids, vocab_size)?;
    context.pool.run_ranges(ids.len(), (GRAIN / columns.max(1)).max(1), |range, _| {
        for row in range {
            let from = ids[row] as usize * columns;
            // SAFETY: rows are of one task each, and the sizes are checked.
            unsafe { y.part(row * columns, columns) }.copy_from_slice(&weight[from..from + columns]);
        }
    });
    Ok(())
}

/// Inputs dy [..., C], ids [...] int32, each in 0 .. V - 1; output dWeight [V, C]: for each id the sum of its rows of dy, added in the order of the ids
/// to 0.
fn embedding_gradient(context: &Context, call: &mut Call) -> Result<()> {
    let (dy, ids, d_weight) = (call.input(0)?, call.input(1)?, call.output(0)?);
    ensure!(d_weight.shape().rank() == 2, "expected a gradient [V, C], got {:?}", d_weight.shape());
    let [vocab_size, columns] = [d_weight.dims()[0], d_weight.dims()[1]];
    ensure!(ids.size().checked_mul(columns) == Some(dy.size()), "expected {:?} rows of {columns}, got {:?}", ids.shape, dy.shape);
    let (dy, ids, d_weight) = (dy.f32()?, ids.i32()?, Shared::new(d_weight.f32()?));
    check_ids(ids, vocab_size)?;
    // A task owns some rows of the table, and some columns of them where the rows alone would make too few or too large tasks. It sets
    // its part to 0 and adds what belongs there.
    let table_rows = (2 * GRAIN / columns.max(1)).max(1).max(vocab_size.div_ceil(4096));
    let row_ranges = vocab_size.div_ceil(table_rows);
    let work = (vocab_size + ids.len()) * columns;
    let wanted_pieces = work.div_ceil(4 * GRAIN).div_ceil(row_ranges.max(1));
    let piece = columns.div_ceil(wanted_pieces.max(1)).next_multiple_of(64);
    let pieces = columns.div_ceil(piece.max(1));
    // Positions of the ids, those of one range of rows together and in their order.
    let mut starts = vec![0usize; row_ranges + 1];
    ids.iter().for_each(|&id| starts[id as usize / table_rows + 1] += 1);
    for range in 0..row_ranges {
        starts[range + 1] += starts[range];
    }
    let (mut next, mut positions) = (starts.clone(), vec![0usize; ids.len()]);
    for (position, &id) in ids.iter().enumerate() {
        let place = &mut next[id as usize / table_rows];
        positions[*place] = position;
        *place += 1;
    }
    context.pool.run(row_ranges * pieces, |task, _| {
        let (range, first) = (task / pieces, task % pieces * piece);
        let width = piece.min(columns - first);
        for row in range * table_rows..vocab_size.min((range + 1) * table_rows) {
            // SAFETY: rows and columns are of one task each, and within the output.
            unsafe { d_weight.part(row * columns + first, width) }.fill(0.0);
        }
        for &position in &positions[starts[range]..starts[range + 1]] {
            let row = ids[position] as usize;
            // SAFETY: as above.
            let sum = unsafe { d_weight.part(row * columns + first, width) };
            // SAFETY: the slices have one length.
            unsafe { add_to(context.isa, &dy[position * columns + first..][..width], sum) }
        }
    });
    Ok(())
}

fn check_ids(ids: &[i32], vocab_size: usize) -> Result<()> {
    let wrong = ids.iter().position(|&id| usize::try_from(id).map_or(true, |id| id >= vocab_size));
    if let Some(position) = wrong {
        ensure!(false, "expected ids of 0 .. {}, got {} at position {position}", vocab_size as i64 - 1, ids[position]);
    }
    Ok(())
}

simd_dispatch! { unsafe fn add_to(x: &[f32], sum: &mut [f32]) = add; }

#[inline(always)]
unsafe fn add<S: Simd>(x: &[f32], sum: &mut [f32]) {
    let (x, length, sum) = (x.as_ptr(), sum.len(), sum.as_mut_ptr());
    // SAFETY: below both lengths.
    unsafe {
        vectors!(S, length, |at, count| {
            let total = S::add(rows::load::<S>(sum.add(at), count), rows::load::<S>(x.add(at), count));
            rows::store::<S>(sum.add(at), total, count);
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::call::DType::Float32;
    use crate::testing::{Array, Random, Run};

    /// Ids, vocabulary, columns.
    const CASES: [(usize, usize, usize); 10] = [
        (0, 5, 3),
        (1, 1, 1),
        (7, 3, 5),
        (100, 10, 17),
        (50, 1000, 64),
        (3000, 65, 384),
        (2000, 3, 130),
        (300, 5000, 40),
        (4, 2, 0),
        (10, 9000, 20),
    ];

    fn ids(count: usize, vocab_size: usize) -> Array {
        let mut random = Random::new(5);
        Array::i32(&[count], &(0..count).map(|_| random.below(vocab_size) as i32).collect::<Vec<_>>())
    }

    #[test]
    fn looks_up_rows() {
        for (count, vocab_size, columns) in CASES {
            let (weight, ids) = (Array::random(&[vocab_size, columns], 1), ids(count, vocab_size));
            let values = weight.to_f32();
            let expected: Vec<f32> =
                ids.to_i32().iter().flat_map(|&id| values[id as usize * columns..(id as usize + 1) * columns].to_vec()).collect();
            let run = Run::new("Embedding").input(&weight).input(&ids).output(Float32, &[count, columns]);
            run.everywhere(|_, y| assert_eq!(y[0].to_f32(), expected));
        }
    }

    #[test]
    fn the_gradient_adds_rows_in_the_order_of_the_ids() {
        for (count, vocab_size, columns) in CASES {
            let (dy, ids) = (Array::random(&[count, columns], 1), ids(count, vocab_size));
            let (mut expected, rows) = (vec![0.0f32; vocab_size * columns], dy.to_f32());
            for (position, id) in ids.to_i32().into_iter().enumerate() {
                for column in 0..columns {
                    expected[id as usize * columns + column] += rows[position * columns + column];
                }
            }
            let run = Run::new("EmbeddingGradient").input(&dy).input(&ids).output(Float32, &[vocab_size, columns]);
            run.everywhere(|isa, d| assert!(d[0].to_f32() == expected, "{isa}: {count} of {vocab_size}x{columns}"));
        }
    }

    #[test]
    fn an_id_outside_of_the_table_is_an_error_that_names_it() {
        let weight = Array::random(&[5, 2], 1);
        for wrong in [5, -1, i32::MIN] {
            let ids = Array::i32(&[2, 2], &[0, 4, wrong, 7]);
            let message = Run::new("Embedding").input(&weight).input(&ids).output(Float32, &[2, 2, 2]).fails();
            assert_eq!(message, format!("expected ids of 0 .. 4, got {wrong} at position 2"));
            let dy = Array::random(&[2, 2, 2], 1);
            let message = Run::new("EmbeddingGradient").input(&dy).input(&ids).output(Float32, &[5, 2]).fails();
            assert_eq!(message, format!("expected ids of 0 .. 4, got {wrong} at position 2"));
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let (weight, ids) = (Array::random(&[5, 2], 1), Array::i32(&[3], &[0, 1, 2]));
        assert!(Run::new("Embedding").input(&weight).input(&ids).output(Float32, &[3, 3]).fails().contains("rows of 2"));
        assert!(Run::new("Embedding").input(&weight).input(&weight).output(Float32, &[5, 2, 2]).fails().contains("Int32"));
        let dy = Array::random(&[3, 2], 1);
        assert!(Run::new("EmbeddingGradient").input(&dy).input(&ids).output(Float32, &[5, 3]).fails().contains("rows of 3"));
        assert!(Run::new("EmbeddingGradient").input(&dy).input(&ids).output(Float32, &[10]).fails().contains("[V, C]"));
    }
}
