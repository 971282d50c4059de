//! How operations cross from JavaScript: 32-bit words, one operation after another. What comes is checked here and in the executor, as if
//! anybody could have written it.
//!
//! ```text
//! FREE      0        words  handle...
//! CONSTANT  1        words  handle  bytes  data...
//! kernel    16 + k   words  inputs  outputs  inouts  ints  floats   operand...  int...  float (2 words, low first)...
//! operand            handle  dtype + 256 rank  dim...
//! ```
//! `words` counts the operation's words, all of them. `k` is the kernel's place in `kernels::table()`.

use crate::call::{DType, MAX_RANK, Shape};
use crate::ensure;
use crate::error::{Error, Result};

/// Opcode of FREE.
pub const FREE: u32 = 0;
/// Opcode of CONSTANT.
pub const CONSTANT: u32 = 1;
/// Opcode of the first kernel.
pub const FIRST_KERNEL: u32 = 16;
/// Handles are below this.
pub const MAX_HANDLES: u32 = 1 << 24;

/// A tensor as an operation names it.
#[derive(Debug, Clone, Copy)]
pub struct OperandSpec {
    /// Which buffer.
    pub handle: u32,
    /// Element type.
    pub dtype: DType,
    /// Sizes.
    pub shape: Shape,
}

impl OperandSpec {
    /// Bytes that the buffer has to hold.
    pub fn bytes(&self) -> usize {
        self.shape.size() * self.dtype.size()
    }
}

/// One operation.
#[derive(Debug)]
pub enum Operation<'a> {
    /// Buffers that nobody needs any more.
    Free(&'a [u32]),
    /// A buffer with this content.
    Constant {
        /// Which buffer.
        handle: u32,
        /// Its content.
        data: &'a [u8],
    },
    /// A kernel's work.
    Kernel(KernelOperation),
}

/// A kernel with operands and attributes.
#[derive(Debug)]
pub struct KernelOperation {
    /// Place in `kernels::table()`.
    pub kernel: usize,
    /// Inputs, then outputs, then inouts.
    pub operands: Vec<OperandSpec>,
    /// How many of `operands` are inputs.
    pub inputs: usize,
    /// How many of `operands` are outputs.
    pub outputs: usize,
    /// Integer attributes.
    pub ints: Vec<i32>,
    /// Float attributes.
    pub floats: Vec<f64>,
}

/// Reads the operations of a piece of the queue.
pub struct Reader<'a> {
    words: &'a [u32],
}

impl<'a> Reader<'a> {
    /// From the first word of an operation.
    pub fn new(words: &'a [u32]) -> Reader<'a> {
        Reader { words }
    }
}

/// After an error the rest cannot be read.
impl<'a> Iterator for Reader<'a> {
    type Item = Result<Operation<'a>>;

    fn next(&mut self) -> Option<Result<Operation<'a>>> {
        if self.words.is_empty() {
            return None;
        }
        let length = self.words.get(1).copied().unwrap_or(0) as usize;
        if length < 2 || length > self.words.len() {
            let left = std::mem::take(&mut self.words).len();
            return Some(Err(Error::Invalid(format!("expected an operation of 2 .. {left} words, got {length}"))));
        }
        let (operation, rest) = self.words.split_at(length);
        self.words = rest;
        Some(parse(operation))
    }
}

fn parse(words: &[u32]) -> Result<Operation<'_>> {
    match words[0] {
        FREE => Ok(Operation::Free(&words[2..])),
        CONSTANT => {
            ensure!(words.len() >= 4, "CONSTANT: expected 4 words or more, got {}", words.len());
            let bytes = words[3] as usize;
            // SAFETY: any bits are bytes; the length is that of the words.
            let data = unsafe { std::slice::from_raw_parts(words[4..].as_ptr().cast::<u8>(), (words.len() - 4) * 4) };
            ensure!(bytes <= data.len(), "CONSTANT: expected {bytes} bytes, got {}", data.len());
            Ok(Operation::Constant { handle: words[2], data: &data[..bytes] })
        }
        opcode if opcode >= FIRST_KERNEL => parse_kernel(words),
        opcode => Err(Error::Invalid(format!("there is no operation {opcode}"))),
    }
}

fn parse_kernel(words: &[u32]) -> Result<Operation<'_>> {
    ensure!(words.len() >= 7, "expected 7 words or more, got {}", words.len());
    let [inputs, outputs, inouts, ints, floats] = [2, 3, 4, 5, 6].map(|index| words[index] as usize);
    // An operand has two words at least, so that this bounds what is allocated for it.
    let count = inputs.saturating_add(outputs).saturating_add(inouts);
    ensure!(
        count <= words.len() && ints <= words.len() && floats <= words.len(),
        "the counts of operands and attributes exceed the operation"
    );
    let mut rest = &words[7..];
    let mut operands = Vec::with_capacity(count);
    for _ in 0..count {
        let [handle, description, ..] = *rest else {
            return Err(Error::Invalid("an operand is cut off".into()));
        };
        let rank = (description >> 8) as usize;
        ensure!(rank <= MAX_RANK && rest.len() >= 2 + rank, "expected an operand of {rank} dimensions (at most {MAX_RANK}), it is cut off");
        let mut dims = [0usize; MAX_RANK];
        for (dim, &word) in dims.iter_mut().zip(&rest[2..2 + rank]) {
            ensure!(word <= i32::MAX as u32, "expected a dimension of 0 .. {}, got {}", i32::MAX, word as i32);
            *dim = word as usize;
        }
        operands.push(OperandSpec { handle, dtype: DType::from_number(description & 255)?, shape: Shape::new(&dims[..rank])? });
        rest = &rest[2 + rank..];
    }
    ensure!(rest.len() == ints + 2 * floats, "expected {ints} integers and {floats} floats, got {} words", rest.len());
    let (int_words, float_words) = rest.split_at(ints);
    Ok(Operation::Kernel(KernelOperation {
        kernel: (words[0] - FIRST_KERNEL) as usize,
        operands,
        inputs,
        outputs,
        ints: int_words.iter().map(|&word| word as i32).collect(),
        floats: float_words.chunks_exact(2).map(|pair| f64::from_bits(u64::from(pair[0]) | u64::from(pair[1]) << 32)).collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    /// Kernel 3 of an input [2, 3], an output [4] and an inout of no dimensions, with two integers and a float.
    fn kernel() -> Vec<u32> {
        let float = 0.1f64.to_bits();
        let mut words = vec![FIRST_KERNEL + 3, 0, 1, 1, 1, 2, 1];
        words.extend([7, 0x200, 2, 3]);
        words.extend([8, 0x101, 4]);
        words.extend([9, 0x002]);
        words.extend([-5i32 as u32, 6, float as u32, (float >> 32) as u32]);
        words[1] = words.len() as u32;
        words
    }

    fn only(words: &[u32]) -> Result<Operation<'_>> {
        let mut reader = Reader::new(words);
        let first = reader.next().expect("an operation");
        assert!(reader.next().is_none());
        first
    }

    #[test]
    fn a_kernel_is_read_as_it_was_written() {
        let words = kernel();
        let Ok(Operation::Kernel(operation)) = only(&words) else { panic!("expected a kernel") };
        assert_eq!((operation.kernel, operation.inputs, operation.outputs), (3, 1, 1));
        let handles: Vec<_> = operation.operands.iter().map(|operand| operand.handle).collect();
        assert_eq!(handles, [7, 8, 9]);
        let dtypes: Vec<_> = operation.operands.iter().map(|operand| operand.dtype).collect();
        assert_eq!(dtypes, [DType::Float32, DType::Int32, DType::Bool]);
        let shapes: Vec<_> = operation.operands.iter().map(|operand| operand.shape.dims().to_vec()).collect();
        assert_eq!(shapes, [vec![2, 3], vec![4], vec![]]);
        assert_eq!((operation.ints, operation.floats), (vec![-5, 6], vec![0.1]));
    }

    #[test]
    fn frees_and_constants_are_read_as_they_were_written() {
        let words = [FREE, 4, 5, 6, CONSTANT, 6, 7, 5, 0x04030201, 0xffffff05];
        let operations: Vec<_> = Reader::new(&words).map(Result::unwrap).collect();
        assert!(matches!(operations[0], Operation::Free([5, 6])));
        assert!(matches!(operations[1], Operation::Constant { handle: 7, data: [1, 2, 3, 4, 5] }));
    }

    #[test]
    fn an_operation_that_is_cut_off_anywhere_is_an_error() {
        let words = kernel();
        for length in 1..words.len() {
            assert!(only(&words[..length]).is_err(), "{length} words, of which it claims more");
            let mut shorter = words[..length].to_vec();
            if length > 1 {
                shorter[1] = length as u32;
                assert!(only(&shorter).is_err(), "{length} words");
            }
        }
    }

    #[test]
    fn one_changed_word_is_an_error_where_it_must_be() {
        let changed = |place: usize, word: u32| {
            let mut words = kernel();
            words[place] = word;
            only(&words).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert!(changed(0, 2).contains("there is no operation 2"));
        assert!(changed(1, 0).contains("expected an operation of 2 .."));
        assert!(changed(1, u32::MAX).contains("expected an operation of 2 .."));
        for count in 2..7 {
            assert!(!changed(count, u32::MAX).is_empty(), "count {count}");
        }
        assert!(changed(8, 0x204).contains("dtype"));
        assert!(changed(8, 0x900).contains("at most 8"));
        assert!(changed(9, -1i32 as u32).contains("got -1"));
        assert!(only(&[CONSTANT, 5, 1, 5, 0]).unwrap_err().to_string().contains("expected 5 bytes, got 4"));
        assert!(only(&[CONSTANT, 3, 1]).is_err());
    }

    #[test]
    fn a_shape_that_no_memory_holds_is_an_error() {
        let mut words = vec![FIRST_KERNEL, 13, 1, 0, 0, 0, 0, 1, 0x400];
        words.extend([i32::MAX as u32; 4]);
        assert!(only(&words).unwrap_err().to_string().contains("fits in memory"));
    }

    #[test]
    fn any_words_are_operations_or_errors() {
        let mut random = Random::new(1);
        for _ in 0..20_000 {
            let length = random.below(40);
            // Small numbers mostly, so that lengths and counts often fit.
            let mut word = || {
                let end = [3, 20, 1 << 32][random.below(3)];
                random.below(end) as u32
            };
            let mut words: Vec<u32> = (0..length).map(|_| word()).collect();
            if let Some(word) = words.get_mut(1) {
                *word = length as u32;
            }
            assert!(Reader::new(&words).count() <= length);
        }
    }
}
