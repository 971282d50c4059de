//! Products against float64, around the edges of every cut.

use super::*;
use crate::pool::Pool;
use crate::testing::{Random, THREADS};

/// A product with its memory. Rows of `a`, `b` and `c` have gaps.
struct Case {
    m: usize,
    k: usize,
    n: usize,
    transpose: (bool, bool),
    a: Vec<f32>,
    b: Vec<f32>,
    c: Vec<f32>,
    bias: Vec<f32>,
    residual: Vec<f32>,
}

const GAP: usize = 3;

fn random(count: usize, random: &mut Random) -> Vec<f32> {
    (0..count).map(|_| random.uniform() * 2.0 - 1.0).collect()
}

impl Case {
    fn new(m: usize, k: usize, n: usize, transpose: (bool, bool)) -> Case {
        let seed = &mut Random::new((m * 1_000_003 + k * 1009 + n) as u64);
        let size = |rows: usize, columns: usize, flip: bool| if flip { columns * (rows + GAP) } else { rows * (columns + GAP) };
        Case {
            m,
            k,
            n,
            transpose,
            a: random(size(m, k, transpose.0), seed),
            b: random(size(k, n, transpose.1), seed),
            c: random(m * (n + GAP), seed),
            bias: random(n, seed),
            residual: random(m * n, seed),
        }
    }

    fn view(data: &[f32], rows: usize, columns: usize, flip: bool) -> View {
        if flip { View::rows(data.as_ptr(), rows + GAP).transposed() } else { View::rows(data.as_ptr(), columns + GAP) }
    }

    fn product(&mut self) -> Product {
        Product {
            m: self.m,
            k: self.k,
            n: self.n,
            a: Case::view(&self.a, self.m, self.k, self.transpose.0),
            b: Case::view(&self.b, self.k, self.n, self.transpose.1),
            c: self.c.as_mut_ptr(),
            c_stride: self.n + GAP,
            epilogue: Epilogue::default(),
            precision: Precision::Float32,
        }
    }

    /// Rounds the operands to bfloat16, nearest even.
    fn round(&mut self) {
        for x in self.a.iter_mut().chain(&mut self.b) {
            let bits = x.to_bits();
            *x = f32::from_bits((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000);
        }
    }

    fn at(view: View, row: usize, column: usize) -> f64 {
        // SAFETY: asked for elements that are there only.
        f64::from(unsafe { *view.data.add(row * view.row_stride + column * view.column_stride) })
    }

    /// Sums in float64, and what rounding may do to each.
    fn sums(&mut self) -> Vec<(f64, f64)> {
        let Product { m, k, n, a, b, .. } = self.product();
        let mut sums = vec![(0.0, 1e-30); m * n];
        for i in 0..m {
            for p in 0..k {
                let x = Case::at(a, i, p);
                for (j, (sum, tolerance)) in sums[i * n..(i + 1) * n].iter_mut().enumerate() {
                    let term = x * Case::at(b, p, j);
                    *sum += term;
                    *tolerance += term.abs() * 2e-7 * 8.0f64.min(k as f64);
                }
            }
        }
        sums
    }
}

/// Runs a product on every instruction set and number of threads; the bits must be the same for all threads.
fn run(case: &mut Case, change: impl Fn(&mut Product), check: impl Fn(Isa, &Case)) {
    let start = case.c.clone();
    for isa in Isa::available() {
        let mut first: Option<Vec<u32>> = None;
        for threads in THREADS {
            case.c.copy_from_slice(&start);
            let mut product = case.product();
            change(&mut product);
            let (pool, allocator) = (Pool::new(threads), Allocator::new(None));
            // SAFETY: the case holds the memory of its product.
            unsafe { multiply(&Context { pool: &pool, isa, allocator: &allocator }, &product).unwrap() };
            let bits: Vec<u32> = case.c.iter().map(|x| x.to_bits()).collect();
            match &first {
                None => check(isa, case),
                Some(first) => assert!(*first == bits, "{isa}: other bits with {threads} threads"),
            }
            first.get_or_insert(bits);
        }
        for (i, (x, before)) in case.c.iter().zip(&start).enumerate() {
            assert!(i % (case.n + GAP) < case.n || x == before, "{isa}: writes between rows");
        }
    }
}

fn expect(isa: Isa, case: &Case, sums: &[(f64, f64)], what: impl Fn(usize, usize, f64) -> f64) {
    let Case { m, k, n, .. } = *case;
    for i in 0..m {
        for j in 0..n {
            let (sum, tolerance) = sums[i * n + j];
            let (expected, got) = (what(i, j, sum), f64::from(case.c[i * (n + GAP) + j]));
            assert!(
                (expected - got).abs() <= tolerance + 1e-6 * expected.abs().max(0.1),
                "{isa} {m}x{k}x{n} {:?} at {i}, {j}: expected {expected}, got {got}",
                case.transpose
            );
        }
    }
}

const TRANSPOSES: [(bool, bool); 4] = [(false, false), (false, true), (true, false), (true, true)];

#[test]
fn small_products_of_all_sizes() {
    let sizes = [1, 2, 3, 5, 6, 7, 8, 13, 14, 15, 16, 17, 29];
    for (index, &m) in sizes.iter().enumerate() {
        for (other, &n) in [1, 2, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 49, 65].iter().enumerate() {
            for (third, &k) in [1, 2, 3, 7, 8, 16, 17, 33].iter().enumerate() {
                let mut case = Case::new(m, k, n, TRANSPOSES[(index + other + third) % 4]);
                let sums = case.sums();
                run(&mut case, |_| {}, |isa, case| expect(isa, case, &sums, |_, _, sum| sum));
            }
        }
    }
}

#[test]
fn products_of_several_blocks() {
    for (m, k, n) in [(129, 385, 130), (300, 770, 65), (57, 1025, 700), (700, 129, 257), (1, 800, 513), (513, 800, 1), (9, 400, 2000)] {
        for transpose in TRANSPOSES {
            let mut case = Case::new(m, k, n, transpose);
            let sums = case.sums();
            run(&mut case, |_| {}, |isa, case| expect(isa, case, &sums, |_, _, sum| sum));
        }
    }
}

#[test]
fn results_are_added_to_what_is_there() {
    for (m, k, n) in [(3, 5, 7), (130, 500, 70)] {
        let mut case = Case::new(m, k, n, (false, false));
        let (sums, start) = (case.sums(), case.c.clone());
        let add = |product: &mut Product| product.epilogue.accumulate = true;
        run(&mut case, add, |isa, case| {
            expect(isa, case, &sums, |i, j, sum| sum + f64::from(start[i * (n + GAP) + j]));
        });
    }
}

type Function = fn(f64) -> f64;

const FUNCTIONS: [(Activation, Function); 4] = [
    (Activation::None, |x| x),
    (Activation::Relu, |x| x.max(0.0)),
    (Activation::GeluTanh, |x| 0.5 * x * (1.0 + (0.797_884_560_802_865_4 * (x + 0.044715 * x * x * x)).tanh())),
    (Activation::Silu, |x| x / (1.0 + (-x).exp())),
];

/// The same product over operands that were activated before.
#[test]
fn an_activation_is_applied_as_an_operand_is_read() {
    for (activation, function) in FUNCTIONS {
        for (m, k, n) in [(1, 3, 5), (5, 700, 3), (3, 40, 40), (40, 40, 4), (31, 40, 50), (70, 800, 90)] {
            for (transpose, precision) in TRANSPOSES.iter().flat_map(|t| [(*t, Precision::Float32), (*t, Precision::BFloat16)]) {
                for right in [false, true] {
                    let mut case = Case::new(m, k, n, transpose);
                    let plain = if right { case.b.clone() } else { case.a.clone() };
                    let operand = if right { &mut case.b } else { &mut case.a };
                    operand.iter_mut().for_each(|x| *x = function(f64::from(*x)) as f32);
                    let mut sums = case.sums();
                    if precision == Precision::BFloat16 {
                        // Two operands of 8 bits each.
                        sums.iter_mut().for_each(|(_, tolerance)| *tolerance = 2.0 / 256.0 * (k as f64));
                    }
                    *(if right { &mut case.b } else { &mut case.a }) = plain;
                    let change = move |product: &mut Product| {
                        product.precision = precision;
                        let view = if right { &mut product.b } else { &mut product.a };
                        *view = view.activated(activation);
                    };
                    run(&mut case, change, |isa, case| expect(isa, case, &sums, |_, _, sum| sum));
                }
            }
        }
    }
}

#[test]
fn bias_activation_and_residual_are_folded_in() {
    for (activation, function) in FUNCTIONS {
        for (m, k, n) in [(1, 3, 5), (3, 0, 5), (31, 40, 50), (70, 800, 90)] {
            let mut case = Case::new(m, k, n, (false, true));
            let sums = case.sums();
            let (bias, residual) = (case.bias.clone(), case.residual.clone());
            let (bias_at, residual_at) = (View::rows(bias.as_ptr(), n), View::rows(residual.as_ptr(), n));
            let change = move |product: &mut Product| {
                product.epilogue = Epilogue { bias: bias_at.data, activation, residual: residual_at.data, accumulate: false };
            };
            run(&mut case, change, |isa, case| {
                expect(isa, case, &sums, |i, j, sum| function(sum + f64::from(bias[j])) + f64::from(residual[i * n + j]));
            });
        }
    }
}

#[test]
fn empty_products() {
    for (m, k, n) in [(0, 3, 4), (3, 0, 4), (3, 4, 0)] {
        let mut case = Case::new(m, k, n, (false, false));
        let sums = case.sums();
        run(&mut case, |_| {}, |isa, case| expect(isa, case, &sums, |_, _, sum| sum));
    }
}

#[test]
fn infinity_and_nan_go_where_they_belong() {
    let mut case = Case::new(20, 50, 40, (false, false));
    case.a[3 * (50 + GAP) + 7] = f32::INFINITY;
    case.a[5 * (50 + GAP) + 9] = f32::NAN;
    case.b[11 * (40 + GAP) + 2] = f32::NAN;
    run(
        &mut case,
        |_| {},
        |isa, case| {
            for i in 0..20 {
                for j in 0..40 {
                    let x = case.c[i * (40 + GAP) + j];
                    match (i, j) {
                        (5, _) | (_, 2) => assert!(x.is_nan(), "{isa}"),
                        (3, _) => assert!(x.is_infinite(), "{isa}"),
                        _ => assert!(x.is_finite(), "{isa}"),
                    }
                }
            }
        },
    );
}

#[test]
fn an_element_does_not_depend_on_what_is_computed_with_it() {
    let (m, k, n) = (61, 500, 150);
    for (isa, precision, transpose) in Isa::available().into_iter().flat_map(|isa| {
        [Precision::Float32, Precision::BFloat16]
            .into_iter()
            .flat_map(move |precision| TRANSPOSES.map(|transpose| (isa, precision, transpose)))
    }) {
        let mut case = Case::new(m, k, n, transpose);
        let product = Product { precision, ..case.product() };
        let (pool, allocator) = (Pool::new(2), Allocator::new(None));
        let context = Context { pool: &pool, isa, allocator: &allocator };
        // SAFETY: the case holds the memory of its product.
        unsafe { multiply(&context, &product).unwrap() };
        for (row, column, rows, columns) in [(0, 0, 1, n), (5, 0, 3, n), (3, 1, 7, 30), (0, 77, m, 1), (9, 20, 30, 5), (17, 33, 20, 20)] {
            let mut part = vec![0.0f32; rows * columns];
            // SAFETY: a part of the product.
            unsafe {
                let start = product.offset(row * product.a.row_stride, column * product.b.column_stride, 0);
                let smaller = Product { m: rows, n: columns, c: part.as_mut_ptr(), c_stride: columns, ..start };
                multiply(&context, &smaller).unwrap();
            }
            for i in 0..rows {
                for j in 0..columns {
                    assert_eq!(part[i * columns + j].to_bits(), case.c[(row + i) * (n + GAP) + column + j].to_bits(), "{isa}");
                }
            }
        }
    }
}

#[test]
fn bfloat16_rounds_the_operands_and_nothing_else() {
    for (m, k, n) in [(1, 1, 1), (3, 5, 7), (15, 33, 40), (30, 401, 70), (129, 770, 130)] {
        for transpose in TRANSPOSES {
            let mut rounded = Case::new(m, k, n, transpose);
            rounded.round();
            let sums = rounded.sums();
            let mut case = Case::new(m, k, n, transpose);
            let change = |product: &mut Product| product.precision = Precision::BFloat16;
            run(&mut case, change, |isa, case| expect(isa, case, &sums, |_, _, sum| sum));
        }
    }
}

/// Numbers of all sizes, some of which are tiny, zero, infinite or no numbers.
fn wild(count: usize, random: &mut Random) -> Vec<f32> {
    (0..count)
        .map(|_| match random.below(400) {
            0 => f32::from_bits(random.next() as u32),
            1 => f32::MIN_POSITIVE * (random.uniform() - 0.5) * 2.0,
            2 => 0.0,
            _ => (random.uniform() - 0.5) * 2.0f32.powi(random.below(40) as i32 - 20),
        })
        .collect()
}

#[test]
fn dot_products_of_bfloat16_give_the_bits_of_float32() {
    let isa = *Isa::available().last().unwrap();
    let Some(pairs) = TileSet::pairs(isa) else { return };
    let allocator = Allocator::new(None);
    for (seed, (m, k, n)) in [(64, 600, 96), (33, 384, 64), (14, 7, 300), (200, 1, 200), (129, 1025, 65)].into_iter().enumerate() {
        let mut case = Case::new(m, k, n, (seed % 2 == 1, seed % 3 == 1));
        let random = &mut Random::new(seed as u64);
        case.a = wild(case.a.len(), random);
        case.b = wild(case.b.len(), random);
        let mut results = vec![];
        for set in [pairs, TileSet::rounded(isa)] {
            // SAFETY: the case holds the memory of its product.
            unsafe { multiply_blocked(isa, set, Workers::Caller, &allocator, &case.product()).unwrap() };
            results.push(case.c.clone());
        }
        let mut differ = 0;
        for (x, y) in results[0].iter().zip(&results[1]) {
            if x.to_bits() != y.to_bits() && !(x.is_nan() && y.is_nan()) {
                if differ < 5 {
                    println!("{x:e} {y:e} {:x} {:x}", x.to_bits(), y.to_bits());
                }
                differ += 1;
            }
        }
        assert_eq!(differ, 0, "{m}x{k}x{n}: {differ} of {}", m * n);
    }
}

#[test]
fn packing_stays_within_its_panels() {
    use super::blocking::Panels;
    use super::pack::Pack;
    let (lines, k) = (60, 37);
    let source = random((lines + 4) * (k + 4), &mut Random::new(5));
    for isa in Isa::available() {
        for set in [Some(TileSet::float32(isa)), Some(TileSet::rounded(isa)), TileSet::pairs(isa)].into_iter().flatten() {
            let balanced = (1..set.rows + 1).map(|most| Panels::balanced(lines, most));
            for panels in balanced.chain([Panels::filled_up(lines, set.columns, set.lanes)]) {
                for (line_stride, k_stride, length) in [(k, 1, k), (1, lines, k), (k, 1, 1), (1, lines, 2), (1, lines, 16), (k, 1, 17)] {
                    let words = (set.words)(length);
                    let mut packed = vec![-7.0f32; (lines + 64) * words + 64];
                    for panel in (0..panels.count).rev() {
                        let before = packed.clone();
                        let (start, end) = (panels.start(panel) * words, panels.start(panel + 1) * words);
                        let to = packed[start..].as_mut_ptr();
                        let (source, last) = (source.as_ptr(), panel + 1);
                        // SAFETY: the vectors hold the lines and the panels.
                        unsafe {
                            (set.pack)(&Pack {
                                source,
                                line_stride,
                                k_stride,
                                k: length,
                                panels,
                                first: panel,
                                last,
                                to,
                                activation: Activation::None,
                            })
                        };
                        assert_eq!(before[..start], packed[..start], "{isa} panel {panel} of {panels:?}, {length}");
                        assert_eq!(before[end..], packed[end..], "{isa} panel {panel} of {panels:?}, {length}");
                    }
                }
            }
        }
    }
}

/// Figures for whoever changes a packing or a tile: `cargo test --release matmul::tests::speed -- --ignored --nocapture`.
#[test]
#[ignore = "prints speeds"]
fn speed_of_packing_and_tiles() {
    use super::blocking::Panels;
    use super::pack::Pack;
    use std::time::Instant;

    let best = |work: &dyn Fn()| {
        let once = || {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        };
        std::iter::repeat_with(once).take(200).fold(f64::INFINITY, f64::min)
    };
    let (lines, k) = (336, 384);
    let source = vec![1.0f32; lines * k];
    let mut packed = vec![0.0f32; 2 * lines * k];
    for isa in Isa::available() {
        let sets = [("float32", Some(TileSet::float32(isa))), ("rounded", Some(TileSet::rounded(isa))), ("pairs", TileSet::pairs(isa))];
        for (name, set) in sets.into_iter().filter_map(|(name, set)| Some((name, set?))) {
            let mut line = format!("{isa} {name}: ns per element of packing");
            for (what, along) in [("transposing", true), ("copying", false)] {
                for panels in [Panels::balanced(lines, set.rows), Panels::filled_up(lines, set.columns, set.lanes)] {
                    let pack = Pack {
                        source: source.as_ptr(),
                        activation: Activation::None,
                        line_stride: if along { k } else { 1 },
                        k_stride: if along { 1 } else { lines },
                        k,
                        panels,
                        first: 0,
                        last: panels.count,
                        to: packed.as_mut_ptr(),
                    };
                    // SAFETY: the vectors hold source and panels, and the set is one of this processor.
                    let time = best(&|| unsafe { (set.pack)(&pack) });
                    line += &format!(", {what} {} lines {:.3}", panels.widest(), time * 1e9 / (lines * k) as f64);
                }
            }
            println!("{line}");
            let mut c = vec![0.0f32; set.rows * set.columns];
            let to = c.as_mut_ptr();
            let words = (set.words)(k);
            for (what, columns) in [("one panel", 1), ("eight panels", 8)] {
                // SAFETY: the vectors hold the panels and the tile.
                let time = best(&|| unsafe {
                    for panel in 0..64 {
                        let b = packed.as_ptr().add(panel % columns * set.columns * words);
                        set.tiles[set.rows - 1][1](words, source.as_ptr(), b, to, set.columns, set.columns, true);
                    }
                });
                println!("  tile, {what}: {:.1} GFLOP/s", 64.0 * 2e-9 * (set.rows * set.columns * k) as f64 / time);
            }
        }
    }
}
