//! Which pieces go.

use super::math::ln;
use super::model::{Model, Pieces, Room};
use super::words::Words;

/// Keeps the pieces whose loss would cost most likelihood, at most `size` of them, and every piece that nothing can stand for (Kudo 2018,
/// section 3.2, with the approximations of SentencePiece: a piece that goes is replaced by the best way through its own characters).
/// Numbers of the pieces to keep, in their order.
pub fn prune(pieces: &Pieces, words: &Words, size: usize, threads: usize) -> Vec<usize> {
    let model = Model::new(pieces);
    let count = pieces.characters.len();
    let BestWays { used, words_with, all_words } = count_best_ways(&model, words, count, threads);
    let sum = used.iter().fold(0.0, |sum, &one| sum + one as f64);
    let log_sum = ln(sum);
    const PART: usize = 4096;
    let parts = super::in_order(threads, count.div_ceil(PART), |part| {
        let mut room = Room::default();
        let range = part * PART..count.min((part + 1) * PART);
        range.map(|piece| verdict(piece, pieces, &model, &used, &words_with, all_words, sum, log_sum, &mut room)).collect::<Vec<_>>()
    });
    let mut kept = Vec::new();
    let mut candidates = Vec::new();
    for (piece, verdict) in parts.into_iter().flatten().enumerate() {
        match verdict {
            Verdict::Keep => kept.push(piece),
            Verdict::Drop => {}
            Verdict::Loss(loss) => candidates.push((loss, piece)),
        }
    }
    candidates.sort_by(|(a, i), (b, j)| b.total_cmp(a).then(i.cmp(j)));
    let room = size.saturating_sub(kept.len());
    kept.extend(candidates.into_iter().take(room).map(|(_, piece)| piece));
    kept.sort_unstable();
    kept
}

enum Verdict {
    Keep,
    Drop,
    Loss(f64),
}

#[allow(clippy::too_many_arguments)]
fn verdict(
    piece: usize,
    pieces: &Pieces,
    model: &Model,
    used: &[u64],
    words_with: &[u64],
    all_words: u64,
    sum: f64,
    log_sum: f64,
    room: &mut Room,
) -> Verdict {
    let mut alternative = Vec::new();
    let best = model.best_of(&pieces.characters[piece], piece as u32, room, &mut |part| alternative.push(part));
    let Some(score) = best else { return Verdict::Keep };
    // Its own characters say it better, or nobody says it.
    if score > model.score(piece) || used[piece] == 0 {
        return Verdict::Drop;
    }
    let uses = used[piece] as f64;
    let log_sum_without = ln(sum + uses * (alternative.len() as f64 - 1.0));
    let without = alternative.iter().fold(0.0, |total, &part| total + ln(used[part] as f64 + uses) - log_sum_without);
    Verdict::Loss((words_with[piece] as f64 / all_words as f64) * (ln(uses) - log_sum - without))
}

/// Of the best way through each word: how often a piece is on it, and in how many words of the corpus.
struct BestWays {
    used: Vec<u64>,
    words_with: Vec<u64>,
    all_words: u64,
}

fn count_best_ways(model: &Model, words: &Words, count: usize, threads: usize) -> BestWays {
    let sums = super::summed(threads, words.counts.len(), 2 * count, |sums, range| {
        let mut room = Room::default();
        let (used, words_with) = sums.split_at_mut(count);
        let mut seen: Vec<usize> = Vec::new();
        for word in range {
            let times = words.counts[word];
            seen.clear();
            model.best(words.word(word), &mut room, |piece| {
                used[piece] += times;
                if !seen.contains(&piece) {
                    seen.push(piece);
                    words_with[piece] += times;
                }
            });
        }
    });
    let (used, words_with) = sums.split_at(count);
    BestWays { used: used.to_vec(), words_with: words_with.to_vec(), all_words: words.counts.iter().sum() }
}
