//! Y, Cb and Cr of ITU-R BT.601 in studio range, as MATLAB's `rgb2ycbcr` has them.
//!
//! All values are 8-bit values divided by 255: R, G, B in 0…1; Y in 16/255…235/255;
//! Cb and Cr in 16/255…240/255, 128/255 being neutral.

/// Rows: Y, Cb, Cr; columns: R, G, B; in 8-bit steps for R, G, B in 0…1.
const FORWARD: [[f32; 3]; 3] = [
    [65.481, 128.553, 24.966],
    [-37.797, -74.203, 112.0],
    [112.0, -93.786, -18.214],
];

/// Offsets of Y, Cb and Cr in 8-bit steps.
const OFFSET: [f32; 3] = [16.0, 128.0, 128.0];

/// The inverse of [`FORWARD`], times 255: rows R, G, B; columns Y, Cb, Cr.
const INVERSE: [[f32; 3]; 3] = [
    [1.164_383_6, 0.0, 1.596_026_8],
    [1.164_383_6, -0.391_762_3, -0.812_967_65],
    [1.164_383_6, 2.017_232_1, 0.0],
];

fn row(coefficients: [f32; 3], values: [f32; 3]) -> f32 {
    coefficients[0] * values[0] + coefficients[1] * values[1] + coefficients[2] * values[2]
}

/// Luma.
pub fn rgb_to_y(rgb: [f32; 3]) -> f32 {
    (row(FORWARD[0], rgb) + OFFSET[0]) / 255.0
}

/// Luma of full range, 0…1, for grey images.
pub fn rgb_to_grey(rgb: [f32; 3]) -> f32 {
    row([0.299, 0.587, 0.114], rgb)
}

/// Luma and the two colour differences.
pub fn rgb_to_ycbcr(rgb: [f32; 3]) -> [f32; 3] {
    std::array::from_fn(|i| (row(FORWARD[i], rgb) + OFFSET[i]) / 255.0)
}

/// The inverse; colours outside the RGB cube come out below 0 or above 1.
pub fn ycbcr_to_rgb(ycbcr: [f32; 3]) -> [f32; 3] {
    let centred: [f32; 3] = std::array::from_fn(|i| ycbcr[i] - OFFSET[i] / 255.0);
    INVERSE.map(|coefficients| row(coefficients, centred))
}

/// From here up to twice as much every `f32` is an integer, so that adding it rounds, half to even.
const WHOLE: f32 = 8_388_608.0;

/// A value in 0…1 as 8 bits, rounded half away from zero and clamped; 0 for not-a-number.
pub fn to_byte(value: f32) -> u8 {
    let value = value * 255.0;
    let value = if value > 0.0 { value } else { 0.0 };
    let value = if value < 255.0 { value } else { 255.0 };
    // Unlike `round` and casts to integers, these operations are vector instructions everywhere.
    let shifted = value + WHOLE;
    let half_lost = value - (shifted - WHOLE) >= 0.5;
    (shifted.to_bits() + u32::from(half_lost)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_and_white_are_the_ends_of_studio_range() {
        let [y, cb, cr] = rgb_to_ycbcr([1.0; 3]).map(|value| value * 255.0);
        assert!((y - 235.0).abs() < 1e-3 && (cb - 128.0).abs() < 1e-3 && (cr - 128.0).abs() < 1e-3);
        assert!((rgb_to_y([0.0; 3]) * 255.0 - 16.0).abs() < 1e-4);
    }

    #[test]
    fn there_and_back_gives_every_colour_again() {
        for r in (0..=255).step_by(15) {
            for g in (0..=255).step_by(15) {
                for b in (0..=255).step_by(15) {
                    let rgb = [r, g, b].map(|value| value as f32 / 255.0);
                    let back = ycbcr_to_rgb(rgb_to_ycbcr(rgb)).map(to_byte);
                    assert_eq!(back.map(i32::from), [r, g, b]);
                }
            }
        }
    }

    #[test]
    fn bytes_are_rounded_half_away_from_zero_and_cut_off() {
        let expected = |value: f32| (value * 255.0).clamp(0.0, 255.0).round() as u8;
        for half in 0..=520 {
            let value = (half as f32 / 2.0 - 2.0) / 255.0;
            let mut near = (0..8).fold(value, |value, _| value.next_down());
            for _ in 0..16 {
                assert_eq!(to_byte(near), expected(near), "{near}");
                near = near.next_up();
            }
        }
        for value in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -f32::NAN, -0.0] {
            assert_eq!(to_byte(value), expected(value), "{value}");
        }
    }
}
