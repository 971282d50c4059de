//! How operands are cut: K into blocks that depend on K alone, so that every element is summed in the same order whatever else is
//! computed with it, and rows and columns into the panels that a tile takes.

/// Most of K in a block: a panel of 14 rows stays in 32 KB of cache next to what streams by.
const MOST: usize = 384;

/// Length of the blocks of K; the last may be shorter. A multiple of 8.
pub fn block_of(k: usize) -> usize {
    let blocks = k.div_ceil(MOST).max(1);
    k.div_ceil(blocks).max(1).next_multiple_of(8)
}

/// Lines (rows of the left operand, columns of the right one) in panels: `tall` of `width` lines, then shorter ones.
#[derive(Clone, Copy, Debug)]
pub struct Panels {
    /// Lines there are.
    pub lines: usize,
    /// Number of panels.
    pub count: usize,
    width: usize,
    short: usize,
    tall: usize,
}

impl Panels {
    /// Panels of nearly equal width, `most` or less, without gaps.
    pub fn balanced(lines: usize, most: usize) -> Panels {
        let count = lines.div_ceil(most);
        let width = lines.div_ceil(count.max(1));
        let missing = width * count - lines;
        Panels { lines, count, width, short: width.saturating_sub(1), tall: count - missing }
    }

    /// Panels of `width` lines, the last of `lanes` where that is enough; the last is filled up with lines that are not there.
    pub fn filled_up(lines: usize, width: usize, lanes: usize) -> Panels {
        let count = lines.div_ceil(width);
        let rest = lines % width;
        let tall = if rest > 0 && rest <= lanes { count - 1 } else { count };
        Panels { lines, count, width, short: lanes, tall }
    }

    /// First line of a panel; of `count`, the end of the last.
    #[inline(always)]
    pub fn start(&self, panel: usize) -> usize {
        panel.min(self.tall) * self.width + panel.saturating_sub(self.tall) * self.short
    }

    /// Lines of a panel, those that are not there included.
    #[inline(always)]
    pub fn width(&self, panel: usize) -> usize {
        if panel < self.tall { self.width } else { self.short }
    }

    /// Widest panel.
    pub fn widest(&self) -> usize {
        if self.tall > 0 { self.width } else { self.short }
    }

    /// Lines of the panels `first .. last`, those that are not there included.
    pub fn span(&self, first: usize, last: usize) -> usize {
        self.start(last) - self.start(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_k_are_equal_and_cover_it() {
        assert_eq!(block_of(0), 8);
        assert_eq!(block_of(1), 8);
        assert_eq!(block_of(384), 384);
        assert_eq!(block_of(385), 200);
        assert_eq!(block_of(1024), 344);
        for k in 1..5000 {
            let block = block_of(k);
            assert!(block <= 384 && block.is_multiple_of(8) && k.div_ceil(block) <= k.div_ceil(384), "{k}");
        }
    }

    #[test]
    fn panels_cover_all_lines() {
        for lines in 0..200 {
            for most in [1, 6, 14] {
                let panels = Panels::balanced(lines, most);
                assert_eq!(panels.start(panels.count), lines);
                assert!((0..panels.count).all(|panel| panels.width(panel) <= most && panels.width(panel) > 0));
                assert!((0..panels.count).all(|panel| panels.start(panel + 1) - panels.start(panel) == panels.width(panel)));
            }
            for (width, lanes) in [(32, 16), (16, 8), (8, 4), (24, 8)] {
                let panels = Panels::filled_up(lines, width, lanes);
                let end = panels.start(panels.count);
                assert!(end >= lines && end < lines + width, "{lines} {width}");
                assert!((0..panels.count).all(|panel| panels.start(panel) < lines));
            }
        }
    }
}
