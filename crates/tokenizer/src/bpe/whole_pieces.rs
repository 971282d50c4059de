//! With `ignore_merges`, a piece that is a token as it stands is that token.

use super::pairs::MAX_IDS;
use crate::ensure;
use crate::error::Result;
use std::collections::HashMap;

/// Ids of tokens by their bytes.
pub struct WholePieces {
    ids: HashMap<Box<[u8]>, u32>,
    longest: usize,
}

impl WholePieces {
    /// * `bytes` - of all tokens, one after the other
    /// * `offsets` - where each starts, and one more at the end
    pub fn new(bytes: &[u8], offsets: &[u32], ids: &[u32]) -> Result<WholePieces> {
        ensure!(
            offsets.len() == ids.len() + 1,
            "wholePieces: expected {} offsets for {} ids, got {}",
            ids.len() + 1,
            ids.len(),
            offsets.len()
        );
        let mut whole = WholePieces { ids: HashMap::with_capacity(ids.len()), longest: 0 };
        for (index, (range, id)) in offsets.windows(2).zip(ids).enumerate() {
            let token = bytes.get(range[0] as usize..range[1] as usize);
            ensure!(token.is_some(), "wholePieces[{index}]: expected a range of {} bytes, got {} to {}", bytes.len(), range[0], range[1]);
            ensure!(*id < MAX_IDS, "wholePieces[{index}]: expected an id below {MAX_IDS}, got {id}");
            let token = token.unwrap_or_default();
            whole.longest = whole.longest.max(token.len());
            whole.ids.insert(token.into(), *id);
        }
        Ok(whole)
    }

    /// The id of a piece that is a token.
    pub fn get(&self, piece: &[u8]) -> Option<u32> {
        if piece.len() > self.longest { None } else { self.ids.get(piece).copied() }
    }
}
