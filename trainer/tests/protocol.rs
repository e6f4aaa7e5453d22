//! The protocol of `../shared/data/README.md` against published numbers.
//!
//! The test sets and the weights are not in the repository: without `../shared/data` these tests fail.

use std::path::{Path, PathBuf};

use engine::image::resize::imresize;
use engine::image::{Channels, Image};
use trainer::image_file;
use trainer::metric::{Plane, psnr_db, ssim};

/// A folder of `../shared/data`.
fn shared(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data")
        .join(name);
    assert!(
        folder.is_dir(),
        "this test needs the folder {}",
        folder.display()
    );
    folder
}

fn cropped(hr: &Image, scale: usize) -> Image {
    trainer::data::crop_to_multiple(hr, scale).unwrap()
}

fn load(path: &Path) -> Image {
    image_file::load(path).unwrap()
}

#[test]
fn resize_is_bit_exact() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut pairs = vec![2, 3, 4]
        .into_iter()
        .map(|scale| {
            (
                scale,
                fixtures.join("crop.png"),
                fixtures.join(format!("crop_x{scale}.png")),
            )
        })
        .collect::<Vec<_>>();
    for set in ["test/Set5", "test/Set14"].map(shared) {
        for hr in image_file::list(&set.join("HR")).unwrap() {
            for scale in 2..=4 {
                let folder = set.join(format!("LR_bicubic/X{scale}"));
                let stem = hr.file_stem().unwrap().to_string_lossy().into_owned();
                let lr = image_file::list(&folder).unwrap().into_iter().find(|lr| {
                    let name = lr.file_stem().unwrap().to_string_lossy();
                    name == stem || name == format!("{stem}x{scale}")
                });
                pairs.push((scale, hr.clone(), lr.unwrap()));
            }
        }
    }
    for (scale, hr, lr) in pairs {
        let hr_image = cropped(&load(&hr), scale);
        let expected = load(&lr);
        let found = imresize(&hr_image, hr_image.width / scale, hr_image.height / scale);
        assert!(found == expected, "{} ×{scale}", hr.display());
    }
}

#[test]
fn bicubic_has_its_published_psnr() {
    let sets = shared("test");
    for (set, expected) in [
        ("Set5", [33.673, 30.403, 28.429]),
        ("Set14", [30.230, 27.537, 25.994]),
    ] {
        for (scale, expected) in (2..=4).zip(expected) {
            let pairs = trainer::eval::TestSet::load(&sets.join(set), scale, &Default::default())
                .unwrap()
                .pairs;
            let psnr = pairs.iter().map(|pair| {
                let up = imresize(&pair.lr, pair.hr.width, pair.hr.height);
                psnr_db(
                    &Plane::luma(&pair.hr, scale).unwrap(),
                    &Plane::luma(&up, scale).unwrap(),
                )
            });
            let mean = psnr.sum::<f64>() / pairs.len() as f64;
            assert!(
                (mean - expected).abs() < 0.002,
                "{set} ×{scale}: {mean}, not {expected}"
            );
        }
    }
}

/// scikit-image 0.26.0 gave the expected value (`tests/fixtures/ssim.py`).
#[test]
fn ssim_equals_scikit_images() {
    let grey = |f: fn(usize, usize) -> usize| {
        let data = (0..40 * 30).map(|i| f(i % 40, i / 40) as u8).collect();
        Plane::luma(&Image::new(40, 30, Channels::Grey, data).unwrap(), 0).unwrap()
    };
    let a = grey(|x, y| (x * 5 + y * 3) % 256);
    let b = grey(|x, y| (x * 5 + y * 3 + (x * y) % 17) % 256);
    let found = ssim(&a, &b).unwrap();
    assert!((found - 0.869_218_677_315_474_6).abs() < 1e-6, "{found}");
}

/// The distances that the authors of LPIPS give for their example images, and that the code of DISTS' authors computes
/// for the same ones.
#[test]
fn lpips_and_dists_equal_their_authors_values() {
    let folder = shared("features");
    let device = burn::tensor::Device::flex();
    let image = |name: &str| {
        let file = folder.join("example").join(name);
        trainer::image_file::load(&file).unwrap()
    };
    let (reference, near) = (image("ex_ref.png"), image("ex_p1.png"));
    let far = image("ex_p0.png");
    for (file, expected) in [
        ("alexnet_lpips.safetensors", [0.722, 0.138]),
        ("vgg16_lpips.safetensors", [0.569, 0.422]),
    ] {
        let lpips = trainer::metric::Lpips::load(&folder.join(file), &device).unwrap();
        let found = [&far, &near].map(|image| lpips.distance(image, &reference).unwrap());
        for (found, expected) in found.into_iter().zip(expected) {
            assert!(
                (found - expected).abs() < 1e-3,
                "{file}: {found}, not {expected}"
            );
        }
        assert_eq!(lpips.distance(&reference, &reference).unwrap(), 0.0);
    }
    let files = ["dists_weights.safetensors", "vgg16_lpips.safetensors"];
    let [weights, vgg16] = files.map(|file| folder.join(file));
    let dists = trainer::metric::Dists::load(&weights, &vgg16, &device).unwrap();
    for (image, expected) in [(&far, 0.3879), (&near, 0.2250), (&reference, 0.0)] {
        let found = dists.distance(&reference, image).unwrap();
        assert!(
            (found - expected).abs() < 2e-4,
            "DISTS {found}, not {expected}"
        );
    }
}
