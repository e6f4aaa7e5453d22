//! Tiles of one photograph, by their names.

use std::path::Path;

/// The name of the photograph that a file shows or is a tile of: the file's stem without ends of these forms, one after the
/// other, in which `#` stands for a number, such as `_#_#` or `_s#`.
pub fn photograph(file: &Path, ends: &[String]) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let name = ends.iter().fold(stem.as_ref(), |name, end| {
        without_end(name, end).unwrap_or(name)
    });
    name.to_string()
}

/// The text without an end of this form; `None` if it has no such end, or consists of nothing else.
fn without_end<'a>(text: &'a str, form: &str) -> Option<&'a str> {
    let mut text = text;
    for part in form.chars().rev() {
        text = match part {
            '#' => {
                let without = text.trim_end_matches(|c: char| c.is_ascii_digit());
                (without.len() < text.len()).then_some(without)?
            }
            letter => text.strip_suffix(letter)?,
        };
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_have_the_name_of_their_photograph() {
        for (file, tile, expected) in [
            ("a/budgie_sea_704_0.webp", &["_#_#"][..], "budgie_sea"),
            ("0001_s012.png", &["_s#"], "0001"),
            ("0001.png", &["_s#"], "0001"),
            ("IMG_2024_0001.jpg", &[], "IMG_2024_0001"),
            ("_1_2.png", &["_#_#"], "_1_2"),
            ("b_1_.png", &["_#_#"], "b_1_"),
            ("budgie_sea_704_0_d3.png", &["_d#", "_#_#"], "budgie_sea"),
            ("t_1001682_d3.png", &["_d#", "_#_#"], "t_1001682"),
        ] {
            let ends: Vec<String> = tile.iter().map(ToString::to_string).collect();
            assert_eq!(photograph(Path::new(file), &ends), expected, "{file}");
        }
    }
}
