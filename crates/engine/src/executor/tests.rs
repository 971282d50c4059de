//! What the queue promises: order, errors that reach who reads, memory that comes back, and an end at any time.

use super::*;
use crate::call::DType;
use crate::testing::Random;
use crate::wire::{CONSTANT, FIRST_KERNEL, FREE};
use std::sync::mpsc;

/// y = x + 1.
fn increment(_: &Context, call: &mut Call) -> Result<()> {
    let (x, y) = (call.input(0)?.f32()?, call.output(0)?.f32()?);
    ensure!(x.len() == y.len(), "expected {} elements, got {}", x.len(), y.len());
    y.iter_mut().zip(x).for_each(|(y, x)| *y = x + 1.0);
    Ok(())
}

/// Adds the input to the inout, if the integer attribute is 0.
fn accumulate(_: &Context, call: &mut Call) -> Result<()> {
    let (x, sum) = (call.input(0)?.f32()?, call.inout(0)?.f32()?);
    ensure!(call.int(0)? == 0, "expected 0");
    sum.iter_mut().zip(x).for_each(|(sum, x)| *sum += x);
    Ok(())
}

fn panic(context: &Context, _: &mut Call) -> Result<()> {
    context.pool.run(4, |task, _| assert!(task != 2, "task two"));
    Ok(())
}

fn sleep(_: &Context, call: &mut Call) -> Result<()> {
    thread::sleep(Duration::from_millis(call.size(0)? as u64));
    Ok(())
}

const KERNELS: &[(&str, Kernel)] = &[("Increment", increment), ("Accumulate", accumulate), ("Panic", panic), ("Sleep", sleep)];
const INCREMENT: u32 = 0;
const ACCUMULATE: u32 = 1;
const PANIC: u32 = 2;
const SLEEP: u32 = 3;

fn engine(memory_limit: Option<usize>) -> Engine {
    Engine::with_kernels(Options { threads: 2, isa: Isa::Portable, memory_limit }, KERNELS.to_vec()).unwrap()
}

/// Handle and sizes of a float32 tensor.
type Float<'a> = (u32, &'a [usize]);

fn run(kernel: u32, inputs: &[Float], outputs: &[Float], inouts: &[Float], ints: &[i32]) -> Vec<u32> {
    let mut words = vec![FIRST_KERNEL + kernel, 0, inputs.len() as u32, outputs.len() as u32, inouts.len() as u32, ints.len() as u32, 0];
    for &(handle, dims) in inputs.iter().chain(outputs).chain(inouts) {
        words.extend([handle, 256 * dims.len() as u32]);
        words.extend(dims.iter().map(|&dim| dim as u32));
    }
    words.extend(ints.iter().map(|&int| int as u32));
    words[1] = words.len() as u32;
    words
}

fn upload(engine: &Engine, handle: u32, values: &[f32]) {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_ne_bytes()).collect();
    engine.upload(handle, &bytes).unwrap();
}

fn read(engine: &Engine, handle: u32, count: usize) -> Result<Vec<f32>> {
    let bytes = engine.read_sync(handle, 4 * count)?;
    Ok(bytes.chunks_exact(4).map(|bytes| f32::from_ne_bytes(bytes.try_into().unwrap())).collect())
}

fn error(engine: &Engine, handle: u32, count: usize) -> String {
    read(engine, handle, count).unwrap_err().to_string()
}

#[test]
fn operations_run_in_order() {
    let engine = engine(None);
    upload(&engine, 1, &[1.0, 2.0]);
    for step in 1..1000 {
        engine.submit(run(INCREMENT, &[(step, &[2])], &[(step + 1, &[2])], &[], &[]));
    }
    engine.submit(vec![FREE, 3, 5]);
    assert_eq!(read(&engine, 1000, 2), Ok(vec![1000.0, 1001.0]));
    assert_eq!(read(&engine, 1000, 1), Ok(vec![1000.0]));
    assert_eq!(engine.stats().kernels, 999);
    assert!(error(&engine, 5, 2).contains("was the tensor disposed?"));
    assert!(error(&engine, 1000, 3).contains("at most 8 bytes, got 12"));
}

#[test]
fn a_constant_travels_among_the_operations() {
    let engine = engine(None);
    let [low, high] = [1.5f32.to_bits(), (-2f32).to_bits()];
    engine.submit([vec![CONSTANT, 6, 1, 8, low, high], run(INCREMENT, &[(1, &[2])], &[(2, &[2])], &[], &[])].concat());
    assert_eq!(read(&engine, 2, 2), Ok(vec![2.5, -1.0]));
}

#[test]
fn a_failure_travels_with_what_depends_on_it_and_is_heard_once() {
    let engine = engine(None);
    upload(&engine, 1, &[1.0, 2.0]);
    engine.submit(run(INCREMENT, &[(1, &[2])], &[(2, &[3])], &[], &[]));
    engine.submit(run(INCREMENT, &[(2, &[3])], &[(3, &[3])], &[], &[]));
    let message = error(&engine, 3, 3);
    assert_eq!(message, "Increment ([2]) -> [3]: expected 2 elements, got 3");
    // Whoever reads another tensor does not hear of it again, but who reads one that depends on it does.
    assert_eq!(read(&engine, 1, 2), Ok(vec![1.0, 2.0]));
    assert_eq!(error(&engine, 2, 3), message);
    assert_eq!(engine.fence(), Ok(()));
    // The handles can be used again once they are freed.
    engine.submit([vec![FREE, 4, 2, 3], run(INCREMENT, &[(1, &[2])], &[(2, &[2])], &[], &[])].concat());
    assert_eq!(read(&engine, 2, 2), Ok(vec![2.0, 3.0]));
}

#[test]
fn a_failure_that_nobody_reads_is_heard_at_the_next_read_or_fence() {
    let engine = engine(None);
    upload(&engine, 1, &[1.0]);
    let wrong = run(INCREMENT, &[(1, &[1])], &[(2, &[9])], &[], &[]);
    engine.submit([wrong.clone(), vec![FREE, 3, 2]].concat());
    assert!(error(&engine, 1, 1).starts_with("Increment"));
    assert_eq!(read(&engine, 1, 1), Ok(vec![1.0]));
    engine.submit([wrong, vec![FREE, 3, 2]].concat());
    assert!(engine.fence().is_err());
    assert_eq!(engine.fence(), Ok(()));
}

#[test]
fn who_hears_of_one_failure_is_done_with_those_before_it() {
    let engine = engine(None);
    upload(&engine, 1, &[1.0]);
    (2..5).for_each(|output| engine.submit(run(INCREMENT, &[(1, &[1])], &[(output, &[9])], &[], &[])));
    assert!(error(&engine, 4, 9).starts_with("Increment"));
    assert_eq!(read(&engine, 1, 1), Ok(vec![1.0]));
    assert!(error(&engine, 2, 9).starts_with("Increment"), "what depends on another one has no value all the same");
}

#[test]
fn what_is_updated_in_place_stays_as_it_was_when_an_operation_fails() {
    let engine = engine(None);
    upload(&engine, 1, &[1.0, 2.0]);
    upload(&engine, 2, &[10.0, 20.0]);
    engine.submit(run(ACCUMULATE, &[(1, &[2])], &[], &[(2, &[2])], &[0]));
    engine.submit(run(ACCUMULATE, &[(1, &[2])], &[], &[(2, &[2])], &[1]));
    engine.submit(run(INCREMENT, &[(1, &[2])], &[(3, &[5])], &[], &[]));
    engine.submit(run(ACCUMULATE, &[(3, &[5])], &[], &[(2, &[2])], &[0]));
    assert!(error(&engine, 2, 2).contains("expected 0"));
    assert_eq!(read(&engine, 2, 2), Ok(vec![11.0, 22.0]));
}

#[test]
fn operands_are_checked_against_their_buffers() {
    let engine = engine(None);
    upload(&engine, 1, &[1.0, 2.0]);
    upload(&engine, 2, &[3.0]);
    let fails = |words: Vec<u32>| {
        engine.submit(words);
        engine.fence().unwrap_err().to_string()
    };
    assert!(fails(run(INCREMENT, &[(1, &[3])], &[(9, &[3])], &[], &[])).contains("needs 12 bytes, its buffer has 8"));
    assert!(fails(run(INCREMENT, &[(7, &[1])], &[(9, &[1])], &[], &[])).contains("nothing is in handle 7"));
    assert!(fails(run(INCREMENT, &[(1, &[2])], &[(u32::MAX, &[2])], &[], &[])).contains("a handle that is free"));
    assert!(fails(run(ACCUMULATE, &[(1, &[2])], &[], &[(1, &[2])], &[0])).contains("its buffer is another operand too"));
    assert!(fails(run(ACCUMULATE, &[(2, &[1])], &[], &[(7, &[1])], &[0])).contains("nothing is in handle 7"));
    assert!(fails(run(INCREMENT, &[], &[], &[], &[])).contains("expected input 0, got 0 inputs"));
    assert!(fails(run(99, &[], &[], &[], &[])).contains("there is no kernel 99"));
    assert!(fails(vec![5, 2]).contains("there is no operation 5"));
    assert!(fails(vec![1]).contains("expected an operation"));
    assert!(fails(vec![CONSTANT, 4, u32::MAX, 0]).contains("expected a handle below"));
    assert_eq!(read(&engine, 1, 2), Ok(vec![1.0, 2.0]));
}

#[test]
fn an_output_over_a_tensor_that_lives_is_an_error() {
    let engine = engine(None);
    upload(&engine, 1, &[1.0]);
    engine.submit(run(INCREMENT, &[(1, &[1])], &[(1, &[1])], &[], &[]));
    assert!(error(&engine, 1, 1).contains("a handle that is free"));
    engine.submit(run(INCREMENT, &[(1, &[1])], &[(4, &[1]), (4, &[1])], &[], &[]));
    assert!(engine.fence().is_ok(), "what depends on a failure that was heard is not heard again");
}

#[test]
fn a_panic_poisons_the_engine_and_says_so() {
    let engine = engine(None);
    upload(&engine, 1, &[1.0]);
    engine.submit(run(SLEEP, &[], &[], &[], &[20]));
    engine.submit(run(PANIC, &[], &[(2, &[1])], &[], &[]));
    let (sender, receiver) = mpsc::channel();
    for handle in [1, 2] {
        let sender = sender.clone();
        engine.read(handle, 4, move |result| sender.send(result).unwrap());
    }
    engine.submit(run(INCREMENT, &[(1, &[1])], &[(3, &[1])], &[], &[]));
    for result in [receiver.recv().unwrap(), receiver.recv().unwrap(), engine.read_sync(3, 4), engine.fence().map(|()| vec![])] {
        let error = result.unwrap_err();
        assert_eq!(error.code(), "ENGINE_POISONED");
        assert_eq!(error.to_string(), "Panic () -> [1]: the kernel panicked (task two); nothing runs on this engine any more");
    }
    assert_eq!(engine.stats().kernels, 2);
}

#[test]
fn the_memory_limit_is_an_error_of_one_operation() {
    let engine = engine(Some(1 << 20));
    let large = vec![1.0; 100_000];
    upload(&engine, 1, &large);
    engine.submit(run(INCREMENT, &[(1, &[100_000])], &[(2, &[100_000])], &[], &[]));
    engine.submit(run(INCREMENT, &[(2, &[100_000])], &[(3, &[100_000])], &[], &[]));
    let failure = read(&engine, 3, 1).unwrap_err();
    assert_eq!(failure.code(), "ENGINE_OUT_OF_MEMORY");
    assert!(failure.to_string().starts_with("Increment ([100000]) -> [100000]: 400000 bytes are needed and "), "{failure}");
    engine.submit([vec![FREE, 4, 1, 3], run(INCREMENT, &[(2, &[100_000])], &[(3, &[100_000])], &[], &[])].concat());
    assert_eq!(read(&engine, 3, 1), Ok(vec![3.0]));
    let refused = engine.upload(4, &vec![0; 800_000]).unwrap_err();
    assert_eq!(refused.code(), "ENGINE_OUT_OF_MEMORY");
    assert!(engine.stats().memory.peak <= 1 << 20);
}

#[test]
fn an_upload_waits_for_memory_that_the_queue_gives_back() {
    let engine = engine(Some(1 << 20));
    for step in 0..50 {
        upload(&engine, 1, &vec![step as f32; 80_000]);
        engine.submit(run(SLEEP, &[], &[], &[], &[1]));
        engine.submit(run(INCREMENT, &[(1, &[80_000])], &[(2, &[80_000])], &[], &[]));
        engine.submit(vec![FREE, 4, 1, 2]);
    }
    assert_eq!(engine.fence(), Ok(()));
}

#[test]
fn a_program_is_replayed_with_other_words() {
    let engine = engine(None);
    upload(&engine, 1, &[1.0]);
    upload(&engine, 2, &[0.0]);
    let words = run(ACCUMULATE, &[(1, &[1])], &[], &[(2, &[1])], &[0]);
    let attribute = words.len() as u32 - 1;
    engine.define(4, words);
    (0..3).for_each(|_| engine.replay(4, vec![]));
    assert_eq!(read(&engine, 2, 1), Ok(vec![3.0]));
    engine.replay(4, vec![attribute, 1]);
    assert!(error(&engine, 2, 1).contains("expected 0"));
    engine.replay(4, vec![attribute, 0]);
    assert_eq!(read(&engine, 2, 1), Ok(vec![4.0]));
    assert_eq!(engine.stats().replays, 5);
    for patches in [vec![99, 0], vec![1]] {
        engine.replay(4, patches);
        assert!(engine.fence().unwrap_err().to_string().contains("a patch lies outside"));
    }
    engine.forget(4);
    engine.replay(4, vec![]);
    assert!(engine.fence().unwrap_err().to_string().contains("there is no program 4"));
}

#[test]
fn an_engine_ends_in_the_middle_of_work_and_answers_who_waits() {
    let engine = engine(None);
    upload(&engine, 1, &[1.0]);
    (0..10_000).for_each(|_| engine.submit(run(SLEEP, &[], &[], &[], &[10])));
    let (sender, receiver) = mpsc::channel();
    engine.read(1, 4, move |result| sender.send(result).unwrap());
    let before = Instant::now();
    drop(engine);
    assert!(before.elapsed() < Duration::from_secs(2));
    assert!(receiver.recv().unwrap().unwrap_err().to_string().contains("has ended"));
}

#[test]
fn who_runs_far_ahead_waits_and_nothing_is_lost() {
    let engine = engine(None);
    upload(&engine, 1, &[0.0]);
    upload(&engine, 2, &[1.0]);
    engine.submit(run(SLEEP, &[], &[], &[], &[50]));
    let mut frees = vec![100; QUEUE_WORDS / 2];
    (frees[0], frees[1]) = (FREE, frees.len() as u32);
    for _ in 0..5 {
        engine.submit(frees.clone());
        engine.submit(run(ACCUMULATE, &[(2, &[1])], &[], &[(1, &[1])], &[0]));
    }
    assert_eq!(read(&engine, 1, 1), Ok(vec![5.0]));
}

#[test]
fn reads_come_from_several_threads() {
    let engine = engine(None);
    upload(&engine, 1, &[1.0]);
    thread::scope(|scope| {
        for thread in 0..4 {
            let engine = &engine;
            scope.spawn(move || {
                for step in 0..200 {
                    let handle = 10 + 1000 * thread + step;
                    engine.submit(run(INCREMENT, &[(1, &[1])], &[(handle, &[1])], &[], &[]));
                    assert_eq!(read(engine, handle, 1), Ok(vec![2.0]));
                }
            });
        }
    });
}

#[test]
fn a_content_comes_in_pieces_and_whole_or_not_at_all() {
    let engine = engine(Some(1 << 20));
    let values = [1.0f32, 2.0, 3.0];
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_ne_bytes()).collect();
    let mut content = engine.start_upload(12).unwrap();
    content.append(&bytes[..5]).unwrap();
    content.append(&bytes[5..]).unwrap();
    assert!(content.append(&[0]).unwrap_err().to_string().contains("at most 0 bytes"));
    engine.finish_upload(1, content).unwrap();
    assert_eq!(read(&engine, 1, 3), Ok(values.to_vec()));

    let held = engine.stats().memory.in_use;
    let mut short = engine.start_upload(12).unwrap();
    short.append(&bytes[..11]).unwrap();
    assert!(engine.finish_upload(2, short).unwrap_err().to_string().contains("expected 12 bytes, got 11"));
    drop(engine.start_upload(12).unwrap());
    assert_eq!(engine.stats().memory.in_use, held);
    assert!(engine.start_upload(2 << 20).is_err());

    let other = self::engine(None);
    let foreign = other.start_upload(0).unwrap();
    assert!(engine.finish_upload(3, foreign).unwrap_err().to_string().contains("another engine"));
    let outlives = other.start_upload(8).unwrap();
    drop(other);
    drop(outlives);
}

#[test]
fn a_profile_has_what_ran_meanwhile() {
    let engine = engine(None);
    upload(&engine, 1, &[1.0]);
    engine.set_profiling(true);
    engine.submit(run(INCREMENT, &[(1, &[1])], &[(2, &[1])], &[], &[]));
    engine.fence().unwrap();
    engine.set_profiling(false);
    engine.submit(run(SLEEP, &[], &[], &[], &[1]));
    engine.fence().unwrap();
    let profile = engine.take_profile();
    assert_eq!(profile.iter().map(|event| (event.name, event.shapes.as_str())).collect::<Vec<_>>(), [("Increment", "([1]) -> [1]")]);
    assert!(engine.take_profile().is_empty());
}

/// Every kernel with operands and attributes that mostly fit nothing: an error, or a result, but never a panic and never memory of others.
#[test]
fn kernels_survive_garbage() {
    let table = kernels::table();
    for isa in Isa::available() {
        let engine = Engine::new(Options { threads: 2, isa, memory_limit: Some(64 << 20) }).unwrap();
        let mut random = Random::new(7);
        let mut succeeded = 0;
        for round in 0..table.len() * 300 {
            let (name, kernel) = (table[round % table.len()].0, round % table.len());
            let words = garbage(&mut random, kernel as u32, &engine);
            engine.submit(words.clone());
            match engine.fence() {
                Ok(()) => succeeded += 1,
                Err(error) => assert!(error.code() != "ENGINE_POISONED", "{name} on {isa}, round {round}: {error}\n{words:?}"),
            }
        }
        assert!(succeeded > table.len() * 3, "{succeeded} of {} fit: the garbage tests nothing", table.len() * 300);
    }
}

/// One kernel with up to five inputs, three outputs and two inouts of few dimensions, over buffers of just their size.
fn garbage(random: &mut Random, kernel: u32, engine: &Engine) -> Vec<u32> {
    // Few different shapes, so that operands agree now and then.
    let mut shapes: Vec<Vec<u32>> = Vec::new();
    for _ in 0..1 + random.below(2) {
        let rank = [0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5][random.below(11)];
        let mut shape: Vec<u32> = (0..rank).map(|_| [0, 1, 1, 2, 3, 4, 5, 8, 16, 17, 33][random.below(11)]).collect();
        if shape.iter().product::<u32>() > 5000 {
            shape.truncate(2);
        }
        shapes.push(shape);
    }
    let counts = [random.below(6), random.below(4), [0, 0, 0, 1, 2][random.below(5)]];
    let [ints, floats] = [random.below(12), random.below(8)];
    let mut words = vec![FIRST_KERNEL + kernel, 0, counts[0] as u32, counts[1] as u32, counts[2] as u32, ints as u32, floats as u32];
    let mostly = random.below(10);
    for index in 0..counts.iter().sum() {
        let mut shape = shapes[random.below(shapes.len())].clone();
        if random.below(4) == 0 && !shape.is_empty() {
            let dim = random.below(shape.len());
            shape[dim] = random.below(9) as u32;
        }
        let dtype = if random.below(8) < 6 { [0, 0, 0, 0, 0, 0, 0, 0, 1, 3][mostly] } else { random.below(4) as u32 };
        let handle = index as u32 + 1;
        let is_output = (counts[0]..counts[0] + counts[1]).contains(&index);
        if !is_output {
            let bytes = shape.iter().product::<u32>() as usize * DType::from_number(dtype).unwrap().size();
            let data: Vec<u8> = match random.below(3) {
                0 => (0..bytes).map(|_| random.next() as u8).collect(),
                1 => (0..bytes.div_ceil(4)).flat_map(|_| (random.below(6) as i32 - 1).to_le_bytes()).take(bytes).collect(),
                _ => (0..bytes.div_ceil(4)).flat_map(|_| (random.uniform() * 4.0 - 2.0).to_le_bytes()).take(bytes).collect(),
            };
            engine.upload(handle, &data).unwrap();
        }
        words.extend([handle, dtype + 256 * shape.len() as u32]);
        words.extend(shape);
    }
    for _ in 0..ints {
        let extreme = [i32::MIN, i32::MAX, -1, 1 << 20, -2, 64][random.below(6)];
        words.push(if random.below(5) == 0 { extreme as u32 } else { random.below(5) as u32 });
    }
    for _ in 0..floats {
        let value = [0.0, 1.0, -1.0, 0.5, 1e-5, 1e30, f64::NAN, f64::INFINITY, 0.9, 2.0][random.below(10)];
        words.extend([value.to_bits() as u32, (value.to_bits() >> 32) as u32]);
    }
    words[1] = words.len() as u32;
    words.extend([FREE, 12]);
    words.extend(1..=10);
    words
}
