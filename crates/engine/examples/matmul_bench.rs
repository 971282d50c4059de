//! Speed of matrix products: `cargo run --release --example matmul_bench [filter]`. Each shape is measured with one and two threads between
//! measurements of what the processor can do at all (fused multiply-adds on registers), so that the shares hold on a machine that is not
//! quiet or changes its clock. `CODEX_ENGINE_ISA` chooses the instruction set, `PRECISION=bfloat16` the arithmetic, `THREADS` the most
//! threads.

use codex_engine::call::Context;
use codex_engine::isa::Isa;
use codex_engine::matmul::{Epilogue, Precision, Product, View, multiply};
use codex_engine::memory::{Allocator, Scratch};
use codex_engine::pool::Pool;
use codex_engine::simd::Simd;
use codex_engine::simd_dispatch;
use std::hint::black_box;
use std::sync::OnceLock;
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
    ("one row", 1, 768, 768, false, false),
    ("one row", 1, 768, 768, false, true),
    ("one row", 1, 768, 3072, false, false),
    ("one row", 1, 768, 3072, false, true),
    ("one row", 1, 3072, 768, false, false),
    ("one row", 1, 3072, 768, false, true),
    ("one row", 1, 768, 50257, false, true),
    ("four rows", 4, 768, 3072, false, false),
    ("four rows", 4, 768, 3072, false, true),
    ("eight rows", 8, 768, 3072, false, false),
    ("eight rows", 8, 768, 3072, false, true),
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
    let start = clock();
    pool.run(pool.threads() * 4, |_, _| {
        // SAFETY: the set is one of this processor.
        black_box(unsafe { peak_loop(isa, black_box(TURNS)) });
    });
    // SAFETY: the set is one of this processor.
    let flop = TURNS * 12 * 2 * 4 * pool.threads() * unsafe { lanes(isa) };
    flop as f64 / (clock() - start) / 1e9
}

/// GB/s of reading memory.
fn bandwidth(data: &[f32], pool: &Pool) -> f64 {
    let start = clock();
    pool.run_ranges(data.len(), 1 << 16, |range, _| {
        let mut sums = [0.0f32; 64];
        for chunk in data[range].chunks_exact(64) {
            sums.iter_mut().zip(chunk).for_each(|(sum, x)| *sum += x);
        }
        black_box(sums);
    });
    4e-9 * data.len() as f64 / (clock() - start)
}

/// Seconds. With `CLOCK=processor` those that this process has had of the processors: on one thread that is nearly what a quiet machine takes.
fn clock() -> f64 {
    static START: OnceLock<(Instant, bool)> = OnceLock::new();
    let (start, processor) = START.get_or_init(|| (Instant::now(), std::env::var("CLOCK").as_deref() == Ok("processor")));
    #[cfg(unix)]
    if *processor {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the structure is there.
        unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
        return time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9;
    }
    let _ = processor;
    start.elapsed().as_secs_f64()
}

/// Memory as tensors have it.
fn numbers(allocator: &Allocator, count: usize, period: usize) -> Scratch<'_> {
    let memory = allocator.scratch(4 * count).expect("memory");
    for i in 0..count {
        // SAFETY: the memory holds as many.
        unsafe { memory.data().cast::<f32>().add(i).write((i % period) as f32 * 0.1 - 0.7) };
    }
    memory
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let filter = std::env::args().nth(1).unwrap_or_default();
    let isa = Isa::choose(std::env::var("CODEX_ENGINE_ISA").ok().as_deref()).expect("an instruction set of this processor");
    let precision = if std::env::var("PRECISION").as_deref() == Ok("bfloat16") { Precision::BFloat16 } else { Precision::Float32 };
    println!("{isa}, {precision:?}; GFLOP/s and share of the float32 peak measured beside it, or GB/s of b and share of the bandwidth");
    let allocator = Allocator::new(None);
    let memory = vec![1.0f32; 32 << 20];
    let most_threads = std::env::var("THREADS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    for &(name, m, k, n, flip_a, flip_b) in SHAPES {
        let title = format!("{name} {m}x{k}x{n}{}{}", if flip_a { " At" } else { "" }, if flip_b { " Bt" } else { "" });
        if !title.contains(&filter) {
            continue;
        }
        let a = numbers(&allocator, m * k, 17);
        // Weights of a few rows come from memory: several copies, more than the caches hold.
        let copies = if m <= 8 { (64 << 20) / (k * n) + 1 } else { 1 };
        let b = numbers(&allocator, copies * k * n, 13);
        let c = numbers(&allocator, m * n, 1);
        let view =
            |data: *const f32, rows, columns, flip| if flip { View::rows(data, rows).transposed() } else { View::rows(data, columns) };
        let product = Product {
            m,
            k,
            n,
            a: view(a.data().cast(), m, k, flip_a),
            b: view(b.data().cast(), k, n, flip_b),
            c: c.data().cast(),
            c_stride: n,
            epilogue: Epilogue::default(),
            precision,
        };
        let gflop = 2e-9 * (m * k * n) as f64;
        let gigabytes = 4e-9 * (k * n) as f64;
        let mut line = format!("{title:44}");
        for threads in 1..=most_threads {
            let pool = Pool::new(threads);
            let context = Context { pool: &pool, isa, allocator: &allocator };
            // SAFETY: the vectors hold the products.
            let once = |copy: usize| unsafe { multiply(&context, &product.offset(0, copy * k * n, 0)).expect("a product") };
            once(0);
            let repeats = if copies > 1 { copies } else { (0.02 * 100.0 * threads as f64 / gflop).ceil().max(1.0) as usize };
            let unit = if copies > 1 { gigabytes } else { gflop };
            let most = || if copies > 1 { bandwidth(&memory, &pool) } else { peak(isa, &pool) };
            let (speeds, shares): (Vec<f64>, Vec<f64>) = (0..ROUNDS)
                .map(|_| {
                    let before = most();
                    let start = clock();
                    (0..repeats).for_each(|repeat| once(repeat % copies));
                    let speed = unit * repeats as f64 / (clock() - start);
                    (speed, speed / (0.5 * (before + most())))
                })
                .unzip();
            line += &format!("  {:6.1} {:5.1} %", median(speeds), 100.0 * median(shares));
        }
        println!("{line}");
    }
}
