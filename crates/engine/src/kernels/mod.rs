//! The kernels by name. Each file lists its own; JavaScript gets the names with their numbers when the engine starts.

use crate::call::{Call, Context};
use crate::error::Result;

mod activations;
mod arg;
mod arrays;
mod attention;
mod binary;
mod broadcast;
mod cache;
mod cast;
mod concat;
mod conv;
mod copy;
mod cross_entropy;
mod cumulative;
mod depthwise;
mod dropout;
mod element;
mod embedding;
mod fill;
mod gather;
mod global_norm;
mod linear;
mod matmul;
mod norms;
mod optimizer;
mod pad;
pub mod philox;
mod pool2d;
mod reduce;
mod resize;
mod rotary;
mod sampling;
mod scatter;
mod select;
mod slice;
mod softmax;
mod space;
mod strided;
mod tile;
mod top_k;
mod transpose;
mod unary;

/// Computes one operation. Checks what it is given: the executor knows only that every operand's buffer holds its shape.
pub type Kernel = fn(&Context, &mut Call) -> Result<()>;

/// Elements of one task of a kernel that does little with each: some ten microseconds.
pub const GRAIN: usize = 16 << 10;

/// All of them. The place in this list is the operation's number on the wire.
pub fn table() -> Vec<(&'static str, Kernel)> {
    [
        activations::KERNELS,
        arg::KERNELS,
        attention::KERNELS,
        binary::KERNELS,
        cache::KERNELS,
        cast::KERNELS,
        concat::KERNELS,
        conv::KERNELS,
        copy::KERNELS,
        cross_entropy::KERNELS,
        cumulative::KERNELS,
        depthwise::KERNELS,
        dropout::KERNELS,
        embedding::KERNELS,
        fill::KERNELS,
        gather::KERNELS,
        global_norm::KERNELS,
        linear::KERNELS,
        matmul::KERNELS,
        norms::KERNELS,
        optimizer::KERNELS,
        pad::KERNELS,
        pool2d::KERNELS,
        reduce::KERNELS,
        resize::KERNELS,
        rotary::KERNELS,
        sampling::KERNELS,
        scatter::KERNELS,
        select::KERNELS,
        slice::KERNELS,
        softmax::KERNELS,
        space::KERNELS,
        tile::KERNELS,
        top_k::KERNELS,
        transpose::KERNELS,
        unary::KERNELS,
    ]
    .concat()
}
