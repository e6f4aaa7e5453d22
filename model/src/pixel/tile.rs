//! Cutting a picture into tiles that a network can take one by one.

use super::Rect;

/// A tile: what it contributes, and what the network has to see for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// The part of the picture that this tile gives.
    pub core: Rect,
    /// The core and its halo, cut off at the picture's borders.
    pub padded: Rect,
}

/// Tiles with cores of at most `tile_px`×`tile_px`, row by row; together the cores are the picture.
///
/// `tile_px` counts as 1 where it is 0.
pub fn tiles(width: usize, height: usize, tile_px: usize, halo_px: usize) -> Vec<Tile> {
    let tile_px = tile_px.max(1);
    let starts = |side: usize| (0..side).step_by(tile_px);
    starts(height)
        .flat_map(|y| starts(width).map(move |x| (x, y)))
        .map(|(x, y)| {
            let core = Rect {
                x,
                y,
                width: tile_px.min(width - x),
                height: tile_px.min(height - y),
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
        for (width, height, tile_px, halo_px) in [(1, 1, 64, 9), (10, 7, 3, 2), (65, 64, 64, 7)] {
            let mut seen = vec![0; width * height];
            for tile in tiles(width, height, tile_px, halo_px) {
                for y in tile.core.y..tile.core.y + tile.core.height {
                    for x in tile.core.x..tile.core.x + tile.core.width {
                        seen[y * width + x] += 1;
                    }
                }
                let padded = tile.padded;
                assert!(padded.x + padded.width <= width && padded.y + padded.height <= height);
                let left = tile.core.x - padded.x;
                assert!(left == halo_px || padded.x == 0);
            }
            assert!(seen.iter().all(|&count| count == 1));
        }
    }
}
