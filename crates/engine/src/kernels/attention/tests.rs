//! Against a plain float64 reference; its gradient is checked by finite differences first.

use super::super::philox::DropoutMask;
use crate::call::DType::Float32;
use crate::isa::Isa;
use crate::simd::Simd;
use crate::simd_dispatch;
use crate::testing::{Array, Random, Run};

#[derive(Clone, Debug)]
struct Case {
    batch: usize,
    heads: usize,
    key_heads: usize,
    queries: usize,
    keys: usize,
    head_dim: usize,
    causal: bool,
    scale: f64,
    documents: Option<Vec<i32>>,
    dropout: Option<f64>,
}

impl Case {
    fn new(batch: usize, [heads, key_heads]: [usize; 2], [queries, keys]: [usize; 2], head_dim: usize) -> Case {
        let scale = 1.0 / (head_dim.max(1) as f64).sqrt();
        Case { batch, heads, key_heads, queries, keys, head_dim, causal: true, scale, documents: None, dropout: None }
    }

    fn with_documents(mut self, longest: usize, seed: u64) -> Case {
        let mut random = Random::new(seed);
        let mut ids = vec![];
        for _ in 0..self.batch {
            let (mut id, mut rest) = (random.below(5) as i32, 0);
            for _ in 0..self.keys {
                if rest == 0 {
                    (id, rest) = (id + 1 - random.below(4) as i32, 1 + random.below(longest));
                }
                ids.push(id);
                rest -= 1;
            }
        }
        self.documents = Some(ids);
        self
    }

    fn q_size(&self) -> usize {
        self.batch * self.heads * self.queries * self.head_dim
    }

    fn k_size(&self) -> usize {
        self.batch * self.key_heads * self.keys * self.head_dim
    }

    /// `[batch, heads, queries, keys]`.
    fn factors(&self) -> Vec<f32> {
        let size = self.batch * self.heads * self.queries * self.keys;
        let mut factors = vec![1.0; size];
        if let Some(rate) = self.dropout {
            let mask = DropoutMask::new(KEY, OFFSET, rate, size).unwrap();
            // SAFETY: plain arguments.
            unsafe { dropout_factors(Isa::Portable, &mask, &mut factors) };
        }
        factors
    }
}

const KEY: [i32; 2] = [7, -9];
const OFFSET: f64 = 1003.0;

#[inline(always)]
unsafe fn factors_of<S: Simd>(mask: &DropoutMask, factors: &mut [f32]) {
    // SAFETY: by the contract of the caller.
    unsafe { mask.factors::<S>(0, factors) }
}

simd_dispatch! { unsafe fn dropout_factors(mask: &DropoutMask, factors: &mut [f32]) = factors_of; }

struct Reference {
    y: Vec<f64>,
    log_sum_exp: Vec<f64>,
    dq: Vec<f64>,
    dk: Vec<f64>,
    dv: Vec<f64>,
}

/// Operands `[batch, heads, time, head_dim]`.
fn reference(case: &Case, q: &[f64], k: &[f64], v: &[f64], dy: &[f64]) -> Reference {
    let Case { batch, heads, key_heads, queries, keys, head_dim: dim, .. } = *case;
    let factors = case.factors();
    let mut result = Reference {
        y: vec![0.0; q.len()],
        log_sum_exp: vec![0.0; batch * heads * queries],
        dq: vec![0.0; q.len()],
        dk: vec![0.0; k.len()],
        dv: vec![0.0; k.len()],
    };
    for row in 0..batch * heads * queries {
        let (b, h, t) = (row / queries / heads, row / queries % heads, row % queries);
        let position = keys - queries + t;
        let head = (b * key_heads + h / (heads / key_heads)) * keys * dim;
        let sees = |s: usize| {
            (!case.causal || s <= position) && case.documents.as_ref().is_none_or(|ids| ids[b * keys + s] == ids[b * keys + position])
        };
        let (query, dy) = (&q[row * dim..][..dim], &dy[row * dim..][..dim]);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let scores: Vec<f64> =
            (0..keys).map(|s| if sees(s) { case.scale * dot(query, &k[head + s * dim..][..dim]) } else { f64::NEG_INFINITY }).collect();
        let largest = scores.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b));
        let sum: f64 = scores.iter().map(|score| (score - largest).exp()).sum();
        result.log_sum_exp[row] = (largest + sum.ln()) * std::f64::consts::LOG2_E;
        let p: Vec<f64> = scores.iter().map(|score| (score - largest).exp() / sum).collect();
        let factor = |s: usize| f64::from(factors[row * keys + s]);
        let dp: Vec<f64> = (0..keys).map(|s| factor(s) * dot(dy, &v[head + s * dim..][..dim])).collect();
        let along = dot(&p, &dp);
        for s in 0..keys {
            let ds = p[s] * (dp[s] - along) * case.scale;
            for d in 0..dim {
                result.y[row * dim + d] += p[s] * factor(s) * v[head + s * dim + d];
                result.dq[row * dim + d] += ds * k[head + s * dim + d];
                result.dk[head + s * dim + d] += ds * query[d];
                result.dv[head + s * dim + d] += p[s] * factor(s) * dy[d];
            }
        }
    }
    result
}

fn random(size: usize, seed: u64) -> Vec<f64> {
    let mut random = Random::new(seed);
    // Twice the range of a uniform, so that softmaxes have some relief.
    (0..size).map(|_| f64::from(random.uniform() * 4.0 - 2.0)).collect()
}

#[test]
fn the_reference_has_the_gradient_of_finite_differences() {
    let mut case = Case::new(1, [4, 2], [3, 5], 3).with_documents(4, 1);
    case.dropout = Some(0.3);
    let (q, k, v, dy) = (random(case.q_size(), 1), random(case.k_size(), 2), random(case.k_size(), 3), random(case.q_size(), 4));
    let exact = reference(&case, &q, &k, &v, &dy);
    let loss = |q: &[f64], k: &[f64], v: &[f64]| reference(&case, q, k, v, &dy).y.iter().zip(&dy).map(|(a, b)| a * b).sum::<f64>();
    for (which, gradient) in [&exact.dq, &exact.dk, &exact.dv].into_iter().enumerate() {
        for (i, expected) in gradient.iter().enumerate() {
            let at = |step: f64| {
                let mut operands = [q.clone(), k.clone(), v.clone()];
                operands[which][i] += step;
                loss(&operands[0], &operands[1], &operands[2])
            };
            let found = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((found - expected).abs() < 1e-8, "operand {which} element {i}: {found}, expected {expected}");
        }
    }
}

/// `[batch, heads, time, head_dim]` as `[batch, time, heads, head_dim]`, or back with the two middle sizes exchanged.
fn exchange(x: &[f64], batch: usize, heads: usize, time: usize, dim: usize) -> Vec<f64> {
    let mut y = Vec::with_capacity(x.len());
    for b in 0..batch {
        for t in 0..time {
            for h in 0..heads {
                y.extend_from_slice(&x[((b * heads + h) * time + t) * dim..][..dim]);
            }
        }
    }
    y
}

fn array(dims: &[usize], values: &[f64]) -> Array {
    Array::f32(dims, &values.iter().map(|&value| value as f32).collect::<Vec<_>>())
}

fn assert_close(what: &str, case: &Case, found: &Array, expected: &[f64], tolerance: f64) {
    let largest = expected.iter().fold(0.0f64, |a, b| a.max(b.abs()));
    for (i, (found, expected)) in found.to_f32().into_iter().zip(expected).enumerate() {
        let difference = (f64::from(found) - expected).abs();
        // NaN is no small difference.
        assert!(difference <= tolerance * largest.max(1.0), "{what}[{i}] = {found}, expected {expected}; {case:?}");
    }
}

const TOLERANCE: f64 = 4e-6;

/// Both kernels in both layouts, and as packed self-attention where the sizes allow.
fn check(case: &Case) {
    let Case { batch, heads, key_heads, queries, keys, head_dim: dim, .. } = *case;
    let (q, k, v, dy) = (random(case.q_size(), 1), random(case.k_size(), 2), random(case.k_size(), 3), random(case.q_size(), 4));
    let expected = reference(case, &q, &k, &v, &dy);
    let floats = [case.scale, case.dropout.unwrap_or(0.0), OFFSET];
    let documents = case.documents.as_ref().map(|ids| Array::i32(&[batch, keys], ids));
    let with_documents = |run: Run| if let Some(documents) = &documents { run.input(documents) } else { run };
    for layout in [0, 1] {
        let ints = [layout, case.causal.into(), -1, 0, KEY[0], KEY[1]];
        let q_dims = if layout == 0 { [batch, heads, queries, dim] } else { [batch, queries, heads, dim] };
        let k_dims = if layout == 0 { [batch, key_heads, keys, dim] } else { [batch, keys, key_heads, dim] };
        let of_queries = |x: &[f64]| if layout == 0 { x.to_vec() } else { exchange(x, batch, heads, queries, dim) };
        let of_keys = |x: &[f64]| if layout == 0 { x.to_vec() } else { exchange(x, batch, key_heads, keys, dim) };
        let (q, k, v) = (array(&q_dims, &of_queries(&q)), array(&k_dims, &of_keys(&k)), array(&k_dims, &of_keys(&v)));
        let forward = with_documents(Run::new("Attention").input(&q).input(&k).input(&v));
        let forward = forward.output(Float32, &q_dims).output(Float32, &[batch, heads, queries]).ints(&ints).floats(&floats);
        forward.everywhere(|_, outputs| {
            assert_close("y", case, &outputs[0], &of_queries(&expected.y), TOLERANCE);
            assert_close("logSumExp", case, &outputs[1], &expected.log_sum_exp, TOLERANCE);
        });
        for isa in Isa::available() {
            let saved = forward.on(isa, 1).unwrap();
            let backward = Run::new("AttentionGradient").input(&array(&q_dims, &of_queries(&dy))).input(&q).input(&k).input(&v);
            let backward = with_documents(backward.input(&saved[0]).input(&saved[1])).ints(&ints).floats(&floats);
            let backward = backward.output(Float32, &q_dims).output(Float32, &k_dims).output(Float32, &k_dims);
            let outputs = backward.on(isa, 1).unwrap();
            assert_close("dq", case, &outputs[0], &of_queries(&expected.dq), TOLERANCE);
            assert_close("dk", case, &outputs[1], &of_keys(&expected.dk), TOLERANCE);
            assert_close("dv", case, &outputs[2], &of_keys(&expected.dv), TOLERANCE);
            for threads in [2, 3, 8] {
                assert!(backward.on(isa, threads).unwrap() == outputs, "{isa}: other bits with {threads} threads; {case:?}");
            }
        }
    }
    if queries == keys && heads > 0 && dim > 0 {
        check_packed(case, &[q, k, v], &dy, &expected);
    }
}

/// Queries, keys and values side by side: `[batch, time, (heads + 2 key_heads) dim]`.
fn pack(case: &Case, parts: &[Vec<f64>]) -> Vec<f64> {
    let Case { batch, heads, key_heads, queries: time, head_dim: dim, .. } = *case;
    let rows: Vec<_> = parts.iter().zip([heads, key_heads, key_heads]).map(|(x, heads)| exchange(x, batch, heads, time, dim)).collect();
    let widths = [heads * dim, key_heads * dim, key_heads * dim];
    let row = |row: usize| rows.iter().zip(widths).flat_map(move |(x, width)| x[row * width..][..width].to_vec());
    (0..batch * time).flat_map(row).collect()
}

fn check_packed(case: &Case, qkv: &[Vec<f64>], dy: &[f64], expected: &Reference) {
    let Case { batch, heads, key_heads, queries: time, head_dim: dim, .. } = *case;
    let qkv = array(&[batch, time, (heads + 2 * key_heads) * dim], &pack(case, qkv));
    let of_queries = |x: &[f64]| array(&[batch, time, heads * dim], &exchange(x, batch, heads, time, dim));
    let ints = [heads as i32, key_heads as i32, case.causal.into(), 0, KEY[0], KEY[1]];
    let floats = [case.scale, case.dropout.unwrap_or(0.0), OFFSET];
    let documents = case.documents.as_ref().map(|ids| Array::i32(&[batch, time], ids));
    let with_documents = |run: Run| if let Some(documents) = &documents { run.input(documents) } else { run };
    let forward = with_documents(Run::new("SelfAttention").input(&qkv)).ints(&ints).floats(&floats);
    let forward = forward.output(Float32, &[batch, time, heads * dim]).output(Float32, &[batch, heads, time]);
    for isa in Isa::available() {
        let saved = forward.on(isa, 2).unwrap();
        assert_close("y", case, &saved[0], &exchange(&expected.y, batch, heads, time, dim), TOLERANCE);
        let backward = Run::new("SelfAttentionGradient").input(&of_queries(dy)).input(&qkv).input(&saved[0]).input(&saved[1]);
        let backward = with_documents(backward).output(Float32, &qkv.dims).ints(&ints).floats(&floats);
        let dqkv = pack(case, &[expected.dq.clone(), expected.dk.clone(), expected.dv.clone()]);
        assert_close("dqkv", case, &backward.on(isa, 2).unwrap()[0], &dqkv, TOLERANCE);
    }
}

#[test]
fn lengths_around_every_edge() {
    for time in [1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 97, 128] {
        check(&Case::new(1, [2, 1], [time, time], 8));
    }
    for time in [255, 256, 257, 300] {
        check(&Case::new(1, [1, 1], [time, time], 5));
    }
}

#[test]
fn several_spans_and_parts_of_keys() {
    check(&Case::new(1, [1, 1], [1100, 1100], 3));
    check(&Case::new(1, [1, 1], [70, 4300], 2));
    check(&Case::new(17, [1, 1], [1, 1100], 2));
}

#[test]
fn head_dims_of_every_kind() {
    for head_dim in [1, 3, 4, 8, 12, 16, 17, 32, 48, 64, 80, 128, 130] {
        check(&Case::new(1, [2, 2], [37, 37], head_dim));
    }
}

#[test]
fn queries_are_the_last_positions_of_the_keys() {
    for (queries, keys) in [(1, 5), (3, 40), (8, 100), (33, 70), (64, 300), (5, 261), (60, 333)] {
        check(&Case::new(2, [4, 2], [queries, keys], 16));
        check(&Case { causal: false, ..Case::new(2, [4, 2], [queries, keys], 16) });
    }
}

#[test]
fn grouped_heads() {
    for heads in [[6, 1], [6, 2], [6, 3], [6, 6], [40, 2]] {
        check(&Case::new(2, heads, [40, 40], 8));
    }
}

#[test]
fn documents() {
    for (time, longest) in [(20, 5), (64, 30), (200, 70), (300, 400), (600, 300)] {
        let case = Case::new(2, [2, 1], [time, time], 8).with_documents(longest, time as u64);
        check(&case);
        check(&Case { causal: false, ..case });
    }
    check(&Case::new(1, [2, 1], [30, 90], 8).with_documents(20, 3));
}

#[test]
fn dropout() {
    for (time, rate) in [(5, 0.5), (37, 0.1), (130, 0.25), (300, 0.9)] {
        check(&Case { dropout: Some(rate), ..Case::new(2, [2, 1], [time, time], 8) });
    }
    check(&Case { dropout: Some(0.2), ..Case::new(1, [2, 1], [33, 77], 8).with_documents(20, 3) });
}

/// One query per head: the way of generation.
#[test]
fn one_query() {
    for keys in [1, 2, 3, 5, 17, 255, 256, 257, 1030] {
        check(&Case::new(1, [2, 1], [1, keys], 8));
    }
    for head_dim in [1, 3, 16, 20, 33, 64, 80, 128, 144, 200] {
        check(&Case::new(2, [4, 2], [1, 21], head_dim));
    }
    check(&Case::new(2, [12, 1], [1, 300], 32));
    check(&Case::new(16, [4, 4], [1, 1100], 4));
    check(&Case { causal: false, ..Case::new(2, [6, 3], [1, 530], 16) });
    check(&Case::new(2, [6, 3], [1, 530], 16).with_documents(40, 1));
    check(&Case { dropout: Some(0.3), ..Case::new(2, [6, 3], [1, 130], 16) });
}

#[test]
fn scales_of_every_sign() {
    for scale in [-0.7, 0.0, 3.0] {
        check(&Case { scale, ..Case::new(1, [2, 2], [40, 40], 16) });
    }
}

#[test]
fn empty_axes() {
    for (batch, heads, [queries, keys], dim) in [(0, 2, [3, 3], 4), (2, 2, [0, 0], 4), (2, 2, [0, 3], 4), (2, 2, [3, 3], 0)] {
        check(&Case::new(batch, [heads, 1], [queries, keys], dim));
    }
}

/// Scores that only one key of many can have the largest of: the others are far below, or so far that their powers vanish.
#[test]
fn large_scores_do_not_overflow() {
    let (time, dim) = (70, 8);
    let q = array(&[1, 1, time, dim], &random(time * dim, 1).iter().map(|x| x * 100.0).collect::<Vec<_>>());
    let k = array(&[1, 1, time, dim], &random(time * dim, 2).iter().map(|x| x * 100.0).collect::<Vec<_>>());
    let run = Run::new("Attention").input(&q).input(&k).input(&k).output(Float32, &q.dims).output(Float32, &[1, 1, time]);
    run.ints(&[0, 1, -1, 0, 0, 0]).floats(&[1.0, 0.0, 0.0]).everywhere(|_, outputs| {
        for values in outputs {
            assert!(values.to_f32().iter().all(|value| value.is_finite()));
        }
        assert_eq!(outputs[0].to_f32()[..dim], k.to_f32()[..dim]);
    });
}

#[test]
fn what_is_no_number_stays_in_the_rows_that_see_it() {
    for bad in [f32::NAN, f32::INFINITY] {
        let mut values = Array::random(&[1, 1, 50, 8], 1).to_f32();
        values[30 * 8 + 2] = bad;
        let (k, q) = (Array::f32(&[1, 1, 50, 8], &values), Array::random(&[1, 1, 50, 8], 2));
        let v = Array::random(&[1, 1, 50, 8], 3);
        let run = Run::new("Attention").input(&q).input(&k).input(&v).output(Float32, &q.dims).output(Float32, &[1, 1, 50]);
        run.ints(&[0, 1, -1, 0, 0, 0]).floats(&[1.0, 0.0, 0.0]).everywhere(|isa, outputs| {
            let y = outputs[0].to_f32();
            let sane = |row: usize| y[row * 8..][..8].iter().all(|value| value.is_finite());
            assert!((0..30).all(sane), "{isa}");
            if bad.is_nan() {
                assert!((30..50).all(|row| y[row * 8..][..8].iter().all(|value| value.is_nan())), "{isa}");
            }
        });
    }
}

/// What another document holds, or a key after a query, moves no bit.
#[test]
fn what_is_hidden_moves_no_bit() {
    let (time, dim, at) = (150, 16, 90);
    let ids = Array::i32(&[1, time], &(0..time).map(|t| (t >= at) as i32).collect::<Vec<_>>());
    let run = |seed: u64| {
        let of = |seed_of: u64| {
            let (mut first, second) = (Array::random(&[time, dim], seed_of).to_f32(), Array::random(&[time, dim], seed_of + seed).to_f32());
            first[..at * dim].copy_from_slice(&second[..at * dim]);
            Array::f32(&[1, 1, time, dim], &first)
        };
        let (q, k, v, dy) = (of(1), of(2), of(3), of(4));
        let ints = [0, 0, -1, 0, 0, 0];
        let forward = Run::new("Attention").input(&q).input(&k).input(&v).input(&ids).ints(&ints).floats(&[0.25, 0.0, 0.0]);
        let saved = forward.output(Float32, &q.dims).output(Float32, &[1, 1, time]).on(*Isa::available().last().unwrap(), 2).unwrap();
        let backward = Run::new("AttentionGradient").input(&dy).input(&q).input(&k).input(&v).input(&saved[0]).input(&saved[1]).input(&ids);
        let backward =
            backward.output(Float32, &q.dims).output(Float32, &q.dims).output(Float32, &q.dims).ints(&ints).floats(&[0.25, 0.0, 0.0]);
        [&saved[..1], &backward.on(*Isa::available().last().unwrap(), 2).unwrap()].concat()
    };
    for (one, other) in run(100).iter().zip(run(200)) {
        let (one, other) = (one.to_f32(), other.to_f32());
        assert_eq!(one[at * dim..], other[at * dim..]);
        assert_ne!(one[..at * dim], other[..at * dim]);
    }
}

/// A preallocated cache: only the first keys count, and the gradient of the others is 0.
#[test]
fn key_length() {
    key_length_with(20);
    key_length_with(1);
}

fn key_length_with(queries: usize) {
    let (keys, stored, dim) = (70, 100, 8);
    let cut = |x: &Array| Array::f32(&[1, 2, keys, dim], &[&x.to_f32()[..keys * dim], &x.to_f32()[stored * dim..][..keys * dim]].concat());
    let (q, k, v) =
        (Array::random(&[1, 2, queries, dim], 1), Array::random(&[1, 2, stored, dim], 2), Array::random(&[1, 2, stored, dim], 3));
    let floats = [0.3, 0.0, 0.0];
    let forward = |k: &Array, v: &Array, length: i32| {
        let run = Run::new("Attention").input(&q).input(k).input(v).output(Float32, &q.dims).output(Float32, &[1, 2, queries]);
        run.ints(&[0, 1, length, 0, 0, 0]).floats(&floats)
    };
    for isa in Isa::available() {
        let saved = forward(&k, &v, keys as i32).on(isa, 2).unwrap();
        assert!(saved == forward(&cut(&k), &cut(&v), -1).on(isa, 2).unwrap(), "{isa}");
        let backward = |k: &Array, v: &Array, length: i32| {
            let run = Run::new("AttentionGradient").input(&q).input(&q).input(k).input(v).input(&saved[0]).input(&saved[1]);
            let run = run.output(Float32, &q.dims).output(Float32, &k.dims).output(Float32, &k.dims);
            run.ints(&[0, 1, length, 0, 0, 0]).floats(&floats).on(isa, 2).unwrap()
        };
        let (whole, of_cut) = (backward(&k, &v, keys as i32), backward(&cut(&k), &cut(&v), -1));
        assert!(whole[0] == of_cut[0], "{isa}");
        for i in [1, 2] {
            assert!(cut(&whole[i]) == of_cut[i], "{isa}");
            assert!(whole[i].to_f32().chunks(stored * dim).all(|head| head[keys * dim..].iter().all(|&x| x == 0.0)), "{isa}");
        }
    }
}

#[test]
fn bad_operands_are_errors() {
    let (q, k) = (Array::random(&[2, 4, 5, 8], 1), Array::random(&[2, 2, 7, 8], 2));
    let run = |q: &Array, k: &Array, v: &Array, ints: &[i32], floats: &[f64]| {
        let run = Run::new("Attention").input(q).input(k).input(v).output(Float32, &q.dims).output(Float32, &[2, 4, 5]);
        run.ints(ints).floats(floats)
    };
    let (ints, floats) = ([0, 1, -1, 0, 0, 0], [1.0, 0.0, 0.0]);
    assert!(run(&q, &k, &k, &ints, &floats).on(Isa::Portable, 1).is_ok());
    let odd = Array::random(&[2, 3, 7, 8], 2);
    assert!(run(&q, &odd, &odd, &ints, &floats).fails().contains("multiple of the key heads"));
    assert!(run(&q, &k, &odd, &ints, &floats).fails().contains("v like k"));
    assert!(run(&k, &q, &q, &ints, &floats).fails().contains("multiple of the key heads"));
    let none = Array::random(&[2, 0, 7, 8], 2);
    assert!(run(&q, &none, &none, &ints, &floats).fails().contains("multiple of the key heads"));
    let flat = Array::random(&[2, 7, 8], 2);
    assert!(run(&q, &flat, &flat, &ints, &floats).fails().contains("rank 4"));
    assert!(run(&q, &k, &k, &[2, 1, -1, 0, 0, 0], &floats).fails().contains("layout"));
    for length in [-2, 4, 8] {
        assert!(run(&q, &k, &k, &[0, 1, length, 0, 0, 0], &floats).fails().contains("keyLength"), "{length}");
    }
    assert!(run(&q, &k, &k, &[0, 1, -1, 2, 0, 0], &floats).fails().contains("precision"));
    assert!(run(&q, &k, &k, &ints[..5], &floats).fails().contains("integer attributes"));
    assert!(run(&q, &k, &k, &ints, &[1.0]).fails().contains("float attribute"));
    assert!(run(&q, &k, &k, &ints, &[f64::NAN, 0.0, 0.0]).fails().contains("scale"));
    assert!(run(&q, &k, &k, &ints, &[1.0, 1.0, 0.0]).fails().contains("rate"));
    assert!(run(&q, &k, &k, &ints, &floats).input(&Array::i32(&[2, 6], &[0; 12])).fails().contains("documentIds"));
    assert!(run(&q, &k, &k, &ints, &floats).input(&Array::random(&[2, 7], 1)).fails().contains("Int32"));
    let packed = |qkv: &Array, ints: &[i32]| {
        Run::new("SelfAttention").input(qkv).output(Float32, &[2, 3, 8]).output(Float32, &[2, 2, 3]).ints(ints).floats(&floats)
    };
    let qkv = Array::random(&[2, 3, 16], 1);
    assert!(packed(&qkv, &[2, 1, 1, 0, 0, 0]).on(Isa::Portable, 1).is_ok());
    assert!(packed(&qkv, &[2, 0, 1, 0, 0, 0]).fails().contains("multiple of the key heads"));
    assert!(packed(&qkv, &[3, 1, 1, 0, 0, 0]).fails().contains("multiple of 5 columns"));
    assert!(packed(&qkv, &[1, 1, 1, 0, 0, 0]).fails().contains("columns"));
    assert!(packed(&qkv, &[i32::MAX, 1, 1, 0, 0, 0]).fails().contains("columns"));
    assert!(packed(&qkv, &[-2, 1, 1, 0, 0, 0]).fails().contains("size"));
}
