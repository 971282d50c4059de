//! Packing: panels of an operand copied so that a tile reads them from front to back, for each word of K the lines side by side.

use super::arithmetic::Arithmetic;
use super::blocking::Panels;
use crate::simd::{MAX_LANES, Simd};

/// Bytes behind a packed operand that stores may touch.
pub const SLACK: usize = 64;

/// Words of K that are taken from a panel before going to the next: rows of memory are then read in long pieces.
const STRIDE: usize = 16;

/// Panels to pack. Element `(line, p)` lies at `source + line * line_stride + p * k_stride`; one of the strides is 1.
#[derive(Clone, Copy)]
pub struct Pack {
    /// Line 0 of all at the first of the `k` values.
    pub source: *const f32,
    /// Elements from a line to the next.
    pub line_stride: usize,
    /// Elements from a value of K to the next.
    pub k_stride: usize,
    /// Values of K.
    pub k: usize,
    /// The cut of the lines.
    pub panels: Panels,
    /// First panel to pack.
    pub first: usize,
    /// Behind the last one.
    pub last: usize,
    /// Where the first goes; the others follow.
    pub to: *mut f32,
}

/// SAFETY: the source has what the panels take, `to` has room for it.
#[inline(always)]
pub unsafe fn pack<S: Simd, A: Arithmetic<S>>(pack: &Pack) {
    // SAFETY: by the contract of the function.
    unsafe { if pack.k_stride == 1 { pack_along::<S, A>(pack) } else { pack_across::<S, A>(pack) } }
}

/// Lines that lie along K: squares are transposed on the way.
#[inline(always)]
unsafe fn pack_along<S: Simd, A: Arithmetic<S>>(pack: &Pack) {
    let Pack { source, line_stride, k, panels, first, last, .. } = *pack;
    let words = A::words(k);
    for panel in first..last {
        let (start, width) = (panels.start(panel), panels.width(panel));
        // SAFETY: in the order of `Pack`; lines that are not there repeat the last one, and a store reaches over the end of its row only where
        // the next store follows.
        unsafe {
            let to = pack.to.add(panels.span(first, panel) * words);
            let end = width * words;
            for group in (0..width).step_by(S::LANES) {
                let lanes = S::LANES.min(width - group);
                let line = |i: usize| source.add((start + group + i.min(lanes - 1)).min(panels.lines - 1) * line_stride);
                let mut word = 0;
                while word < words {
                    let (value, count) = (word * A::VALUES, S::LANES.min(words - word));
                    let mut rows = [S::splat(0.0); MAX_LANES];
                    for (i, row) in rows.iter_mut().enumerate().take(S::LANES) {
                        *row = A::along(line(i).add(value), k - value);
                    }
                    S::transpose(&mut rows);
                    let at = word * width + group;
                    if count == S::LANES && (lanes == S::LANES || width < S::LANES && at + (count - 1) * width + S::LANES <= end) {
                        for (i, row) in rows.iter().enumerate().take(S::LANES) {
                            S::store(to.add(at + i * width), *row);
                        }
                    } else {
                        for (i, row) in rows.iter().enumerate().take(count) {
                            S::store_first(to.add(at + i * width), *row, lanes);
                        }
                    }
                    word += S::LANES;
                }
            }
        }
    }
}

/// Lines that lie side by side: rows are copied.
#[inline(always)]
unsafe fn pack_across<S: Simd, A: Arithmetic<S>>(pack: &Pack) {
    let Pack { source, k_stride, k, panels, first, last, .. } = *pack;
    let words = A::words(k);
    for chunk in (0..words).step_by(STRIDE) {
        let chunk_end = words.min(chunk + STRIDE);
        for panel in first..last {
            let (start, width) = (panels.start(panel), panels.width(panel));
            let there = panels.lines - start;
            // SAFETY: in the order of `Pack`; a store reaches over the end of its row only where the next store follows.
            unsafe {
                let from = source.add(start);
                let to = pack.to.add(panels.span(first, panel) * words);
                if width == 2 * S::LANES && there >= width {
                    for word in chunk..chunk_end {
                        let left = A::across(from, k_stride, k, word, S::LANES);
                        let right = A::across(from.add(S::LANES), k_stride, k, word, S::LANES);
                        S::store(to.add(word * width), left);
                        S::store(to.add(word * width + S::LANES), right);
                    }
                    continue;
                }
                for word in chunk..chunk_end {
                    for group in (0..width).step_by(S::LANES) {
                        let lanes = S::LANES.min(width - group);
                        let at = word * width + group;
                        // Of lines that are not there nothing is read; a vector of zeros stands for them.
                        let x = if there > group { A::across(from.add(group), k_stride, k, word, there - group) } else { S::splat(0.0) };
                        if at + S::LANES <= width * words {
                            S::store(to.add(at), x);
                        } else {
                            S::store_first(to.add(at), x, lanes);
                        }
                    }
                }
            }
        }
    }
}
