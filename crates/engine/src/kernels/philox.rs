//! Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"), the draws of `@codex/random` bit
//! for bit: draw `i` of the stream with a key is word `i % 4` of the block whose counter is `i / 4`.

use crate::ensure;
use crate::error::Result;
use crate::simd::{Simd, rows};

// Of the paper's section 4.4.
const MULTIPLIERS: [u32; 2] = [0xd251_1f53, 0xcd9e_8d57];
const KEY_INCREMENTS: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];
const ROUNDS: u32 = 10;

/// Draws are numbered below 2^53, as JavaScript counts.
const DRAWS: f64 = 9_007_199_254_740_992.0;

/// Which elements dropout keeps, and their factor: element `i` belongs to draw `offset + i` of the stream with the key.
#[derive(Clone, Copy, Debug)]
pub struct DropoutMask {
    key: [u32; 2],
    offset: u64,
    /// A uniform is `k / 2^24`; it is below the rate where k is below this.
    threshold: i32,
    kept: f32,
}

impl DropoutMask {
    /// For `size` elements. One is dropped where its uniform is below `rate`; the others have the factor `1 / (1 - rate)`.
    pub fn new(key: [i32; 2], offset: f64, rate: f64, size: usize) -> Result<DropoutMask> {
        ensure!((0.0..1.0).contains(&rate), "expected a dropout rate in [0, 1), got {rate}");
        ensure!(
            offset >= 0.0 && offset.fract() == 0.0 && offset <= DRAWS - size as f64,
            "expected draws of 0 .. 2^53 - 1, got {size} from {offset} on"
        );
        let threshold = (rate * f64::from(1u32 << 24)).ceil() as i32;
        Ok(DropoutMask { key: key.map(|word| word as u32), offset: offset as u64, threshold, kept: (1.0 / (1.0 - rate)) as f32 })
    }

    /// The factors, 0 or `1 / (1 - rate)`, of elements `start .. start + factors.len()`. Costs one scalar block more where `offset + start` is
    /// not a multiple of 4.
    ///
    /// SAFETY: as `Simd`.
    #[inline(always)]
    pub unsafe fn factors<S: Simd>(&self, start: usize, factors: &mut [f32]) {
        // SAFETY: by the contract of the function; x is not read.
        unsafe { self.apply::<S, false>(start, factors.as_ptr(), factors) }
    }

    /// `y = x * factor` for elements `start .. start + y.len()`.
    ///
    /// SAFETY: as `Simd`; x and y have one length.
    #[inline(always)]
    pub unsafe fn multiply<S: Simd>(&self, start: usize, x: &[f32], y: &mut [f32]) {
        // SAFETY: by the contract of the function.
        unsafe { self.apply::<S, true>(start, x.as_ptr(), y) }
    }

    /// Stores the factors, or their products with x.
    #[inline(always)]
    unsafe fn apply<S: Simd, const MULTIPLY: bool>(&self, start: usize, x: *const f32, y: &mut [f32]) {
        let (to, length) = (y.as_mut_ptr(), y.len());
        let first = self.offset + start as u64;
        let mut next_block = first / 4;
        let mut at = 0;
        let skipped = (first % 4) as usize;
        // SAFETY: by the contract of the functions above; nothing reaches beyond the length.
        unsafe {
            if skipped > 0 {
                for (word, y) in block(self.key, next_block)[skipped..].iter().zip(y) {
                    let factor = if ((word >> 8) as i32) < self.threshold { 0.0 } else { self.kept };
                    *y = if MULTIPLY { *x.add(at) * factor } else { factor };
                    at += 1;
                }
                next_block += 1;
            }
            let (kept, zero, threshold) = (S::splat(self.kept), S::splat(0.0), S::splat_i(self.threshold));
            while at < length {
                for words in blocks::<S>(self.key, next_block) {
                    if at < length {
                        let count = S::LANES.min(length - at);
                        let factor = S::select(S::lt_i(S::shift_right::<8>(words), threshold), zero, kept);
                        let y = if MULTIPLY { S::mul(rows::load::<S>(x.add(at), count), factor) } else { factor };
                        rows::store::<S>(to.add(at), y, count);
                        at += count;
                    }
                }
                next_block += S::LANES as u64;
            }
        }
    }
}

/// The four words of a block.
#[inline(always)]
fn block(mut key: [u32; 2], counter: u64) -> [u32; 4] {
    let mut x = [counter as u32, (counter >> 32) as u32, 0, 0];
    for _ in 0..ROUNDS {
        let product0 = u64::from(x[0]) * u64::from(MULTIPLIERS[0]);
        let product1 = u64::from(x[2]) * u64::from(MULTIPLIERS[1]);
        x = [(product1 >> 32) as u32 ^ x[1] ^ key[0], product1 as u32, (product0 >> 32) as u32 ^ x[3] ^ key[1], product0 as u32];
        key = next_round_key(key);
    }
    x
}

#[inline(always)]
fn next_round_key(key: [u32; 2]) -> [u32; 2] {
    [key[0].wrapping_add(KEY_INCREMENTS[0]), key[1].wrapping_add(KEY_INCREMENTS[1])]
}

/// The words of the `LANES` blocks from `counter` on, in order: four vectors.
#[inline(always)]
unsafe fn blocks<S: Simd>(key: [u32; 2], counter: u64) -> [S::I; 4] {
    let groups = S::LANES as u64 / 4;
    // SAFETY: by the contract of `Simd`.
    unsafe {
        // A word stands in the lower half of 64 bits, where products have room; what comes to the upper half counts for nothing. Two halves
        // of the blocks are computed side by side. After they are put together, transposing the words within groups of four lanes leaves
        // the blocks of lanes 0, 4, 8 ... side by side, then those of lanes 1, 5, 9 ...: so these have neighbouring counters.
        let even = half_of_blocks::<S>(key, counter, 0);
        let odd = half_of_blocks::<S>(key, counter, groups);
        S::transpose_fours([
            S::merge_even(even[0], odd[0]),
            S::merge_even(even[1], odd[1]),
            S::merge_even(even[2], odd[2]),
            S::merge_even(even[3], odd[3]),
        ])
    }
}

/// In the even lanes the words of blocks `offset`, `offset + 2 G`, `offset + 1`, `offset + 2 G + 1`, ... from `counter` on, with G groups of four lanes.
#[inline(always)]
unsafe fn half_of_blocks<S: Simd>(key: [u32; 2], counter: u64, offset: u64) -> [S::I; 4] {
    const MOST_LANES: usize = 32;
    const { assert!(S::LANES <= MOST_LANES && S::LANES.is_multiple_of(4)) };
    let mut counters = [0u64; MOST_LANES / 2];
    for lane in 0..S::LANES / 2 {
        counters[lane] = counter + offset + (lane % 2 * (S::LANES / 2) + lane / 2) as u64;
    }
    // SAFETY: by the contract of `Simd`; the array holds a vector.
    unsafe {
        let low = S::load_i(counters.as_ptr().cast());
        let mut x = [low, S::odd_to_even(low), S::splat_i(0), S::splat_i(0)];
        let multipliers = [S::splat_i(MULTIPLIERS[0] as i32), S::splat_i(MULTIPLIERS[1] as i32)];
        let mut round_key = key;
        for _ in 0..ROUNDS {
            let keys = [S::splat_i(round_key[0] as i32), S::splat_i(round_key[1] as i32)];
            let product0 = S::mul_even(x[0], multipliers[0]);
            let product1 = S::mul_even(x[2], multipliers[1]);
            let high0 = S::odd_to_even(product0);
            let high1 = S::odd_to_even(product1);
            x = [S::xor_i(high1, S::xor_i(x[1], keys[0])), product1, S::xor_i(high0, S::xor_i(x[3], keys[1])), product0];
            round_key = next_round_key(round_key);
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
    use crate::simd_dispatch;

    /// Key of `createStream(42, "dropout")`, and its `uint32At(i)` from i = 4 (2^32 - 1) + 3 on.
    const KEY: [u32; 2] = [0xd0de_76af, 0x9d8e_5c45];
    const WORDS: [u32; 5] = [0x1f5d_dde9, 0xeaac_1f6a, 0xd2fb_3b21, 0xe5ce_fd30, 0xe626_ed9d];

    #[inline(always)]
    unsafe fn factors_of<S: Simd>(mask: &DropoutMask, start: usize, factors: &mut [f32]) {
        // SAFETY: by the contract of the caller.
        unsafe { mask.factors::<S>(start, factors) }
    }

    simd_dispatch! { unsafe fn factors(mask: &DropoutMask, start: usize, factors: &mut [f32]) = factors_of; }

    #[test]
    fn a_block_is_that_of_random123() {
        // The first "philox4x32 10" line of Random123's tests/kat_vectors; the others have words in the upper half of the counter.
        assert_eq!(block([0, 0], 0), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
    }

    #[test]
    fn draws_are_those_of_the_random_package() {
        assert_eq!(block(KEY, u64::from(u32::MAX))[3], WORDS[0]);
        assert_eq!(block(KEY, 1 << 32), WORDS[1..]);
    }

    #[test]
    fn a_mask_has_the_draws_of_its_elements_wherever_it_starts() {
        for isa in Isa::available() {
            for offset in [0u64, 1, 2, 3, 4 * 0xffff_fff9 + 2, (1 << 53) - 400] {
                for (start, length) in [(0, 0), (0, 1), (1, 3), (0, 15), (5, 64), (7, 65), (64, 200), (3, 129)] {
                    let mask = DropoutMask::new(KEY.map(|word| word as i32), offset as f64, 0.3, 300).unwrap();
                    let mut found = vec![f32::NAN; length];
                    // SAFETY: plain arguments.
                    unsafe { factors(isa, &mask, start, &mut found) };
                    for (i, factor) in found.into_iter().enumerate() {
                        let draw = offset + (start + i) as u64;
                        let uniform = f64::from(block(KEY, draw / 4)[(draw % 4) as usize] >> 8) / f64::from(1 << 24);
                        let expected = if uniform < 0.3 { 0.0 } else { (1.0 / 0.7) as f32 };
                        assert_eq!(factor, expected, "{isa} draw {draw}");
                    }
                }
            }
        }
    }

    #[test]
    fn rates_and_draws_out_of_range_are_errors() {
        for (offset, rate, size) in [(0.0, 1.0, 1), (0.0, -0.1, 1), (0.0, f64::NAN, 1), (-1.0, 0.5, 1), (0.5, 0.5, 1), (DRAWS, 0.5, 1)] {
            assert!(DropoutMask::new([0, 0], offset, rate, size).is_err(), "{offset} {rate} {size}");
        }
        assert!(DropoutMask::new([0, 0], DRAWS - 1.0, 0.5, 1).is_ok());
        assert!(DropoutMask::new([0, 0], f64::NAN, 0.5, 1).is_err());
    }
}
