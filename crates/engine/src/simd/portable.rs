//! What every processor of the platform has: four lanes as arrays, which the compiler turns into SSE2 or NEON.

use super::{MAX_LANES, Simd};

/// Arrays of four.
#[derive(Clone, Copy)]
pub struct Portable;

/// AArch64 has fused multiply-add on every processor; plain x86-64 has not, and calling the C library for it takes a hundred times as long.
#[inline(always)]
fn fused(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(target_arch = "aarch64") { a.mul_add(b, c) } else { a * b + c }
}

impl Simd for Portable {
    type F = [f32; 4];
    type I = [i32; 4];
    type M = [bool; 4];
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn splat(x: f32) -> [f32; 4] {
        [x; 4]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> [f32; 4] {
        // SAFETY: by the contract of the trait.
        unsafe { from.cast::<[f32; 4]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, x: [f32; 4]) {
        // SAFETY: by the contract of the trait.
        unsafe { to.cast::<[f32; 4]>().write_unaligned(x) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> [f32; 4] {
        // SAFETY: by the contract of the trait.
        std::array::from_fn(|lane| if lane < count { unsafe { *from.add(lane) } } else { 0.0 })
    }

    #[inline(always)]
    unsafe fn store_first(to: *mut f32, x: [f32; 4], count: usize) {
        for (lane, &value) in x.iter().enumerate().take(count) {
            // SAFETY: by the contract of the trait.
            unsafe { *to.add(lane) = value }
        }
    }

    #[inline(always)]
    unsafe fn add(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| a[lane] + b[lane])
    }

    #[inline(always)]
    unsafe fn sub(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| a[lane] - b[lane])
    }

    #[inline(always)]
    unsafe fn mul(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| a[lane] * b[lane])
    }

    #[inline(always)]
    unsafe fn div(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| a[lane] / b[lane])
    }

    #[inline(always)]
    unsafe fn mul_add(a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| fused(a[lane], b[lane], c[lane]))
    }

    #[inline(always)]
    unsafe fn neg_mul_add(a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| fused(-a[lane], b[lane], c[lane]))
    }

    #[inline(always)]
    unsafe fn max(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| if a[lane] > b[lane] { a[lane] } else { b[lane] })
    }

    #[inline(always)]
    unsafe fn min(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| if a[lane] < b[lane] { a[lane] } else { b[lane] })
    }

    #[inline(always)]
    unsafe fn sqrt(x: [f32; 4]) -> [f32; 4] {
        x.map(f32::sqrt)
    }

    #[inline(always)]
    unsafe fn abs(x: [f32; 4]) -> [f32; 4] {
        x.map(f32::abs)
    }

    #[inline(always)]
    unsafe fn lt(a: [f32; 4], b: [f32; 4]) -> [bool; 4] {
        std::array::from_fn(|lane| a[lane] < b[lane])
    }

    #[inline(always)]
    unsafe fn le(a: [f32; 4], b: [f32; 4]) -> [bool; 4] {
        std::array::from_fn(|lane| a[lane] <= b[lane])
    }

    #[inline(always)]
    unsafe fn eq(a: [f32; 4], b: [f32; 4]) -> [bool; 4] {
        std::array::from_fn(|lane| a[lane] == b[lane])
    }

    #[inline(always)]
    unsafe fn select(mask: [bool; 4], yes: [f32; 4], no: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| if mask[lane] { yes[lane] } else { no[lane] })
    }

    #[inline(always)]
    unsafe fn reduce_add(x: [f32; 4]) -> f32 {
        (x[0] + x[2]) + (x[1] + x[3])
    }

    #[inline(always)]
    unsafe fn reduce_max(x: [f32; 4]) -> f32 {
        x[0].max(x[2]).max(x[1].max(x[3]))
    }

    #[inline(always)]
    unsafe fn splat_i(x: i32) -> [i32; 4] {
        [x; 4]
    }

    #[inline(always)]
    unsafe fn load_i(from: *const i32) -> [i32; 4] {
        // SAFETY: by the contract of the trait.
        unsafe { from.cast::<[i32; 4]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store_i(to: *mut i32, x: [i32; 4]) {
        // SAFETY: by the contract of the trait.
        unsafe { to.cast::<[i32; 4]>().write_unaligned(x) }
    }

    #[inline(always)]
    unsafe fn add_i(a: [i32; 4], b: [i32; 4]) -> [i32; 4] {
        std::array::from_fn(|lane| a[lane].wrapping_add(b[lane]))
    }

    #[inline(always)]
    unsafe fn sub_i(a: [i32; 4], b: [i32; 4]) -> [i32; 4] {
        std::array::from_fn(|lane| a[lane].wrapping_sub(b[lane]))
    }

    #[inline(always)]
    unsafe fn and_i(a: [i32; 4], b: [i32; 4]) -> [i32; 4] {
        std::array::from_fn(|lane| a[lane] & b[lane])
    }

    #[inline(always)]
    unsafe fn or_i(a: [i32; 4], b: [i32; 4]) -> [i32; 4] {
        std::array::from_fn(|lane| a[lane] | b[lane])
    }

    #[inline(always)]
    unsafe fn xor_i(a: [i32; 4], b: [i32; 4]) -> [i32; 4] {
        std::array::from_fn(|lane| a[lane] ^ b[lane])
    }

    #[inline(always)]
    unsafe fn eq_i(a: [i32; 4], b: [i32; 4]) -> [bool; 4] {
        std::array::from_fn(|lane| a[lane] == b[lane])
    }

    #[inline(always)]
    unsafe fn lt_i(a: [i32; 4], b: [i32; 4]) -> [bool; 4] {
        std::array::from_fn(|lane| a[lane] < b[lane])
    }

    #[inline(always)]
    unsafe fn mul_even(a: [i32; 4], b: [i32; 4]) -> [i32; 4] {
        let product = [0, 2].map(|lane| u64::from(a[lane] as u32) * u64::from(b[lane] as u32));
        [product[0] as i32, (product[0] >> 32) as i32, product[1] as i32, (product[1] >> 32) as i32]
    }

    #[inline(always)]
    unsafe fn odd_to_even(x: [i32; 4]) -> [i32; 4] {
        [x[1], 0, x[3], 0]
    }

    #[inline(always)]
    unsafe fn merge_even(even: [i32; 4], odd: [i32; 4]) -> [i32; 4] {
        [even[0], odd[0], even[2], odd[2]]
    }

    #[inline(always)]
    unsafe fn transpose_fours(x: [[i32; 4]; 4]) -> [[i32; 4]; 4] {
        std::array::from_fn(|row| std::array::from_fn(|column| x[column][row]))
    }

    #[inline(always)]
    unsafe fn shift_left<const BITS: i32>(x: [i32; 4]) -> [i32; 4] {
        x.map(|lane| ((lane as u32) << BITS) as i32)
    }

    #[inline(always)]
    unsafe fn shift_right<const BITS: i32>(x: [i32; 4]) -> [i32; 4] {
        x.map(|lane| ((lane as u32) >> BITS) as i32)
    }

    #[inline(always)]
    unsafe fn to_i(x: [f32; 4]) -> [i32; 4] {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: SSE2 is on every x86-64. Its rounding instruction; plain Rust would call the C library for each lane.
        unsafe {
            use std::arch::x86_64::{_mm_cvtps_epi32, _mm_loadu_ps};
            std::mem::transmute(_mm_cvtps_epi32(_mm_loadu_ps(x.as_ptr())))
        }
        #[cfg(not(target_arch = "x86_64"))]
        x.map(|lane| lane.round_ties_even() as i32)
    }

    #[inline(always)]
    unsafe fn to_f(x: [i32; 4]) -> [f32; 4] {
        x.map(|lane| lane as f32)
    }

    #[inline(always)]
    unsafe fn bits(x: [f32; 4]) -> [i32; 4] {
        x.map(|lane| lane.to_bits() as i32)
    }

    #[inline(always)]
    unsafe fn from_bits(x: [i32; 4]) -> [f32; 4] {
        x.map(|lane| f32::from_bits(lane as u32))
    }

    #[inline(always)]
    unsafe fn transpose(rows: &mut [[f32; 4]; MAX_LANES]) {
        let [a, b, c, d] = [rows[0], rows[1], rows[2], rows[3]];
        for lane in 0..4 {
            rows[lane] = [a[lane], b[lane], c[lane], d[lane]];
        }
    }

    #[inline(always)]
    unsafe fn prefetch(_address: *const f32) {}

    #[inline(always)]
    unsafe fn prefetch_second(_address: *const f32) {}
}
