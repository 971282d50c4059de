//! What becomes of each character on its way into words: normalizers and pre-tokenizers that look at one character at a time, as a table. The
//! TypeScript package makes it of its own code, so that both do the same.

use crate::ensure;
use crate::error::Result;
use crate::unicode::MALFORMED;
use std::collections::HashMap;

/// Which pieces a character goes into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class(pub u8);

impl Class {
    /// Ends a piece and is in none.
    pub const SPACE: Class = Class(0);
    /// Is a piece by itself. Higher classes go together with neighbours of the same class.
    pub const ALONE: Class = Class(1);
}

/// Bits: the code point (21) that it becomes, or the number of a list; its class (6); whether it may change places with neighbours; what is
/// done (2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action(u32);

const POINT_BITS: u32 = 21;
const CLASS_BITS: u32 = 6;
const REORDERS: u32 = 1 << (POINT_BITS + CLASS_BITS);
const KIND_SHIFT: u32 = POINT_BITS + CLASS_BITS + 1;
const POINTS: u32 = 0x11_0000;
const PAGE: usize = 256;

/// What is done with a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// It stays as it is.
    Keep,
    /// It becomes another one.
    Replace(u32),
    /// It goes.
    Drop,
    /// It becomes several: those of this list.
    List(u32),
}

impl Action {
    /// What is done.
    #[inline(always)]
    pub fn deed(self) -> Deed {
        match self.0 >> KIND_SHIFT {
            0 => Deed::Keep,
            1 => Deed::Replace(self.point()),
            2 => Deed::Drop,
            _ => Deed::List(self.point()),
        }
    }

    /// Of the character, or of what it becomes.
    #[inline(always)]
    pub fn class(self) -> Class {
        Class((self.0 >> POINT_BITS) as u8 & ((1 << CLASS_BITS) - 1))
    }

    /// Whether a normalization form may make it change places with another one next to it for which this is true too.
    #[inline(always)]
    pub fn reorders(self) -> bool {
        self.0 & REORDERS != 0
    }

    /// The code point of an item of a list.
    #[inline(always)]
    pub fn point(self) -> u32 {
        self.0 & ((1 << POINT_BITS) - 1)
    }
}

/// The action of each code point.
pub struct Characters {
    pages: Box<[u16]>,
    actions: Vec<[Action; PAGE]>,
    lists: Box<[Action]>,
    list_starts: Box<[u32]>,
}

impl Characters {
    /// * `firsts` - first code points of runs that share an action, from 0 on
    /// * `actions` - of each run
    /// * `lists` - code point and class of what characters become that become several
    /// * `list_starts` - where each list begins, and one more at the end
    pub fn new(firsts: &[u32], actions: &[u32], lists: &[u32], list_starts: &[u32]) -> Result<Characters> {
        ensure!(firsts.len() == actions.len(), "actions: expected {} of them, one for each run, got {}", firsts.len(), actions.len());
        let is_sorted = firsts.first() == Some(&0) && firsts.is_sorted() && firsts.last() < Some(&POINTS);
        ensure!(is_sorted, "firsts: expected code points in ascending order, from 0 on");
        let starts_fit = list_starts.is_sorted() && list_starts.last().copied().unwrap_or(0) as usize == lists.len();
        ensure!(starts_fit, "listStarts: expected places in {} items, in ascending order", lists.len());
        for (index, item) in lists.iter().map(|item| Action(*item)).enumerate() {
            ensure!(
                item.deed() == Deed::Keep && item.point() < POINTS,
                "lists[{index}]: expected a code point and its class, got {:x}",
                item.0
            );
        }
        for (index, action) in actions.iter().map(|action| Action(*action)).enumerate() {
            let fits = match action.deed() {
                Deed::Keep | Deed::Drop => action.0 >> KIND_SHIFT <= 2,
                Deed::Replace(point) => point < POINTS,
                Deed::List(list) => action.0 >> KIND_SHIFT == 3 && (list as usize) + 1 < list_starts.len(),
            };
            ensure!(fits, "actions[{index}]: expected an action, got {:x}", action.0);
        }
        let mut table = Characters {
            pages: Box::default(),
            actions: vec![],
            lists: lists.iter().map(|item| Action(*item)).collect(),
            list_starts: list_starts.into(),
        };
        table.pages = pages(firsts, actions, &mut table.actions);
        Ok(table)
    }

    /// Of a code point; a byte that is in none is U+FFFD.
    #[inline(always)]
    pub fn of(&self, point: u32) -> Action {
        let point = if point == MALFORMED { 0xfffd } else { point } as usize;
        self.actions[usize::from(self.pages[point / PAGE])][point % PAGE]
    }

    /// Code points and classes.
    #[inline(always)]
    pub fn list(&self, list: u32) -> &[Action] {
        &self.lists[self.list_starts[list as usize] as usize..self.list_starts[list as usize + 1] as usize]
    }
}

/// The number of each page, of which there is one of each content.
fn pages(firsts: &[u32], actions: &[u32], contents: &mut Vec<[Action; PAGE]>) -> Box<[u16]> {
    let mut known: HashMap<[u32; PAGE], u16> = HashMap::new();
    let mut run = 0;
    (0..POINTS / PAGE as u32)
        .map(|page| {
            let content: [u32; PAGE] = std::array::from_fn(|place| {
                let point = page * PAGE as u32 + place as u32;
                while firsts.get(run + 1).is_some_and(|first| *first <= point) {
                    run += 1;
                }
                actions[run]
            });
            *known.entry(content).or_insert_with(|| {
                contents.push(content.map(Action));
                (contents.len() - 1) as u16
            })
        })
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub const KEEP: u32 = 0;
    pub const REPLACE: u32 = 1 << KIND_SHIFT;
    pub const DROP: u32 = 2 << KIND_SHIFT;
    pub const LIST: u32 = 3 << KIND_SHIFT;
    pub const MOVES: u32 = REORDERS;

    pub fn class(class: u32) -> u32 {
        class << POINT_BITS
    }

    #[test]
    fn every_point_has_the_action_of_its_run() {
        let actions = [KEEP, REPLACE | class(2) | 0x10_ffff, LIST | 1, DROP, KEEP | class(63) | MOVES];
        let table = Characters::new(&[0, 0x41, 0x100, 0x3ff, 0x1_0000], &actions, &[class(1) | 7, 0x61, 0x62], &[0, 1, 3]).unwrap();
        assert_eq!(table.of(0x40).deed(), Deed::Keep);
        assert_eq!((table.of(0x41).deed(), table.of(0x41).class()), (Deed::Replace(0x10_ffff), Class(2)));
        assert_eq!(table.of(0xff), table.of(0x41));
        assert_eq!(table.of(0x100).deed(), Deed::List(1));
        assert_eq!(table.list(1).iter().map(|item| item.point()).collect::<Vec<_>>(), [0x61, 0x62]);
        assert_eq!((table.list(0)[0].class(), table.list(0)[0].point()), (Class::ALONE, 7));
        assert_eq!((table.of(0x3fe).deed(), table.of(0x3ff).deed(), table.of(0xffff).deed()), (Deed::List(1), Deed::Drop, Deed::Drop));
        assert_eq!(table.of(MALFORMED).deed(), Deed::Drop);
        let last = table.of(0x10_ffff);
        assert_eq!((last.deed(), last.class(), last.reorders()), (Deed::Keep, Class(63), true));
        assert!(!table.of(0x41).reorders());
        assert!(table.actions.len() < 8, "pages of the same content are one");
    }

    #[test]
    fn tables_that_do_not_fit_are_refused() {
        let refused = |firsts: &[u32], actions: &[u32], lists: &[u32], starts: &[u32], message: &str| {
            let error = Characters::new(firsts, actions, lists, starts).err().unwrap().to_string();
            assert!(error.contains(message), "{error}");
        };
        refused(&[], &[], &[], &[], "firsts: expected code points in ascending order, from 0 on");
        refused(&[1], &[KEEP], &[], &[0], "firsts: expected");
        refused(&[0, 2, 1], &[KEEP; 3], &[], &[0], "firsts: expected");
        refused(&[0, POINTS], &[KEEP; 2], &[], &[0], "firsts: expected");
        refused(&[0], &[], &[], &[0], "actions: expected 1 of them");
        refused(&[0], &[LIST], &[], &[0], "actions[0]");
        refused(&[0], &[REPLACE | POINTS], &[], &[0], "actions[0]");
        refused(&[0], &[4 << KIND_SHIFT], &[], &[0], "actions[0]");
        refused(&[0], &[KEEP], &[DROP], &[0, 1], "lists[0]");
        refused(&[0], &[KEEP], &[POINTS], &[0, 1], "lists[0]");
        refused(&[0], &[KEEP], &[1], &[0, 2], "listStarts: expected places in 1 items");
        refused(&[0], &[KEEP], &[1], &[1, 0], "listStarts");
    }
}
