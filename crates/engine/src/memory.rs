//! Memory of tensors: blocks aligned to 64 bytes, kept by size class when they are freed, so that the second step of a training run asks
//! the system for nothing.

use crate::error::{Error, Result};
use std::alloc::{Layout, alloc, dealloc};
use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::Mutex;

/// Of every block: a cache line, and an AVX-512 vector.
pub const ALIGNMENT: usize = 64;

/// From here on pages of 2 MiB are worth asking for.
const LARGE: usize = 4 << 20;

/// A piece of memory. Whoever holds it owns it; given back with `Allocator::free`.
#[derive(Debug)]
pub struct Block {
    data: NonNull<u8>,
    capacity: usize,
}

// SAFETY: a block is memory and nothing else.
unsafe impl Send for Block {}
// SAFETY: reading through `&Block` takes `unsafe` anyway.
unsafe impl Sync for Block {}

impl Block {
    /// Its first byte, aligned to `ALIGNMENT`.
    pub fn data(&self) -> *mut u8 {
        self.data.as_ptr()
    }

    /// Bytes that it holds.
    pub fn capacity(&self) -> usize {
        self.capacity
    }
}

/// What the allocator has done so far, in bytes where no unit is named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryStats {
    /// In blocks that somebody holds.
    pub in_use: usize,
    /// In blocks that wait to be used again.
    pub cached: usize,
    /// Most of both together at any time.
    pub peak: usize,
    /// Times that the system was asked.
    pub system_allocations: u64,
}

#[derive(Default)]
struct State {
    free: BTreeMap<usize, Vec<Block>>,
    stats: MemoryStats,
}

/// Hands out blocks and takes them back. May be used from any thread.
pub struct Allocator {
    state: Mutex<State>,
    limit: Option<usize>,
}

impl Allocator {
    /// `limit`: bytes that may be taken from the system (`CODEX_ENGINE_MEMORY_LIMIT`).
    pub fn new(limit: Option<usize>) -> Allocator {
        Allocator { state: Mutex::default(), limit }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// A block of at least `bytes`, its content undefined.
    pub fn allocate(&self, bytes: usize) -> Result<Block> {
        let capacity = size_class(bytes);
        let mut state = self.state();
        if let Some(block) = state.free.get_mut(&capacity).and_then(Vec::pop) {
            state.stats.cached -= capacity;
            state.stats.in_use += capacity;
            return Ok(block);
        }
        if let Some(limit) = self.limit
            && state.stats.in_use + state.stats.cached + capacity > limit
        {
            release(&mut state);
            if state.stats.in_use + capacity > limit {
                return Err(Error::OutOfMemory(format!(
                    "{bytes} bytes are needed and {} are in use, the limit is {limit} (CODEX_ENGINE_MEMORY_LIMIT)",
                    state.stats.in_use
                )));
            }
        }
        let data = system_allocate(capacity).or_else(|| {
            release(&mut state);
            system_allocate(capacity)
        });
        let Some(data) = data else {
            return Err(Error::OutOfMemory(format!("the system has no {bytes} bytes left, {} are in use by tensors", state.stats.in_use)));
        };
        state.stats.in_use += capacity;
        state.stats.system_allocations += 1;
        state.stats.peak = state.stats.peak.max(state.stats.in_use + state.stats.cached);
        Ok(Block { data, capacity })
    }

    /// Keeps the block for the next that asks for its size.
    pub fn free(&self, block: Block) {
        let mut state = self.state();
        state.stats.in_use -= block.capacity;
        state.stats.cached += block.capacity;
        state.free.entry(block.capacity).or_default().push(block);
    }

    /// Gives everything that nobody holds back to the system.
    pub fn release_cached(&self) {
        release(&mut self.state());
    }

    /// What was done so far.
    pub fn stats(&self) -> MemoryStats {
        self.state().stats
    }

    /// Memory of a kernel while it runs.
    pub fn scratch(&self, bytes: usize) -> Result<Scratch<'_>> {
        Ok(Scratch { block: Some(self.allocate(bytes)?), allocator: self })
    }
}

impl Drop for Allocator {
    fn drop(&mut self) {
        self.release_cached();
    }
}

/// A block that goes back when this is dropped.
pub struct Scratch<'a> {
    block: Option<Block>,
    allocator: &'a Allocator,
}

impl Scratch<'_> {
    /// Its first byte, aligned to `ALIGNMENT`; the content is undefined.
    pub fn data(&self) -> *mut u8 {
        self.block.as_ref().expect("held until dropped").data()
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        if let Some(block) = self.block.take() {
            self.allocator.free(block);
        }
    }
}

/// Powers of two cut into eight: at most an eighth is wasted, and blocks of nearly equal size serve each other.
fn size_class(bytes: usize) -> usize {
    let bytes = bytes.max(ALIGNMENT);
    let step = (bytes.next_power_of_two() / 16).max(ALIGNMENT);
    bytes.next_multiple_of(step)
}

fn layout(capacity: usize) -> Option<Layout> {
    let alignment = if capacity >= LARGE { 2 << 20 } else { ALIGNMENT };
    Layout::from_size_align(capacity, alignment).ok()
}

fn system_allocate(capacity: usize) -> Option<NonNull<u8>> {
    // SAFETY: the size is not zero.
    let data = NonNull::new(unsafe { alloc(layout(capacity)?) })?;
    #[cfg(target_os = "linux")]
    if capacity >= LARGE {
        // SAFETY: the range was just allocated, and its content matters to nobody. A kernel that cannot do it says no, which is fine.
        unsafe { libc::madvise(data.as_ptr().cast(), capacity, libc::MADV_HUGEPAGE) };
    }
    Some(data)
}

fn release(state: &mut State) {
    for (capacity, blocks) in std::mem::take(&mut state.free) {
        for block in blocks {
            state.stats.cached -= capacity;
            // SAFETY: allocated with this layout by `system_allocate`; the block is gone after this.
            unsafe { dealloc(block.data(), layout(capacity).expect("it was allocated with it")) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freed_block_is_used_again() {
        let allocator = Allocator::new(None);
        let first = allocator.allocate(1000).unwrap();
        let place = first.data();
        assert_eq!(place as usize % ALIGNMENT, 0);
        allocator.free(first);
        let second = allocator.allocate(990).unwrap();
        assert_eq!(second.data(), place);
        assert_eq!(allocator.stats().system_allocations, 1);
        allocator.free(second);
        assert_eq!(allocator.stats().in_use, 0);
    }

    #[test]
    fn size_classes_waste_an_eighth_at_most() {
        for bytes in (1..100_000).chain([1 << 30, (1 << 30) + 1]) {
            let class = size_class(bytes);
            assert!(class >= bytes && class.is_multiple_of(ALIGNMENT));
            assert!(class <= (bytes + bytes / 8).max(bytes + ALIGNMENT), "{bytes}: {class}");
        }
    }

    #[test]
    fn the_limit_is_an_error_and_what_is_cached_does_not_count() {
        let allocator = Allocator::new(Some(1 << 20));
        let block = allocator.allocate(700 << 10).unwrap();
        let error = allocator.allocate(700 << 10).unwrap_err();
        assert!(error.to_string().contains("CODEX_ENGINE_MEMORY_LIMIT"), "{error}");
        allocator.free(block);
        let other = allocator.allocate(900 << 10).unwrap();
        allocator.free(other);
    }

    #[test]
    fn a_size_that_no_system_has_is_an_error() {
        let allocator = Allocator::new(None);
        assert!(allocator.allocate(1 << 60).is_err());
    }
}
