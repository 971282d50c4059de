//! The engine for Node: conversions only. Whatever JavaScript passes is checked by the types here, by `wire`, or by the kernels.

use codex_engine::error::Error;
use codex_engine::executor::{Engine, Options, Upload};
use codex_engine::isa::Isa;
use codex_engine::kernels;
use codex_engine::matmul::uses_bfloat16_dot_products;
use napi::bindgen_prelude::{Buffer, Object, Result};
use napi::{Env, Status};
use napi_derive::napi;

/// `CODE: message`; TypeScript makes a typed error of it.
fn thrown(error: Error) -> napi::Error {
    napi::Error::new(Status::GenericFailure, format!("{}: {error}", error.code()))
}

fn invalid(message: String) -> napi::Error {
    thrown(Error::Invalid(message))
}

/// How the engine is set up.
#[napi(object)]
pub struct EngineOptions {
    /// Threads that compute; all that the process may use if left out.
    pub threads: Option<u32>,
    /// `avx512`, `avx2`, `neon` or `portable`; the best of the processor if left out.
    pub isa: Option<String>,
    /// Bytes that tensors may take; no limit if left out.
    pub memory_limit: Option<f64>,
}

/// What the engine has done so far.
#[napi(object)]
pub struct NativeStats {
    /// Kernels that ran.
    pub kernels: f64,
    /// Recorded programs that were replayed.
    pub replays: f64,
    /// Milliseconds in kernels.
    pub kernel_ms: f64,
    /// Bytes in tensors and scratch memory.
    pub bytes_in_use: f64,
    /// Bytes kept for the next tensors.
    pub bytes_cached: f64,
    /// Most of both together.
    pub bytes_peak: f64,
    /// Times that the system was asked for memory.
    pub system_allocations: f64,
}

/// One kernel's run.
#[napi(object)]
pub struct NativeProfileEvent {
    /// Kernel.
    pub name: String,
    /// Of inputs and outputs.
    pub shapes: String,
    /// Since the engine was made.
    pub start_ms: f64,
    /// Of the run.
    pub duration_ms: f64,
}

/// Names of the kernels; a name's place is its number on the wire.
#[napi(catch_unwind)]
pub fn kernel_names() -> Vec<String> {
    kernels::table().into_iter().map(|(name, _)| name.to_owned()).collect()
}

/// Instruction sets that this processor has, the best last.
#[napi(catch_unwind)]
pub fn instruction_sets() -> Vec<String> {
    Isa::available().into_iter().map(|isa| isa.name().to_owned()).collect()
}

/// Of this library; the package's has to be the same.
#[napi(catch_unwind)]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// A queue of operations with its thread. Each JavaScript environment has its own.
#[napi]
pub struct NativeEngine {
    engine: Engine,
}

#[napi]
impl NativeEngine {
    /// Starts the threads.
    #[napi(constructor, catch_unwind)]
    pub fn new(options: EngineOptions) -> Result<NativeEngine> {
        let isa = Isa::choose(options.isa.as_deref()).map_err(invalid)?;
        let available = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u32);
        let threads = options.threads.unwrap_or(available);
        if !(1..=1024).contains(&threads) {
            return Err(invalid(format!("CODEX_NUM_THREADS: expected 1 .. 1024 threads, got {threads}")));
        }
        let memory_limit = match options.memory_limit {
            Some(bytes) if bytes >= 1.0 && bytes.is_finite() => Some(bytes as usize),
            Some(bytes) => return Err(invalid(format!("CODEX_ENGINE_MEMORY_LIMIT: expected bytes above 0, got {bytes}"))),
            None => None,
        };
        let engine = Engine::new(Options { threads: threads as usize, isa, memory_limit }).map_err(thrown)?;
        Ok(NativeEngine { engine })
    }

    /// Threads that compute.
    #[napi(getter, catch_unwind)]
    pub fn threads(&self) -> u32 {
        self.engine.options().threads as u32
    }

    /// Instruction set of the kernels.
    #[napi(getter, catch_unwind)]
    pub fn isa(&self) -> String {
        self.engine.options().isa.name().to_owned()
    }

    /// Whether products of bfloat16 are computed by the processor's dot products of them, which is where those are faster.
    #[napi(catch_unwind)]
    pub fn uses_bfloat16_dot_products(&self) -> bool {
        uses_bfloat16_dot_products(self.engine.options().isa)
    }

    /// Enqueues operations; see the wire format. Returns at once.
    #[napi(catch_unwind)]
    pub fn submit(&self, words: &[u32]) {
        self.engine.submit(words.to_vec());
    }

    /// Gives a handle a content, which is copied before this returns.
    #[napi(catch_unwind)]
    pub fn upload(&self, handle: u32, data: &[u8]) -> Result<()> {
        self.engine.upload(handle, data).map_err(thrown)
    }

    /// Takes memory for a content that comes in pieces.
    #[napi(catch_unwind)]
    pub fn start_upload(&self, bytes: f64) -> Result<NativeUpload> {
        self.engine.start_upload(byte_count(bytes)?).map(|upload| NativeUpload { upload: Some(upload) }).map_err(thrown)
    }

    /// Gives a handle what has arrived, all of it.
    #[napi(catch_unwind)]
    pub fn finish_upload(&self, handle: u32, upload: &mut NativeUpload) -> Result<()> {
        let upload = upload.upload.take().ok_or_else(|| invalid("the content was finished before".into()))?;
        self.engine.finish_upload(handle, upload).map_err(thrown)
    }

    /// The first bytes of a handle, once all that was enqueued before has run.
    #[napi(catch_unwind, ts_return_type = "Promise<Buffer>")]
    pub fn read<'env>(&self, env: &'env Env, handle: u32, bytes: f64) -> Result<Object<'env>> {
        // Before there is a promise: one that nobody settles keeps the process alive.
        let bytes = byte_count(bytes)?;
        let (deferred, promise) = env.create_deferred::<Buffer, _>()?;
        self.engine.read(handle, bytes, move |result| match result {
            Ok(data) => deferred.resolve(move |_| Ok(Buffer::from(data))),
            Err(error) => deferred.reject(thrown(error)),
        });
        Ok(promise)
    }

    /// As `read`, blocking.
    #[napi(catch_unwind)]
    pub fn read_sync(&self, handle: u32, bytes: f64) -> Result<Buffer> {
        self.engine.read_sync(handle, byte_count(bytes)?).map(Buffer::from).map_err(thrown)
    }

    /// Waits for all that was enqueued.
    #[napi(catch_unwind)]
    pub fn fence(&self) -> Result<()> {
        self.engine.fence().map_err(thrown)
    }

    /// Keeps operations under a number.
    #[napi(catch_unwind)]
    pub fn define(&self, program: u32, words: &[u32]) {
        self.engine.define(program, words.to_vec());
    }

    /// Forgets them.
    #[napi(catch_unwind)]
    pub fn forget(&self, program: u32) {
        self.engine.forget(program);
    }

    /// Runs them, with pairs of place and word changed.
    #[napi(catch_unwind)]
    pub fn replay(&self, program: u32, patches: &[u32]) {
        self.engine.replay(program, patches.to_vec());
    }

    /// What was done so far.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> NativeStats {
        let stats = self.engine.stats();
        NativeStats {
            kernels: stats.kernels as f64,
            replays: stats.replays as f64,
            kernel_ms: stats.kernel_nanoseconds as f64 / 1e6,
            bytes_in_use: stats.memory.in_use as f64,
            bytes_cached: stats.memory.cached as f64,
            bytes_peak: stats.memory.peak as f64,
            system_allocations: stats.memory.system_allocations as f64,
        }
    }

    /// Gives memory that no tensor holds back to the system.
    #[napi(catch_unwind)]
    pub fn release_cached(&self) {
        self.engine.release_cached();
    }

    /// Milliseconds since the engine was made, on the clock of the profile.
    #[napi(catch_unwind)]
    pub fn clock_ms(&self) -> f64 {
        self.engine.clock().as_secs_f64() * 1e3
    }

    /// Turns the record of single kernels on or off.
    #[napi(catch_unwind)]
    pub fn set_profiling(&self, on: bool) {
        self.engine.set_profiling(on);
    }

    /// The record since it was last taken.
    #[napi(catch_unwind)]
    pub fn take_profile(&self) -> Vec<NativeProfileEvent> {
        let event = |event: codex_engine::executor::ProfileEvent| NativeProfileEvent {
            name: event.name.to_owned(),
            shapes: event.shapes,
            start_ms: event.start_nanoseconds as f64 / 1e6,
            duration_ms: event.duration_nanoseconds as f64 / 1e6,
        };
        self.engine.take_profile().into_iter().map(event).collect()
    }
}

/// A content that arrives in pieces. One that is never finished gives its memory back when it is collected.
#[napi]
pub struct NativeUpload {
    upload: Option<Upload>,
}

#[napi]
impl NativeUpload {
    /// Adds what comes next; it is copied before this returns.
    #[napi(catch_unwind)]
    pub fn append(&mut self, data: &[u8]) -> Result<()> {
        let upload = self.upload.as_mut().ok_or_else(|| invalid("the content was finished before".into()))?;
        upload.append(data).map_err(thrown)
    }

    /// Gives the memory back now.
    #[napi(catch_unwind)]
    pub fn discard(&mut self) {
        self.upload = None;
    }
}

fn byte_count(bytes: f64) -> Result<usize> {
    if bytes >= 0.0 && bytes <= 2f64.powi(52) {
        return Ok(bytes as usize);
    }
    Err(invalid(format!("expected a number of bytes, got {bytes}")))
}
