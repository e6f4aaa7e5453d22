//! Every metric against a known implementation; LPIPS and DISTS are in `protocol.rs`.
//!
//! `fixtures/metrics.py`, which names the packages and their versions, printed `fixtures/metrics.json`.

use std::path::Path;

use clap::ValueEnum;
use engine::image::{Channels, Image};
use trainer::eval::{Protocol, ProtocolName};
use trainer::image_file;
use trainer::metric::{Metric, Plane, ifc, ms_ssim, psnr_db, ssim, ssim_mean, ssimulacra2, vif};

/// A part of a sample.
fn original() -> Image {
    let file = "samples/budgie_casa-mila_704_768.webp";
    let sample = image_file::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    filled(|x, y, c| sample.pixel(x + 160, y + 120)[c])
}

fn filled(value: impl Fn(usize, usize, usize) -> u8) -> Image {
    let (width, height) = (200, 184);
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let values = places.flat_map(|(x, y)| (0..3).map(move |c| (x, y, c)));
    let data = values.map(|(x, y, c)| value(x, y, c)).collect();
    Image::new(width, height, Channels::Rgb, data).unwrap()
}

/// Means of 3×3 pixels, rounded down, plus a pattern, as in the script.
fn distorted(image: &Image) -> Image {
    let at = |x: isize, y: isize, c: usize| {
        let inside = |place: isize, side: usize| place.clamp(0, side as isize - 1) as usize;
        let pixel = image.pixel(inside(x, image.width), inside(y, image.height));
        i32::from(pixel[c])
    };
    filled(|x, y, c| {
        let around = (-1..=1).flat_map(|j| (-1..=1).map(move |i| (i, j)));
        let sum: i32 = around
            .map(|(i, j)| at(x as isize + i, y as isize + j, c))
            .sum();
        let pattern = ((7 * x + 13 * y + 5 * c) % 11) as i32 - 5;
        (sum / 9 + pattern).clamp(0, 255) as u8
    })
}

#[test]
fn metrics_equal_known_packages() {
    let expected: serde_json::Value =
        serde_json::from_str(include_str!("fixtures/metrics.json")).unwrap();
    let original = original();
    let distorted = distorted(&original);
    let mut checked = 0;
    for (name, key) in [(ProtocolName::Y, "y"), (ProtocolName::Rgb, "rgb")] {
        let protocol = Protocol::new(name, 2, Some(4));
        let [a, b] = [&original, &distorted].map(|image| protocol.planes(image).unwrap());
        for metric in Metric::value_variants() {
            let Some(found) = metric.of_planes(&a, &b) else {
                assert!(metric.is_of_whole_images());
                continue;
            };
            let expected = expected[key][metric.key()].as_f64().unwrap();
            let error = (found / expected - 1.0).abs();
            println!("{key} {}: {found}, off by {error:.1e}", metric.name());
            // Y is computed in single precision, the metrics in double.
            assert!(
                error < 1e-6,
                "{key} {}: {found}, not {expected}",
                metric.name()
            );
            checked += 1;
        }
    }
    assert_eq!(checked, 12);
}

/// The figures are those of the crate itself, whose authors hold it to the original's.
#[test]
fn ssimulacra2_falls_with_the_distortion() {
    let original = original();
    let noisy = |strength: i32| {
        filled(|x, y, c| {
            let noise = (x * 7 + y * 13 + c * 5) as i32 % 3 - 1;
            (i32::from(original.pixel(x, y)[c]) + strength * noise).clamp(0, 255) as u8
        })
    };
    let scores = [0, 2, 8, 30].map(|strength| ssimulacra2(&original, &noisy(strength)).unwrap());
    assert!((scores[0] - 100.0).abs() < 1e-6, "{scores:?}");
    assert!(
        scores.windows(2).all(|pair| pair[0] > pair[1]),
        "{scores:?}"
    );
    assert!(scores[1] > 90.0 && scores[3] < 60.0, "{scores:?}");
}

#[test]
fn equal_and_flat_planes_have_the_extreme_scores() {
    let plane = Plane::luma(&original(), 0).unwrap();
    assert_eq!(psnr_db(&plane, &plane), f64::INFINITY);
    for metric in [ssim, ssim_mean, ms_ssim, vif] {
        assert!((metric(&plane, &plane).unwrap() - 1.0).abs() < 1e-9);
    }
    let flat = Plane {
        data: vec![70.0; plane.data.len()],
        ..plane
    };
    let whole = ifc(&plane, &plane).unwrap();
    assert!(whole > 15.0 && whole.is_finite(), "{whole}");
    // Neither a flat original nor a flat image has information.
    assert_eq!(ifc(&flat, &flat), Some(0.0));
    assert_eq!(ifc(&flat, &plane), Some(0.0));
    assert!(ifc(&plane, &flat).unwrap() < 1e-6);
    assert_eq!(vif(&flat, &flat), Some(1.0));
    assert!(vif(&plane, &flat).unwrap() < 1e-6);
}

#[test]
fn each_metric_works_down_to_its_smallest_size() {
    let original = original();
    for metric in Metric::value_variants() {
        let part = |side: usize| {
            let plane = Plane::luma(&original, 0).unwrap();
            let rows = plane.data.chunks_exact(plane.width).take(side);
            let data: Vec<f64> = rows.flat_map(|row| &row[..side]).copied().collect();
            let noisy = data
                .iter()
                .enumerate()
                .map(|(i, v)| v + 1.0 + (i % 3) as f64);
            let noisy = noisy.collect();
            [data, noisy].map(|data| {
                vec![Plane {
                    width: side,
                    height: side,
                    data,
                }]
            })
        };
        let score = |side: usize| {
            let [a, b] = part(side);
            metric.of_planes(&a, &b)
        };
        if metric.is_of_whole_images() {
            continue;
        }
        let smallest = metric.smallest_px();
        let found = score(smallest).unwrap();
        assert!(
            found.is_finite() && found > 0.0,
            "{}: {found}",
            metric.name()
        );
        if smallest > 1 {
            assert_eq!(score(smallest - 1), None, "{}", metric.name());
        }
    }
}
