//! Weights of other projects: a file of PyTorch gives PyTorch's results.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use trainer::vgg::{Extractor, Layer};
use trainer::weights::Weights;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// PyTorch 2.15.0 wrote both files (`tests/fixtures/vgg19.py`): weights in all three precisions, and its
/// own output.
#[test]
fn vgg19_from_a_pth_file_equals_pytorchs() {
    let device = Device::flex();
    let layer = |text: &str| text.parse::<Layer>().unwrap();
    let file = fixture("vgg19_relu1_2.pth");
    let last = layer("vgg19:relu1_2");
    let vgg19 = Extractor::load(&file, last, &device).unwrap();
    let known = Weights::open(&fixture("vgg19_relu1_2.safetensors")).unwrap();
    let image = known.tensor::<4>("picture", &device).unwrap();
    let expected = known.tensor::<4>("relu1_2", &device).unwrap();
    let found = vgg19.of(image, &[last])[&last].clone();
    assert_eq!(found.dims(), [1, 64, 5, 4]);
    let largest = expected.clone().max().into_scalar::<f32>();
    let difference = (found - expected).abs().max().into_scalar::<f32>();
    assert!(largest > 1.0 && difference < 1e-5 * largest, "{difference}");

    // The file has no further layers.
    let error = Extractor::load(&file, layer("vgg19:relu2_1"), &device).err();
    let text = format!("{:#}", error.unwrap());
    let words = "features.5.weight is missing; there are features.0.bias";
    assert!(text.contains(words), "{text}");
}
