//! Speed of the fused kernels that memory bounds: `cargo run --release --example fused_bench [rounds] [name]`. Each is timed in turn with a
//! copy that is larger than the caches, on one thread and on two; the last column is the share of the copy's bandwidth that it reaches,
//! counting every operand once per reading and once per writing. `CODEX_ENGINE_ISA` chooses the instruction set.

use codex_engine::call::{Call, Context, DType, Operand, Shape};
use codex_engine::isa::Isa;
use codex_engine::kernels;
use codex_engine::memory::{Allocator, Block};
use codex_engine::pool::Pool;
use std::time::Instant;

struct Tensor {
    block: Block,
    dtype: DType,
    shape: Shape,
}

impl Tensor {
    /// Random numbers in (0, 1), or ids below `below`.
    fn new(allocator: &Allocator, dims: &[usize], below: Option<u32>) -> Tensor {
        let shape = Shape::new(dims).unwrap();
        let block = allocator.allocate(shape.size() * 4).unwrap();
        let mut state = 12345u32;
        for i in 0..shape.size() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // SAFETY: the block holds that many elements of four bytes.
            unsafe {
                match below {
                    Some(below) => *block.data().cast::<u32>().add(i) = (state >> 8) % below,
                    None => *block.data().cast::<f32>().add(i) = (state >> 8) as f32 / (1 << 24) as f32 + 1e-9,
                }
            }
        }
        Tensor { block, dtype: if below.is_some() { DType::Int32 } else { DType::Float32 }, shape }
    }

    fn operand(&self) -> Operand<'_> {
        // SAFETY: the block holds the shape, and every call here has operands of its own.
        unsafe { Operand::new(self.block.data(), self.dtype, self.shape) }
    }
}

struct Case {
    what: String,
    kernel: &'static str,
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
    inouts: Vec<Tensor>,
    ints: Vec<i32>,
    floats: Vec<f64>,
    /// Read and written.
    bytes: usize,
}

impl Case {
    fn new(allocator: &Allocator, kernel: &'static str, inputs: &[&[usize]], outputs: &[&[usize]], ints: &[i32], floats: &[f64]) -> Case {
        let tensors = |shapes: &[&[usize]]| shapes.iter().map(|dims| Tensor::new(allocator, dims, None)).collect::<Vec<_>>();
        let (inputs, outputs) = (tensors(inputs), tensors(outputs));
        let bytes = inputs.iter().chain(&outputs).map(|tensor| tensor.shape.size() * 4).sum();
        let what = format!("{kernel} {:?}", inputs[0].shape);
        Case { what, kernel, inputs, outputs, inouts: vec![], ints: ints.to_vec(), floats: floats.to_vec(), bytes }
    }

    fn with_inouts(mut self, allocator: &Allocator, shapes: &[Vec<usize>]) -> Case {
        self.inouts = shapes.iter().map(|dims| Tensor::new(allocator, dims, None)).collect();
        self.bytes += self.inouts.iter().map(|tensor| 2 * tensor.shape.size() * 4).sum::<usize>();
        self
    }

    fn seconds(&self, context: &Context) -> f64 {
        let table = kernels::table();
        let kernel = table.iter().find(|(name, _)| *name == self.kernel).unwrap_or_else(|| panic!("no kernel {}", self.kernel)).1;
        let inputs: Vec<Operand> = self.inputs.iter().map(Tensor::operand).collect();
        let outputs: Vec<Operand> = self.outputs.iter().map(Tensor::operand).collect();
        let inouts: Vec<Operand> = self.inouts.iter().map(Tensor::operand).collect();
        let start = Instant::now();
        // SAFETY: every tensor has a block of its own.
        let mut call = unsafe { Call::new(&inputs, &outputs, &inouts, &self.ints, &self.floats) };
        kernel(context, &mut call).unwrap();
        start.elapsed().as_secs_f64()
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

type Shapes<'a> = [&'a [usize]; 3];

/// What is wanted, by a part of its name.
fn cases(allocator: &Allocator, name: &str) -> Vec<Case> {
    let case = |kernel, inputs: &[&[usize]], outputs: &[&[usize]], ints: &[i32], floats: &[f64]| {
        Case::new(allocator, kernel, inputs, outputs, ints, floats)
    };
    let mut found = vec![];
    let mut add = |kernel: &str, make: &dyn Fn() -> Case| {
        if kernel.contains(name) {
            found.push(make());
        }
    };
    // Rows times columns, a row, a column: beyond the caches, and within.
    let large: Shapes = [&[16_384, 768], &[768], &[16_384, 1]];
    let small: Shapes = [&[768, 128], &[128], &[768, 1]];
    for [m, r, c] in [large, small] {
        add("LayerNorm", &|| case("LayerNorm", &[m, r, r], &[m, c, c], &[], &[1e-5]));
        add("LayerNormGradient", &|| case("LayerNormGradient", &[m, m, r, c, c], &[m, r, r], &[1, 1, 1], &[]));
        add("RmsNorm", &|| case("RmsNorm", &[m, r], &[m, c], &[], &[1e-5]));
        add("RmsNormGradient", &|| case("RmsNormGradient", &[m, m, r, c], &[m, r], &[1, 1], &[]));
        add("Softmax", &|| case("Softmax", &[m], &[m], &[], &[]));
        add("LogSoftmax", &|| case("LogSoftmax", &[m], &[m], &[], &[]));
        add("Gelu", &|| case("Gelu", &[m], &[m], &[0], &[]));
        add("GeluTanh", &|| case("Gelu", &[m], &[m], &[1], &[]));
        add("GeluGradient", &|| case("GeluGradient", &[m, m], &[m], &[0], &[]));
        add("GeluTanhGradient", &|| case("GeluGradient", &[m, m], &[m], &[1], &[]));
        add("Swiglu", &|| case("Swiglu", &[m, m], &[m], &[], &[]));
        add("SwigluGradient", &|| case("SwigluGradient", &[m, m, m], &[m, m], &[1, 1], &[]));
        add("Dropout", &|| case("Dropout", &[m], &[m], &[1, 2], &[0.1, 0.0]));
        add("Accumulate", &|| case("Accumulate", &[m], &[], &[], &[]).with_inouts(allocator, &[m.to_vec()]));
        add("GlobalNorm", &|| case("GlobalNorm", &[m], &[&[]], &[], &[]));
    }
    let (x, table): (&[usize], &[usize]) = (&[8, 1024, 12, 128], &[1, 1024, 128]);
    add("RotaryEmbedding", &|| case("RotaryEmbedding", &[x, table, table], &[x], &[1], &[]));
    for (ids, vocab_size, columns) in [(1024, 50_257, 768), (8192, 65, 384)] {
        add("EmbeddingGradient", &|| {
            let mut case = case("EmbeddingGradient", &[&[ids, columns]], &[&[vocab_size, columns]], &[], &[]);
            case.inputs.push(Tensor::new(allocator, &[ids], Some(vocab_size as u32)));
            case
        });
    }
    add("Embedding", &|| {
        let mut case = case("Embedding", &[&[50_257, 768]], &[&[16_384, 768]], &[], &[]);
        case.bytes = 2 * 16_384 * 768 * 4;
        case.inputs.push(Tensor::new(allocator, &[16_384], Some(50_257)));
        case
    });
    for (count, size) in [(50, 16_000), (124, 1_000_000)] {
        let shapes = vec![vec![size]; count];
        let inputs: Vec<&[usize]> = shapes.iter().map(|dims| &dims[..]).collect();
        add("AdamW", &|| {
            let floats = [vec![1e-4, 0.9, 0.95, 1e-8, 3.0], vec![0.1; count]].concat();
            let mut case = case("AdamW", &inputs, &[], &[], &floats).with_inouts(allocator, &vec![vec![size]; 3 * count]);
            case.what = format!("AdamW of {count} arrays of {size}");
            case
        });
        add("GlobalNorm", &|| {
            let mut case = case("GlobalNorm", &inputs, &[&[]], &[], &[]);
            case.what = format!("GlobalNorm of {count} arrays of {size}");
            case
        });
    }
    for (what, top_k, floats) in [
        ("greedy", 0, [0.0, 1.0, 0.0, 1.0, 0.5]),
        ("plain", 0, [1.0, 1.0, 0.0, 1.0, 0.5]),
        ("temperature", 0, [0.8, 1.0, 0.0, 1.0, 0.5]),
        ("top-k 50", 50, [0.8, 1.0, 0.0, 1.0, 0.5]),
        ("top-p 0.9, flat", 0, [1.0, 0.9, 0.0, 1.0, 0.5]),
        ("top-p 0.9, steep", 0, [0.05, 0.9, 0.0, 1.0, 0.5]),
    ] {
        add("Sample", &|| {
            let mut case = case("Sample", &[&[1, 50_257]], &[], &[top_k], &floats);
            case.outputs = vec![Tensor::new(allocator, &[1], Some(1))];
            case.what = format!("Sample {what}");
            case
        });
    }
    found
}

fn main() {
    let isa = Isa::choose(std::env::var("CODEX_ENGINE_ISA").ok().as_deref()).unwrap();
    let rounds: usize = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(15);
    let name = std::env::args().nth(2).unwrap_or_default();
    let allocator = Allocator::new(None);
    let copy = Case::new(&allocator, "Copy", &[&[16 << 20]], &[&[16 << 20]], &[], &[]);
    println!("{isa}; per thread count: microseconds, GB/s, share of the copy's bandwidth");
    for case in cases(&allocator, &name) {
        print!("{:45}", case.what);
        for threads in [1, 2] {
            let pool = Pool::new(threads);
            let context = Context { pool: &pool, isa, allocator: &allocator };
            let (mut copies, mut times) = (vec![], vec![]);
            case.seconds(&context);
            for _ in 0..rounds {
                copies.push(copy.seconds(&context));
                times.push((0..3).map(|_| case.seconds(&context)).fold(f64::INFINITY, f64::min));
            }
            let (copied, seconds) = (copy.bytes as f64 / median(copies), median(times));
            let rate = case.bytes as f64 / seconds;
            print!("  {threads}: {:9.1} {:6.1} {:5.2}", seconds * 1e6, rate / 1e9, rate / copied);
        }
        println!();
        for tensor in case.inputs.into_iter().chain(case.outputs).chain(case.inouts) {
            allocator.free(tensor.block);
        }
        allocator.release_cached();
    }
}
