//! The queue and its thread. Whoever owns an `Engine` enqueues and returns at once; one thread runs what comes, in order, as worker 0 of
//! its pool. What goes wrong in an operation is kept in its outputs and handed to whoever reads them, or to the next who reads anything.

use crate::call::{Call, Context, Operand};
use crate::ensure;
use crate::error::{Error, Result};
use crate::isa::Isa;
use crate::kernels::{self, Kernel};
use crate::memory::{Allocator, Block, MemoryStats};
use crate::pool::{Pool, wait_a_little};
use crate::wire::{KernelOperation, MAX_HANDLES, OperandSpec, Operation, Reader};
use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long the executor stays awake without work: JavaScript may be about to bring more.
const SPIN: Duration = Duration::from_micros(150);

/// Words that may wait in the queue before whoever brings more has to wait too.
const QUEUE_WORDS: usize = 16 << 20;

/// How an engine is set up.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Threads that compute, the executor's included.
    pub threads: usize,
    /// Instruction set of the kernels.
    pub isa: Isa,
    /// Bytes that tensors may take.
    pub memory_limit: Option<usize>,
}

/// What an engine has done so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stats {
    /// Kernels that ran, those of replays included.
    pub kernels: u64,
    /// Programs that were replayed.
    pub replays: u64,
    /// Time in kernels.
    pub kernel_nanoseconds: u64,
    /// Of the allocator.
    pub memory: MemoryStats,
}

/// One kernel's run, when profiling is on.
#[derive(Debug, Clone)]
pub struct ProfileEvent {
    /// Kernel.
    pub name: &'static str,
    /// Shapes of inputs and outputs.
    pub shapes: String,
    /// Since the engine was made.
    pub start_nanoseconds: u64,
    /// Of the run.
    pub duration_nanoseconds: u64,
}

type Reply<T> = Box<dyn FnOnce(Result<T>) + Send>;

enum Message {
    Operations(Vec<u32>),
    Upload {
        handle: u32,
        block: Block,
        bytes: usize,
    },
    Read {
        handle: u32,
        bytes: usize,
        reply: Reply<Vec<u8>>,
    },
    Define {
        program: u32,
        words: Vec<u32>,
    },
    Forget {
        program: u32,
    },
    Replay {
        program: u32,
        patches: Vec<u32>,
    },
    Fence {
        reply: Reply<()>,
    },
    /// As a fence that leaves failures to whoever reads.
    Settle {
        reply: Reply<()>,
    },
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<Message>,
    words: usize,
    sleeping: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
    drained: Condvar,
    waiting: AtomicUsize,
    stop: AtomicBool,
    allocator: Allocator,
    kernels: AtomicU64,
    replays: AtomicU64,
    kernel_nanoseconds: AtomicU64,
    profiling: AtomicBool,
    profile: Mutex<Vec<ProfileEvent>>,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A queue of operations with a thread that runs them. Dropping it waits for the operation at hand and forgets the rest.
pub struct Engine {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    options: Options,
    started: Instant,
}

impl Engine {
    /// Starts the threads.
    pub fn new(options: Options) -> Result<Engine> {
        Engine::with_kernels(options, kernels::table())
    }

    fn with_kernels(options: Options, table: Vec<(&'static str, Kernel)>) -> Result<Engine> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            arrived: Condvar::new(),
            drained: Condvar::new(),
            waiting: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            allocator: Allocator::new(options.memory_limit),
            kernels: AtomicU64::new(0),
            replays: AtomicU64::new(0),
            kernel_nanoseconds: AtomicU64::new(0),
            profiling: AtomicBool::new(false),
            profile: Mutex::default(),
        });
        let for_thread = Arc::clone(&shared);
        let started = Instant::now();
        let thread = thread::Builder::new()
            .name("codex-engine".into())
            .spawn(move || Executor::new(&for_thread, options, table, started).run())
            .map_err(|error| Error::Invalid(format!("the engine's thread does not start: {error}")))?;
        Ok(Engine { shared, thread: Some(thread), options, started })
    }

    /// As it was set up.
    pub fn options(&self) -> Options {
        self.options
    }

    /// Enqueues operations (`wire`). Returns at once, unless a great deal is waiting already.
    pub fn submit(&self, words: Vec<u32>) {
        self.send(Message::Operations(words));
    }

    /// Gives a handle a content. The copy is made here, so that the caller may change its own afterwards.
    pub fn upload(&self, handle: u32, data: &[u8]) -> Result<()> {
        let mut upload = self.start_upload(data.len())?;
        upload.append(data)?;
        self.finish_upload(handle, upload)
    }

    /// Takes memory for a content of `bytes` that comes in pieces.
    pub fn start_upload(&self, bytes: usize) -> Result<Upload> {
        // Memory is taken now, while what is enqueued has not given its own back: near the limit nobody runs ahead.
        let taken = self.shared.allocator.stats().in_use;
        if self.options.memory_limit.is_some_and(|limit| taken.saturating_add(bytes) > limit / 2) {
            self.settle()?;
        }
        let block = self.shared.allocator.allocate(bytes).or_else(|_| {
            self.settle()?;
            self.shared.allocator.allocate(bytes)
        })?;
        Ok(Upload { block: Some(block), bytes, written: 0, shared: Arc::clone(&self.shared) })
    }

    /// Gives a handle what has arrived, all of it.
    pub fn finish_upload(&self, handle: u32, mut upload: Upload) -> Result<()> {
        let Upload { bytes, written, .. } = upload;
        ensure!(Arc::ptr_eq(&self.shared, &upload.shared), "the content is that of another engine");
        ensure!(written == bytes, "expected {bytes} bytes, got {written}");
        let block = upload.block.take().expect("held until here");
        self.send(Message::Upload { handle, block, bytes });
        Ok(())
    }

    /// Calls `reply` on the executor's thread with the first `bytes` of the handle, once all that was enqueued before has run.
    pub fn read(&self, handle: u32, bytes: usize, reply: impl FnOnce(Result<Vec<u8>>) + Send + 'static) {
        self.send(Message::Read { handle, bytes, reply: Box::new(reply) });
    }

    /// As `read`, waiting for it.
    pub fn read_sync(&self, handle: u32, bytes: usize) -> Result<Vec<u8>> {
        self.wait(|reply| Message::Read { handle, bytes, reply })
    }

    /// Waits for all that was enqueued; the error of an operation that nobody has heard of is returned.
    pub fn fence(&self) -> Result<()> {
        self.wait(|reply| Message::Fence { reply })
    }

    /// Keeps operations under a number, to run them by `replay`.
    pub fn define(&self, program: u32, words: Vec<u32>) {
        self.send(Message::Define { program, words });
    }

    /// Forgets the operations of `define`.
    pub fn forget(&self, program: u32) {
        self.send(Message::Forget { program });
    }

    /// Runs the operations of `define` with some words changed: `patches` holds pairs of place and word. The changes stay.
    pub fn replay(&self, program: u32, patches: Vec<u32>) {
        self.send(Message::Replay { program, patches });
    }

    /// What was done so far. Does not wait for what is enqueued.
    pub fn stats(&self) -> Stats {
        Stats {
            kernels: self.shared.kernels.load(Ordering::Relaxed),
            replays: self.shared.replays.load(Ordering::Relaxed),
            kernel_nanoseconds: self.shared.kernel_nanoseconds.load(Ordering::Relaxed),
            memory: self.shared.allocator.stats(),
        }
    }

    /// Gives memory that no tensor holds back to the system.
    pub fn release_cached(&self) {
        self.shared.allocator.release_cached();
    }

    /// Time since it was made, on the clock of `ProfileEvent`.
    pub fn clock(&self) -> Duration {
        self.started.elapsed()
    }

    /// Turns the record of single kernels on or off.
    pub fn set_profiling(&self, on: bool) {
        self.shared.profiling.store(on, Ordering::Relaxed);
    }

    /// The record since it was last taken.
    pub fn take_profile(&self) -> Vec<ProfileEvent> {
        std::mem::take(&mut *self.shared.profile.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    /// Waits for all that was enqueued.
    fn settle(&self) -> Result<()> {
        self.wait(|reply| Message::Settle { reply })
    }

    fn wait<T: Send + 'static>(&self, message: impl FnOnce(Reply<T>) -> Message) -> Result<T> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.send(message(Box::new(move |result| {
            let _ = sender.send(result);
        })));
        receiver.recv().unwrap_or_else(|_| Err(Error::Poisoned("the engine has ended".into())))
    }

    fn send(&self, message: Message) {
        let words = match &message {
            Message::Operations(words) | Message::Define { words, .. } => words.len(),
            Message::Replay { patches, .. } => patches.len(),
            _ => 0,
        };
        let mut queue = self.shared.queue();
        while queue.words > QUEUE_WORDS && !self.shared.stop.load(Ordering::Relaxed) {
            queue = self.shared.drained.wait(queue).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        queue.words += words;
        queue.messages.push_back(message);
        self.shared.waiting.store(queue.messages.len(), Ordering::Release);
        if queue.sleeping {
            self.shared.arrived.notify_one();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        {
            let _queue = self.shared.queue();
            self.shared.stop.store(true, Ordering::SeqCst);
            self.shared.arrived.notify_all();
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A content that arrives in pieces. Dropped before it is finished, it gives its memory back.
pub struct Upload {
    block: Option<Block>,
    bytes: usize,
    written: usize,
    shared: Arc<Shared>,
}

impl Upload {
    /// Adds what comes next.
    pub fn append(&mut self, data: &[u8]) -> Result<()> {
        let Upload { block: Some(block), bytes, written, .. } = self else { unreachable!("held until it is finished") };
        ensure!(data.len() <= *bytes - *written, "expected at most {} bytes, got {}", *bytes - *written, data.len());
        // SAFETY: the block holds `bytes`, and it is nobody else's.
        unsafe { std::ptr::copy_nonoverlapping(data.as_ptr(), block.data().add(*written), data.len()) };
        *written += data.len();
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(block) = self.block.take() {
            self.shared.allocator.free(block);
        }
    }
}

/// Why a buffer has no content.
struct Failure {
    error: Error,
    reported: AtomicBool,
}

enum Slot {
    Empty,
    Live { block: Block, bytes: usize },
    Failed(Arc<Failure>),
}

struct Executor<'a> {
    shared: &'a Shared,
    pool: Pool,
    isa: Isa,
    table: Vec<(&'static str, Kernel)>,
    slots: Vec<Slot>,
    programs: HashMap<u32, Vec<u32>>,
    /// The last failure; whoever reads next hears of it, if nobody has.
    pending: Option<Arc<Failure>>,
    /// Set by a panic: nothing runs any more.
    poisoned: Option<Error>,
    started: Instant,
}

impl<'a> Executor<'a> {
    fn new(shared: &'a Shared, options: Options, table: Vec<(&'static str, Kernel)>, started: Instant) -> Executor<'a> {
        Executor {
            shared,
            pool: Pool::new(options.threads),
            isa: options.isa,
            table,
            slots: Vec::new(),
            programs: HashMap::new(),
            pending: None,
            poisoned: None,
            started,
        }
    }

    fn run(mut self) {
        while let Some(message) = self.receive() {
            // Kernels have a net of their own. This one is for bugs in the executor, so that nobody waits for ever.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.handle(message))) {
                self.poisoned = Some(poison("the executor", &*panic));
            }
        }
        // Whoever still waits for an answer gets one.
        for message in std::mem::take(&mut self.shared.queue().messages) {
            let ended = || Error::Poisoned("the engine has ended".into());
            match message {
                Message::Read { reply, .. } => reply(Err(ended())),
                Message::Fence { reply } | Message::Settle { reply } => reply(Err(ended())),
                Message::Upload { block, .. } => self.shared.allocator.free(block),
                _ => {}
            }
        }
        for slot in std::mem::take(&mut self.slots) {
            self.release(slot);
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Operations(words) => self.operations(&words),
            Message::Upload { handle, block, bytes } => self.fill(handle, block, bytes),
            Message::Read { handle, bytes, reply } => reply(self.read(handle, bytes)),
            Message::Define { program, words } => {
                self.programs.insert(program, words);
            }
            Message::Forget { program } => {
                self.programs.remove(&program);
            }
            Message::Replay { program, patches } => self.replay(program, &patches),
            Message::Fence { reply } => reply(self.unreported()),
            Message::Settle { reply } => reply(Ok(())),
        }
    }

    /// The next message; `None` when the engine ends.
    fn receive(&self) -> Option<Message> {
        let since = Instant::now();
        let mut turns = 0u32;
        loop {
            if self.shared.stop.load(Ordering::Relaxed) {
                return None;
            }
            if self.shared.waiting.load(Ordering::Acquire) > 0 {
                let mut queue = self.shared.queue();
                if let Some(message) = self.pop(&mut queue) {
                    return Some(message);
                }
            }
            wait_a_little(&mut turns);
            if turns.is_multiple_of(16) && since.elapsed() > SPIN {
                break;
            }
        }
        let mut queue = self.shared.queue();
        loop {
            if self.shared.stop.load(Ordering::Relaxed) {
                return None;
            }
            if let Some(message) = self.pop(&mut queue) {
                return Some(message);
            }
            queue.sleeping = true;
            queue = self.shared.arrived.wait(queue).unwrap_or_else(|poisoned| poisoned.into_inner());
            queue.sleeping = false;
        }
    }

    fn pop(&self, queue: &mut Queue) -> Option<Message> {
        let message = queue.messages.pop_front()?;
        self.shared.waiting.store(queue.messages.len(), Ordering::Release);
        if let Message::Operations(words) | Message::Define { words, .. } | Message::Replay { patches: words, .. } = &message {
            let was_full = queue.words > QUEUE_WORDS;
            queue.words -= words.len();
            if was_full {
                self.shared.drained.notify_all();
            }
        }
        Some(message)
    }

    fn operations(&mut self, words: &[u32]) {
        for operation in Reader::new(words) {
            if self.poisoned.is_some() || self.shared.stop.load(Ordering::Relaxed) {
                return;
            }
            match operation {
                Ok(Operation::Free(handles)) => handles.iter().for_each(|&handle| self.free(handle)),
                Ok(Operation::Constant { handle, data }) => match self.shared.allocator.allocate(data.len()) {
                    Ok(block) => {
                        // SAFETY: the block holds as many bytes, and it is new.
                        unsafe { std::ptr::copy_nonoverlapping(data.as_ptr(), block.data(), data.len()) };
                        self.fill(handle, block, data.len());
                    }
                    Err(error) => {
                        let failure = self.fail(error);
                        self.set(handle, Slot::Failed(failure));
                    }
                },
                Ok(Operation::Kernel(operation)) => self.kernel(&operation),
                Err(error) => {
                    self.fail(error);
                }
            }
        }
    }

    fn replay(&mut self, program: u32, patches: &[u32]) {
        let Some(mut words) = self.programs.remove(&program) else {
            self.fail(Error::Invalid(format!("there is no program {program}")));
            return;
        };
        let mut fits = patches.len().is_multiple_of(2);
        for patch in patches.chunks_exact(2) {
            match words.get_mut(patch[0] as usize) {
                Some(word) => *word = patch[1],
                None => fits = false,
            }
        }
        if fits {
            self.shared.replays.fetch_add(1, Ordering::Relaxed);
            self.operations(&words);
        } else {
            self.fail(Error::Invalid(format!("program {program} has {} words, a patch lies outside", words.len())));
        }
        self.programs.insert(program, words);
    }

    fn kernel(&mut self, operation: &KernelOperation) {
        let Some(&(name, kernel)) = self.table.get(operation.kernel) else {
            self.fail(Error::Invalid(format!("there is no kernel {}", operation.kernel)));
            return;
        };
        let (inputs, rest) = operation.operands.split_at(operation.inputs);
        let (outputs, inouts) = rest.split_at(operation.outputs);
        let failed = inputs.iter().chain(inouts).find_map(|operand| match self.slots.get(operand.handle as usize) {
            Some(Slot::Failed(failure)) => Some(Arc::clone(failure)),
            _ => None,
        });
        let failure = match failed {
            Some(failure) => Some(failure),
            None => {
                let profiled = self.shared.profiling.load(Ordering::Relaxed);
                let before = Instant::now();
                let result = self.launch(kernel, inputs, outputs, inouts, operation);
                let elapsed = before.elapsed().as_nanos() as u64;
                self.shared.kernels.fetch_add(1, Ordering::Relaxed);
                self.shared.kernel_nanoseconds.fetch_add(elapsed, Ordering::Relaxed);
                if profiled {
                    let event = ProfileEvent {
                        name,
                        shapes: shapes_of(inputs, outputs, inouts),
                        start_nanoseconds: (before - self.started).as_nanos() as u64,
                        duration_nanoseconds: elapsed,
                    };
                    self.shared.profile.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(event);
                }
                result.err().map(|error| {
                    let error = error.at(&format!("{name} {}", shapes_of(inputs, outputs, inouts)));
                    if let Error::Poisoned(_) = error {
                        self.poisoned = Some(error.clone());
                    }
                    self.fail(error)
                })
            }
        };
        // What is updated in place stays as it was: a bad batch must not cost the parameters.
        if let Some(failure) = failure {
            for output in outputs {
                self.set(output.handle, Slot::Failed(Arc::clone(&failure)));
            }
        }
    }

    fn launch(
        &mut self,
        kernel: Kernel,
        inputs: &[OperandSpec],
        outputs: &[OperandSpec],
        inouts: &[OperandSpec],
        operation: &KernelOperation,
    ) -> Result<()> {
        for (index, inout) in inouts.iter().enumerate() {
            let others = inputs.iter().chain(outputs).chain(&inouts[..index]);
            let clash = others.into_iter().any(|operand| operand.handle == inout.handle);
            ensure!(!clash, "inout {index}: its buffer is another operand too");
        }
        let resolved: Vec<Operand> =
            inputs.iter().enumerate().map(|(index, spec)| self.resolve("input", index, spec)).collect::<Result<_>>()?;
        let updated: Vec<Operand> =
            inouts.iter().enumerate().map(|(index, spec)| self.resolve("inout", index, spec)).collect::<Result<_>>()?;
        let mut created = Vec::with_capacity(outputs.len());
        for (index, spec) in outputs.iter().enumerate() {
            let taken = !matches!(self.slots.get(spec.handle as usize), None | Some(Slot::Empty));
            ensure!(!taken && spec.handle < MAX_HANDLES, "output {index}: expected a handle that is free, got {}", spec.handle);
            let block = self.shared.allocator.allocate(spec.bytes())?;
            // SAFETY: the block holds the shape and lives in its slot until it is freed, which does not happen during the kernel.
            created.push(unsafe { Operand::new(block.data(), spec.dtype, spec.shape) });
            self.set(spec.handle, Slot::Live { block, bytes: spec.bytes() });
        }
        // SAFETY: outputs are new blocks; inouts were checked above.
        let mut call = unsafe { Call::new(&resolved, &created, &updated, &operation.ints, &operation.floats) };
        let context = Context { pool: &self.pool, isa: self.isa, allocator: &self.shared.allocator };
        catch_unwind(AssertUnwindSafe(|| kernel(&context, &mut call))).unwrap_or_else(|panic| Err(poison("the kernel", &*panic)))
    }

    fn resolve<'o>(&self, role: &str, index: usize, spec: &OperandSpec) -> Result<Operand<'o>> {
        match self.slots.get(spec.handle as usize) {
            Some(Slot::Live { block, bytes }) => {
                ensure!(
                    spec.bytes() <= *bytes,
                    "{role} {index}: {:?} {:?} needs {} bytes, its buffer has {bytes}",
                    spec.dtype,
                    spec.shape,
                    spec.bytes()
                );
                // SAFETY: checked above; the block stays in its slot during the kernel.
                Ok(unsafe { Operand::new(block.data(), spec.dtype, spec.shape) })
            }
            _ => Err(Error::Invalid(format!("{role} {index}: nothing is in handle {}; was the tensor disposed?", spec.handle))),
        }
    }

    fn read(&mut self, handle: u32, bytes: usize) -> Result<Vec<u8>> {
        if let Some(Slot::Failed(failure)) = self.slots.get(handle as usize) {
            failure.reported.store(true, Ordering::Relaxed);
            // Who hears of one failure does not hear of those before it later, in a read that succeeded.
            self.pending = None;
            return Err(failure.error.clone());
        }
        self.unreported()?;
        match self.slots.get(handle as usize) {
            Some(Slot::Live { block, bytes: size }) if bytes <= *size => {
                let mut data = Vec::new();
                let reserved = data.try_reserve_exact(bytes);
                reserved.map_err(|_| Error::OutOfMemory(format!("read: the system has no {bytes} bytes left for a copy")))?;
                // SAFETY: the block holds as many bytes, and no kernel runs now.
                data.extend_from_slice(unsafe { std::slice::from_raw_parts(block.data(), bytes) });
                Ok(data)
            }
            Some(Slot::Live { bytes: size, .. }) => Err(Error::Invalid(format!("read: expected at most {size} bytes, got {bytes}"))),
            _ => Err(Error::Invalid(format!("read: nothing is in handle {handle}; was the tensor disposed?"))),
        }
    }

    /// The failure that nobody has heard of; from now on somebody has.
    fn unreported(&mut self) -> Result<()> {
        if let Some(error) = &self.poisoned {
            return Err(error.clone());
        }
        match self.pending.take() {
            Some(failure) if !failure.reported.swap(true, Ordering::Relaxed) => Err(failure.error.clone()),
            _ => Ok(()),
        }
    }

    fn fail(&mut self, error: Error) -> Arc<Failure> {
        let failure = Arc::new(Failure { error, reported: AtomicBool::new(false) });
        // The first cause matters more than what follows from it.
        if self.pending.as_ref().is_none_or(|pending| pending.reported.load(Ordering::Relaxed)) {
            self.pending = Some(Arc::clone(&failure));
        }
        failure
    }

    fn fill(&mut self, handle: u32, block: Block, bytes: usize) {
        if handle >= MAX_HANDLES {
            self.shared.allocator.free(block);
            self.fail(Error::Invalid(format!("expected a handle below {MAX_HANDLES}, got {handle}")));
            return;
        }
        self.set(handle, Slot::Live { block, bytes });
    }

    fn set(&mut self, handle: u32, slot: Slot) {
        if handle >= MAX_HANDLES {
            return self.release(slot);
        }
        let index = handle as usize;
        if index >= self.slots.len() {
            self.slots.resize_with(index + 1, || Slot::Empty);
        }
        let old = std::mem::replace(&mut self.slots[index], slot);
        self.release(old);
    }

    fn free(&mut self, handle: u32) {
        if let Some(slot) = self.slots.get_mut(handle as usize) {
            let old = std::mem::replace(slot, Slot::Empty);
            self.release(old);
        }
    }

    fn release(&self, slot: Slot) {
        if let Slot::Live { block, .. } = slot {
            self.shared.allocator.free(block);
        }
    }
}

fn poison(who: &str, panic: &(dyn Any + Send)) -> Error {
    let message = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    Error::Poisoned(format!("{who} panicked ({}); nothing runs on this engine any more", message.unwrap_or("no message")))
}

fn shapes_of(inputs: &[OperandSpec], outputs: &[OperandSpec], inouts: &[OperandSpec]) -> String {
    let list = |operands: &[OperandSpec]| {
        let shown: Vec<_> = operands.iter().take(6).map(|operand| format!("{:?}", operand.shape)).collect();
        format!("{}{}", shown.join(" "), if operands.len() > 6 { " ..." } else { "" })
    };
    let updated = if inouts.is_empty() { String::new() } else { format!(" (updates {})", list(inouts)) };
    format!("({}) -> {}{updated}", list(inputs), list(outputs))
}

#[cfg(test)]
mod tests;
