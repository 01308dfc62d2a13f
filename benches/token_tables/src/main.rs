//! Uses the o200k tokenizer to make the tables of `crates/rows/src/tokens.rs`.
//!
//! - `token-tables wide FILE` writes `wide.bin`: the tokens of each character outside ASCII.
//! - `token-tables cuts` reads lines from standard input, and prints the lengths of each line's tokens in bytes.

use std::io::{self, BufRead, Write};

use tiktoken_rs::{CoreBPE, o200k_base};

/// The characters in `wide.bin`: the first plane and the emoji block.
const CHARACTERS: [std::ops::Range<u32>; 2] = [0..0x1_0000, 0x1_f000..0x2_0000];

fn main() -> io::Result<()> {
    let tokenizer = o200k_base().map_err(|error| io::Error::other(error.to_string()))?;
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["wide", file] => std::fs::write(file, wide(&tokenizer)),
        ["cuts"] => cuts(&tokenizer),
        _ => Err(io::Error::other("usage: token-tables wide FILE | token-tables cuts")),
    }
}

/// Returns the token cost of each character minus one, in two bits, lowest bits first. A surrogate, which is not a
/// character, costs three.
fn wide(tokenizer: &CoreBPE) -> Vec<u8> {
    let cost = |code: u32| match char::from_u32(code) {
        Some(c) if c.is_ascii() => 0,
        Some(c) => tokenizer.encode_ordinary(&c.to_string()).len().clamp(1, 4) - 1,
        None => 2,
    };
    let costs: Vec<_> = CHARACTERS.into_iter().flatten().map(cost).collect();
    costs.chunks(4).map(|four| four.iter().rev().fold(0, |byte, cost| byte << 2 | *cost as u8)).collect()
}

fn cuts(tokenizer: &CoreBPE) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let tokens = tokenizer.encode_ordinary(&line?);
        let lengths = tokens.into_iter().flat_map(|token| tokenizer._decode_native_and_split(vec![token]));
        let lengths = lengths.map(|bytes| bytes.len().to_string()).collect::<Vec<_>>();
        writeln!(out, "{}", lengths.join(" "))?;
    }
    out.flush()
}
