//! Speed of attention: `cargo run --release --example attention_bench [rounds]`. Forward and backward of packed causal self-attention, on one
//! thread and on two, beside what the processor can do at all in the same run (fused multiply-adds on registers). A product's work is
//! counted for the scores that a query sees: 2 products forward, 5 backward. `CODEX_ENGINE_ISA` chooses the instruction set.

use codex_engine::call::{Call, Context, DType, Operand, Shape};
use codex_engine::isa::Isa;
use codex_engine::kernels;
use codex_engine::memory::{Allocator, Block};
use codex_engine::pool::Pool;
use codex_engine::simd::Simd;
use codex_engine::simd_dispatch;
use std::hint::black_box;
use std::time::Instant;

/// Batch, heads, key heads, time, headDim.
const SHAPES: &[[usize; 5]] =
    &[[8, 6, 6, 256, 64], [4, 12, 12, 256, 64], [12, 4, 4, 64, 32], [1, 12, 12, 1024, 64], [1, 32, 8, 1024, 64], [2, 8, 8, 512, 128]];

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

simd_dispatch! { unsafe fn multiply_adds(turns: usize) -> f32 = fused_multiply_adds; }

/// GFLOP/s of all threads together.
fn peak(pool: &Pool, isa: Isa) -> f64 {
    const TURNS: usize = 400_000;
    let lanes = match isa {
        Isa::Avx512 => 16,
        Isa::Avx2 => 8,
        Isa::Portable => 4,
    };
    let start = Instant::now();
    pool.run(pool.threads(), |_, _| {
        // SAFETY: the instruction set is there.
        black_box(unsafe { multiply_adds(isa, TURNS) });
    });
    (2 * TURNS * 12 * lanes * pool.threads()) as f64 / start.elapsed().as_secs_f64() / 1e9
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

struct Tensor {
    block: Block,
    shape: Shape,
}

impl Tensor {
    fn new(allocator: &Allocator, dims: &[usize], seed: u32) -> Tensor {
        let shape = Shape::new(dims).unwrap();
        let block = allocator.allocate(shape.size() * 4).unwrap();
        let mut state = seed;
        for i in 0..shape.size() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // SAFETY: the block holds that many elements.
            unsafe { *block.data().cast::<f32>().add(i) = state as f32 / u32::MAX as f32 - 0.5 };
        }
        Tensor { block, shape }
    }

    fn operand(&self) -> Operand<'_> {
        // SAFETY: the block holds the shape, and every call here has operands of its own.
        unsafe { Operand::new(self.block.data(), DType::Float32, self.shape) }
    }
}

#[inline(always)]
unsafe fn sum_of<S: Simd>(x: &[f32]) -> f32 {
    // SAFETY: by the contract of `Simd`, within the slice.
    unsafe {
        let mut sums = [S::splat(0.0); 4];
        for chunk in x.chunks_exact(4 * S::LANES) {
            for (j, sum) in sums.iter_mut().enumerate() {
                *sum = S::add(*sum, S::load(chunk.as_ptr().add(j * S::LANES)));
            }
        }
        S::reduce_add(S::add(S::add(sums[0], sums[1]), S::add(sums[2], sums[3])))
    }
}

simd_dispatch! { unsafe fn sum(x: &[f32]) -> f32 = sum_of; }

/// One query per head, over caches that together are larger than the processor's: GB/s of keys and values beside those of plain reading.
fn generation(isa: Isa, rounds: usize) {
    const LAYERS: usize = 24;
    let table = kernels::table();
    let forward = table.iter().find(|(name, _)| *name == "Attention").unwrap().1;
    for [heads, key_heads, keys, dim] in [[12, 12, 1024, 64], [12, 12, 128, 64], [32, 8, 1024, 64], [8, 1, 4096, 128]] {
        let allocator = Allocator::new(None);
        let cache = |seed| (0..LAYERS).map(|_| Tensor::new(&allocator, &[1, key_heads, keys, dim], seed)).collect::<Vec<_>>();
        let (k, v) = (cache(1), cache(2));
        let q = Tensor::new(&allocator, &[1, heads, 1, dim], 3);
        let (y, log_sum_exp) = (Tensor::new(&allocator, &[1, heads, 1, dim], 4), Tensor::new(&allocator, &[1, heads, 1], 5));
        for threads in [1, 2] {
            let pool = Pool::new(threads);
            let context = Context { pool: &pool, isa, allocator: &allocator };
            let (mut reading, mut attending) = (vec![], vec![]);
            for _ in 0..rounds {
                let start = Instant::now();
                pool.run(LAYERS, |layer, _| {
                    for x in [&k[layer], &v[layer]] {
                        // SAFETY: the instruction set is there.
                        black_box(unsafe { sum(isa, x.operand().f32().unwrap()) });
                    }
                });
                reading.push(start.elapsed().as_secs_f64());
                let start = Instant::now();
                for layer in 0..LAYERS {
                    let inputs = [q.operand(), k[layer].operand(), v[layer].operand()];
                    // SAFETY: outputs overlap nothing.
                    let mut call =
                        unsafe { Call::new(&inputs, &[y.operand(), log_sum_exp.operand()], &[], &[0, 1, -1, 0, 0, 0], &[0.125, 0.0, 0.0]) };
                    forward(&context, &mut call).unwrap();
                }
                attending.push(start.elapsed().as_secs_f64());
            }
            let gigabytes = (LAYERS * 2 * key_heads * keys * dim * 4) as f64 / 1e9;
            let (reading, attending) = (median(reading), median(attending));
            println!(
                "one query, H {heads:2} K {key_heads:2} S {keys:4} D {dim:3}, {threads} threads: {:6.1} us, {:5.1} GB/s of {:5.1}",
                attending / LAYERS as f64 * 1e6,
                gigabytes / attending,
                gigabytes / reading
            );
        }
    }
}

fn main() {
    let isa = Isa::choose(std::env::var("CODEX_ENGINE_ISA").ok().as_deref()).unwrap();
    let rounds: usize = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(15);
    let precision: i32 = if std::env::args().nth(2).as_deref() == Some("bfloat16") { 1 } else { 0 };
    let table = kernels::table();
    let kernel = |name: &str| table.iter().find(|(other, _)| *other == name).unwrap().1;
    let (forward, backward) = (kernel("SelfAttention"), kernel("SelfAttentionGradient"));
    println!("{isa}; microseconds, GFLOP/s, share of the peak");
    for &[batch, heads, key_heads, time, dim] in SHAPES {
        let allocator = Allocator::new(None);
        let qkv = Tensor::new(&allocator, &[batch, time, (heads + 2 * key_heads) * dim], 1);
        let dy = Tensor::new(&allocator, &[batch, time, heads * dim], 2);
        let y = Tensor::new(&allocator, &[batch, time, heads * dim], 3);
        let log_sum_exp = Tensor::new(&allocator, &[batch, heads, time], 4);
        let dqkv = Tensor::new(&allocator, &[batch, time, (heads + 2 * key_heads) * dim], 5);
        let ints = [heads as i32, key_heads as i32, 1, precision, 0, 0];
        let floats = [1.0 / (dim as f64).sqrt(), 0.0, 0.0];
        for threads in [1, 2] {
            let pool = Pool::new(threads);
            let context = Context { pool: &pool, isa, allocator: &allocator };
            let (mut peaks, mut forwards, mut backwards) = (vec![], vec![], vec![]);
            for _ in 0..rounds {
                peaks.push(peak(&pool, isa));
                let start = Instant::now();
                let inputs = [qkv.operand()];
                // SAFETY: outputs overlap nothing.
                let mut call = unsafe { Call::new(&inputs, &[y.operand(), log_sum_exp.operand()], &[], &ints, &floats) };
                forward(&context, &mut call).unwrap();
                forwards.push(start.elapsed().as_secs_f64());
                let start = Instant::now();
                let inputs = [dy.operand(), qkv.operand(), y.operand(), log_sum_exp.operand()];
                // SAFETY: outputs overlap nothing.
                let mut call = unsafe { Call::new(&inputs, &[dqkv.operand()], &[], &ints, &floats) };
                backward(&context, &mut call).unwrap();
                backwards.push(start.elapsed().as_secs_f64());
            }
            let product = (batch * heads * time * (time + 1) * dim) as f64 / 1e9;
            let (peak, forward, backward) = (median(peaks), median(forwards), median(backwards));
            let share = |products: f64, seconds: f64| {
                let rate = products * product / seconds;
                format!("{:8.0} {rate:5.0} {:3.0} %", seconds * 1e6, 100.0 * rate / peak)
            };
            println!(
                "B {batch:2} H {heads:2} K {key_heads:2} T {time:4} D {dim:3}, {threads} threads: forward {}, backward {}, both {}; peak {peak:.0}",
                share(2.0, forward),
                share(5.0, backward),
                share(7.0, forward + backward)
            );
        }
    }
    generation(isa, rounds);
}
