//! An operation with its operands resolved: what a kernel gets.

use crate::error::{Error, Result};
use crate::isa::Isa;
use crate::memory::Allocator;
use crate::pool::Pool;
use std::fmt;
use std::marker::PhantomData;

/// Element type of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum DType {
    /// IEEE float32.
    Float32 = 0,
    /// Two's complement, 4 bytes.
    Int32 = 1,
    /// One byte, 0 or 1.
    Bool = 2,
    /// The upper half of a float32, 2 bytes. JavaScript never sees it.
    BFloat16 = 3,
}

impl DType {
    /// Bytes of an element.
    pub fn size(self) -> usize {
        match self {
            DType::Float32 | DType::Int32 => 4,
            DType::Bool => 1,
            DType::BFloat16 => 2,
        }
    }

    /// From its number on the wire.
    pub fn from_number(number: u32) -> Result<DType> {
        match number {
            0 => Ok(DType::Float32),
            1 => Ok(DType::Int32),
            2 => Ok(DType::Bool),
            3 => Ok(DType::BFloat16),
            other => Err(Error::Invalid(format!("expected a dtype of 0 .. 3, got {other}"))),
        }
    }
}

/// Most dimensions that a tensor may have.
pub const MAX_RANK: usize = 8;

/// Sizes of a tensor, row-major; their product is known not to overflow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    rank: u8,
    dims: [usize; MAX_RANK],
}

impl Shape {
    /// Checks rank and overflow.
    pub fn new(dims: &[usize]) -> Result<Shape> {
        if dims.len() > MAX_RANK {
            return Err(Error::Invalid(format!("expected at most {MAX_RANK} dimensions, got {}", dims.len())));
        }
        let size = dims.iter().try_fold(1usize, |size, &dim| size.checked_mul(dim));
        if size.is_none_or(|size| size > isize::MAX as usize / 16) {
            return Err(Error::Invalid(format!("expected a shape that fits in memory, got {dims:?}")));
        }
        let mut all = [1; MAX_RANK];
        all[..dims.len()].copy_from_slice(dims);
        Ok(Shape { rank: dims.len() as u8, dims: all })
    }

    /// The sizes, outermost first.
    pub fn dims(&self) -> &[usize] {
        &self.dims[..self.rank as usize]
    }

    /// Number of dimensions.
    pub fn rank(&self) -> usize {
        self.rank as usize
    }

    /// Number of elements.
    pub fn size(&self) -> usize {
        self.dims().iter().product()
    }

    /// Size of the last dimension, and the product of the others; `(1, 1)` for a scalar.
    pub fn rows_and_columns(&self) -> (usize, usize) {
        match self.dims().split_last() {
            Some((&last, rest)) => (rest.iter().product(), last),
            None => (1, 1),
        }
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.dims())
    }
}

/// A tensor that a kernel reads or writes. The executor has checked that the buffer holds the shape.
#[derive(Clone, Copy)]
pub struct Operand<'a> {
    data: *mut u8,
    /// Element type.
    pub dtype: DType,
    /// Sizes.
    pub shape: Shape,
    lifetime: PhantomData<&'a [u8]>,
}

impl<'a> Operand<'a> {
    /// SAFETY: `data` holds `shape.size()` elements of `dtype`, aligned to 64 bytes, for `'a`; nobody else writes to it, and nobody else
    /// reads it if it is given as an output or inout.
    pub unsafe fn new(data: *mut u8, dtype: DType, shape: Shape) -> Operand<'a> {
        Operand { data, dtype, shape, lifetime: PhantomData }
    }

    /// Number of elements.
    pub fn size(&self) -> usize {
        self.shape.size()
    }

    /// The sizes, outermost first.
    pub fn dims(&self) -> &[usize] {
        self.shape.dims()
    }

    fn expect(&self, dtype: DType) -> Result<()> {
        if self.dtype == dtype {
            return Ok(());
        }
        Err(Error::Invalid(format!("expected {dtype:?}, got {:?} {:?}", self.dtype, self.shape)))
    }

    /// Its elements as float32.
    pub fn f32(&self) -> Result<&'a [f32]> {
        self.expect(DType::Float32)?;
        // SAFETY: by the contract of `new`.
        Ok(unsafe { std::slice::from_raw_parts(self.data.cast(), self.size()) })
    }

    /// Its elements as int32.
    pub fn i32(&self) -> Result<&'a [i32]> {
        self.expect(DType::Int32)?;
        // SAFETY: by the contract of `new`.
        Ok(unsafe { std::slice::from_raw_parts(self.data.cast(), self.size()) })
    }

    /// Its elements as bytes of a bool tensor. JavaScript may have put any byte there.
    pub fn bool(&self) -> Result<&'a [u8]> {
        self.expect(DType::Bool)?;
        // SAFETY: by the contract of `new`.
        Ok(unsafe { std::slice::from_raw_parts(self.data, self.size()) })
    }

    /// Its elements as the bits of bfloat16.
    pub fn bf16(&self) -> Result<&'a [u16]> {
        self.expect(DType::BFloat16)?;
        // SAFETY: by the contract of `new`.
        Ok(unsafe { std::slice::from_raw_parts(self.data.cast(), self.size()) })
    }

    /// Its bytes, whatever they mean.
    pub fn bytes(&self) -> &'a [u8] {
        // SAFETY: by the contract of `new`.
        unsafe { std::slice::from_raw_parts(self.data, self.size() * self.dtype.size()) }
    }
}

/// A tensor that a kernel writes: taken from the call once, so that there is one writer.
pub struct OperandMut<'a>(Operand<'a>);

impl<'a> OperandMut<'a> {
    /// Element type.
    pub fn dtype(&self) -> DType {
        self.0.dtype
    }

    /// Sizes.
    pub fn shape(&self) -> Shape {
        self.0.shape
    }

    /// The sizes, outermost first.
    pub fn dims(&self) -> &[usize] {
        self.0.shape.dims()
    }

    /// Number of elements.
    pub fn size(&self) -> usize {
        self.0.size()
    }

    /// Its elements as float32.
    pub fn f32(self) -> Result<&'a mut [f32]> {
        self.0.expect(DType::Float32)?;
        // SAFETY: by the contract of `Operand::new`; taken once.
        Ok(unsafe { std::slice::from_raw_parts_mut(self.0.data.cast(), self.0.size()) })
    }

    /// Its elements as int32.
    pub fn i32(self) -> Result<&'a mut [i32]> {
        self.0.expect(DType::Int32)?;
        // SAFETY: as `f32`.
        Ok(unsafe { std::slice::from_raw_parts_mut(self.0.data.cast(), self.0.size()) })
    }

    /// Its elements as bytes of a bool tensor.
    pub fn bool(self) -> Result<&'a mut [u8]> {
        self.0.expect(DType::Bool)?;
        // SAFETY: as `f32`.
        Ok(unsafe { std::slice::from_raw_parts_mut(self.0.data, self.0.size()) })
    }

    /// Its elements as the bits of bfloat16.
    pub fn bf16(self) -> Result<&'a mut [u16]> {
        self.0.expect(DType::BFloat16)?;
        // SAFETY: as `f32`.
        Ok(unsafe { std::slice::from_raw_parts_mut(self.0.data.cast(), self.0.size()) })
    }

    /// Its bytes.
    pub fn bytes(self) -> &'a mut [u8] {
        // SAFETY: as `f32`.
        unsafe { std::slice::from_raw_parts_mut(self.0.data, self.0.size() * self.0.dtype.size()) }
    }
}

/// What a kernel computes with.
pub struct Context<'a> {
    /// Threads.
    pub pool: &'a Pool,
    /// Instruction set.
    pub isa: Isa,
    /// For scratch memory (`allocator.scratch`).
    pub allocator: &'a Allocator,
}

/// An operation: operands and attributes. Outputs are freshly allocated (their content is undefined) and overlap nothing; an inout is read and written in place.
pub struct Call<'a> {
    inputs: &'a [Operand<'a>],
    outputs: Vec<Option<OperandMut<'a>>>,
    inouts: Vec<Option<OperandMut<'a>>>,
    ints: &'a [i32],
    floats: &'a [f64],
}

impl<'a> Call<'a> {
    /// SAFETY: no output and no inout overlaps another operand.
    pub unsafe fn new(
        inputs: &'a [Operand<'a>],
        outputs: &[Operand<'a>],
        inouts: &[Operand<'a>],
        ints: &'a [i32],
        floats: &'a [f64],
    ) -> Call<'a> {
        let writers = |operands: &[Operand<'a>]| operands.iter().map(|&operand| Some(OperandMut(operand))).collect();
        Call { inputs, outputs: writers(outputs), inouts: writers(inouts), ints, floats }
    }

    /// The inputs.
    pub fn inputs(&self) -> &'a [Operand<'a>] {
        self.inputs
    }

    /// Input `index`.
    pub fn input(&self, index: usize) -> Result<Operand<'a>> {
        let count = self.inputs.len();
        self.inputs.get(index).copied().ok_or_else(|| Error::Invalid(format!("expected input {index}, got {count} inputs")))
    }

    /// How many outputs there are.
    pub fn output_count(&self) -> usize {
        self.outputs.len()
    }

    /// How many inouts there are.
    pub fn inout_count(&self) -> usize {
        self.inouts.len()
    }

    /// Takes output `index`, which works once.
    pub fn output(&mut self, index: usize) -> Result<OperandMut<'a>> {
        let count = self.outputs.len();
        let found = self.outputs.get_mut(index).and_then(Option::take);
        found.ok_or_else(|| Error::Invalid(format!("expected output {index}, got {count} outputs")))
    }

    /// Takes inout `index`, which works once.
    pub fn inout(&mut self, index: usize) -> Result<OperandMut<'a>> {
        let count = self.inouts.len();
        let found = self.inouts.get_mut(index).and_then(Option::take);
        found.ok_or_else(|| Error::Invalid(format!("expected inout {index}, got {count} inouts")))
    }

    /// The integer attributes.
    pub fn ints(&self) -> &'a [i32] {
        self.ints
    }

    /// Integer attribute `index`.
    pub fn int(&self, index: usize) -> Result<i32> {
        let count = self.ints.len();
        self.ints.get(index).copied().ok_or_else(|| Error::Invalid(format!("expected integer attribute {index}, got {count}")))
    }

    /// Integer attribute `index` as a size.
    pub fn size(&self, index: usize) -> Result<usize> {
        let value = self.int(index)?;
        usize::try_from(value).map_err(|_| Error::Invalid(format!("expected a size as integer attribute {index}, got {value}")))
    }

    /// Integer attribute `index` as a flag.
    pub fn flag(&self, index: usize) -> Result<bool> {
        Ok(self.int(index)? != 0)
    }

    /// The float attributes.
    pub fn floats(&self) -> &'a [f64] {
        self.floats
    }

    /// Float attribute `index`.
    pub fn float(&self, index: usize) -> Result<f64> {
        let count = self.floats.len();
        self.floats.get(index).copied().ok_or_else(|| Error::Invalid(format!("expected float attribute {index}, got {count}")))
    }
}
