//! Scaled dot-product attention (Vaswani et al. 2017) with grouped key and value heads (Ainslie et al. 2023), causal and document masks and
//! dropout on the probabilities, forward and backward, without ever storing the scores (Dao et al. 2022; Dao 2023).
//!
//! B batch, T queries, H query heads, S keys, K key heads, D headDim. Query head h reads key head floor(h / (H / K)). The queries are the
//! last T positions of the keys that count.

mod backward;
mod decode;
mod forward;
mod problem;
#[cfg(test)]
mod tests;
mod tiles;

use super::Kernel;
use super::philox::DropoutMask;
use crate::call::{Call, Context, Operand, Shape};
use crate::ensure;
use crate::error::{Error, Result};
use backward::Gradients;
use problem::{Documents, Heads, Problem};

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[
    ("Attention", attention),
    ("AttentionGradient", attention_gradient),
    ("SelfAttention", self_attention),
    ("SelfAttentionGradient", self_attention_gradient),
];

/// Inputs q `[B, H, T, D]` (layout 1: `[B, T, H, D]`), k and v `[B, K, S, D]` (`[B, S, K, D]`), optionally documentIds int32 `[B, S]`;
/// outputs y (as q) and, for the gradient, the logarithm to base 2 of each row's sum of powers `[B, H, T]`.
/// Ints: layout, causal, keyLength (the keys that count; -1 for all), precision (0 float32, 1 bfloat16), the two words of dropout's key.
/// Floats: scale, dropout's rate (0 for none) and offset: element `[b, h, t, s]` of the probabilities takes draw
/// `offset + ((b H + h) T + t) S + s`, with the S keys that count.
fn attention(context: &Context, call: &mut Call) -> Result<()> {
    let (q, k, v) = (call.input(0)?, call.input(1)?, call.input(2)?);
    let attributes = Attributes::of(call, 1)?;
    let sizes = Sizes::separate(&q, &k, &v, call.int(0)?, call.int(2)?)?;
    let (y, log_sum_exp) = (call.output(0)?, call.output(1)?);
    ensure!(y.dims() == q.dims(), "expected y like q {:?}, got {:?}", q.shape, y.shape());
    expect_dims("logSumExp", log_sum_exp.shape(), &[sizes.batch, sizes.heads, sizes.queries])?;
    let documents = documents(call, 3, &sizes)?;
    let (q, [k, v]) = (sizes.query_heads(q.f32()?.as_ptr().cast_mut()), sizes.key_heads([k, v])?);
    let y = sizes.query_heads(y.f32()?.as_mut_ptr());
    let (problem, dropout) = attributes.problem(&sizes, documents, q, k, v)?;
    // SAFETY: the operands have the shapes that the sizes were taken from.
    unsafe {
        if problem.queries == 1 && dropout.is_none() {
            decode::decode(context, &problem, y, log_sum_exp.f32()?)
        } else {
            forward::forward(context, &problem, dropout, y, log_sum_exp.f32()?)
        }
    }
}

/// Inputs dy, q, k, v, y, logSumExp, optionally documentIds; outputs dq, dk, dv, shaped like q, k, v. Attributes as those of `Attention`.
fn attention_gradient(context: &Context, call: &mut Call) -> Result<()> {
    let (dy, q, k, v, y) = (call.input(0)?, call.input(1)?, call.input(2)?, call.input(3)?, call.input(4)?);
    let log_sum_exp = call.input(5)?;
    let attributes = Attributes::of(call, 1)?;
    let sizes = Sizes::separate(&q, &k, &v, call.int(0)?, call.int(2)?)?;
    let (dq, dk, dv) = (call.output(0)?, call.output(1)?, call.output(2)?);
    for (name, shape, like) in
        [("dy", dy.shape, &q), ("y", y.shape, &q), ("dq", dq.shape(), &q), ("dk", dk.shape(), &k), ("dv", dv.shape(), &v)]
    {
        expect_dims(name, shape, like.dims())?;
    }
    expect_dims("logSumExp", log_sum_exp.shape, &[sizes.batch, sizes.heads, sizes.queries])?;
    let documents = documents(call, 6, &sizes)?;
    let gradients = Gradients {
        dy: sizes.query_heads(dy.f32()?.as_ptr().cast_mut()),
        y: sizes.query_heads(y.f32()?.as_ptr().cast_mut()),
        log_sum_exp: log_sum_exp.f32()?,
        dq: sizes.query_heads(dq.f32()?.as_mut_ptr()),
        dk: sizes.heads_of_keys(dk.f32()?.as_mut_ptr()),
        dv: sizes.heads_of_keys(dv.f32()?.as_mut_ptr()),
        stored_keys: sizes.stored_keys,
    };
    let (q, [k, v]) = (sizes.query_heads(q.f32()?.as_ptr().cast_mut()), sizes.key_heads([k, v])?);
    let (problem, dropout) = attributes.problem(&sizes, documents, q, k, v)?;
    // SAFETY: the operands have the shapes that the sizes were taken from.
    unsafe { backward::backward(context, &problem, dropout, &gradients) }
}

/// Inputs qkv `[B, T, (H + 2 K) D]` (all queries, then all keys, then all values), optionally documentIds int32 `[B, T]`; outputs
/// y `[B, T, H D]` and logSumExp `[B, H, T]`. Ints: H, K, causal, precision, the two words of dropout's key. Floats as `Attention`.
fn self_attention(context: &Context, call: &mut Call) -> Result<()> {
    let qkv = call.input(0)?;
    let attributes = Attributes::of(call, 2)?;
    let sizes = Sizes::packed(&qkv, call.size(0)?, call.size(1)?)?;
    let (y, log_sum_exp) = (call.output(0)?, call.output(1)?);
    expect_dims("y", y.shape(), &[sizes.batch, sizes.queries, sizes.heads * sizes.head_dim])?;
    expect_dims("logSumExp", log_sum_exp.shape(), &[sizes.batch, sizes.heads, sizes.queries])?;
    let documents = documents(call, 1, &sizes)?;
    let y = sizes.query_heads(y.f32()?.as_mut_ptr());
    let [q, k, v] = sizes.parts_of_packed(qkv.f32()?.as_ptr().cast_mut());
    let (problem, dropout) = attributes.problem(&sizes, documents, q, k, v)?;
    // SAFETY: the operands have the shapes that the sizes were taken from.
    unsafe { forward::forward(context, &problem, dropout, y, log_sum_exp.f32()?) }
}

/// Inputs dy, qkv, y, logSumExp, optionally documentIds; output dqkv, shaped like qkv. Attributes as those of `SelfAttention`.
fn self_attention_gradient(context: &Context, call: &mut Call) -> Result<()> {
    let (dy, qkv, y, log_sum_exp) = (call.input(0)?, call.input(1)?, call.input(2)?, call.input(3)?);
    let attributes = Attributes::of(call, 2)?;
    let sizes = Sizes::packed(&qkv, call.size(0)?, call.size(1)?)?;
    let dqkv = call.output(0)?;
    let of_queries = [sizes.batch, sizes.queries, sizes.heads * sizes.head_dim];
    expect_dims("dy", dy.shape, &of_queries)?;
    expect_dims("y", y.shape, &of_queries)?;
    expect_dims("logSumExp", log_sum_exp.shape, &[sizes.batch, sizes.heads, sizes.queries])?;
    expect_dims("dqkv", dqkv.shape(), qkv.dims())?;
    let documents = documents(call, 4, &sizes)?;
    let [dq, dk, dv] = sizes.parts_of_packed(dqkv.f32()?.as_mut_ptr());
    let gradients = Gradients {
        dy: sizes.query_heads(dy.f32()?.as_ptr().cast_mut()),
        y: sizes.query_heads(y.f32()?.as_ptr().cast_mut()),
        log_sum_exp: log_sum_exp.f32()?,
        dq,
        dk,
        dv,
        stored_keys: sizes.stored_keys,
    };
    let [q, k, v] = sizes.parts_of_packed(qkv.f32()?.as_ptr().cast_mut());
    let (problem, dropout) = attributes.problem(&sizes, documents, q, k, v)?;
    // SAFETY: the operands have the shapes that the sizes were taken from.
    unsafe { backward::backward(context, &problem, dropout, &gradients) }
}

fn expect_dims(name: &str, shape: Shape, dims: &[usize]) -> Result<()> {
    ensure!(shape.dims() == dims, "expected {name} {dims:?}, got {shape:?}");
    Ok(())
}

fn documents<'a>(call: &Call<'a>, index: usize, sizes: &Sizes) -> Result<Option<Documents<'a>>> {
    if call.inputs().len() <= index {
        return Ok(None);
    }
    let ids = call.input(index)?;
    expect_dims("documentIds", ids.shape, &[sizes.batch, sizes.stored_keys])?;
    Ok(Some(Documents::new(ids.i32()?, sizes.stored_keys)))
}

/// What the two kinds of call have in common.
struct Attributes {
    causal: bool,
    scale: f64,
    dropout_key: [i32; 2],
    dropout_rate: f64,
    dropout_offset: f64,
}

impl Attributes {
    /// `causal` is the place of that attribute; precision and the key follow (in `Attention` after keyLength).
    fn of(call: &Call, causal: usize) -> Result<Attributes> {
        let key = call.ints().len().saturating_sub(2);
        let precision = call.int(3)?;
        ensure!((0..=1).contains(&precision), "expected a precision of 0 or 1, got {precision}");
        ensure!(call.ints().len() == 6, "expected 6 integer attributes, got {}", call.ints().len());
        Ok(Attributes {
            causal: call.flag(causal)?,
            scale: call.float(0)?,
            dropout_key: [call.int(key)?, call.int(key + 1)?],
            dropout_rate: call.float(1)?,
            dropout_offset: call.float(2)?,
        })
    }

    fn problem<'a>(
        &self,
        sizes: &Sizes,
        documents: Option<Documents<'a>>,
        q: Heads,
        k: Heads,
        v: Heads,
    ) -> Result<(Problem<'a>, Option<DropoutMask>)> {
        ensure!(self.scale.is_finite(), "expected a finite scale, got {}", self.scale);
        let Sizes { batch, heads, key_heads, queries, keys, head_dim, .. } = *sizes;
        let dropout = if self.dropout_rate == 0.0 {
            None
        } else {
            let probabilities = Shape::new(&[batch, heads, queries, keys])?.size();
            Some(DropoutMask::new(self.dropout_key, self.dropout_offset, self.dropout_rate, probabilities)?)
        };
        let (causal, scale) = (self.causal, self.scale as f32);
        Ok((Problem { batch, heads, key_heads, queries, keys, head_dim, causal, scale, documents, q, k, v }, dropout))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Layout {
    HeadsFirst,
    TimeFirst,
}

struct Sizes {
    batch: usize,
    heads: usize,
    key_heads: usize,
    queries: usize,
    /// Those that count.
    keys: usize,
    stored_keys: usize,
    head_dim: usize,
    layout: Layout,
}

impl Sizes {
    fn separate(q: &Operand, k: &Operand, v: &Operand, layout: i32, key_length: i32) -> Result<Sizes> {
        let layout = match layout {
            0 => Layout::HeadsFirst,
            1 => Layout::TimeFirst,
            other => return Err(Error::Invalid(format!("expected a layout of 0 or 1, got {other}"))),
        };
        ensure!(k.dims() == v.dims(), "expected v like k {:?}, got {:?}", k.shape, v.shape);
        let (&[batch, a, b, head_dim], &[key_batch, c, d, key_dim]) = (q.dims(), k.dims()) else {
            return Err(Error::Invalid(format!("expected q and k of rank 4, got {:?} and {:?}", q.shape, k.shape)));
        };
        let ((heads, queries), (key_heads, stored_keys)) = if layout == Layout::HeadsFirst { ((a, b), (c, d)) } else { ((b, a), (d, c)) };
        ensure!(
            batch == key_batch && head_dim == key_dim && key_heads > 0 && heads.is_multiple_of(key_heads),
            "expected q and k of one batch and headDim, and heads a multiple of the key heads, got {:?} and {:?}",
            q.shape,
            k.shape
        );
        let keys = if key_length == -1 { stored_keys } else { key_length.max(0) as usize };
        ensure!(
            queries <= keys && keys <= stored_keys && key_length >= -1,
            "expected queries <= keyLength <= keys, got {queries}, {key_length} and {stored_keys}"
        );
        Ok(Sizes { batch, heads, key_heads, queries, keys, stored_keys, head_dim, layout })
    }

    fn packed(qkv: &Operand, heads: usize, key_heads: usize) -> Result<Sizes> {
        let &[batch, time, width] = qkv.dims() else {
            return Err(Error::Invalid(format!("expected qkv of rank 3, got {:?}", qkv.shape)));
        };
        ensure!(
            key_heads > 0 && heads > 0 && heads.is_multiple_of(key_heads),
            "expected heads a multiple of the key heads, got {heads} and {key_heads}"
        );
        let all_heads = heads + 2 * key_heads;
        ensure!(width.is_multiple_of(all_heads), "expected qkv of a multiple of {all_heads} columns, got {:?}", qkv.shape);
        let head_dim = width / all_heads;
        Ok(Sizes { batch, heads, key_heads, queries: time, keys: time, stored_keys: time, head_dim, layout: Layout::TimeFirst })
    }

    fn query_heads(&self, data: *mut f32) -> Heads {
        self.heads_of(data, self.heads, self.queries)
    }

    fn heads_of_keys(&self, data: *mut f32) -> Heads {
        self.heads_of(data, self.key_heads, self.stored_keys)
    }

    fn key_heads(&self, operands: [Operand; 2]) -> Result<[Heads; 2]> {
        let [k, v] = operands;
        Ok([self.heads_of_keys(k.f32()?.as_ptr().cast_mut()), self.heads_of_keys(v.f32()?.as_ptr().cast_mut())])
    }

    fn heads_of(&self, data: *mut f32, heads: usize, time: usize) -> Heads {
        match self.layout {
            Layout::HeadsFirst => Heads::heads_first(data, heads, time, self.head_dim),
            Layout::TimeFirst => Heads::time_first(data, time, heads * self.head_dim, self.head_dim),
        }
    }

    /// Queries, keys and values of qkv.
    fn parts_of_packed(&self, data: *mut f32) -> [Heads; 3] {
        let all_heads = self.heads + 2 * self.key_heads;
        [0, self.heads, self.heads + self.key_heads].map(|head| {
            let data = data.wrapping_add(head * self.head_dim);
            Heads::time_first(data, self.queries, all_heads * self.head_dim, self.head_dim)
        })
    }
}
