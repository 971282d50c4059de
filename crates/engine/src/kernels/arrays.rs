//! Many arrays treated as one long one: what an optimizer or a norm does to every parameter of a model in one call.

use super::GRAIN;
use crate::pool::Pool;
use std::ops::Range;

/// Where each array lies in the long one.
pub struct Arrays {
    /// `starts[i] .. starts[i + 1]` is array `i`.
    starts: Vec<usize>,
}

impl Arrays {
    /// Of these sizes.
    pub fn new(sizes: impl Iterator<Item = usize>) -> Arrays {
        let mut starts = vec![0];
        for size in sizes {
            starts.push(starts[starts.len() - 1] + size);
        }
        Arrays { starts }
    }

    /// Chunks that the long array is cut into. They depend on the sizes alone.
    pub fn chunks(&self) -> usize {
        self.starts[self.starts.len() - 1].div_ceil(GRAIN)
    }

    /// Calls `task(chunk, array, range)` for each piece of an array in each chunk. Pieces of one chunk come one after another on one thread, in order.
    pub fn run(&self, pool: &Pool, task: impl Fn(usize, usize, Range<usize>) + Sync) {
        let total = self.starts[self.starts.len() - 1];
        pool.run(self.chunks(), |chunk, _| {
            let (mut at, end) = (chunk * GRAIN, total.min((chunk + 1) * GRAIN));
            // The last array that starts at or before the chunk: those before it are over, or empty.
            let mut array = self.starts.partition_point(|&start| start <= at) - 1;
            while at < end {
                let (start, piece_end) = (self.starts[array], end.min(self.starts[array + 1]));
                if at < piece_end {
                    task(chunk, array, at - start..piece_end - start);
                }
                (at, array) = (piece_end, array + 1);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn every_element_is_visited_once_in_order_within_a_chunk() {
        for sizes in [vec![], vec![0], vec![3], vec![5, 0, 0, 7], vec![GRAIN, 1, GRAIN - 1, 0, 3 * GRAIN + 5, 2], vec![0, GRAIN, 0]] {
            let arrays = Arrays::new(sizes.iter().copied());
            let seen = Mutex::new(vec![]);
            arrays.run(&Pool::new(3), |chunk, array, range| seen.lock().unwrap().push((chunk, array, range)));
            let mut seen = seen.into_inner().unwrap();
            seen.sort_by_key(|(chunk, array, range)| (*chunk, *array, range.start));
            let elements: Vec<_> = seen.iter().flat_map(|(_, array, range)| range.clone().map(move |i| (*array, i))).collect();
            let expected: Vec<_> = sizes.iter().enumerate().flat_map(|(array, &size)| (0..size).map(move |i| (array, i))).collect();
            assert_eq!(elements, expected, "{sizes:?}");
            assert!(seen.iter().all(|(chunk, ..)| *chunk < arrays.chunks()));
        }
    }
}
