//! Helpers shared by the benchmarks, which are the programs in `src/bin`; `cargo xtask bench` runs them.

pub mod memory;
pub mod network;
pub mod node;
pub mod onnx;
pub mod page;
pub mod python;
pub mod report;

use std::time::Instant;

/// Measures a contender once.
pub type Measure<'a> = Box<dyn FnMut() -> anyhow::Result<f64> + 'a>;

/// Number of rounds. The contenders take turns within each round, so that other load on the machine affects all of
/// them.
pub const ROUNDS: usize = 5;

/// Median of each contender's [`ROUNDS`] measurements, all in the same unit.
///
/// Also prints the single measurements, which show how much other load disturbed them.
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

/// Median; of an even number of values, the upper one of the middle two.
///
/// # Panics
/// If there are no values.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Median time of `runs` runs in milliseconds, after `warm_up` runs that are not counted.
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

/// Formats a value with at least three significant digits and at most three decimals.
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
