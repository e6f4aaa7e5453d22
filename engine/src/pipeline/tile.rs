//! From an image's size to tiles.

use crate::image::Rect;

/// A tile: the part of the result that it contributes, and the part of the image that is read for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// The part of the image that this tile contributes.
    pub core: Rect,
    /// The core and its halo, cut off at the image's borders.
    pub padded: Rect,
}

/// Tiles with cores of at most `tile_px` columns and rows, row by row; the cores cover the image. A side of 0
/// counts as 1. Halos are as in [`Rect::grown`].
pub fn tiles([width, height]: [usize; 2], tile_px: [usize; 2], halo_px: [usize; 2]) -> Vec<Tile> {
    let [columns, rows] = tile_px.map(|side| side.max(1));
    (0..height)
        .step_by(rows)
        .flat_map(|y| (0..width).step_by(columns).map(move |x| (x, y)))
        .map(|(x, y)| {
            let core = Rect {
                x,
                y,
                width: columns.min(width - x),
                height: rows.min(height - y),
            };
            Tile {
                core,
                padded: core.grown(halo_px, width, height),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_cover_every_pixel_once_and_halos_stay_inside() {
        for (width, height, tile_px, halo_px) in [
            (1, 1, [64, 64], [9, 9]),
            (10, 7, [3, 2], [2, 1]),
            (65, 64, [64, 64], [7, 12]),
        ] {
            let mut seen = vec![0; width * height];
            for tile in tiles([width, height], tile_px, halo_px) {
                for y in tile.core.y..tile.core.y + tile.core.height {
                    for x in tile.core.x..tile.core.x + tile.core.width {
                        seen[y * width + x] += 1;
                    }
                }
                let padded = tile.padded;
                assert!(padded.x + padded.width <= width && padded.y + padded.height <= height);
                let [before, after] = halo_px;
                let (core, right) = (tile.core, padded.x + padded.width);
                let below = padded.y + padded.height;
                assert!(core.x - padded.x == before || padded.x == 0);
                assert!(core.y - padded.y == before || padded.y == 0);
                assert!(right - core.x - core.width == after || right == width);
                assert!(below - core.y - core.height == after || below == height);
            }
            assert!(seen.iter().all(|&count| count == 1));
        }
    }
}
