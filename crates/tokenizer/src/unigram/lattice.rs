//! The best way to write a piece as tokens: the largest sum of scores (Viterbi), as `encode_optimized` of SentencePiece finds it. Sums are
//! added up in the order of the TypeScript model, and the first of equal ones stays: so ids are the same to the last bit of a score.

use super::trie::Trie;
use crate::ensure;
use crate::error::Result;

/// Of `byte_ids`: the byte has no token.
pub const NO_TOKEN: u32 = u32::MAX;

/// Tokens and their scores.
pub struct Model {
    trie: Trie,
    scores: Vec<f64>,
    unknown: Option<Unknown>,
}

/// What becomes of a character without a token.
pub struct Unknown {
    /// Of the token for it.
    pub id: u32,
    /// Of the same.
    pub score: f64,
    /// With `byte_fallback`: of each byte the token, or `NO_TOKEN`.
    pub byte_ids: Option<Box<[u32; 256]>>,
}

/// The memory of one thread.
#[derive(Default)]
pub struct Lattice {
    cells: Vec<Cell>,
    path: Vec<(usize, u32)>,
}

/// The best path to a place in the piece.
#[derive(Clone, Copy)]
struct Cell {
    score: f64,
    /// Where its last token starts, or `NOWHERE`.
    from: u32,
    /// That token.
    id: u32,
}

const NOWHERE: u32 = u32::MAX;

/// Bytes after which a place that all paths go through ends what is remembered.
const WINDOW: usize = 1 << 12;

/// Neighbours that are unknown become one.
#[derive(Default)]
struct Run {
    start: usize,
    end: usize,
}

impl Model {
    /// * `tokens` - texts and ids; ids are indices of `scores`
    pub fn new(tokens: &[(&[u8], u32)], scores: Vec<f64>, unknown: Option<Unknown>) -> Result<Model> {
        for (_, id) in tokens {
            ensure!((*id as usize) < scores.len(), "tokens: expected ids below {}, the number of scores, got {id}", scores.len());
        }
        if let Some(unknown) = &unknown {
            ensure!(unknown.id < 1 << 26, "unknown: expected an id below 2^26, got {}", unknown.id);
            let is_id = |id: &u32| *id < 1 << 26 || *id == NO_TOKEN;
            ensure!(unknown.byte_ids.iter().all(|ids| ids.iter().all(is_id)), "byteIds: expected ids below 2^26");
        }
        Ok(Model { trie: Trie::new(tokens)?, scores, unknown })
    }

    /// Appends the ids of a piece, which is UTF-8 and shorter than 2^32 - 1 bytes. False: it has an unknown character, and there is no token
    /// for those; what was appended then means nothing.
    pub fn encode(&self, piece: &[u8], lattice: &mut Lattice, ids: &mut Vec<u32>) -> bool {
        let size = piece.len();
        let Lattice { cells, path } = lattice;
        let mut run = Run::default();
        let mut base = 0; // the place of the first cell
        let mut reach = 0; // the end of the token that reaches furthest
        cells.clear();
        cells.push(Cell { score: 0.0, from: NOWHERE, id: 0 });
        let mut start = 0;
        while start < size {
            if start == reach && start - base >= WINDOW {
                self.trace(piece, base, cells, path, &mut run, ids);
                let score = cells[start - base].score;
                cells.clear();
                cells.push(Cell { score, from: NOWHERE, id: 0 });
                base = start;
            }
            let next = start + character_length(piece[start]).min(size - start);
            let before = cells[start - base].score;
            let mut single = false;
            let mut offset = self.trie.root();
            for (index, &byte) in piece[start..].iter().enumerate() {
                let unit = self.trie.unit(offset, byte);
                if !unit.has_label(byte) {
                    break;
                }
                offset = unit.offset();
                let Some(id) = unit.value() else { continue };
                let end = start + index + 1;
                reach = reach.max(end);
                single |= end == next;
                offer(cells, end - base, Cell { score: self.scores[id as usize] + before, from: start as u32, id });
            }
            if !single {
                let Some(unknown) = &self.unknown else { return false };
                reach = reach.max(next);
                offer(cells, next - base, Cell { score: unknown.score + before, from: start as u32, id: unknown.id });
            }
            start = next;
        }
        self.trace(piece, base, cells, path, &mut run, ids);
        self.flush(piece, &mut run, ids);
        true
    }

    /// Appends the tokens of the best path to the last cell.
    fn trace(&self, piece: &[u8], base: usize, cells: &[Cell], path: &mut Vec<(usize, u32)>, run: &mut Run, ids: &mut Vec<u32>) {
        path.clear();
        let mut end = base + cells.len() - 1;
        while end > base {
            let cell = cells[end - base];
            path.push((end, cell.id));
            end = cell.from as usize;
        }
        let mut start = base;
        for &(end, id) in path.iter().rev() {
            if self.unknown.as_ref().is_some_and(|unknown| unknown.id == id) {
                if run.end == run.start {
                    run.start = start;
                }
                run.end = end;
            } else {
                self.flush(piece, run, ids);
                ids.push(id);
            }
            start = end;
        }
    }

    fn flush(&self, piece: &[u8], run: &mut Run, ids: &mut Vec<u32>) {
        let text = &piece[run.start..run.end];
        *run = Run::default();
        let Some(unknown) = &self.unknown else { return };
        if text.is_empty() {
            return;
        }
        match (self.trie.get(text), &unknown.byte_ids) {
            (Some(id), _) => ids.push(id),
            (None, Some(byte_ids)) if text.iter().all(|byte| byte_ids[usize::from(*byte)] != NO_TOKEN) => {
                ids.extend(text.iter().map(|byte| byte_ids[usize::from(*byte)]));
            }
            _ => ids.push(unknown.id),
        }
    }
}

/// Takes a path to a place if it is the first or better.
#[inline(always)]
fn offer(cells: &mut Vec<Cell>, place: usize, cell: Cell) {
    if place >= cells.len() {
        cells.resize(place + 1, Cell { score: 0.0, from: NOWHERE, id: 0 });
    }
    let old = &mut cells[place];
    if old.from == NOWHERE || cell.score > old.score {
        *old = cell;
    }
}

/// In bytes, by the first of them.
#[inline(always)]
pub fn character_length(first: u8) -> usize {
    match first {
        0..0x80 => 1,
        0x80..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(tokens: &[(&str, f64)], byte_fallback: bool) -> Model {
        let entries: Vec<(&[u8], u32)> = tokens.iter().enumerate().map(|(id, (text, _))| (text.as_bytes(), id as u32)).collect();
        let scores: Vec<f64> = tokens.iter().map(|(_, score)| *score).collect();
        let lowest = scores.iter().copied().fold(f64::INFINITY, f64::min);
        let byte_ids = byte_fallback.then(|| Box::new(std::array::from_fn(|byte| 1000 + byte as u32)));
        Model::new(&entries, scores, Some(Unknown { id: 0, score: lowest - 10.0, byte_ids })).unwrap()
    }

    fn encode(model: &Model, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        assert!(model.encode(text.as_bytes(), &mut Lattice::default(), &mut ids));
        ids
    }

    #[test]
    fn takes_the_largest_sum_and_of_equal_ones_the_token_that_starts_first() {
        let tokens = [("<unk>", 0.0), ("a", -3.0), ("b", -3.0), ("ab", -5.0), ("abab", -10.5), ("ba", -6.0)];
        assert_eq!(encode(&model(&tokens, false), "abab"), [3, 3]);
        assert_eq!(encode(&model(&tokens, false), "aba"), [3, 1]);
        assert_eq!(encode(&model(&tokens, false), "ba"), [5]); // as much as b and a
        assert_eq!(encode(&model(&tokens, false), ""), []);
    }

    #[test]
    fn unknown_neighbours_are_one_or_bytes() {
        let tokens = [("<unk>", 0.0), ("a", -1.0), ("\u{e9}\u{e9}", -90.0)];
        assert_eq!(encode(&model(&tokens, false), "axya"), [1, 0, 1]);
        assert_eq!(encode(&model(&tokens, true), "axya"), [1, 1120, 1121, 1]);
        assert_eq!(encode(&model(&tokens, true), "\u{4f60}"), [1228, 1189, 1160]);
        // Better as two unknown characters; together they are a token.
        assert_eq!(encode(&model(&tokens, true), "\u{e9}\u{e9}"), [2]);
        assert_eq!(encode(&model(&tokens, false), "<unk>a"), [0, 1]);
        let none = Model::new(&[(b"a", 0)], vec![0.0], None).unwrap();
        assert!(!none.encode(b"ab", &mut Lattice::default(), &mut Vec::new()));
        assert!(none.encode(b"aa", &mut Lattice::default(), &mut Vec::new()));
    }

    #[test]
    fn what_is_remembered_of_a_long_piece_is_bounded_and_changes_nothing() {
        let mut tokens = vec![("<unk>", 0.0), ("a", -0.1), ("b", -0.7), ("ab", -0.3), ("aab", -0.4), ("ba", -0.6)];
        let text: String = (0..100_000_u64).map(|n| if n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 62 == 0 { 'b' } else { 'a' }).collect();
        let mut lattice = Lattice::default();
        let mut ids = Vec::new();
        let text = format!("{text}{}{text}", "z".repeat(20_000));
        assert!(model(&tokens, false).encode(text.as_bytes(), &mut lattice, &mut ids));
        assert!(lattice.cells.capacity() <= 4 * WINDOW);
        assert_eq!(ids.iter().filter(|id| **id == 0).count(), 1);
        // A token that nothing chooses, but that reaches over every place: one window.
        let long = "a".repeat(30);
        tokens.push((&long, -1e9));
        let mut same = Vec::new();
        assert!(model(&tokens, false).encode(text.as_bytes(), &mut lattice, &mut same));
        assert_eq!(ids.len(), same.len());
        assert_eq!(ids, same);
    }

    #[test]
    fn tables_that_do_not_fit_are_refused() {
        assert!(Model::new(&[(b"a", 1)], vec![0.0], None).is_err());
        assert!(Model::new(&[(b"a", 0)], vec![0.0], Some(Unknown { id: 1 << 26, score: 0.0, byte_ids: None })).is_err());
    }
}
