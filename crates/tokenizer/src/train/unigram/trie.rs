//! Pieces as sequences of character numbers; finds those that start at a place.

/// No node, no piece.
pub const NONE: u32 = u32::MAX;

/// Children that are looked for one by one.
const FEW: usize = 8;
/// From here on a node has a table of all characters, if the alphabet is no larger than `SMALL_ALPHABET`.
const MANY: usize = 24;
const SMALL_ALPHABET: usize = 4096;

/// The children of a node have neighbouring numbers, in the order of their characters.
pub struct Trie {
    /// Of each node: its first child, how many there are, and the piece that ends there.
    nodes: Vec<Node>,
    /// Character that leads to each node.
    characters: Vec<u32>,
    /// Tables of nodes with many children: the child of each character.
    tables: Vec<u32>,
    alphabet: usize,
}

#[derive(Clone, Copy)]
struct Node {
    first: u32,
    /// `NONE` for a node with a table, which then begins at `first`.
    count: u32,
    piece: u32,
}

impl Trie {
    /// `sorted`: the pieces in the order of their characters.
    pub fn new(pieces: &[Box<[u32]>], sorted: &[u32], alphabet: usize) -> Trie {
        let mut trie = Trie { nodes: Vec::new(), characters: vec![0], tables: Vec::new(), alphabet };
        // Of each node that is still to be made: its pieces, and how many characters they share.
        let mut waiting: std::collections::VecDeque<(usize, usize, usize)> = [(0, sorted.len(), 0)].into();
        while let Some((mut from, to, depth)) = waiting.pop_front() {
            let mut node = Node { first: trie.characters.len() as u32, count: 0, piece: NONE };
            if from < to && pieces[sorted[from] as usize].len() == depth {
                node.piece = sorted[from];
                from += 1;
            }
            while from < to {
                let character = pieces[sorted[from] as usize][depth];
                let end = from + sorted[from..to].partition_point(|&piece| pieces[piece as usize][depth] == character);
                trie.characters.push(character);
                waiting.push_back((from, end, depth + 1));
                node.count += 1;
                from = end;
            }
            if node.count as usize >= MANY && alphabet <= SMALL_ALPHABET {
                let table = trie.tables.len();
                trie.tables.resize(table + alphabet, NONE);
                for child in node.first..node.first + node.count {
                    trie.tables[table + trie.characters[child as usize] as usize] = child;
                }
                node = Node { first: table as u32, count: NONE, ..node };
            }
            trie.nodes.push(node);
        }
        trie
    }

    /// The node behind `character`, or `NONE`. The first node is 0.
    #[inline(always)]
    pub fn next(&self, node: u32, character: u32) -> u32 {
        let Node { first, count, .. } = self.nodes[node as usize];
        if count == NONE {
            debug_assert!((character as usize) < self.alphabet);
            return self.tables[first as usize + character as usize];
        }
        let children = &self.characters[first as usize..(first + count) as usize];
        let found = if children.len() <= FEW {
            children.iter().position(|&child| child == character)
        } else {
            children.binary_search(&character).ok()
        };
        found.map_or(NONE, |index| first + index as u32)
    }

    /// The piece that ends at a node, or `NONE`.
    #[inline(always)]
    pub fn piece_at(&self, node: u32) -> u32 {
        self.nodes[node as usize].piece
    }
}
