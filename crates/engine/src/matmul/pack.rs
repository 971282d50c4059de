//! Packing: panels of an operand copied so that a tile reads them from front to back, for each word of K the lines side by side.

use super::Activation;
use super::arithmetic::{Arithmetic, AsItIs, Reading};
use super::blocking::Panels;
use crate::simd::{MAX_LANES, Simd};
use std::ops::Range;

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
    /// Applied to the elements on the way.
    pub activation: Activation,
}

/// SAFETY: the source has what the panels take, `to` has room for it.
#[inline(always)]
pub unsafe fn pack<S: Simd, A: Arithmetic<S>>(pack: &Pack) {
    // SAFETY: by the contract of the function.
    unsafe {
        match (pack.k_stride == 1, pack.activation) {
            (true, Activation::None) => pack_along::<S, A>(pack, AsItIs),
            (false, Activation::None) => pack_across::<S, A>(pack, AsItIs),
            (true, activation) => pack_along::<S, A>(pack, activation),
            (false, activation) => pack_across::<S, A>(pack, activation),
        }
    }
}

/// Lines that lie along K: squares are transposed on the way.
#[inline(always)]
unsafe fn pack_along<S: Simd, A: Arithmetic<S>>(pack: &Pack, reading: impl Reading<S>) {
    let Pack { source, line_stride, k, panels, first, last, .. } = *pack;
    let words = A::words(k);
    for panel in first..last {
        let (start, width) = (panels.start(panel), panels.width(panel));
        // SAFETY: in the order of `Pack`; lines that are not there repeat the last one.
        unsafe {
            let to = pack.to.add(panels.span(first, panel) * words);
            let end = width * words;
            for word in (0..words).step_by(S::LANES) {
                let (value, count) = (word * A::VALUES, S::LANES.min(words - word));
                // The last group first: where it is not full, its stores reach into the next word's first, which comes later.
                for group in (0..width).step_by(S::LANES).rev() {
                    let lanes = S::LANES.min(width - group);
                    let mut rows = [S::splat(0.0); MAX_LANES];
                    for (i, row) in rows.iter_mut().enumerate().take(S::LANES) {
                        let line = (start + group + i.min(lanes - 1)).min(panels.lines - 1);
                        *row = A::along(source.add(line * line_stride + value), k - value, reading);
                    }
                    S::transpose(&mut rows);
                    let at = word * width + group;
                    if count == S::LANES && at + (S::LANES - 1) * width + S::LANES <= end {
                        for (i, row) in rows.iter().enumerate().take(S::LANES) {
                            S::store(to.add(at + i * width), *row);
                        }
                    } else {
                        for (i, row) in rows.iter().enumerate().take(count) {
                            S::store_first(to.add(at + i * width), *row, lanes);
                        }
                    }
                }
            }
        }
    }
}

/// Lines that lie side by side: rows are copied.
#[inline(always)]
unsafe fn pack_across<S: Simd, A: Arithmetic<S>>(pack: &Pack, reading: impl Reading<S>) {
    let words = A::words(pack.k);
    for chunk in (0..words).step_by(STRIDE) {
        let chunk_end = words.min(chunk + STRIDE);
        for panel in pack.first..pack.last {
            let width = pack.panels.width(panel);
            let reach = width.next_multiple_of(S::LANES);
            // Whole vectors may reach into the next word, but not behind the panel.
            let last = (((words + 1) * width).saturating_sub(reach) / width).clamp(chunk, chunk_end);
            // SAFETY: by the contract of `pack`.
            unsafe {
                if pack.panels.lines - pack.panels.start(panel) < reach {
                    copy_words::<S, A, 0>(pack, panel, chunk..chunk_end, reading);
                } else if width <= S::LANES {
                    copy_words::<S, A, 1>(pack, panel, chunk..last, reading);
                    copy_words::<S, A, 0>(pack, panel, last..chunk_end, reading);
                } else if width <= 2 * S::LANES {
                    copy_words::<S, A, 2>(pack, panel, chunk..last, reading);
                    copy_words::<S, A, 0>(pack, panel, last..chunk_end, reading);
                } else {
                    copy_words::<S, A, 3>(pack, panel, chunk..last, reading);
                    copy_words::<S, A, 0>(pack, panel, last..chunk_end, reading);
                }
            }
        }
    }
}

/// Some words of a panel in `GROUPS` whole vectors, the last of which may reach into the next word; none of it if `GROUPS` is 0.
#[inline(always)]
unsafe fn copy_words<S: Simd, A: Arithmetic<S>, const GROUPS: usize>(
    pack: &Pack,
    panel: usize,
    words: Range<usize>,
    reading: impl Reading<S>,
) {
    let Pack { source, k_stride, k, panels, .. } = *pack;
    let (start, width) = (panels.start(panel), panels.width(panel));
    // SAFETY: in the order of `Pack`.
    unsafe {
        let from = source.add(start);
        let to = pack.to.add(panels.span(pack.first, panel) * A::words(k));
        for word in words {
            let to = to.add(word * width);
            for group in 0..GROUPS {
                let x = A::across(from.add(group * S::LANES), k_stride, k, word, S::LANES, reading);
                S::store(to.add(group * S::LANES), x);
            }
            if GROUPS > 0 {
                continue;
            }
            for group in (0..width).step_by(S::LANES) {
                // Of lines that are not there nothing is read; a vector of zeros stands for them.
                let there = (panels.lines - start).saturating_sub(group);
                let x = if there > 0 { A::across(from.add(group), k_stride, k, word, there, reading) } else { S::splat(0.0) };
                let lanes = S::LANES.min(width - group);
                if lanes == S::LANES { S::store(to.add(group), x) } else { S::store_first(to.add(group), x, lanes) }
            }
        }
    }
}
