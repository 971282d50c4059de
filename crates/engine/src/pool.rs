//! One pool of threads. The thread that asks for work takes part in it; the others spin for a moment after a piece of work and then sleep.
//! Tasks are claimed one by one, so that a thread that loses its core to a neighbour holds up one task and not half of the work.
//! Which thread does a task never changes a result: work is cut by shape, not by the number of threads.

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

/// How long a thread without work stays awake. Waking a sleeping one takes 45 microseconds, a spinning one 0.3.
const SPIN: Duration = Duration::from_micros(150);

/// Bit of `State::state` that says that there is work; below it the number of helpers inside, above it the number of the piece of work.
const OPEN: u64 = 1 << 31;
const EPOCH: u64 = 1 << 32;

struct Job {
    /// Lives as long as `Pool::run`, which does not return while a helper is inside.
    run: *const (dyn Fn(usize, usize) + Sync),
    tasks: usize,
}

struct State {
    state: AtomicU64,
    job: UnsafeCell<Job>,
    next: AtomicUsize,
    panic: Mutex<Option<Box<dyn std::any::Any + Send>>>,
    sleepers: AtomicUsize,
    stop: AtomicBool,
}

// SAFETY: `job` is written only while no helper is inside and the state is closed, and read only by helpers that are inside.
unsafe impl Sync for State {}
// SAFETY: as above; the pointer in it is to a `Sync` closure.
unsafe impl Send for State {}

/// A fixed number of threads that share out tasks.
pub struct Pool {
    shared: Arc<State>,
    helpers: Vec<(Thread, JoinHandle<()>)>,
    /// Held by the one piece of work at hand; a second one that comes meanwhile runs on its own thread alone.
    busy: Mutex<()>,
}

impl Pool {
    /// `threads` counts the caller's; at least 1.
    pub fn new(threads: usize) -> Pool {
        let shared = Arc::new(State {
            state: AtomicU64::new(0),
            job: UnsafeCell::new(Job { run: &|_, _| {}, tasks: 0 }),
            next: AtomicUsize::new(0),
            panic: Mutex::new(None),
            sleepers: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        });
        let helpers = (1..threads.max(1))
            .map_while(|index| {
                let shared = Arc::clone(&shared);
                // A machine that gives no more threads computes with those it gave.
                let handle = thread::Builder::new().name(format!("codex-engine-{index}")).spawn(move || help(&shared, index)).ok()?;
                Some((handle.thread().clone(), handle))
            })
            .collect();
        Pool { shared, helpers, busy: Mutex::new(()) }
    }

    /// The caller's thread included.
    pub fn threads(&self) -> usize {
        self.helpers.len() + 1
    }

    /// Runs `task(index, worker)` for each index below `tasks`, in any order, on any thread; `worker` is below `threads()` and no two tasks that
    /// run at the same time have the same. Returns when all are done. A panic of a task is passed on after that.
    pub fn run(&self, tasks: usize, task: impl Fn(usize, usize) + Sync) {
        if tasks == 0 {
            return;
        }
        let alone = || (0..tasks).for_each(|index| task(index, 0));
        if tasks == 1 || self.helpers.is_empty() {
            return alone();
        }
        let Ok(_guard) = self.busy.try_lock() else { return alone() };
        let shared = &*self.shared;
        let run: &(dyn Fn(usize, usize) + Sync) = &task;
        // SAFETY: the state is closed and nobody is inside, so that nobody reads the job. The lifetime ends with this function, which
        // waits for all who are inside.
        unsafe {
            *shared.job.get() = Job { run: std::mem::transmute::<&(dyn Fn(usize, usize) + Sync), _>(run), tasks };
        }
        shared.next.store(0, Ordering::Relaxed);
        let epoch = (shared.state.load(Ordering::Relaxed) / EPOCH + 1) * EPOCH;
        shared.state.store(epoch | OPEN, Ordering::SeqCst);
        if shared.sleepers.load(Ordering::SeqCst) > 0 {
            // No more than can help.
            self.helpers.iter().take(tasks - 1).for_each(|(thread, _)| thread.unpark());
        }
        claim(shared, run, tasks, 0);
        shared.state.fetch_and(!OPEN, Ordering::AcqRel);
        let mut turns = 0u32;
        while shared.state.load(Ordering::Acquire) & (OPEN - 1) != 0 {
            wait_a_little(&mut turns);
        }
        if let Some(panic) = shared.panic.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take() {
            resume_unwind(panic);
        }
    }

    /// Runs `task(range, worker)` over pieces of `0 .. length`, none but the last smaller than `grain`. The pieces depend on `length` and `grain` alone.
    pub fn run_ranges(&self, length: usize, grain: usize, task: impl Fn(std::ops::Range<usize>, usize) + Sync) {
        let grain = grain.max(1).max(length.div_ceil(1024));
        self.run(length.div_ceil(grain), |index, worker| {
            task(index * grain..length.min((index + 1) * grain), worker);
        });
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        for (thread, handle) in self.helpers.drain(..) {
            thread.unpark();
            let _ = handle.join();
        }
    }
}

/// Does tasks until there are none left; keeps the first panic.
fn claim(shared: &State, run: &(dyn Fn(usize, usize) + Sync), tasks: usize, worker: usize) {
    loop {
        let index = shared.next.fetch_add(1, Ordering::Relaxed);
        if index >= tasks {
            return;
        }
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(index, worker))) {
            shared.panic.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get_or_insert(panic);
            shared.next.store(tasks, Ordering::Relaxed);
        }
    }
}

fn help(shared: &State, worker: usize) {
    let mut idle_since = Instant::now();
    let mut turns = 0u32;
    while !shared.stop.load(Ordering::Relaxed) {
        let state = shared.state.load(Ordering::Acquire);
        let has_work = state & OPEN != 0;
        if has_work && shared.state.compare_exchange(state, state + 1, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            // SAFETY: this helper is inside: the job stays as it is, and what it points to lives.
            let (run, tasks) = unsafe { (&*(*shared.job.get()).run, (*shared.job.get()).tasks) };
            claim(shared, run, tasks, worker);
            shared.state.fetch_sub(1, Ordering::AcqRel);
            // Nothing is left of this piece of work: wait for it to be closed, or its last task would be looked for again and again.
            let mut turns = 0u32;
            while shared.state.load(Ordering::Acquire) & !(OPEN - 1) == state & !(OPEN - 1) {
                wait_a_little(&mut turns);
                if shared.stop.load(Ordering::Relaxed) {
                    return;
                }
            }
            idle_since = Instant::now();
            continue;
        }
        wait_a_little(&mut turns);
        if turns.is_multiple_of(16) && idle_since.elapsed() > SPIN {
            shared.sleepers.fetch_add(1, Ordering::SeqCst);
            // Work that came since the last look would not have seen this sleeper.
            if shared.state.load(Ordering::SeqCst) & OPEN == 0 && !shared.stop.load(Ordering::SeqCst) {
                thread::park();
            }
            shared.sleepers.fetch_sub(1, Ordering::SeqCst);
            idle_since = Instant::now();
        }
    }
}

/// Pauses, and from time to time gives the core to whoever else wants it: JavaScript needs one to bring the next operations.
pub fn wait_a_little(turns: &mut u32) {
    *turns = turns.wrapping_add(1);
    if turns.is_multiple_of(32) {
        thread::yield_now();
    } else {
        std::hint::spin_loop();
    }
}

/// A pointer that tasks share, each writing to its own part.
pub struct Shared<T>(*mut T);

impl<T> Shared<T> {
    /// To the elements of a slice, which outlives the tasks.
    pub fn new(slice: &mut [T]) -> Shared<T> {
        Shared(slice.as_mut_ptr())
    }

    /// The pointer.
    pub fn get(self) -> *mut T {
        self.0
    }

    /// `length` elements from `start`.
    ///
    /// SAFETY: they lie within the slice, and no other task has any of them.
    pub unsafe fn part<'a>(self, start: usize, length: usize) -> &'a mut [T] {
        // SAFETY: by the contract of the function.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), length) }
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Shared<T> {}

// SAFETY: whoever writes through it keeps to its own part.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_runs_once_whatever_the_threads() {
        for threads in [1, 2, 3, 8] {
            let pool = Pool::new(threads);
            for tasks in [0, 1, 2, 7, 100, 1000] {
                let counts: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                pool.run(tasks, |index, worker| {
                    assert!(worker < pool.threads());
                    counts[index].fetch_add(1, Ordering::Relaxed);
                });
                assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1), "{threads} threads, {tasks} tasks");
            }
        }
    }

    #[test]
    fn many_small_pieces_of_work_in_a_row_with_sleeps_between() {
        let pool = Pool::new(3);
        for round in 0..2000 {
            let sum = AtomicUsize::new(0);
            pool.run(5, |index, _| {
                sum.fetch_add(index + 1, Ordering::Relaxed);
            });
            assert_eq!(sum.load(Ordering::Relaxed), 15);
            if round % 200 == 0 {
                thread::sleep(Duration::from_millis(2));
            }
        }
    }

    #[test]
    fn a_panic_is_passed_on_and_the_pool_lives() {
        let pool = Pool::new(2);
        let caught = catch_unwind(AssertUnwindSafe(|| pool.run(10, |index, _| assert!(index != 3, "task three"))));
        assert!(caught.is_err());
        let sum = AtomicUsize::new(0);
        pool.run(10, |index, _| {
            sum.fetch_add(index, Ordering::Relaxed);
        });
        assert_eq!(sum.load(Ordering::Relaxed), 45);
    }

    #[test]
    fn work_inside_of_work_runs_on_its_own_thread() {
        let pool = Pool::new(2);
        let sum = AtomicUsize::new(0);
        pool.run(4, |_, _| {
            pool.run(4, |index, _| {
                sum.fetch_add(index, Ordering::Relaxed);
            });
        });
        assert_eq!(sum.load(Ordering::Relaxed), 24);
    }

    #[test]
    fn ranges_cover_everything_once() {
        let pool = Pool::new(2);
        let seen: Vec<AtomicUsize> = (0..1001).map(|_| AtomicUsize::new(0)).collect();
        pool.run_ranges(1001, 64, |range, _| {
            for index in range {
                seen[index].fetch_add(1, Ordering::Relaxed);
            }
        });
        assert!(seen.iter().all(|count| count.load(Ordering::Relaxed) == 1));
    }
}
