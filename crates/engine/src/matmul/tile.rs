//! The innermost part of a product: a tile of sums in registers, fed by a panel of each operand.

#[cfg(target_arch = "x86_64")]
use super::arithmetic::Bfloat16Pairs;
use super::arithmetic::{Arithmetic, Float32, Rounded};
use super::pack::{Pack, pack};
use crate::isa::Isa;
#[cfg(target_arch = "x86_64")]
use crate::isa::has_bfloat16_dot_products;
use crate::simd::{Portable, Simd};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Computes a tile: `k` words of a packed panel of rows times a packed panel of columns, to `c` or added to it. `columns` of the tile
/// are stored.
pub type Tile = unsafe fn(k: usize, a: *const f32, b: *const f32, c: *mut f32, c_stride: usize, columns: usize, accumulate: bool);

/// What an instruction set brings for one kind of arithmetic.
pub struct TileSet {
    /// Most rows of a tile.
    pub rows: usize,
    /// Most columns of a tile.
    pub columns: usize,
    /// Columns of a vector.
    pub lanes: usize,
    /// Words that `k` values take.
    pub words: fn(usize) -> usize,
    /// Packs panels.
    pub pack: unsafe fn(&Pack),
    /// By rows and vectors of columns, each from 1.
    pub tiles: &'static [[Tile; 2]],
}

// Plain counted loops: the compiler unrolls them and keeps the sums in registers.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
unsafe fn tile<S: Simd, A: Arithmetic<S>, const ROWS: usize, const VECTORS: usize>(
    k: usize,
    a: *const f32,
    b: *const f32,
    c: *mut f32,
    c_stride: usize,
    columns: usize,
    accumulate: bool,
) {
    // SAFETY: by the contract of `Tile`.
    unsafe {
        let mut sums = [[S::splat(0.0); VECTORS]; ROWS];
        let (mut a, mut b) = (a, b);
        // The result comes near while the first words are multiplied, a row at a time: all at once they would hold up the operands.
        let first = k.min(ROWS);
        for p in 0..first {
            S::prefetch(c.wrapping_add(p * c_stride));
            S::prefetch(c.wrapping_add(p * c_stride + VECTORS * S::LANES - 1));
            add_word::<S, A, ROWS, VECTORS>(&mut a, &mut b, &mut sums);
        }
        for _ in first..k {
            add_word::<S, A, ROWS, VECTORS>(&mut a, &mut b, &mut sums);
        }
        for i in 0..ROWS {
            for v in 0..VECTORS {
                let to = c.wrapping_add(i * c_stride + v * S::LANES);
                if columns >= (v + 1) * S::LANES {
                    S::store(to, if accumulate { S::add(S::load(to), sums[i][v]) } else { sums[i][v] });
                } else if columns > v * S::LANES {
                    let count = columns - v * S::LANES;
                    S::store_first(to, if accumulate { S::add(S::load_first(to, count), sums[i][v]) } else { sums[i][v] }, count);
                }
            }
        }
    }
}

/// Adds the products of one word of K, and goes on to the next.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
unsafe fn add_word<S: Simd, A: Arithmetic<S>, const ROWS: usize, const VECTORS: usize>(
    a: &mut *const f32,
    b: &mut *const f32,
    sums: &mut [[S::F; VECTORS]; ROWS],
) {
    // SAFETY: by the contract of `Tile`.
    unsafe {
        let mut column = [S::splat(0.0); VECTORS];
        for v in 0..VECTORS {
            column[v] = S::load(b.add(v * S::LANES));
        }
        for i in 0..ROWS {
            let row = A::broadcast(a.add(i));
            for v in 0..VECTORS {
                sums[i][v] = A::multiply_add(row, column[v], sums[i][v]);
            }
        }
        *a = a.add(ROWS);
        *b = b.add(VECTORS * S::LANES);
    }
}

/// A module with the `TileSet` of vectors, arithmetic, rows and instructions.
macro_rules! tile_set {
    ($module:ident, $simd:ty, $arithmetic:ty, $most:literal, [$($rows:literal)*] $(, $feature:literal)?) => {
        mod $module {
            use super::*;

            $(#[target_feature(enable = $feature)])?
            unsafe fn compute<const ROWS: usize, const VECTORS: usize>(
                k: usize, a: *const f32, b: *const f32, c: *mut f32, c_stride: usize, columns: usize, accumulate: bool,
            ) {
                // SAFETY: by the contract of `Tile`.
                unsafe { tile::<$simd, $arithmetic, ROWS, VECTORS>(k, a, b, c, c_stride, columns, accumulate) }
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn pack_panels(panels: &Pack) {
                // SAFETY: by the contract of `pack`.
                unsafe { pack::<$simd, $arithmetic>(panels) }
            }

            pub static SET: TileSet = TileSet {
                rows: $most,
                columns: 2 * <$simd as Simd>::LANES,
                lanes: <$simd as Simd>::LANES,
                words: <$arithmetic as Arithmetic<$simd>>::words,
                pack: pack_panels,
                tiles: &[$([compute::<$rows, 1>, compute::<$rows, 2>]),*],
            };
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod wide {
    pub use crate::simd::{Avx2, Avx512};
}
#[cfg(target_arch = "x86_64")]
use wide::*;

/// The sets of one kind of arithmetic.
macro_rules! tile_sets {
    ($avx512:ident, $avx2:ident, $portable:ident, $arithmetic:ty) => {
        #[cfg(target_arch = "x86_64")]
        tile_set!($avx512, Avx512, $arithmetic, 14, [1 2 3 4 5 6 7 8 9 10 11 12 13 14], "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma");
        #[cfg(target_arch = "x86_64")]
        tile_set!($avx2, Avx2, $arithmetic, 6, [1 2 3 4 5 6], "avx2,fma");
        // SSE2 has 16 registers, NEON 32.
        #[cfg(not(target_arch = "aarch64"))]
        tile_set!($portable, Portable, $arithmetic, 6, [1 2 3 4 5 6]);
        #[cfg(target_arch = "aarch64")]
        tile_set!($portable, Portable, $arithmetic, 12, [1 2 3 4 5 6 7 8 9 10 11 12]);
    };
}

tile_sets!(avx512, avx2, portable, Float32);
tile_sets!(rounded_avx512, rounded_avx2, rounded_portable, Rounded);
#[cfg(target_arch = "x86_64")]
tile_set!(
    pairs_avx512, Avx512, Bfloat16Pairs, 14, [1 2 3 4 5 6 7 8 9 10 11 12 13 14],
    "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma"
);

impl TileSet {
    /// For float32 operands.
    pub fn float32(isa: Isa) -> &'static TileSet {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => &avx512::SET,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => &avx2::SET,
            _ => &portable::SET,
        }
    }

    /// For operands rounded to bfloat16 and multiplied as float32.
    pub fn rounded(isa: Isa) -> &'static TileSet {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => &rounded_avx512::SET,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => &rounded_avx2::SET,
            _ => &rounded_portable::SET,
        }
    }

    /// For pairs of bfloat16, where there are instructions for their dot products.
    pub fn pairs(isa: Isa) -> Option<&'static TileSet> {
        #[cfg(target_arch = "x86_64")]
        if isa == Isa::Avx512 && has_bfloat16_dot_products() {
            return Some(&pairs_avx512::SET);
        }
        let _ = isa;
        None
    }

    /// For bfloat16 operands: dot products of pairs where a measurement at first use finds them faster. Both give the same bits.
    pub fn bfloat16(isa: Isa) -> &'static TileSet {
        static PAIRS_ARE_FASTER: OnceLock<bool> = OnceLock::new();
        let rounded = TileSet::rounded(isa);
        let Some(pairs) = TileSet::pairs(isa) else { return rounded };
        let pairs_are_faster = PAIRS_ARE_FASTER.get_or_init(|| pairs.time_of_a_tile() < rounded.time_of_a_tile());
        if *pairs_are_faster { pairs } else { rounded }
    }

    /// Of the largest tile with operands in the cache, the shortest of many.
    fn time_of_a_tile(&self) -> Duration {
        const K: usize = 256;
        let operands = vec![0.0f32; K * (self.rows + self.columns)];
        let (a, b) = operands.split_at(K * self.rows);
        let mut c = vec![0.0f32; self.rows * self.columns];
        let tile = self.tiles[self.rows - 1][1];
        let once = || {
            let start = Instant::now();
            for _ in 0..8 {
                // SAFETY: the vectors hold the panels and the tile, and the set is one of this processor.
                unsafe { tile((self.words)(K), a.as_ptr(), b.as_ptr(), c.as_mut_ptr(), self.columns, self.columns, false) };
            }
            start.elapsed()
        };
        std::iter::repeat_with(once).take(32).min().unwrap_or_default()
    }
}
