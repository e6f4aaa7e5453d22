//! Damages inputs: bytes of files, and words and numbers of texts.

use engine::reference::random::Random;

/// Boundary values of checks and of arithmetic, as words of a text.
const NUMBERS: [&str; 34] = [
    "0",
    "1",
    "-1",
    "2",
    "3",
    "4",
    "5",
    "7",
    "8",
    "15",
    "16",
    "17",
    "31",
    "32",
    "63",
    "64",
    "65",
    "127",
    "255",
    "256",
    "504",
    "505",
    "1023",
    "4095",
    "4096",
    "16384",
    "16385",
    "65536",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775808",
    "18446744073709551615",
    "99999999999999999999",
];

/// Bit patterns of special floats, in hexadecimal: zeros, ±1, infinities, NaN, the largest and the smallest number.
const FLOATS: [&str; 9] = [
    "0", "80000000", "3f800000", "bf800000", "7f800000", "ff800000", "7fc00000", "7f7fffff", "1",
];

/// Boundary values in binary.
const BINARY: [u64; 14] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_ffff_ffff,
];

/// A random range of up to `longest` indices below `length`; empty if there are none.
fn range(random: &mut Random, length: usize, longest: usize) -> std::ops::Range<usize> {
    let start = random.below(length);
    let count = 1 + random.below(longest);
    start..(start + count).min(length)
}

/// Changes some bytes: flips, deletes or repeats them, or takes them from another input.
pub fn bytes(random: &mut Random, input: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..1 + random.below(4) {
        let place = random.below(input.len());
        match random.below(9) {
            0 | 1 if !input.is_empty() => input[place] ^= 1 << random.below(8),
            2 if !input.is_empty() => input[place] = random.bits() as u8,
            3 => {
                let gone = range(random, input.len(), 40);
                input.drain(gone);
            }
            4 => {
                let repeated = input[range(random, input.len(), 40)].to_vec();
                input.splice(place..place, repeated);
            }
            5 => {
                let taken = other[range(random, other.len(), 200)].to_vec();
                let end = (place + random.below(taken.len() + 1)).min(input.len());
                input.splice(place..end, taken);
            }
            6 => input.truncate(place),
            _ => {
                let number = random.one_of(&BINARY);
                let width = random.one_of(&[1, 2, 4, 8]);
                let number = match random.below(2) {
                    0 => number.to_be_bytes()[8 - width..].to_vec(),
                    _ => number.to_le_bytes()[..width].to_vec(),
                };
                let end = (place + width).min(input.len());
                input.splice(place..end, number);
            }
        }
    }
}

/// Changes some lines and words: deletes, repeats or swaps them, takes them from another text, or replaces numbers.
pub fn text(random: &mut Random, input: &str, other: &str) -> String {
    let mut lines: Vec<String> = input.split('\n').map(str::to_string).collect();
    for _ in 0..1 + random.below(4) {
        let place = random.below(lines.len());
        match random.below(12) {
            0 if lines.len() > 1 => {
                lines.remove(place);
            }
            1 if !lines.is_empty() => {
                let times = random.one_of(&[1, 1, 2, 20]);
                for _ in 0..times {
                    lines.insert(place, lines[place].clone());
                }
            }
            2 => {
                let taken: Vec<&str> = other.split('\n').collect();
                let line = taken[random.below(taken.len())];
                lines.insert(place, line.to_string());
            }
            3 if !lines.is_empty() => {
                let from = random.below(lines.len());
                lines.swap(from, place);
            }
            4 if !lines.is_empty() => {
                let mut damaged = lines[place].clone().into_bytes();
                bytes(random, &mut damaged, other.as_bytes());
                lines[place] = String::from_utf8_lossy(&damaged).into_owned();
            }
            _ if !lines.is_empty() => lines[place] = words(random, &lines[place], other),
            _ => {}
        }
    }
    lines.join("\n")
}

fn words(random: &mut Random, line: &str, other: &str) -> String {
    let mut words: Vec<String> = line.split(' ').map(str::to_string).collect();
    let place = random.below(words.len());
    match random.below(8) {
        0 => {
            words.remove(place);
        }
        1 => {
            let taken: Vec<&str> = other.split([' ', '\n']).collect();
            let word = taken[random.below(taken.len())];
            words.insert(place, word.to_string());
        }
        2 => {
            let from = random.below(words.len());
            words.swap(from, place);
        }
        _ => words[place] = number(random, &words[place]),
    }
    words.join(" ")
}

/// Replaces one of a word's numbers.
fn number(random: &mut Random, word: &str) -> String {
    let is_number = |byte: u8| byte.is_ascii_digit();
    let bytes = word.as_bytes();
    let starts: Vec<usize> = (0..bytes.len())
        .filter(|&i| is_number(bytes[i]) && (i == 0 || !is_number(bytes[i - 1])))
        .collect();
    if starts.is_empty() {
        return word.to_string();
    }
    let start = starts[random.below(starts.len())];
    let digits = bytes[start..].iter().take_while(|byte| is_number(**byte));
    let end = start + digits.count();
    let old: u64 = word[start..end].parse().unwrap_or(0);
    let new = match random.below(6) {
        0 => old.saturating_add(1).to_string(),
        1 => old.saturating_sub(1).to_string(),
        2 => old.saturating_mul(2).to_string(),
        3 => random.one_of(&FLOATS).to_string(),
        4 => random.below(20).to_string(),
        _ => random.one_of(&NUMBERS).to_string(),
    };
    format!("{}{new}{}", &word[..start], &word[end..])
}
