//! Tables of what was written and what was left out.

use std::path::{Path, PathBuf};

use engine::image::Rect;

use crate::image_file;

/// The table of the tiles.
pub(super) const FILE: &str = "manifest.tsv";

/// The table of the images that were left out.
pub(super) const LEFT_OUT: &str = "left-out.tsv";

/// A tile.
pub(super) struct Row {
    /// Path in the training folder.
    pub file: PathBuf,
    /// The image that it is a part of.
    pub source: PathBuf,
    pub place: Rect,
    pub licence: String,
    pub credit: String,
}

/// Writes both tables.
pub(super) fn write(
    folder: &Path,
    rows: &[Row],
    left_out: &[(PathBuf, String)],
) -> anyhow::Result<()> {
    let tiles = rows.iter().map(|row| {
        let Rect {
            x,
            y,
            width,
            height,
        } = row.place;
        let [file, source] = [&row.file, &row.source].map(|path| path.display().to_string());
        let numbers = [x, y, width, height].map(|number| number.to_string());
        let cells = [file, source].into_iter().chain(numbers);
        line(cells.chain([row.licence.clone(), row.credit.clone()]))
    });
    let header = "path\tsource_image\tx\ty\twidth\theight\tlicence\tsource\n";
    let text = header.to_string() + &tiles.collect::<String>();
    image_file::write_atomically(&folder.join(FILE), text.as_bytes())?;
    let images = left_out.iter();
    let images = images.map(|(path, reason)| line([path.display().to_string(), reason.clone()]));
    let text = "path\treason\n".to_string() + &images.collect::<String>();
    image_file::write_atomically(&folder.join(LEFT_OUT), text.as_bytes())
}

/// A line of a table: tabs and line breaks within cells become spaces.
fn line(cells: impl IntoIterator<Item = String>) -> String {
    let cells = cells.into_iter();
    let cells = cells.map(|cell| cell.replace(['\t', '\n', '\r'], " "));
    cells.collect::<Vec<_>>().join("\t") + "\n"
}
