//! A trie of byte strings as a double array (Aoe 1989), its states found by exclusive or as in Darts-clone: the child of a state for a byte
//! is the unit at `offset ^ byte` if that unit has the byte as its label.

use crate::ensure;
use crate::error::Result;

/// Below 256: the byte that leads to a unit. Of a unit that is not in use, which no byte equals: this.
const UNUSED: u16 = 256;

/// Offset, label and value of a state.
#[derive(Clone, Copy)]
pub struct Unit(u64);

const LABEL_BITS: u32 = 9;
const VALUE_BITS: u32 = 27;
const OFFSET_BITS: u32 = 64 - LABEL_BITS - VALUE_BITS;

impl Unit {
    fn new(offset: u32, label: u16, value: Option<u32>) -> Unit {
        let value = value.map_or(0, |value| u64::from(value) + 1);
        Unit(u64::from(offset) << (LABEL_BITS + VALUE_BITS) | value << LABEL_BITS | u64::from(label))
    }

    /// Whether it is the child for the byte by whose way it was found.
    #[inline(always)]
    pub fn has_label(self, byte: u8) -> bool {
        self.0 & ((1 << LABEL_BITS) - 1) == u64::from(byte)
    }

    /// Of the string that leads to it, if it is one of the trie's.
    #[inline(always)]
    pub fn value(self) -> Option<u32> {
        ((self.0 >> LABEL_BITS) as u32 & ((1 << VALUE_BITS) - 1)).checked_sub(1)
    }

    /// Where its children are.
    #[inline(always)]
    pub fn offset(self) -> u32 {
        (self.0 >> (LABEL_BITS + VALUE_BITS)) as u32
    }
}

/// Byte strings with values.
pub struct Trie {
    units: Vec<Unit>,
    root: u32,
}

impl Trie {
    /// Of strings that are not empty and their values, below 2^26. Of a string that comes twice the last value counts.
    pub fn new(entries: &[(&[u8], u32)]) -> Result<Trie> {
        let mut order: Vec<usize> = (0..entries.len()).collect();
        order.sort_by_key(|&index| entries[index].0); // stable
        let last_of_equals = |(at, &index): (usize, &usize)| match order.get(at + 1) {
            Some(&next) if entries[next].0 == entries[index].0 => None,
            _ => Some(entries[index]),
        };
        let sorted: Vec<(&[u8], u32)> = order.iter().enumerate().filter_map(last_of_equals).collect();
        for (text, value) in &sorted {
            ensure!(!text.is_empty() && *value < 1 << 26, "tokens: expected texts that are not empty, and ids below 2^26, got {value}");
        }
        let mut builder = Builder::default();
        let root = builder.build(&sorted)?;
        Ok(Trie { units: builder.units, root })
    }

    /// Where the children of the root are.
    #[inline(always)]
    pub fn root(&self) -> u32 {
        self.root
    }

    /// The child for a byte of the state that has the offset, if it has the byte as its label.
    #[inline(always)]
    pub fn unit(&self, offset: u32, byte: u8) -> Unit {
        self.units[(offset ^ u32::from(byte)) as usize]
    }

    /// The value of exactly this string.
    pub fn get(&self, text: &[u8]) -> Option<u32> {
        let mut offset = self.root;
        let mut value = None;
        for &byte in text {
            let unit = self.unit(offset, byte);
            if !unit.has_label(byte) {
                return None;
            }
            (offset, value) = (unit.offset(), unit.value());
        }
        value
    }
}

const BLOCK: usize = 256;
/// In which free units are looked for.
const OPEN_BLOCKS: usize = 16;
/// Places that are tried before a new block is begun: so the time is bounded whatever the strings.
const TRIES: usize = 256;
const NONE: u32 = u32::MAX;

/// Units, and a list of those of the last blocks that are free. The first block stays empty: the children of leaves are looked for there.
struct Builder {
    units: Vec<Unit>,
    is_taken: Vec<bool>,
    /// Whether a state has its children here: no other may.
    is_offset: Vec<bool>,
    next: Vec<u32>,
    previous: Vec<u32>,
    first: u32,
    last: u32,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            units: vec![Unit::new(0, UNUSED, None); BLOCK],
            is_taken: vec![true; BLOCK],
            is_offset: vec![true; BLOCK],
            next: vec![NONE; BLOCK],
            previous: vec![NONE; BLOCK],
            first: NONE,
            last: NONE,
        }
    }
}

/// Strings with the same beginning, which leads to the unit that waits for its offset.
struct Range {
    first: usize,
    last: usize,
    depth: usize,
    parent: Option<u32>,
}

impl Builder {
    /// Gives the offset of the root.
    fn build(&mut self, entries: &[(&[u8], u32)]) -> Result<u32> {
        let mut root = 0;
        let mut waiting = vec![Range { first: 0, last: entries.len(), depth: 0, parent: None }];
        let mut children: Vec<(u8, usize)> = Vec::new(); // label, and the first of its strings
        while let Some(Range { mut first, last, depth, parent }) = waiting.pop() {
            if first < last && entries[first].0.len() == depth {
                first += 1; // the parent's own
            }
            children.clear();
            for (index, (text, _)) in entries.iter().enumerate().take(last).skip(first) {
                if children.last().is_none_or(|(label, _)| *label != text[depth]) {
                    children.push((text[depth], index));
                }
            }
            if children.is_empty() {
                continue;
            }
            let offset = self.place(&children)?;
            match parent {
                None => root = offset,
                Some(parent) => {
                    let unit = &mut self.units[parent as usize];
                    unit.0 |= u64::from(offset) << (LABEL_BITS + VALUE_BITS);
                }
            }
            for (index, &(label, start)) in children.iter().enumerate() {
                let end = children.get(index + 1).map_or(last, |(_, next)| *next);
                let (text, value) = entries[start];
                let value = (text.len() == depth + 1).then_some(value);
                let child = offset ^ u32::from(label);
                self.units[child as usize] = Unit::new(0, u16::from(label), value);
                waiting.push(Range { first: start, last: end, depth: depth + 1, parent: Some(child) });
            }
        }
        Ok(root)
    }

    /// An offset at which the units of all children are free; they are then taken.
    fn place(&mut self, children: &[(u8, usize)]) -> Result<u32> {
        let label = u32::from(children[0].0);
        let mut candidate = self.first;
        for _ in 0..TRIES {
            if candidate == NONE {
                break;
            }
            let offset = candidate ^ label;
            let fits = |(label, _): &(u8, usize)| !self.is_taken[(offset ^ u32::from(*label)) as usize];
            if !self.is_offset[offset as usize] && children.iter().all(fits) {
                self.take(offset, children);
                return Ok(offset);
            }
            candidate = self.next[candidate as usize];
        }
        let offset = self.add_block()?;
        self.take(offset, children);
        Ok(offset)
    }

    fn take(&mut self, offset: u32, children: &[(u8, usize)]) {
        self.is_offset[offset as usize] = true;
        for (label, _) in children {
            let unit = offset ^ u32::from(*label);
            self.is_taken[unit as usize] = true;
            self.unlink(unit);
        }
    }

    /// Gives the index of its first unit.
    fn add_block(&mut self) -> Result<u32> {
        let start = self.units.len();
        ensure!(start + BLOCK <= 1 << OFFSET_BITS, "tokens: expected a trie of less than 2^{OFFSET_BITS} units");
        self.units.resize(start + BLOCK, Unit::new(0, UNUSED, None));
        self.is_taken.resize(start + BLOCK, false);
        self.is_offset.resize(start + BLOCK, false);
        self.next.resize(start + BLOCK, NONE);
        self.previous.resize(start + BLOCK, NONE);
        for unit in start..start + BLOCK {
            self.link(unit as u32);
        }
        if start >= OPEN_BLOCKS * BLOCK {
            let closed = start - OPEN_BLOCKS * BLOCK;
            for unit in closed..closed + BLOCK {
                if !self.is_taken[unit] {
                    self.unlink(unit as u32);
                }
            }
        }
        Ok(start as u32)
    }

    fn link(&mut self, unit: u32) {
        self.previous[unit as usize] = self.last;
        match self.last {
            NONE => self.first = unit,
            last => self.next[last as usize] = unit,
        }
        self.last = unit;
    }

    fn unlink(&mut self, unit: u32) {
        let (previous, next) = (self.previous[unit as usize], self.next[unit as usize]);
        match previous {
            NONE => self.first = next,
            _ => self.next[previous as usize] = next,
        }
        match next {
            NONE => self.last = previous,
            _ => self.previous[next as usize] = previous,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn found(trie: &Trie, text: &[u8]) -> Vec<(usize, u32)> {
        let mut offset = trie.root();
        let mut found = Vec::new();
        for (index, &byte) in text.iter().enumerate() {
            let unit = trie.unit(offset, byte);
            if !unit.has_label(byte) {
                break;
            }
            found.extend(unit.value().map(|value| (index + 1, value)));
            offset = unit.offset();
        }
        found
    }

    #[test]
    fn gives_the_strings_that_a_text_begins_with() {
        let trie = Trie::new(&[(b"a", 0), (b"abc", 1), (b"\0", 2), (b"\0\0", 3), (b"ab", 4), (b"a", 5)]).unwrap();
        assert_eq!(found(&trie, b"abcd"), [(1, 5), (2, 4), (3, 1)]);
        assert_eq!(found(&trie, b"\0\0\0"), [(1, 2), (2, 3)]);
        assert_eq!(found(&trie, b"b"), []);
        assert_eq!((trie.get(b"ab"), trie.get(b"abcd"), trie.get(b"b"), trie.get(b"")), (Some(4), None, None, None));
        assert!(Trie::new(&[(b"", 0)]).is_err());
        assert!(Trie::new(&[(b"a", 1 << 26)]).is_err());
        let empty = Trie::new(&[]).unwrap();
        assert_eq!(found(&empty, b"\0a"), []);
    }

    #[test]
    fn holds_what_was_put_in_whatever_the_strings() {
        let mut state = 7_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for letters in [2, 5, 256] {
            let mut known = BTreeMap::new();
            for value in 0..20_000 {
                let text: Vec<u8> = (0..1 + random(9)).map(|_| random(letters) as u8).collect();
                known.insert(text, value);
            }
            let entries: Vec<(&[u8], u32)> = known.iter().map(|(text, value)| (&text[..], *value)).collect();
            let trie = Trie::new(&entries).unwrap();
            for (text, value) in &known {
                assert_eq!(trie.get(text), Some(*value));
            }
            for _ in 0..20_000 {
                let text: Vec<u8> = (0..1 + random(9)).map(|_| random(letters) as u8).collect();
                let expected: Vec<(usize, u32)> =
                    (1..=text.len()).filter_map(|end| known.get(&text[..end]).map(|value| (end, *value))).collect();
                assert_eq!(found(&trie, &text), expected);
            }
        }
    }
}
