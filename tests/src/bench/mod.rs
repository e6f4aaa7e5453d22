//! What the benchmarks share. Each is a program of its own in `src/bin`; `cargo xtask bench` runs them.

pub mod memory;
pub mod network;
pub mod node;
pub mod onnx;
pub mod page;
pub mod python;
pub mod report;

use std::time::Instant;

/// What measures a contender once.
pub type Measure<'a> = Box<dyn FnMut() -> anyhow::Result<f64> + 'a>;

/// Rounds, in each of which all contenders have their turn: what else the machine does meets them alike.
pub const ROUNDS: usize = 5;

/// The median of each contender's [`ROUNDS`] measurements, in the unit that they have in common.
///
/// What the medians are made of is printed, too: it tells how quiet the machine was.
pub fn medians<const N: usize>(
    unit: &str,
    mut contenders: [(&str, Measure); N],
) -> anyhow::Result<[f64; N]> {
    let mut values = [const { Vec::new() }; N];
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        for (values, (_, measure)) in values.iter_mut().zip(&mut contenders) {
            values.push(measure()?);
        }
    }
    let medians = values.each_ref().map(|values| median(values));
    println!("| contender | median, {unit} | all rounds |\n|---|---|---|");
    for ((name, _), (median, values)) in contenders.iter().zip(medians.iter().zip(&values)) {
        let all: Vec<_> = values.iter().map(|value| short(*value)).collect();
        println!("| {name} | {} | {} |", short(*median), all.join(" "));
    }
    println!();
    Ok(medians)
}

/// The middle one; of an even number the upper one of both.
///
/// # Panics
/// Where there are none.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Median milliseconds of `runs` runs, after some that don't count.
pub fn milliseconds(
    warm_up: usize,
    runs: usize,
    mut run: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    let mut times = Vec::with_capacity(runs);
    for i in 0..warm_up + runs {
        let start = Instant::now();
        run()?;
        if i >= warm_up {
            times.push(1e3 * start.elapsed().as_secs_f64());
        }
    }
    Ok(median(&times))
}

/// Three digits or more.
fn short(value: f64) -> String {
    let digits = (2.0 - value.abs().log10().floor()).clamp(0.0, 3.0);
    format!("{value:.*}", digits as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 3.0);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [0.0, 0.1234, 1.234, 12.34, 1234.5].map(short),
            ["0.000", "0.123", "1.23", "12.3", "1234"]
        );
    }
}
