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
}
