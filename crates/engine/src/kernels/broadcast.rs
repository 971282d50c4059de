//! Broadcasting: how the operands of an elementwise operation are walked in the order of its result.

use crate::call::MAX_RANK;
use crate::ensure;
use crate::error::Result;
use std::ops::Range;

/// Rows shorter than this are worth repeating (see `Broadcast::repeat`).
const SHORT_ROW: usize = 256;

/// A dimension of the result: its size, and how far each operand moves along it (0 where it is repeated).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis<const N: usize> {
    /// Elements.
    pub size: usize,
    /// Of each operand.
    pub strides: [usize; N],
}

/// A piece of the walk: rows of the result, one behind the other, and where each operand is for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<const N: usize> {
    /// First element in the result.
    pub start: usize,
    /// First element in each operand.
    pub offsets: [usize; N],
    /// How far each operand moves from a row to the next.
    pub row_strides: [usize; N],
    /// Number of rows.
    pub rows: usize,
    /// Elements of a row.
    pub columns: usize,
}

/// The walk over a result whose dimensions have been merged as far as all operands allow.
#[derive(Clone, Debug)]
pub struct Broadcast<const N: usize> {
    /// Outermost first.
    outer: Vec<Axis<N>>,
    /// Along it, each operand moves by 1 or stays.
    inner: Axis<N>,
}

impl<const N: usize> Broadcast<N> {
    /// Of operands with these sizes to those of the result, aligned at the last dimension.
    pub fn new(result: &[usize], operands: [&[usize]; N]) -> Result<Broadcast<N>> {
        for dims in operands {
            let fits = dims.len() <= result.len() && dims.iter().rev().zip(result.iter().rev()).all(|(&dim, &to)| dim == to || dim == 1);
            ensure!(fits, "expected shapes that can be broadcast to {result:?}, got {dims:?}");
        }
        let mut axes: Vec<Axis<N>> = Vec::with_capacity(MAX_RANK);
        let mut strides = [1; N];
        for (from_end, &size) in result.iter().rev().enumerate() {
            let mut axis = Axis { size, strides: [0; N] };
            for (operand, dims) in operands.iter().enumerate() {
                if from_end < dims.len() && dims[dims.len() - 1 - from_end] != 1 {
                    axis.strides[operand] = strides[operand];
                    strides[operand] *= size;
                }
            }
            match axes.last_mut() {
                _ if size == 1 => {}
                Some(last) if (0..N).all(|operand| axis.strides[operand] == last.strides[operand] * last.size) => last.size *= size,
                _ => axes.push(axis),
            }
        }
        axes.reverse();
        let inner = axes.pop().unwrap_or(Axis { size: 1, strides: [1; N] });
        Ok(Broadcast { outer: axes, inner })
    }

    /// How far each operand moves along a row: 1 or 0.
    pub fn steps(&self) -> [usize; N] {
        self.inner.strides
    }

    /// If the result is rows of which operand `index` repeats one short row: makes the walk one over longer rows, and says how long they
    /// are. The caller then gives that operand as its row repeated to this length.
    pub fn repeat(&mut self, index: usize) -> Option<usize> {
        let row = self.inner.size;
        let [outer] = &mut self.outer[..] else { return None };
        if row >= SHORT_ROW || outer.strides[index] != 0 || self.inner.strides != [1; N] {
            return None;
        }
        // A result may be larger than what all operands together come to.
        if (0..N).any(|operand| operand != index && outer.strides[operand] == 0) {
            return None;
        }
        let times = (2 * SHORT_ROW / row).min(outer.size);
        // The last row may be a part of one: a walk ends where its range does.
        outer.size = outer.size.div_ceil(times);
        for operand in 0..N {
            outer.strides[operand] *= times;
        }
        self.inner.size *= times;
        Some(self.inner.size)
    }

    /// Calls `visit` for the pieces of a range of the result.
    pub fn walk(&self, range: Range<usize>, mut visit: impl FnMut(Piece<N>)) {
        let row_size = self.inner.size;
        let mut start = range.start;
        while start < range.end {
            let (mut row, column) = (start / row_size, start % row_size);
            let mut offsets = [0; N];
            let mut rows_left = 1;
            let mut row_strides = [0; N];
            for (depth, axis) in self.outer.iter().rev().enumerate() {
                let index = row % axis.size;
                row /= axis.size;
                if depth == 0 {
                    (rows_left, row_strides) = (axis.size - index, axis.strides);
                }
                offsets.iter_mut().zip(axis.strides).for_each(|(offset, stride)| *offset += index * stride);
            }
            offsets.iter_mut().zip(self.inner.strides).for_each(|(offset, step)| *offset += column * step);
            let left = range.end - start;
            let (rows, columns) =
                if column > 0 || left < row_size { (1, left.min(row_size - column)) } else { (rows_left.min(left / row_size), row_size) };
            visit(Piece { start, offsets, row_strides, rows, columns });
            start += rows * columns;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    /// The plain definition: index of the operand's element for one of the result.
    fn index(result: &[usize], dims: &[usize], mut position: usize) -> usize {
        let (mut index, mut stride) = (0, 1);
        for (from_end, &size) in result.iter().rev().enumerate() {
            let coordinate = position % size;
            position /= size;
            if from_end < dims.len() {
                let dim = dims[dims.len() - 1 - from_end];
                index += if dim == 1 { 0 } else { coordinate * stride };
                stride *= dim;
            }
        }
        index
    }

    #[test]
    fn every_element_is_visited_once_and_finds_its_operands() {
        let mut random = Random::new(1);
        for _ in 0..500 {
            let rank = random.below(6);
            let result: Vec<usize> = (0..rank).map(|_| [1, 1, 2, 3, 5][random.below(5)]).collect();
            let mut operand = || {
                let dims: Vec<usize> = result.iter().map(|&dim| if random.below(3) == 0 { 1 } else { dim }).collect();
                let dropped = random.below(dims.iter().take_while(|&&dim| dim == 1).count() + 1);
                dims[dropped..].to_vec()
            };
            let operands = [operand(), operand()];
            let size: usize = result.iter().product();
            let walk = Broadcast::new(&result, [&operands[0], &operands[1]]).unwrap();
            let middle = random.below(size + 1);
            let mut seen = 0;
            for range in [0..middle, middle..size] {
                walk.walk(range, |piece| {
                    for row in 0..piece.rows {
                        for column in 0..piece.columns {
                            assert_eq!(piece.start + row * piece.columns + column, seen);
                            for (operand, dims) in operands.iter().enumerate() {
                                let at = piece.offsets[operand] + row * piece.row_strides[operand] + column * walk.steps()[operand];
                                assert_eq!(at, index(&result, dims, seen), "{result:?} {dims:?} {seen}");
                            }
                            seen += 1;
                        }
                    }
                });
            }
            assert_eq!(seen, size);
        }
    }

    #[test]
    fn a_row_is_repeated_only_under_operands_that_move() {
        let repeats = |a: &[usize], b: &[usize]| Broadcast::new(&[3, 4], [a, b]).unwrap().repeat(0);
        assert_eq!(repeats(&[4], &[3, 4]), Some(12));
        assert_eq!(repeats(&[4], &[4]), None);
        assert_eq!(repeats(&[3, 4], &[4]), None);
    }

    #[test]
    fn dimensions_merge_where_all_operands_allow_it() {
        let of = |result: &[usize], a: &[usize], b: &[usize]| {
            let walk = Broadcast::new(result, [a, b]).unwrap();
            (walk.outer.len(), walk.inner)
        };
        assert_eq!(of(&[2, 3, 4], &[2, 3, 4], &[2, 3, 4]), (0, Axis { size: 24, strides: [1, 1] }));
        assert_eq!(of(&[2, 3, 4], &[2, 3, 4], &[]), (0, Axis { size: 24, strides: [1, 0] }));
        assert_eq!(of(&[2, 3, 4], &[2, 3, 4], &[4]), (1, Axis { size: 4, strides: [1, 1] }));
        assert_eq!(of(&[2, 3, 4], &[2, 3, 4], &[1, 3, 4]), (1, Axis { size: 12, strides: [1, 1] }));
        assert_eq!(of(&[2, 3, 4], &[2, 1, 1], &[2, 3, 4]), (1, Axis { size: 12, strides: [0, 1] }));
        assert_eq!(of(&[1, 1], &[1], &[]), (0, Axis { size: 1, strides: [1, 1] }));
        assert!(Broadcast::new(&[2, 3], [&[2]]).is_err());
        assert!(Broadcast::new(&[2], [&[1, 2]]).is_err());
    }
}
