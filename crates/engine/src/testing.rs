//! Runs a kernel by its name on arrays, for tests: on every instruction set and with several numbers of threads, with garbage in the
//! outputs before and guards behind them.

// Not every test needs every part.
#![allow(dead_code)]

use crate::call::{Call, Context, DType, Operand, Shape};
use crate::error::Result;
use crate::isa::Isa;
use crate::kernels;
use crate::memory::Allocator;
use crate::pool::Pool;

/// Thread counts that must give the same bits.
pub const THREADS: [usize; 4] = [1, 2, 3, 8];

/// What outputs and guards hold before a kernel runs: NaN as float32, -1 as int32.
const GARBAGE: u8 = 0xff;

/// Bytes behind an operand that nobody may write to.
const GUARD: usize = 64;

/// A tensor of a test.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Element type.
    pub dtype: DType,
    /// Sizes.
    pub dims: Vec<usize>,
    /// Elements, little-endian.
    pub bytes: Vec<u8>,
}

impl Array {
    /// Of float32.
    pub fn f32(dims: &[usize], values: &[f32]) -> Array {
        Array::new(DType::Float32, dims, values.iter().flat_map(|value| value.to_ne_bytes()).collect())
    }

    /// Of int32.
    pub fn i32(dims: &[usize], values: &[i32]) -> Array {
        Array::new(DType::Int32, dims, values.iter().flat_map(|value| value.to_ne_bytes()).collect())
    }

    /// Of bool.
    pub fn bool(dims: &[usize], values: &[u8]) -> Array {
        Array::new(DType::Bool, dims, values.to_vec())
    }

    /// Of bfloat16, by its bits.
    pub fn bf16(dims: &[usize], values: &[u16]) -> Array {
        Array::new(DType::BFloat16, dims, values.iter().flat_map(|value| value.to_ne_bytes()).collect())
    }

    /// Float32 between -1 and 1, always the same for a seed.
    pub fn random(dims: &[usize], seed: u64) -> Array {
        let mut random = Random::new(seed);
        let values: Vec<f32> = (0..dims.iter().product()).map(|_| random.uniform() * 2.0 - 1.0).collect();
        Array::f32(dims, &values)
    }

    fn new(dtype: DType, dims: &[usize], bytes: Vec<u8>) -> Array {
        assert_eq!(dims.iter().product::<usize>() * dtype.size(), bytes.len(), "values for {dims:?}");
        Array { dtype, dims: dims.to_vec(), bytes }
    }

    /// Number of elements.
    pub fn size(&self) -> usize {
        self.dims.iter().product()
    }

    /// Its elements, which must be float32.
    pub fn to_f32(&self) -> Vec<f32> {
        assert_eq!(self.dtype, DType::Float32);
        self.bytes.chunks_exact(4).map(|bytes| f32::from_ne_bytes(bytes.try_into().unwrap())).collect()
    }

    /// Its elements, which must be int32.
    pub fn to_i32(&self) -> Vec<i32> {
        assert_eq!(self.dtype, DType::Int32);
        self.bytes.chunks_exact(4).map(|bytes| i32::from_ne_bytes(bytes.try_into().unwrap())).collect()
    }
}

/// A generator for test data (SplitMix64).
pub struct Random(u64);

impl Random {
    /// Starts the stream of a seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// Below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// In [0, 1).
    pub fn uniform(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u32 << 24) as f32
    }
}

/// A call of a kernel: `Run::new("Transpose").input(&x).output(DType::Float32, &[3, 2]).ints(&[1, 0]).everywhere(|isa, arrays| ...)`.
#[derive(Clone)]
pub struct Run {
    name: &'static str,
    inputs: Vec<Array>,
    outputs: Vec<Array>,
    inouts: Vec<Array>,
    ints: Vec<i32>,
    floats: Vec<f64>,
}

impl Run {
    /// Of the kernel of that name.
    pub fn new(name: &'static str) -> Run {
        Run { name, inputs: vec![], outputs: vec![], inouts: vec![], ints: vec![], floats: vec![] }
    }

    /// Adds an input.
    pub fn input(mut self, array: &Array) -> Run {
        self.inputs.push(array.clone());
        self
    }

    /// Adds an output.
    pub fn output(mut self, dtype: DType, dims: &[usize]) -> Run {
        self.outputs.push(Array::new(dtype, dims, vec![GARBAGE; dims.iter().product::<usize>() * dtype.size()]));
        self
    }

    /// Adds an operand that is updated in place.
    pub fn inout(mut self, array: &Array) -> Run {
        self.inouts.push(array.clone());
        self
    }

    /// Sets the integer attributes.
    pub fn ints(mut self, ints: &[i32]) -> Run {
        self.ints = ints.to_vec();
        self
    }

    /// Sets the float attributes.
    pub fn floats(mut self, floats: &[f64]) -> Run {
        self.floats = floats.to_vec();
        self
    }

    /// The outputs and then the inouts after the kernel ran.
    pub fn on(&self, isa: Isa, threads: usize) -> Result<Vec<Array>> {
        let table = kernels::table();
        let (_, kernel) = table.iter().find(|(name, _)| *name == self.name).unwrap_or_else(|| panic!("no kernel {}", self.name));
        let allocator = Allocator::new(None);
        let mut arrays: Vec<Array> = [&self.inputs[..], &self.outputs, &self.inouts].concat();
        let blocks: Vec<_> = arrays.iter().map(|array| allocator.scratch(array.bytes.len() + GUARD).unwrap()).collect();
        let operands: Vec<Operand> = std::iter::zip(&arrays, &blocks)
            .map(|(array, block)| {
                // SAFETY: the block is that long and outlives the operands.
                unsafe {
                    block.data().copy_from(array.bytes.as_ptr(), array.bytes.len());
                    block.data().add(array.bytes.len()).write_bytes(GARBAGE, GUARD);
                    Operand::new(block.data(), array.dtype, Shape::new(&array.dims).unwrap())
                }
            })
            .collect();
        let (inputs, writers) = operands.split_at(self.inputs.len());
        let (outputs, inouts) = writers.split_at(self.outputs.len());
        // SAFETY: every operand has a block of its own.
        let mut call = unsafe { Call::new(inputs, outputs, inouts, &self.ints, &self.floats) };
        kernel(&Context { pool: &Pool::new(threads), isa, allocator: &allocator }, &mut call)?;
        for (array, operand) in arrays.iter_mut().zip(&operands) {
            let bytes = operand.bytes();
            // SAFETY: the block is that much longer than the operand.
            let guard = unsafe { std::slice::from_raw_parts(bytes.as_ptr().add(bytes.len()), GUARD) };
            assert!(guard.iter().all(|&byte| byte == GARBAGE), "{} writes behind an operand {:?}", self.name, array.dims);
            array.bytes.copy_from_slice(bytes);
        }
        let results = arrays.split_off(self.inputs.len());
        assert!(arrays == self.inputs, "{} changes an input", self.name);
        Ok(results)
    }

    /// Runs on each instruction set with each of `THREADS`, expects the same bits from all thread counts, and gives them to `check`.
    pub fn everywhere(&self, check: impl Fn(Isa, &[Array])) {
        for isa in Isa::available() {
            let first = self.on(isa, THREADS[0]).unwrap_or_else(|error| panic!("{} on {isa}: {error}", self.name));
            check(isa, &first);
            for threads in &THREADS[1..] {
                let other = self.on(isa, *threads).unwrap();
                assert!(first == other, "{} on {isa}: other bits with {threads} threads", self.name);
            }
        }
    }

    /// The error that the kernel must give.
    pub fn fails(&self) -> String {
        let isa = *Isa::available().last().unwrap();
        self.on(isa, 1).expect_err(self.name).to_string()
    }
}
