//! From logits to a token: repetition penalty, temperature, top-k, top-p and min-p in the order of transformers' generation code, then a
//! draw. The same filters, ties and draw as `@codex/models`' sampling in JavaScript, without sorting the vocabulary.

use super::{GRAIN, Kernel};
use crate::call::{Call, Context};
use crate::error::{Error, Result};
use crate::isa::Isa;
use crate::pool::Shared;
use crate::simd::{Simd, rows};
use crate::{ensure, simd_dispatch};

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[("Sample", sample)];

/// Scores that share one entry in the list of maxima: what cannot hold a high score is skipped together.
const CHUNK: usize = 32;

/// Scores that share one entry in the list of sums: a draw skips them together.
const BLOCK: usize = 512;

/// How often the range of scores where the nucleus ends is cut in four before the few tokens in it are sorted.
const QUARTERINGS: u32 = 6;

/// What a row gets whose logits hold NaN or infinity.
const NOT_FINITE: i32 = -1;

/// Inputs logits [B, V] and, for a repetition penalty other than 1, the tokens so far [B, L] int32; output token [B] int32, -1 for a row whose
/// logits hold NaN or positive infinity; ints: top-k (0 for all); floats: temperature (0 for the likeliest token), top-p, min-p, repetition
/// penalty, and for each row a uniform in [0, 1).
///
/// A token is drawn by inverting the cumulative distribution, float64, over ids in ascending order.
fn sample(context: &Context, call: &mut Call) -> Result<()> {
    let (logits, tokens) = (call.input(0)?, call.output(0)?);
    let &[batch, vocab_size] = logits.dims() else {
        return Err(Error::Invalid(format!("expected logits [B, V], got {:?}", logits.shape)));
    };
    let options = Options {
        top_k: call.size(0)?,
        temperature: call.float(0)?,
        top_p: call.float(1)?,
        min_p: call.float(2)?,
        repetition_penalty: call.float(3)?,
    };
    options.check()?;
    let uniforms = call.floats().get(4..).unwrap_or_default();
    ensure!(
        vocab_size > 0 && tokens.size() == batch && uniforms.len() == batch,
        "expected a vocabulary, and a token and a uniform for each of {batch} rows, got logits {:?}, {:?} and {}",
        logits.shape,
        tokens.shape(),
        uniforms.len()
    );
    ensure!(uniforms.iter().all(|uniform| (0.0..1.0).contains(uniform)), "expected uniforms in [0, 1), got {uniforms:?}");
    let past = if options.repetition_penalty == 1.0 { None } else { Some(call.input(1)?) };
    let past_length = past.map_or(0, |past| past.shape.rows_and_columns().1);
    if let Some(past) = past {
        ensure!(past.dims() == [batch, past_length], "expected the tokens so far [{batch}, L], got {:?}", past.shape);
    }
    let (logits, past, tokens) = (logits.f32()?, past.map_or(Ok(&[][..]), |past| past.i32())?, tokens.i32()?);
    let wrong = past.iter().find(|&&id| usize::try_from(id).map_or(true, |id| id >= vocab_size));
    ensure!(wrong.is_none(), "expected tokens of 0 .. {}, got {wrong:?}", vocab_size - 1);
    let (chunks, blocks) = (vocab_size.div_ceil(CHUNK), vocab_size.div_ceil(BLOCK));
    let scratch = context.allocator.scratch(2 * vocab_size * size_of::<f64>() + (chunks + blocks) * size_of::<f64>())?;
    let base = scratch.data().cast::<f64>();
    // SAFETY: the memory is that long and lives to the end of the function; the parts do not overlap, and each is written before it is read.
    let mut row = unsafe {
        let floats = base.add(vocab_size + blocks).cast::<f32>();
        Row {
            weights: std::slice::from_raw_parts_mut(base, vocab_size),
            sums: std::slice::from_raw_parts_mut(base.add(vocab_size), blocks),
            scores: std::slice::from_raw_parts_mut(floats, vocab_size),
            penalized: std::slice::from_raw_parts_mut(floats.add(vocab_size), vocab_size),
            maxima: std::slice::from_raw_parts_mut(floats.add(2 * vocab_size), chunks),
        }
    };
    for (index, token) in tokens.iter_mut().enumerate() {
        let past = &past[index * past_length..(index + 1) * past_length];
        *token = row.next_token(context, &logits[index * vocab_size..(index + 1) * vocab_size], past, &options, uniforms[index]);
    }
    Ok(())
}

struct Options {
    top_k: usize,
    temperature: f64,
    top_p: f64,
    min_p: f64,
    repetition_penalty: f64,
}

impl Options {
    fn check(&self) -> Result<()> {
        let Options { temperature, top_p, min_p, repetition_penalty, .. } = *self;
        ensure!(temperature >= 0.0 && temperature.is_finite(), "expected a temperature of 0 or more, got {temperature}");
        ensure!(top_p > 0.0 && top_p <= 1.0, "expected a top-p in (0, 1], got {top_p}");
        ensure!((0.0..=1.0).contains(&min_p), "expected a min-p in [0, 1], got {min_p}");
        ensure!(
            repetition_penalty > 0.0 && repetition_penalty.is_finite(),
            "expected a repetition penalty above 0, got {repetition_penalty}"
        );
        Ok(())
    }
}

/// Memory for one row of logits.
struct Row<'a> {
    /// Logits after penalty and temperature.
    scores: &'a mut [f32],
    /// The highest of each chunk of scores.
    maxima: &'a mut [f32],
    /// e^(score - highest), and their sums over each block.
    weights: &'a mut [f64],
    sums: &'a mut [f64],
    /// Logits after the repetition penalty.
    penalized: &'a mut [f32],
}

impl Row<'_> {
    fn next_token(&mut self, context: &Context, logits: &[f32], past: &[i32], options: &Options, uniform: f64) -> i32 {
        if !self.score(context, logits, past, options) {
            return NOT_FINITE;
        }
        let highest = self.maxima.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        if options.temperature == 0.0 {
            // The first of several; where all are -infinity, the first.
            let chunk = self.maxima.iter().position(|&most| most == highest).unwrap_or(0);
            let place = self.scores[chunk * CHUNK..].iter().position(|&score| score == highest).unwrap_or(0);
            return (chunk * CHUNK + place) as i32;
        }
        // Each filter keeps what is at least so high.
        let by_min_p = if options.min_p == 0.0 { f64::NEG_INFINITY } else { f64::from(highest) + options.min_p.ln() };
        if (1..self.scores.len()).contains(&options.top_k) {
            let kept = self.at_least(self.kth_highest(options.top_k));
            let mut weights: Vec<f64> = kept.iter().map(|&(_, score)| exp(f64::from(score) - f64::from(highest))).collect();
            let mut lowest = by_min_p;
            if options.top_p < 1.0 {
                let limit = (1.0 - options.top_p) * weights.iter().sum::<f64>();
                let tokens = kept.iter().map(|&(_, score)| score).zip(weights.iter().copied()).collect();
                lowest = lowest.max(end_of_tail(tokens, limit).into());
            }
            for ((_, score), weight) in kept.iter().zip(&mut weights) {
                *weight = if f64::from(*score) < lowest { 0.0 } else { *weight };
            }
            let total = weights.iter().sum::<f64>();
            return kept[draw(&weights, &[total], weights.len(), uniform * total)].0 as i32;
        }
        self.weigh(context, highest);
        let lowest = if options.top_p < 1.0 { by_min_p.max(self.nucleus(context.isa, options.top_p).into()) } else { by_min_p };
        if lowest > f64::NEG_INFINITY {
            // SAFETY: the slices are as long as they should be.
            unsafe { drop_below(context.isa, self.scores, lowest, self.weights, self.sums) };
        }
        draw(self.weights, self.sums, BLOCK, uniform * self.sums.iter().sum::<f64>()) as i32
    }

    /// Fills scores and maxima. Whether the logits are finite or -infinity.
    fn score(&mut self, context: &Context, logits: &[f32], past: &[i32], options: &Options) -> bool {
        let mut from = logits;
        if !past.is_empty() && options.repetition_penalty != 1.0 {
            self.penalized.copy_from_slice(logits);
            for &id in past {
                // Once per token, however often it occurred: from the logit and not from what is there.
                let score = f64::from(logits[id as usize]);
                let penalty = options.repetition_penalty;
                self.penalized[id as usize] = (if score < 0.0 { score * penalty } else { score / penalty }) as f32;
            }
            from = self.penalized;
        }
        let temperature = if options.temperature == 0.0 { 1.0 } else { options.temperature };
        let (scores, maxima) = (Shared::new(self.scores), Shared::new(self.maxima));
        let finite = std::sync::atomic::AtomicBool::new(true);
        const { assert!(GRAIN.is_multiple_of(CHUNK) && GRAIN.is_multiple_of(BLOCK)) };
        context.pool.run(from.len().div_ceil(GRAIN), |task, _| {
            let range = task * GRAIN..from.len().min((task + 1) * GRAIN);
            // SAFETY: ranges do not overlap, begin with a chunk, and lie within the arrays.
            let all = unsafe {
                let scores = scores.part(range.start, range.len());
                let maxima = maxima.part(range.start / CHUNK, range.len().div_ceil(CHUNK));
                scale(context.isa, &from[range.clone()], temperature, scores, maxima);
                all_below_infinity(context.isa, &logits[range])
            };
            if !all {
                finite.store(false, std::sync::atomic::Ordering::Relaxed);
            }
        });
        finite.into_inner()
    }

    /// Fills weights and sums.
    fn weigh(&mut self, context: &Context, highest: f32) {
        let (scores, weights, sums) = (&*self.scores, Shared::new(self.weights), Shared::new(self.sums));
        context.pool.run(scores.len().div_ceil(GRAIN), |task, _| {
            let range = task * GRAIN..scores.len().min((task + 1) * GRAIN);
            // SAFETY: ranges do not overlap, begin with a block, and lie within the arrays.
            unsafe {
                let weights = weights.part(range.start, range.len());
                let sums = sums.part(range.start / BLOCK, range.len().div_ceil(BLOCK));
                weigh_all(context.isa, &scores[range], highest, weights, sums);
            }
        });
    }

    /// The k-th highest score, `0 < k < scores.len()`.
    fn kth_highest(&self, k: usize) -> f32 {
        let descending = |a: &f32, b: &f32| b.total_cmp(a);
        if k > self.maxima.len() {
            return *self.scores.to_vec().select_nth_unstable_by(k - 1, descending).1;
        }
        // At least k scores are as high as the k-th highest maximum: the k-th highest is among those.
        let bound = *self.maxima.to_vec().select_nth_unstable_by(k - 1, descending).1;
        let high = self.at_least(bound);
        *high.into_iter().map(|(_, score)| score).collect::<Vec<_>>().select_nth_unstable_by(k - 1, descending).1
    }

    /// Ids and scores from `lowest` up, ids ascending.
    fn at_least(&self, lowest: f32) -> Vec<(usize, f32)> {
        let mut found = Vec::new();
        for (chunk, _) in self.maxima.iter().enumerate().filter(|&(_, &highest)| highest >= lowest) {
            let start = chunk * CHUNK;
            let scores = &self.scores[start..self.scores.len().min(start + CHUNK)];
            found.extend(scores.iter().enumerate().filter(|&(_, &score)| score >= lowest).map(|(place, &score)| (start + place, score)));
        }
        found
    }

    /// The lowest score that top-p keeps (Holtzman et al. 2020): below it lies the tail of tokens whose probabilities sum to at most 1 - p.
    fn nucleus(&self, isa: Isa, p: f64) -> f32 {
        let limit = (1.0 - p) * self.sums.iter().sum::<f64>();
        // The tail ends between the tokens of these weights' logarithms: all below the first together cannot exceed the limit.
        let (mut low, mut high) = ((limit / self.scores.len() as f64).ln(), 0.0);
        // SAFETY: plain arguments.
        let masses = |logs: [f64; 3]| unsafe { masses_up_to(isa, self.weights, logs.map(exp)) };
        for _ in 0..QUARTERINGS {
            let cuts = [0.25, 0.5, 0.75].map(|part| low + (high - low) * part);
            let within = masses(cuts).iter().filter(|&&mass| mass <= limit).count();
            (low, high) = (if within > 0 { cuts[within - 1] } else { low }, if within < 3 { cuts[within] } else { high });
        }
        let (lowest, highest) = (exp(low), exp(high));
        let tokens = self.scores.iter().copied().zip(self.weights.iter().copied());
        end_of_tail(tokens.filter(|&(_, weight)| weight > lowest && weight <= highest).collect(), limit - masses([low; 3])[0])
    }
}

/// The score at which the sum of weights, from the lowest score up, exceeds the limit; the highest if it never does.
fn end_of_tail(mut scores: Vec<(f32, f64)>, limit: f64) -> f32 {
    scores.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut tail = 0.0;
    let end = scores.iter().find(|(_, weight)| {
        tail += weight;
        tail > limit
    });
    end.or(scores.last()).map_or(f32::INFINITY, |&(score, _)| score)
}

/// The first place where the sum of the weights up to it exceeds `rest`, and otherwise the last that has a weight. `sums` are those of each
/// `block` weights.
fn draw(weights: &[f64], sums: &[f64], block: usize, mut rest: f64) -> usize {
    for (index, &sum) in sums.iter().enumerate() {
        if rest >= sum {
            rest -= sum;
            continue;
        }
        for place in index * block..weights.len().min((index + 1) * block) {
            rest -= weights[place];
            if rest < 0.0 {
                return place;
            }
        }
    }
    // Rounding left a crumb above the last possible token.
    weights.iter().rposition(|&weight| weight > 0.0).unwrap_or(weights.len() - 1)
}

simd_dispatch! {
    unsafe fn scale(from: &[f32], temperature: f64, scores: &mut [f32], maxima: &mut [f32]) = scale_scores;
}

#[inline(always)]
unsafe fn scale_scores<S: Simd>(from: &[f32], temperature: f64, scores: &mut [f32], maxima: &mut [f32]) {
    if temperature == 1.0 {
        scores.copy_from_slice(from);
    } else {
        for (score, &x) in scores.iter_mut().zip(from) {
            *score = (f64::from(x) / temperature) as f32;
        }
    }
    for (scores, most) in scores.chunks(CHUNK).zip(maxima) {
        // SAFETY: within the chunk.
        *most = unsafe { rows::maximum::<S>(scores.as_ptr(), scores.len()) };
    }
}

simd_dispatch! { unsafe fn all_below_infinity(x: &[f32]) -> bool = below_infinity; }

#[inline(always)]
#[allow(clippy::extra_unused_type_parameters)]
unsafe fn below_infinity<S: Simd>(x: &[f32]) -> bool {
    // Without a way out in the middle, so that it becomes vectors. NaN is not below infinity.
    let mut all = true;
    for &x in x {
        all &= x < f32::INFINITY;
    }
    all
}

simd_dispatch! {
    unsafe fn weigh_all(scores: &[f32], highest: f32, weights: &mut [f64], sums: &mut [f64]) = weigh_scores;
}

#[inline(always)]
#[allow(clippy::extra_unused_type_parameters)]
unsafe fn weigh_scores<S: Simd>(scores: &[f32], highest: f32, weights: &mut [f64], sums: &mut [f64]) {
    for (weight, &score) in weights.iter_mut().zip(scores) {
        *weight = exp(f64::from(score) - f64::from(highest));
    }
    sum_blocks(weights, sums);
}

simd_dispatch! {
    /// Sets weights to 0 whose scores are below, and sums them again.
    unsafe fn drop_below(scores: &[f32], lowest: f64, weights: &mut [f64], sums: &mut [f64]) = drop_scores_below;
}

#[inline(always)]
#[allow(clippy::extra_unused_type_parameters)]
unsafe fn drop_scores_below<S: Simd>(scores: &[f32], lowest: f64, weights: &mut [f64], sums: &mut [f64]) {
    for (weight, &score) in weights.iter_mut().zip(scores) {
        *weight = if f64::from(score) < lowest { 0.0 } else { *weight };
    }
    sum_blocks(weights, sums);
}

simd_dispatch! {
    /// For each limit the sum of the weights up to it.
    unsafe fn masses_up_to(weights: &[f64], limits: [f64; 3]) -> [f64; 3] = sums_up_to;
}

#[inline(always)]
#[allow(clippy::extra_unused_type_parameters)]
unsafe fn sums_up_to<S: Simd>(weights: &[f64], limits: [f64; 3]) -> [f64; 3] {
    const LANES: usize = 16;
    let [first, second, third] = limits;
    let (mut a, mut b, mut c) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    let mut vectors = weights.chunks_exact(LANES);
    for weights in &mut vectors {
        for lane in 0..LANES {
            let weight = weights[lane];
            a[lane] += if weight <= first { weight } else { 0.0 };
            b[lane] += if weight <= second { weight } else { 0.0 };
            c[lane] += if weight <= third { weight } else { 0.0 };
        }
    }
    let mut sums = [a.iter().sum(), b.iter().sum(), c.iter().sum()];
    for weight in vectors.remainder() {
        for (sum, limit) in sums.iter_mut().zip(limits) {
            *sum += if *weight <= limit { *weight } else { 0.0 };
        }
    }
    sums
}

#[inline(always)]
fn sum_blocks(weights: &[f64], sums: &mut [f64]) {
    const LANES: usize = 32;
    for (weights, sum) in weights.chunks(BLOCK).zip(sums) {
        let mut lanes = [0.0; LANES];
        let mut vectors = weights.chunks_exact(LANES);
        for weights in &mut vectors {
            for lane in 0..LANES {
                lanes[lane] += weights[lane];
            }
        }
        *sum = lanes.iter().sum::<f64>() + vectors.remainder().iter().sum::<f64>();
    }
}

/// e^x for x <= 0 within 2 units in the last place; 0 below -708. Plain arithmetic, which the compiler makes vectors of.
#[inline(always)]
fn exp(x: f64) -> f64 {
    // Adding it leaves an integer in the lowest bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    // ln 2 in two parts, the first with so many zeros at its end that products with n are exact (fdlibm's).
    const LN_2: [f64; 2] = [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10];
    // NaN is not below, and stays.
    let clamped = if x < -708.0 { -708.0 } else { x };
    let shifted = clamped * std::f64::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (clamped - n * LN_2[0]) - n * LN_2[1];
    // Taylor's series; on |r| <= ln 2 / 2 the first term left out is below 5e-18.
    let mut sum = 1.0 / 6_227_020_800.0;
    for divisor in [479_001_600.0, 39_916_800.0, 3_628_800.0, 362_880.0, 40_320.0, 5_040.0, 720.0, 120.0, 24.0, 6.0, 2.0, 1.0, 1.0] {
        sum = sum * r + 1.0 / divisor;
    }
    let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1023 << 52));
    if x < -708.0 { 0.0 } else { sum * power }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::DType::Int32;
    use crate::isa::Isa;
    use crate::testing::{Array, Random, Run};

    /// What `@codex/models`' sampling.ts does, line by line.
    fn reference(logits: &[f32], past: &[i32], options: &Options, uniform: f64) -> usize {
        let mut scores = logits.to_vec();
        let penalty = options.repetition_penalty;
        let mut seen = past.to_vec();
        seen.sort_unstable();
        seen.dedup();
        for id in seen {
            let score = f64::from(scores[id as usize]);
            scores[id as usize] = (if score < 0.0 { score * penalty } else { score / penalty }) as f32;
        }
        let highest_of = |scores: &[f32]| scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        if options.temperature == 0.0 {
            let highest = highest_of(&scores);
            return scores.iter().position(|&score| score == highest).unwrap();
        }
        scores.iter_mut().for_each(|score| *score = (f64::from(*score) / options.temperature) as f32);
        let drop_below = |scores: &mut [f32], lowest: f64| {
            scores.iter_mut().filter(|score| f64::from(**score) < lowest).for_each(|score| *score = f32::NEG_INFINITY);
        };
        let ascending = |scores: &[f32]| {
            let mut sorted = scores.to_vec();
            sorted.sort_by(f32::total_cmp);
            sorted
        };
        let softmax = |scores: &[f32]| {
            let highest = f64::from(highest_of(scores));
            let weights: Vec<f64> = scores.iter().map(|&score| (f64::from(score) - highest).exp()).collect();
            let total: f64 = weights.iter().sum();
            weights.into_iter().map(|weight| weight / total).collect::<Vec<f64>>()
        };
        if options.top_k > 0 && options.top_k < scores.len() {
            let lowest = ascending(&scores)[scores.len() - options.top_k];
            drop_below(&mut scores, lowest.into());
        }
        if options.top_p < 1.0 {
            let sorted = ascending(&scores);
            let mut tail = 0.0;
            let end = softmax(&sorted).iter().position(|probability| {
                tail += probability;
                tail > 1.0 - options.top_p
            });
            let lowest = end.map_or(highest_of(&scores), |end| sorted[end]);
            drop_below(&mut scores, lowest.into());
        }
        if options.min_p > 0.0 {
            let lowest = f64::from(highest_of(&scores)) + options.min_p.ln();
            drop_below(&mut scores, lowest);
        }
        let (mut rest, mut last) = (uniform, 0);
        for (id, probability) in softmax(&scores).into_iter().enumerate().filter(|&(_, probability)| probability != 0.0) {
            last = id;
            rest -= probability;
            if rest < 0.0 {
                break;
            }
        }
        last
    }

    fn run(logits: &Array, past: Option<&Array>, options: &Options, uniforms: &[f64]) -> Run {
        let Options { top_k, temperature, top_p, min_p, repetition_penalty } = *options;
        let run = Run::new("Sample").input(logits);
        let run = if let Some(past) = past { run.input(past) } else { run };
        let floats = [&[temperature, top_p, min_p, repetition_penalty], uniforms].concat();
        run.output(Int32, &[logits.dims[0]]).ints(&[top_k as i32]).floats(&floats)
    }

    const PLAIN: Options = Options { top_k: 0, temperature: 1.0, top_p: 1.0, min_p: 0.0, repetition_penalty: 1.0 };

    /// Logits of an untrained model (flat), a trained one (steep), with ties, and with tokens that are ruled out.
    fn logits(kind: usize, size: usize, random: &mut Random) -> Vec<f32> {
        (0..size)
            .map(|_| {
                let (a, b) = (random.uniform(), random.uniform());
                match kind {
                    0 => a + b,
                    1 => 12.0 * a * a * a + 8.0 * b,
                    2 => (a * 8.0).floor(),
                    _ if b < 0.3 => f32::NEG_INFINITY,
                    _ => a * 10.0,
                }
            })
            .collect()
    }

    #[test]
    fn chooses_the_tokens_that_javascript_chooses() {
        let mut random = Random::new(1);
        let pick = |random: &mut Random, choices: &[f64]| choices[random.below(choices.len())];
        for case in 0..400 {
            let size = [1, 2, 31, 32, 33, 65, 512, 513, 1000, 17_000][random.below(10)];
            let batch = if size > 2000 { 1 } else { 1 + random.below(3) };
            let options = Options {
                top_k: [0, 0, 1, 5, 40, 900, 20_000][random.below(7)],
                temperature: pick(&mut random, &[0.0, 1.0, 0.7, 1.5]),
                top_p: pick(&mut random, &[1.0, 0.9, 0.5, 0.01, 0.999]),
                min_p: pick(&mut random, &[0.0, 0.0, 0.05, 1.0]),
                repetition_penalty: pick(&mut random, &[1.0, 1.0, 1.3]),
            };
            let values: Vec<f32> = (0..batch).flat_map(|_| logits(case % 4, size, &mut random)).collect();
            let past: Vec<i32> = (0..batch * 4).map(|_| random.below(size) as i32).collect();
            let uniforms: Vec<f64> = (0..batch).map(|_| f64::from(random.uniform())).collect();
            let expected: Vec<i32> = (0..batch)
                .map(|i| {
                    let row = &values[i * size..(i + 1) * size];
                    reference(row, &past[i * 4..(i + 1) * 4], &options, uniforms[i]) as i32
                })
                .collect();
            let (logits, past) = (Array::f32(&[batch, size], &values), Array::i32(&[batch, 4], &past));
            let run = run(&logits, Some(&past), &options, &uniforms);
            for isa in Isa::available() {
                let tokens = run.on(isa, 1 + case % 3).unwrap()[0].to_i32();
                assert_eq!(tokens, expected, "{isa}, case {case}: {size} tokens, top-k {}, top-p {}", options.top_k, options.top_p);
            }
        }
    }

    #[test]
    fn draws_as_often_as_it_is_likely() {
        let logits = Array::f32(&[1, 3], &[0.5f32.ln(), 0.2f32.ln(), 0.3f32.ln()]);
        for (uniform, token) in [(0.0, 0), (0.499, 0), (0.501, 1), (0.699, 1), (0.701, 2), (1.0 - 1e-16, 2)] {
            run(&logits, None, &PLAIN, &[uniform]).everywhere(|_, found| assert_eq!(found[0].to_i32(), [token]));
        }
    }

    #[test]
    fn logits_that_are_not_finite_have_no_token() {
        for bad in [f32::NAN, f32::INFINITY] {
            let mut values = vec![0.0; 200];
            values[150] = bad;
            let logits = Array::f32(&[2, 100], &values);
            for temperature in [0.0, 1.0] {
                run(&logits, None, &Options { temperature, ..PLAIN }, &[0.0, 0.0])
                    .everywhere(|_, found| assert_eq!(found[0].to_i32(), [0, -1]));
            }
        }
        let none = Array::f32(&[1, 3], &[f32::NEG_INFINITY; 3]);
        for top_k in [0, 1] {
            run(&none, None, &Options { top_k, top_p: 0.5, ..PLAIN }, &[0.5])
                .everywhere(|_, found| assert!((0..3).contains(&found[0].to_i32()[0])));
        }
    }

    #[test]
    fn exponentials_are_those_of_the_standard_library() {
        for i in 0..100_000 {
            let x = -7.2e-3 * f64::from(i);
            let exact = if x < -708.0 { 0.0 } else { x.exp() };
            assert!((exp(x) - exact).abs() <= 5e-16 * exact, "{x}: {}, expected {exact}", exp(x));
        }
        assert!(exp(0.0) == 1.0 && exp(f64::NEG_INFINITY) == 0.0 && exp(f64::NAN).is_nan());
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let logits = Array::random(&[1, 4], 1);
        let past = |ids: &[i32]| Array::i32(&[1, ids.len()], ids);
        let penalty = Options { repetition_penalty: 1.5, ..PLAIN };
        assert!(run(&logits, None, &penalty, &[0.5]).fails().contains("input 1"));
        assert!(run(&logits, Some(&past(&[4])), &penalty, &[0.5]).fails().contains("0 .. 3"));
        assert!(run(&logits, Some(&past(&[-1])), &penalty, &[0.5]).fails().contains("0 .. 3"));
        assert!(run(&logits, None, &PLAIN, &[1.0]).fails().contains("[0, 1)"));
        assert!(run(&logits, None, &PLAIN, &[0.1, 0.2]).fails().contains("uniform"));
        assert!(run(&logits, None, &Options { temperature: -1.0, ..PLAIN }, &[0.1]).fails().contains("temperature"));
        assert!(run(&logits, None, &Options { top_p: 0.0, ..PLAIN }, &[0.1]).fails().contains("top-p"));
        assert!(run(&logits, None, &Options { min_p: f64::NAN, ..PLAIN }, &[0.1]).fails().contains("min-p"));
        assert!(run(&Array::random(&[4], 1), None, &PLAIN, &[0.1]).fails().contains("[B, V]"));
        assert!(run(&Array::random(&[1, 0], 1), None, &PLAIN, &[0.1]).fails().contains("vocabulary"));
    }
}
