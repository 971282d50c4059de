//! Products of small tiles that lie in the first two caches, and the packing of their operands.

use super::problem::Heads;
use crate::simd::{MAX_LANES, Simd};
use std::cell::Cell;

/// Rows of every tile are padded to a multiple of this.
pub const ROW_PADDING: usize = 8;

/// Elements that every row of scratch memory is padded to: a cache line, and the widest vector.
pub const COLUMN_PADDING: usize = 16;

/// Elements of a cache line.
const CACHE_LINE: usize = 16;

/// Elements that a block of a product brings near: 32 lines.
const AHEAD_ELEMENTS: usize = 32 * CACHE_LINE;

/// Lane numbers.
pub const LANE_NUMBERS: [f32; 16] = [0., 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12., 13., 14., 15.];

/// Rows that a product holds in registers: with two vectors of columns sixteen sums of thirty-two registers, or eight of sixteen.
pub const fn block_rows<S: Simd>() -> usize {
    if S::LANES == 16 { 8 } else { 4 }
}

/// Columns of a panel: two vectors.
pub const fn panel<S: Simd>() -> usize {
    2 * S::LANES
}

/// Where the sums of a product begin and end.
pub trait Target<S: Simd>: Copy {
    /// What the products of this row, and of the `LANES` columns from this one on, are added to.
    unsafe fn start(self, row: usize, column: usize) -> S::F;
    /// Takes the sums.
    unsafe fn store(self, row: usize, column: usize, sum: S::F);
}

/// Sums that are stored, or added to what is there.
#[derive(Clone, Copy)]
pub struct Sum {
    /// Element `(0, 0)`.
    pub to: *mut f32,
    /// Elements from a row to the next.
    pub stride: usize,
    /// Whether to add.
    pub add: bool,
}

impl<S: Simd> Target<S> for Sum {
    #[inline(always)]
    unsafe fn start(self, row: usize, column: usize) -> S::F {
        // SAFETY: by the contract of `multiply`.
        unsafe { if self.add { S::load(self.to.add(row * self.stride + column)) } else { S::splat(0.0) } }
    }

    #[inline(always)]
    unsafe fn store(self, row: usize, column: usize, sum: S::F) {
        // SAFETY: by the contract of `multiply`.
        unsafe { S::store(self.to.add(row * self.stride + column), sum) }
    }
}

/// Left operand: element `(i, p)` at `i * stride + p`, or at `p * stride + i` if it is read as its transpose.
#[derive(Clone, Copy)]
pub struct Left {
    /// First element.
    pub data: *const f32,
    /// Elements from a row to the next.
    pub stride: usize,
}

/// Right operand, in panels: element `(p, j)` of a panel at `p * stride + j`.
#[derive(Clone, Copy)]
pub struct Right {
    /// First element.
    pub data: *const f32,
    /// Elements from a row to the next.
    pub stride: usize,
    /// Elements from a panel to the next.
    pub panel_stride: usize,
}

impl Right {
    /// What `pack_transposed` made of rows of `depth` elements, from the panel of row `first` on.
    pub fn panels<S: Simd>(data: *const f32, depth: usize, first: usize) -> Right {
        debug_assert!(first.is_multiple_of(panel::<S>()));
        Right { data: data.wrapping_add(first * depth), stride: panel::<S>(), panel_stride: panel::<S>() * depth }
    }

    /// Rows one after another.
    pub fn rows<S: Simd>(data: *const f32, stride: usize) -> Right {
        Right { data, stride, panel_stride: panel::<S>() }
    }
}

/// Vectors that will be wanted soon. Each block of a product brings some of them near, so that memory works while the processor multiplies.
/// What was asked for last comes first.
pub struct Ahead {
    columns: usize,
    wanted: [Cell<Wanted>; 8],
    count: Cell<usize>,
}

#[derive(Clone, Copy)]
struct Wanted {
    data: *const f32,
    stride: usize,
    count: usize,
}

impl Ahead {
    /// Of vectors of that many elements.
    pub fn new(columns: usize) -> Ahead {
        let nothing = Wanted { data: std::ptr::null(), stride: 0, count: 0 };
        Ahead { columns, wanted: std::array::from_fn(|_| Cell::new(nothing)), count: Cell::new(0) }
    }

    /// Asks for `count` vectors of one head from a position on. With too many wishes at a time new ones are forgotten.
    #[inline(always)]
    pub fn want(&self, heads: &Heads, batch: usize, head: usize, time: usize, count: usize) {
        if let Some(wanted) = self.wanted.get(self.count.get()) {
            wanted.set(Wanted { data: heads.at(batch, head, time), stride: heads.time, count });
            self.count.set(self.count.get() + 1);
        }
    }

    /// Brings some of the last wish.
    #[inline(always)]
    unsafe fn bring<S: Simd>(&self) {
        let Some(last) = self.count.get().checked_sub(1) else { return };
        let Wanted { data, stride, count } = self.wanted[last].get();
        let now = count.min((AHEAD_ELEMENTS / self.columns.max(1)).max(1));
        for row in 0..now {
            for column in (0..self.columns).step_by(CACHE_LINE) {
                // SAFETY: a prefetch of any address is allowed.
                unsafe { S::prefetch_second(data.wrapping_add(row * stride + column)) };
            }
        }
        self.wanted[last].set(Wanted { data: data.wrapping_add(now * stride), stride, count: count - now });
        if now == count {
            self.count.set(last);
        }
    }
}

/// `rows` rows of the product of `left` and `right`. The block of rows that begins at `row` needs the first `width(row)` columns and sums over
/// `depth(row)`; `rows` is padded, columns are computed by whole vectors.
///
/// SAFETY: operands and target are good for that.
#[inline(always)]
pub unsafe fn multiply<S: Simd, const TRANSPOSED: bool>(
    rows: usize,
    left: Left,
    right: Right,
    width: impl Fn(usize, usize) -> usize,
    depth: impl Fn(usize, usize) -> (usize, usize),
    target: impl Target<S>,
    ahead: &Ahead,
) {
    let block = block_rows::<S>();
    let columns = (0..rows).step_by(block).map(|row| width(row, row + block)).max().unwrap_or(0);
    for column in (0..columns).step_by(panel::<S>()) {
        let panel_data = right.data.wrapping_add(column / panel::<S>() * right.panel_stride);
        for row in (0..rows).step_by(block) {
            let width = width(row, row + block).saturating_sub(column);
            if width == 0 {
                continue;
            }
            let (from, to) = depth(row, row + block);
            let (a, b) = if TRANSPOSED {
                (left.data.wrapping_add(from * left.stride + row), panel_data.wrapping_add(from * right.stride))
            } else {
                (left.data.wrapping_add(row * left.stride + from), panel_data.wrapping_add(from * right.stride))
            };
            let depth = to.saturating_sub(from);
            // SAFETY: by the contract of the function.
            unsafe {
                ahead.bring::<S>();
                match (S::LANES == 16, width > S::LANES) {
                    (true, true) => product::<S, 8, 2, TRANSPOSED>(depth, a, left.stride, b, right.stride, row, column, target),
                    (true, false) => product::<S, 8, 1, TRANSPOSED>(depth, a, left.stride, b, right.stride, row, column, target),
                    (false, true) => product::<S, 4, 2, TRANSPOSED>(depth, a, left.stride, b, right.stride, row, column, target),
                    (false, false) => product::<S, 4, 1, TRANSPOSED>(depth, a, left.stride, b, right.stride, row, column, target),
                }
            }
        }
    }
}

/// One block of rows by one or two vectors of columns, its sums in registers.
#[inline(always)]
unsafe fn product<S: Simd, const ROWS: usize, const VECTORS: usize, const TRANSPOSED: bool>(
    depth: usize,
    a: *const f32,
    a_stride: usize,
    b: *const f32,
    b_stride: usize,
    row: usize,
    column: usize,
    target: impl Target<S>,
) {
    // SAFETY: by the contract of `multiply`.
    unsafe {
        let mut sums = [[S::splat(0.0); VECTORS]; ROWS];
        for (i, sums) in sums.iter_mut().enumerate() {
            for (j, sum) in sums.iter_mut().enumerate() {
                *sum = target.start(row + i, column + j * S::LANES);
            }
        }
        for p in 0..depth {
            let mut vectors = [S::splat(0.0); VECTORS];
            for (j, vector) in vectors.iter_mut().enumerate() {
                *vector = S::load(b.add(p * b_stride + j * S::LANES));
            }
            for (i, sums) in sums.iter_mut().enumerate() {
                let x = S::splat(*if TRANSPOSED { a.add(p * a_stride + i) } else { a.add(i * a_stride + p) });
                for (sum, &vector) in sums.iter_mut().zip(&vectors) {
                    *sum = S::mul_add(x, vector, *sum);
                }
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            for (j, &sum) in sums.iter().enumerate() {
                target.store(row + i, column + j * S::LANES, sum);
            }
        }
    }
}

/// Copies `rows` rows of `columns` elements, times `factor`, to rows of `to_stride` elements, which are filled up with zeros.
///
/// SAFETY: `from` and `to` are good for that.
#[inline(always)]
pub unsafe fn pack_rows<S: Simd>(
    from: *const f32,
    from_stride: usize,
    rows: usize,
    columns: usize,
    factor: f32,
    to: *mut f32,
    to_stride: usize,
) {
    // SAFETY: by the contract of the function.
    unsafe {
        let factor = S::splat(factor);
        for row in 0..rows {
            let (from, to) = (from.add(row * from_stride), to.add(row * to_stride));
            for column in (0..to_stride).step_by(S::LANES) {
                let x = match columns.saturating_sub(column) {
                    0 => S::splat(0.0),
                    rest if rest >= S::LANES => S::load(from.add(column)),
                    rest => S::load_first(from.add(column), rest),
                };
                S::store(to.add(column), S::mul(x, factor));
            }
        }
    }
}

/// Packs `rows` rows of `columns` elements as panels of their transpose, `[rows / panel][columns][panel]`; the last is filled up with zeros.
///
/// SAFETY: `from` and `to` are good for that.
#[inline(always)]
pub unsafe fn pack_transposed<S: Simd>(from: *const f32, from_stride: usize, rows: usize, columns: usize, to: *mut f32) {
    let panel = panel::<S>();
    let lanes = S::LANES;
    for row in (0..rows.next_multiple_of(panel)).step_by(lanes) {
        let to = to.wrapping_add(row / panel * panel * columns + row % panel);
        let rows = rows.saturating_sub(row).min(lanes);
        for column in (0..columns).step_by(lanes) {
            let columns = (columns - column).min(lanes);
            // SAFETY: by the contract of the function.
            unsafe {
                let (from, to) = (from.wrapping_add(row * from_stride + column), to.wrapping_add(column * panel));
                let mut square = [S::splat(0.0); MAX_LANES];
                if rows == lanes && columns == lanes {
                    for (i, vector) in square[..lanes].iter_mut().enumerate() {
                        *vector = S::load(from.add(i * from_stride));
                    }
                } else {
                    for (i, vector) in square[..rows].iter_mut().enumerate() {
                        *vector = S::load_first(from.add(i * from_stride), columns);
                    }
                }
                S::transpose(&mut square);
                for (j, &vector) in square[..columns].iter().enumerate() {
                    S::store(to.add(j * panel), vector);
                }
            }
        }
    }
}

/// Hands out scratch memory piece by piece. On a null pointer it only counts.
pub struct Pieces {
    next: *mut f32,
    /// Elements handed out so far.
    pub elements: usize,
}

impl Pieces {
    /// From there on.
    pub fn new(start: *mut f32) -> Pieces {
        Pieces { next: start, elements: 0 }
    }

    /// The next piece, aligned to a cache line.
    pub fn take(&mut self, elements: usize) -> *mut f32 {
        let elements = elements.next_multiple_of(COLUMN_PADDING);
        let piece = self.next;
        self.next = piece.wrapping_add(elements);
        self.elements += elements;
        piece
    }
}
