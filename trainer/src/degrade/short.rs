//! Degradations on the command line: `jpeg(75, 420) + noise(5)`.

use std::str::FromStr;

use super::Degradation;

impl FromStr for Degradation {
    type Err = String;

    /// A preset's name, a list of steps in TOML, or short steps after a bicubic shrink, joined by `+`.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.starts_with('[') {
            return Self::from_text(&format!("steps = {text}"));
        }
        if !text.contains('(') {
            return Self::try_from(toml::Value::String(text.to_string()));
        }
        let steps = text.split('+').map(|step| toml_of(step.trim()));
        let steps: Vec<String> = steps.collect::<Result<_, _>>()?;
        Self::from_text(&format!(
            "steps = [{{ kind = \"shrink\" }}, {{ kind = \"quantise\", levels = 256 }}, {}]",
            steps.join(", ")
        ))
    }
}

/// A step such as `jpeg(75, 420)` in TOML.
fn toml_of(step: &str) -> Result<String, String> {
    let parts = step.strip_suffix(')').and_then(|step| step.split_once('('));
    let (name, values) = parts.unwrap_or((step, ""));
    let values: Vec<&str> = values.split(',').map(str::trim).collect();
    match (name.trim(), values.as_slice()) {
        ("jpeg", [quality]) => Ok(format!("{{ kind = \"jpeg\", quality = {quality} }}")),
        ("jpeg", [quality, sampling @ ("420" | "422" | "444")]) => {
            let digits: Vec<String> = sampling.chars().map(String::from).collect();
            Ok(format!(
                "{{ kind = \"jpeg\", quality = {quality}, subsampling = \"{}\" }}",
                digits.join(":")
            ))
        }
        (codec @ ("webp" | "avif"), [quality]) => {
            Ok(format!("{{ kind = \"{codec}\", quality = {quality} }}"))
        }
        ("noise", [sigma]) => Ok(format!("{{ kind = \"gaussian_noise\", sigma = {sigma} }}")),
        _ => Err(format!(
            "{step:?} is no step: write jpeg(75), jpeg(75, 420), webp(50), avif(40) or noise(5), joined by +, or a list \
             of steps as in a configuration"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_steps_are_those_of_a_configuration() {
        for (text, words) in [
            ("bicubic", "bicubic (MATLAB imresize, 8 bit)"),
            (
                "jpeg(75, 420)",
                "shrink (bicubic), then 256 levels, then JPEG of quality 75 (4:2:0)",
            ),
            (
                "noise(5)+webp(50)",
                "shrink (bicubic), then 256 levels, then noise of σ 5, then WebP of quality 50",
            ),
            ("[{ kind = \"avif\", quality = 40 }]", "AVIF of quality 40"),
        ] {
            let degradation: Degradation = text.parse().unwrap();
            assert_eq!(degradation.to_string(), words);
        }
        for (text, word) in [
            ("jpg(75)", "jpeg(75)"),
            ("jpeg(75, 411)", "420"),
            ("jpeg(750)", "1 to 100"),
            ("bicubbic", "\"photo\""),
        ] {
            let error = text.parse::<Degradation>().unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
