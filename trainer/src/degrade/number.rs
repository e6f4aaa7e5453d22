//! Numbers and choices that are drawn for each image.

use std::fmt;

use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A number, or a range from which a number is drawn for each image: `3` or `[1, 10]`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Numbers")]
pub struct Range {
    low: f64,
    high: f64,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a number or [low, high] is expected")]
enum Numbers {
    One(f64),
    Two([f64; 2]),
}

impl TryFrom<Numbers> for Range {
    type Error = String;

    fn try_from(numbers: Numbers) -> Result<Self, String> {
        let (low, high) = match numbers {
            Numbers::One(value) => (value, value),
            Numbers::Two([low, high]) => (low, high),
        };
        if low <= high && low.is_finite() && high.is_finite() {
            Ok(Self { low, high })
        } else {
            Err(format!("[{low}, {high}] is not a range: write [low, high]"))
        }
    }
}

impl Range {
    pub(super) fn draw(self, random: &mut Pcg64Mcg) -> f64 {
        // Also drawn for a fixed number, so that the random numbers of later steps stay the same.
        self.low + (self.high - self.low) * random.random::<f64>()
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.low == self.high {
            write!(f, "{}", self.low)
        } else {
            write!(f, "{}–{}", self.low, self.high)
        }
    }
}

/// A [`Range`] within limits: `Within<1, 100>` for a quality.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Range")]
pub struct Within<const LOW: u32, const HIGH: u32>(Range);

impl<const LOW: u32, const HIGH: u32> TryFrom<Range> for Within<LOW, HIGH> {
    type Error = String;

    fn try_from(range: Range) -> Result<Self, String> {
        if range.low >= f64::from(LOW) && range.high <= f64::from(HIGH) {
            Ok(Self(range))
        } else {
            Err(format!("{range} has to lie within {LOW} to {HIGH}"))
        }
    }
}

impl<const LOW: u32, const HIGH: u32> Within<LOW, HIGH> {
    pub(super) fn draw(self, random: &mut Pcg64Mcg) -> f64 {
        self.0.draw(random)
    }
}

impl<const LOW: u32, const HIGH: u32> fmt::Display for Within<LOW, HIGH> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A value, or a list from which one is drawn for each image: `"bicubic"` or `["box", "bicubic"]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "toml::Value", bound = "T: DeserializeOwned")]
pub struct Choice<T>(Vec<T>);

impl<T: DeserializeOwned> TryFrom<toml::Value> for Choice<T> {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        let values = match value {
            toml::Value::Array(values) if values.is_empty() => {
                return Err("a list of choices is empty".into());
            }
            toml::Value::Array(values) => values,
            value => vec![value],
        };
        let values = values.into_iter().map(|value| value.try_into());
        let values: Result<_, toml::de::Error> = values.collect();
        Ok(Self(values.map_err(|error| error.message().to_string())?))
    }
}

impl<T: Default> Default for Choice<T> {
    fn default() -> Self {
        Self(vec![T::default()])
    }
}

impl<T: Copy> Choice<T> {
    /// The values.
    pub fn all(&self) -> &[T] {
        &self.0
    }

    pub(super) fn draw(&self, random: &mut Pcg64Mcg) -> T {
        self.0[random.random_range(0..self.0.len())]
    }
}

impl<T: fmt::Debug> fmt::Display for Choice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self
            .0
            .iter()
            .map(|value| format!("{value:?}").to_lowercase());
        f.write_str(&names.collect::<Vec<_>>().join(" or "))
    }
}
