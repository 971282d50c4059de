//! The unigram language model over pieces: what the trainer asks of it.

use super::math::ln;
use super::trie::{NONE, Trie};
use super::words::UNCOVERED;

/// Pieces with probabilities. The first ones are the single characters, so that every covered text has a way through.
#[derive(Clone)]
pub struct Pieces {
    /// Character numbers of each.
    pub characters: Vec<Box<[u32]>>,
    /// Of each.
    pub probabilities: Vec<f64>,
    /// Their numbers in the order of their characters.
    pub sorted: Vec<u32>,
    /// Characters that there are.
    pub alphabet: usize,
}

impl Pieces {
    /// In any order.
    pub fn new(characters: Vec<Box<[u32]>>, probabilities: Vec<f64>, alphabet: usize) -> Pieces {
        let mut sorted: Vec<u32> = (0..characters.len() as u32).collect();
        sorted.sort_unstable_by(|&a, &b| characters[a as usize].cmp(&characters[b as usize]));
        Pieces { characters, probabilities, sorted, alphabet }
    }

    /// Some of them, in their order.
    pub fn select(&self, kept: &[usize]) -> Pieces {
        let mut numbers = vec![NONE; self.characters.len()];
        kept.iter().enumerate().for_each(|(number, &piece)| numbers[piece] = number as u32);
        Pieces {
            sorted: self.sorted.iter().map(|&piece| numbers[piece as usize]).filter(|&number| number != NONE).collect(),
            alphabet: self.alphabet,
            characters: kept.iter().map(|&piece| self.characters[piece].clone()).collect(),
            probabilities: kept.iter().map(|&piece| self.probabilities[piece]).collect(),
        }
    }
}

/// The model; may be asked by several threads, each with a `Room` of its own.
pub struct Model<'a> {
    pieces: &'a Pieces,
    scores: Vec<f64>,
    trie: Trie,
}

/// Memory of a thread that asks.
#[derive(Default)]
pub struct Room {
    /// Place where it starts, place where it ends, piece.
    arcs: Vec<(u32, u32, u32)>,
    /// Value and scale of each place.
    forward: Vec<(f64, i32)>,
    backward: Vec<(f64, i32)>,
    best: Vec<(f64, u32)>,
}

const LARGE: f64 = f64::from_bits((1023 + 256) << 52);
const SMALL: f64 = f64::from_bits((1023 - 256) << 52);

impl<'a> Model<'a> {
    /// Of these pieces.
    pub fn new(pieces: &'a Pieces) -> Model<'a> {
        let scores = pieces.probabilities.iter().map(|&probability| ln(probability)).collect();
        Model { pieces, scores, trie: Trie::new(&pieces.characters, &pieces.sorted, pieces.alphabet) }
    }

    /// Logarithm of a piece's probability.
    pub fn score(&self, piece: usize) -> f64 {
        self.scores[piece]
    }

    /// Calls `visit` with each piece of each way through the word and the share of the ways, by their probability, that takes it
    /// (forward-backward). Characters without a token cut the word.
    pub fn expected(&self, word: &[u32], room: &mut Room, mut visit: impl FnMut(usize, f64)) {
        for run in word.split(|&character| character == UNCOVERED).filter(|run| !run.is_empty()) {
            self.expected_run(run, room, &mut visit);
        }
    }

    fn expected_run(&self, run: &[u32], room: &mut Room, visit: &mut impl FnMut(usize, f64)) {
        let length = run.len();
        let Room { arcs, forward, backward, .. } = room;
        self.find_arcs(run, arcs);
        let probability = |piece: u32| self.pieces.probabilities[piece as usize];
        // Probabilities, not their logarithms: long runs are kept in range by powers of two, whose number each place remembers.
        forward.clear();
        forward.resize(length + 1, (0.0, 0));
        backward.clear();
        backward.resize(length + 1, (0.0, 0));
        forward[0].0 = 1.0;
        let mut arc = 0;
        for at in 0..length {
            if forward[at].0 < SMALL {
                forward[at].0 *= LARGE;
                forward[at].1 += 1;
            }
            let (value, scale) = forward[at];
            while let Some(&(_, to, piece)) = arcs.get(arc).filter(|&&(from, ..)| from as usize == at) {
                add_scaled(&mut forward[to as usize], value * probability(piece), scale);
                arc += 1;
            }
        }
        backward[length].0 = 1.0;
        let mut left = arcs.len();
        for at in (0..length).rev() {
            while left > 0 && arcs[left - 1].0 as usize == at {
                left -= 1;
                let (_, to, piece) = arcs[left];
                let (value, scale) = backward[to as usize];
                add_scaled(&mut backward[at], value * probability(piece), scale);
            }
            if backward[at].0 < SMALL {
                backward[at].0 *= LARGE;
                backward[at].1 += 1;
            }
        }
        let (total, total_scale) = forward[length];
        for &(from, to, piece) in arcs.iter() {
            let ((before, before_scale), (behind, behind_scale)) = (forward[from as usize], backward[to as usize]);
            let share = before * probability(piece) * (behind / total);
            let scale = before_scale + behind_scale - total_scale;
            visit(piece as usize, if scale == 0 { share } else { share * SMALL.powi(scale) });
        }
    }

    /// Calls `visit` with the pieces of the best way through the word, from the last to the first.
    pub fn best(&self, word: &[u32], room: &mut Room, mut visit: impl FnMut(usize)) {
        for run in word.split(|&character| character == UNCOVERED).filter(|run| !run.is_empty()) {
            self.best_of(run, NONE, room, &mut visit);
        }
    }

    /// The best way that does not take `excluded`, and its score. `None`, and no visit, if there is none.
    pub fn best_of(&self, run: &[u32], excluded: u32, room: &mut Room, visit: &mut impl FnMut(usize)) -> Option<f64> {
        let best = &mut room.best;
        best.clear();
        best.resize(run.len() + 1, (f64::NEG_INFINITY, NONE));
        best[0].0 = 0.0;
        for at in 0..run.len() {
            let before = best[at].0;
            if before == f64::NEG_INFINITY {
                continue;
            }
            self.pieces_from(run, at, |end, piece| {
                let score = before + self.scores[piece as usize];
                if piece != excluded && score > best[end].0 {
                    best[end] = (score, piece);
                }
            });
        }
        let score = best[run.len()].0;
        if score == f64::NEG_INFINITY {
            return None;
        }
        let mut at = run.len();
        while at > 0 {
            let piece = best[at].1 as usize;
            visit(piece);
            at -= self.pieces.characters[piece].len();
        }
        Some(score)
    }

    /// In the order of their starts.
    fn find_arcs(&self, run: &[u32], arcs: &mut Vec<(u32, u32, u32)>) {
        arcs.clear();
        for at in 0..run.len() {
            self.pieces_from(run, at, |end, piece| arcs.push((at as u32, end as u32, piece)));
        }
    }

    /// Calls `visit` with the end and the number of each piece that starts at a place.
    #[inline(always)]
    fn pieces_from(&self, run: &[u32], at: usize, mut visit: impl FnMut(usize, u32)) {
        let mut node = 0;
        for (end, &character) in (at + 1..).zip(&run[at..]) {
            node = self.trie.next(node, character);
            if node == NONE {
                return;
            }
            let piece = self.trie.piece_at(node);
            if piece != NONE {
                visit(end, piece);
            }
        }
    }
}

/// Adds a value with its scale to a place that may have another.
#[inline(always)]
fn add_scaled(place: &mut (f64, i32), value: f64, scale: i32) {
    if place.0 == 0.0 {
        *place = (value, scale);
    } else if scale == place.1 {
        place.0 += value;
    } else if scale > place.1 {
        place.0 += value * SMALL.powi(scale - place.1);
    } else {
        *place = (value + place.0 * SMALL.powi(place.1 - scale), scale);
    }
}
