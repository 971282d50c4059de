//! Encodes a corpus with byte-level BPE, for tools/bench/tokenization: what is left of this speed through JavaScript?
//!
//!     encode_speed TABLES TEXT LENGTHS MEGABYTES SECONDS IDS
//!
//! TABLES is what encode/rust.mjs writes: words of 32 bits, little endian, each part after its length. LENGTHS are those of the documents in TEXT.
//! IDS is written. Prints bytes, seconds and number of ids for each chunk of documents, and peak memory.

use codex_tokenizer::bpe::pairs::Pairs;
use codex_tokenizer::bpe::{Encoder, WholePieces, Workspace};
use codex_tokenizer::pre_tokenizer::PreTokenizer;
use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::time::Instant;

/// Bytes, and passes over a corpus of one chunk, as in encode/measure.mjs.
const CHUNK: usize = 1_000_000;
const PASSES: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [tables, text, lengths, megabytes, seconds, ids] = &arguments[..] else {
        return Err("expected TABLES TEXT LENGTHS MEGABYTES SECONDS IDS".into());
    };
    let encoder = read_encoder(&words(tables)?)?;
    let mut workspace = Workspace::default();
    let chunks = chunks(&words(lengths)?, megabytes.parse::<f64>()? * 1e6);
    let limit: f64 = seconds.parse()?;
    let mut text = File::open(text)?;
    let mut written = BufWriter::new(File::create(ids)?);
    let mut spent = 0.0;
    for chunk in &chunks {
        let mut bytes = vec![0; chunk.iter().map(|length| *length as usize).sum()];
        text.read_exact(&mut bytes)?;
        let mut best = f64::INFINITY;
        let mut ids = Vec::new();
        for _ in 0..if chunks.len() == 1 { PASSES } else { 1 } {
            let started = Instant::now();
            ids = encode(&encoder, &mut workspace, &bytes, chunk)?;
            best = best.min(started.elapsed().as_secs_f64());
        }
        let count: usize = ids.iter().map(Vec::len).sum();
        for id in ids.iter().flatten() {
            written.write_all(&id.to_le_bytes())?;
        }
        println!("{} {best} {count}", bytes.len());
        spent += best;
        if spent > limit {
            break;
        }
    }
    written.flush()?;
    println!("{}", peak_memory());
    Ok(())
}

/// The ids of each document in memory of their own, as a caller has them.
fn encode(encoder: &Encoder, workspace: &mut Workspace, bytes: &[u8], lengths: &[u32]) -> Result<Vec<Vec<u32>>, Box<dyn Error>> {
    let mut start = 0;
    let mut buffer = Vec::new();
    let mut all = Vec::with_capacity(lengths.len());
    for length in lengths {
        let end = start + *length as usize;
        buffer.clear();
        encoder.encode(&bytes[start..end], workspace, &mut buffer)?;
        all.push(buffer.as_slice().into());
        start = end;
    }
    Ok(all)
}

fn chunks(lengths: &[u32], most: f64) -> Vec<Vec<u32>> {
    let mut chunks: Vec<Vec<u32>> = Vec::new();
    let mut size = CHUNK;
    let mut total = 0.0;
    for length in lengths {
        if total >= most {
            break;
        }
        total += f64::from(*length);
        if size >= CHUNK {
            chunks.push(Vec::new());
            size = 0;
        }
        size += *length as usize;
        chunks.last_mut().expect("there is one").push(*length);
    }
    chunks
}

fn words(path: &str) -> Result<Vec<u32>, Box<dyn Error>> {
    let bytes = fs::read(path)?;
    Ok(bytes.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]])).collect())
}

fn read_encoder(words: &[u32]) -> Result<Encoder, Box<dyn Error>> {
    let mut rest = words;
    let mut part = || {
        let (length, after) = rest.split_first().ok_or("the tables end too early")?;
        let (part, after) = after.split_at_checked(*length as usize).ok_or("the tables end too early")?;
        rest = after;
        Ok::<_, Box<dyn Error>>(part)
    };
    let text = |part: &[u32]| part.iter().map(|byte| *byte as u8).collect::<Vec<u8>>();
    let pre_tokenizer = PreTokenizer::parse(&String::from_utf8(text(part()?))?)?;
    let pairs = Pairs::new(part()?, part()?)?;
    let (bytes, offsets, ids) = (text(part()?), part()?, part()?);
    let whole = if ids.is_empty() { None } else { Some(WholePieces::new(&bytes, offsets, ids)?) };
    Ok(Encoder::new(pairs, pre_tokenizer, whole))
}

/// In bytes; 0 where the system does not say.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0) * 1024
}
