//! Speed of matrix products: `cargo run --release --example matmul_bench [filter]`. Each shape is measured with one and two threads between
//! measurements of what the processor can do at all (fused multiply-adds on registers), so that the shares hold on a machine that is not
//! quiet or changes its clock. `CODEX_ENGINE_ISA` chooses the instruction set.

use codex_engine::call::Context;
use codex_engine::isa::Isa;
use codex_engine::matmul::{Epilogue, Precision, Product, View, multiply};
use codex_engine::memory::Allocator;
use codex_engine::pool::Pool;
use codex_engine::simd::Simd;
use codex_engine::simd_dispatch;
use std::hint::black_box;
use std::time::Instant;

/// Of each shape; the median counts.
const ROUNDS: usize = 9;

/// Name, m, k, n, whether the left and the right operand are stored transposed.
const SHAPES: &[(&str, usize, usize, usize, bool, bool)] = &[
    ("square", 1024, 1024, 1024, false, false),
    ("square", 1024, 1024, 1024, false, true),
    ("square", 1024, 1024, 1024, true, false),
    ("wide", 1024, 768, 3072, false, false),
    ("wide", 1024, 768, 3072, false, true),
    ("wide, input gradient", 1024, 3072, 768, false, true),
    ("wide, input gradient", 1024, 3072, 768, false, false),
    ("wide, weight gradient", 768, 1024, 3072, true, false),
    ("wide, weight gradient", 3072, 1024, 768, true, false),
    ("c_attn", 1024, 768, 2304, false, false),
    ("head", 1024, 768, 50257, false, false),
    ("head", 1024, 768, 50257, false, true),
    ("head, input gradient", 1024, 50257, 768, false, false),
    ("head, weight gradient", 50257, 1024, 768, true, false),
    ("A", 768, 128, 128, false, false),
    ("A", 768, 128, 384, false, false),
    ("A", 768, 128, 512, false, false),
    ("A, input gradient", 768, 512, 128, false, true),
    ("A, input gradient", 768, 128, 512, false, true),
    ("A, weight gradient", 128, 768, 128, true, false),
    ("A, weight gradient", 128, 768, 512, true, false),
    ("B", 2048, 384, 1536, false, false),
    ("B, input gradient", 2048, 1536, 384, false, true),
    ("B, weight gradient", 384, 2048, 1536, true, false),
];

#[inline(always)]
unsafe fn fused_multiply_adds<S: Simd>(turns: usize) -> f32 {
    // SAFETY: by the contract of `Simd`.
    unsafe {
        let mut sums = [S::splat(0.1); 12];
        let (a, b) = (S::splat(black_box(0.999)), S::splat(black_box(0.001)));
        for _ in 0..turns {
            for sum in &mut sums {
                *sum = S::mul_add(*sum, a, b);
            }
        }
        sums.iter().map(|&sum| S::reduce_add(sum)).sum::<f32>() * S::LANES as f32
    }
}

#[inline(always)]
unsafe fn lanes_of<S: Simd>() -> usize {
    S::LANES
}

simd_dispatch! { unsafe fn peak_loop(turns: usize) -> f32 = fused_multiply_adds; }
simd_dispatch! { unsafe fn lanes() -> usize = lanes_of; }

/// GFLOP/s of fused multiply-adds on registers.
fn peak(isa: Isa, pool: &Pool) -> f64 {
    const TURNS: usize = 100_000;
    let start = Instant::now();
    pool.run(pool.threads() * 4, |_, _| {
        // SAFETY: the set is one of this processor.
        black_box(unsafe { peak_loop(isa, black_box(TURNS)) });
    });
    // SAFETY: the set is one of this processor.
    let flop = TURNS * 12 * 2 * 4 * pool.threads() * unsafe { lanes(isa) };
    flop as f64 / start.elapsed().as_secs_f64() / 1e9
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let filter = std::env::args().nth(1).unwrap_or_default();
    let isa = Isa::choose(std::env::var("CODEX_ENGINE_ISA").ok().as_deref()).expect("an instruction set of this processor");
    let precision = if std::env::var("PRECISION").as_deref() == Ok("bfloat16") { Precision::BFloat16 } else { Precision::Float32 };
    println!("{isa}, {precision:?}; GFLOP/s and share of the float32 peak measured beside it");
    let allocator = Allocator::new(None);
    for &(name, m, k, n, flip_a, flip_b) in SHAPES {
        let title = format!("{name} {m}x{k}x{n}{}{}", if flip_a { " At" } else { "" }, if flip_b { " Bt" } else { "" });
        if !title.contains(&filter) {
            continue;
        }
        let a: Vec<f32> = (0..m * k).map(|i| (i % 17) as f32 * 0.1 - 0.8).collect();
        let b: Vec<f32> = (0..k * n).map(|i| (i % 13) as f32 * 0.1 - 0.6).collect();
        let mut c = vec![0.0f32; m * n];
        let view = |data: &[f32], rows, columns, flip| {
            if flip { View::rows(data.as_ptr(), rows).transposed() } else { View::rows(data.as_ptr(), columns) }
        };
        let product = Product {
            m,
            k,
            n,
            a: view(&a, m, k, flip_a),
            b: view(&b, k, n, flip_b),
            c: c.as_mut_ptr(),
            c_stride: n,
            epilogue: Epilogue::default(),
            precision,
        };
        let gflop = 2e-9 * (m * k * n) as f64;
        let mut line = format!("{title:44}");
        for threads in [1, 2] {
            let pool = Pool::new(threads);
            let context = Context { pool: &pool, isa, allocator: &allocator };
            // SAFETY: the vectors hold the product.
            let once = || unsafe { multiply(&context, &product).expect("a product") };
            once();
            let repeats = (0.02 * 100.0 * threads as f64 / gflop).ceil().max(1.0) as usize;
            let (speeds, shares): (Vec<f64>, Vec<f64>) = (0..ROUNDS)
                .map(|_| {
                    let before = peak(isa, &pool);
                    let start = Instant::now();
                    (0..repeats).for_each(|_| once());
                    let speed = gflop * repeats as f64 / start.elapsed().as_secs_f64();
                    (speed, speed / (0.5 * (before + peak(isa, &pool))))
                })
                .unzip();
            line += &format!("  {:6.1} {:5.1} %", median(speeds), 100.0 * median(shares));
        }
        println!("{line}");
    }
}
