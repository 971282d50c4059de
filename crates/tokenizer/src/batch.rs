//! Many texts on several threads. Each thread takes the next few texts until there are none; the result is the same for any number.

use crate::ensure;
use crate::error::{Error, Result};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that a thread takes at a time, unless one text has more.
const SHARE: usize = 1 << 18;

/// What gives the ids of a text, on any thread.
pub trait Encode: Sync {
    /// What changes while it does: of one thread, and of one encoder.
    type Workspace: Default + Send;

    /// Appends the ids of a text. False: this is a text that it cannot encode, and nothing was appended.
    fn encode(&self, text: &[u8], workspace: &mut Self::Workspace, ids: &mut Vec<u32>) -> Result<bool>;
}

/// Ids of all texts.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// One text after the other.
    pub ids: Vec<u32>,
    /// Where each text starts in `ids`, and one more at the end.
    pub offsets: Vec<u32>,
    /// Which texts could not be encoded, in ascending order; they have no ids.
    pub left: Vec<u32>,
}

/// Encodes texts.
///
/// * `bytes` - of all texts, one after the other
/// * `ends` - where each ends, in ascending order; the last is the length of `bytes`
/// * `workspaces` - one for each thread
pub fn encode_batch<E: Encode>(encoder: &E, bytes: &[u8], ends: &[usize], workspaces: &mut [E::Workspace]) -> Result<Batch> {
    ensure!(ends.is_sorted() && ends.last().copied().unwrap_or(0) == bytes.len(), "texts: expected ends in ascending order");
    ensure!(!workspaces.is_empty(), "threads: expected 1 or more, got 0");
    let shares = shares(ends);
    let next = AtomicUsize::new(0);
    let done: Vec<Mutex<Option<Result<Batch>>>> = shares.iter().map(|_| Mutex::new(None)).collect();
    let work = |workspace: &mut E::Workspace| {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(&(first, last)) = shares.get(index) else { break };
            let part = encode_share(encoder, bytes, ends, first, last, workspace);
            *done[index].lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(part);
        }
    };
    let (own, others) = workspaces.split_at_mut(1);
    std::thread::scope(|scope| {
        for workspace in others.iter_mut().take(shares.len().saturating_sub(1)) {
            // Where the system gives no thread, the others do its work.
            let _ = std::thread::Builder::new().name("codex-tokenizer".into()).spawn_scoped(scope, || work(workspace));
        }
        work(&mut own[0]);
    });
    join(done, ends.len())
}

/// First text of each share, and the one after its last.
fn shares(ends: &[usize]) -> Vec<(usize, usize)> {
    let mut shares = Vec::new();
    let (mut first, mut start) = (0, 0);
    for (index, end) in ends.iter().enumerate() {
        if end - start >= SHARE || index + 1 == ends.len() {
            shares.push((first, index + 1));
            (first, start) = (index + 1, *end);
        }
    }
    shares
}

fn encode_share<E: Encode>(
    encoder: &E,
    bytes: &[u8],
    ends: &[usize],
    first: usize,
    last: usize,
    workspace: &mut E::Workspace,
) -> Result<Batch> {
    let mut start = if first == 0 { 0 } else { ends[first - 1] };
    let mut part =
        Batch { ids: Vec::with_capacity((ends[last - 1] - start) / 3 + 16), offsets: Vec::with_capacity(last - first), left: Vec::new() };
    for index in first..last {
        part.offsets.push(part.ids.len() as u32);
        if !encoder.encode(&bytes[start..ends[index]], workspace, &mut part.ids)? {
            part.left.push(index as u32);
        }
        ensure!(part.ids.len() < u32::MAX as usize, "texts: expected less than 2^32 - 1 tokens");
        start = ends[index];
    }
    Ok(part)
}

fn join(parts: Vec<Mutex<Option<Result<Batch>>>>, texts: usize) -> Result<Batch> {
    let mut parts = parts
        .into_iter()
        .map(|part| part.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()))
        .map(|part| part.unwrap_or_else(|| Err(Error::Invalid("texts: a thread ended early".into()))))
        .collect::<Result<Vec<Batch>>>()?;
    let total: usize = parts.iter().map(|part| part.ids.len()).sum();
    ensure!(total < u32::MAX as usize, "texts: expected less than 2^32 - 1 tokens, got {total}");
    let mut batch = if parts.len() == 1 {
        parts.remove(0)
    } else {
        Batch { ids: Vec::with_capacity(total), offsets: Vec::with_capacity(texts + 1), left: Vec::new() }
    };
    for part in parts {
        let before = batch.ids.len() as u32;
        batch.ids.extend_from_slice(&part.ids);
        batch.offsets.extend(part.offsets.iter().map(|offset| before + offset));
        batch.left.extend(part.left);
    }
    batch.offsets.push(total as u32);
    Ok(batch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bpe::pairs::Pairs;
    use crate::bpe::{Encoder, Workspace};
    use crate::pre_tokenizer::PreTokenizer;

    #[test]
    fn any_number_of_threads_gives_the_ids_of_each_text() {
        let byte_ids: Vec<u32> = (0..256).collect();
        let pairs = Pairs::new(&byte_ids, &[b'a'.into(), b'b'.into(), 256, 256, 256, 257]).unwrap();
        let encoder = Encoder::new(pairs, PreTokenizer::Gpt2, None);
        let texts: Vec<String> = (0..3000).map(|index| "abab ab, b".repeat(index % 97)).collect();
        let bytes = texts.concat().into_bytes();
        let ends: Vec<usize> = texts
            .iter()
            .scan(0, |end, text| {
                *end += text.len();
                Some(*end)
            })
            .collect();
        let mut expected = Batch { ids: Vec::new(), offsets: vec![0], left: vec![] };
        let mut workspace = Workspace::default();
        for text in &texts {
            encoder.encode(text.as_bytes(), &mut workspace, &mut expected.ids).unwrap();
            expected.offsets.push(expected.ids.len() as u32);
        }
        for threads in [1, 2, 7] {
            let mut workspaces: Vec<Workspace> = (0..threads).map(|_| Workspace::default()).collect();
            assert_eq!(encode_batch(&encoder, &bytes, &ends, &mut workspaces).unwrap(), expected);
        }
        let none = encode_batch(&encoder, b"", &[], &mut [Workspace::default()]).unwrap();
        assert_eq!(none, Batch { ids: vec![], offsets: vec![0], left: vec![] });
        assert!(encode_batch(&encoder, b"ab", &[1], &mut [Workspace::default()]).is_err());
        assert!(encode_batch(&encoder, b"ab", &[2, 1, 2], &mut [Workspace::default()]).is_err());
    }
    /// Gives the length of texts that begin with `a`.
    struct Lengths;

    impl Encode for Lengths {
        type Workspace = ();

        fn encode(&self, text: &[u8], _: &mut (), ids: &mut Vec<u32>) -> Result<bool> {
            if text.first() == Some(&b'a') {
                ids.push(text.len() as u32);
            }
            Ok(text.first() == Some(&b'a'))
        }
    }

    #[test]
    fn texts_that_cannot_be_encoded_are_named() {
        let long = [b'a'; SHARE];
        let texts: [&[u8]; 5] = [b"b", b"aa", &long, b"", b"a"];
        let ends = [1, 3, 3 + SHARE, 3 + SHARE, 4 + SHARE];
        let expected = Batch { ids: vec![2, SHARE as u32, 1], offsets: vec![0, 0, 1, 2, 2, 3], left: vec![0, 3] };
        for threads in [1, 3] {
            assert_eq!(encode_batch(&Lengths, &texts.concat(), &ends, &mut vec![(); threads]).unwrap(), expected);
        }
    }
}
