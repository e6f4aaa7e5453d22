//! Weights of other projects: `../shared/data/community` holds files, and what PyTorch computes with them.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor, TensorData};
use engine::conv::Isa;
use engine::image::Planes;
use engine::webgpu::{Gpu, WebGpuEngine};
use engine::{CpuEngine, Engine};
use model::export;
use model::import::{About, ImportOptions};
use model::network::{Network, NetworkConfig};
use model::record::{self, Metadata, Origin};
use trainer::import::{self, ImportArgs};
use trainer::weights::Weights;

fn community() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/community")
}

/// Files, and the names of their models in `expected.safetensors`.
const FILES: [(&str, &str); 8] = [
    ("realesr-general-x4.pth", "realesr-general-x4"),
    (
        "realesr-animevideov3-x4.safetensors",
        "realesr-animevideov3-x4",
    ),
    ("realesrgan-x4-anime-6b.pth", "realesrgan-x4-anime-6b"),
    ("esrgan-old-names-x4-f16.pth", "realesrgan-x4-anime-6b"),
    ("span-x2-ch48.safetensors", "span-x2-ch48"),
    ("span-x4-ch48.pth", "span-x4-ch48"),
    ("realesr-general-x4.onnx", "realesr-general-x4"),
    ("span-x4-ch48.onnx", "span-x4-ch48"),
];

/// Largest difference from PyTorch before rounding.
const ALLOWED: f32 = 1e-3;

/// A tensor of `expected.safetensors` as an image.
fn expected(name: &str) -> Planes {
    let weights = Weights::open(&community().join("expected.safetensors")).unwrap();
    let tensor = weights.tensor::<4>(name, &Device::flex()).unwrap();
    let [_, channels, height, width] = tensor.dims();
    Planes {
        channels,
        width,
        height,
        data: tensor.into_data().try_into_vec().unwrap(),
    }
}

fn difference(found: &Planes, expected: &Planes) -> f32 {
    engine::largest_difference(found, expected)
}

/// Every engine computes what PyTorch does, from the file and from the model file that is made of it.
fn check(file: &str, model: &str) {
    let device = Device::flex();
    let imported = import::open(&community().join(file), &ImportOptions::default()).unwrap();
    let network = imported.network(&device);
    let plan = network.plan().unwrap();
    let gpu = pollster::block_on(Gpu::open(true));
    for size in ["64x64", "61x47"] {
        let input = expected(&format!("input_{size}"));
        let expected = expected(&format!("{model}.{size}"));
        let mut engines: Vec<(String, Box<dyn FnMut() -> Planes>)> = Vec::new();
        for isa in Isa::available() {
            let mut engine = CpuEngine::with_isa(&plan, 2, isa);
            let input = input.clone();
            let run = move || pollster::block_on(engine.run(input.clone())).unwrap();
            engines.push((isa.name().into(), Box::new(run)));
        }
        match &gpu {
            Ok(gpu) => {
                let engine = WebGpuEngine::new(gpu, &plan, false);
                let mut engine = pollster::block_on(engine).unwrap();
                let input = input.clone();
                let run = move || pollster::block_on(engine.run(input.clone())).unwrap();
                engines.push(("webgpu".into(), Box::new(run)));
            }
            Err(error) => println!("NOT RUN: {error}"),
        }
        let shape = [1, input.channels, input.height, input.width];
        let data = TensorData::new(input.data.clone(), shape);
        let by_burn = network.forward(Tensor::from_data(data, &device));
        let mut by_burn = Some(Planes {
            data: by_burn.into_data().try_into_vec().unwrap(),
            ..expected.clone()
        });
        engines.push(("burn".into(), Box::new(move || by_burn.take().unwrap())));
        for (name, run) in &mut engines {
            let apart = difference(&run(), &expected);
            println!("{file}, {size}, {name}: {apart:.2e}");
            assert!(apart <= ALLOWED, "{file}, {size}, {name}: {apart}");
        }
    }
}

#[test]
fn compact_computes_what_pytorch_does() {
    for (file, model) in &FILES[..2] {
        check(file, model);
    }
}

#[test]
fn rrdb_computes_what_pytorch_does_under_new_and_old_names() {
    for (file, model) in &FILES[2..4] {
        check(file, model);
    }
}

#[test]
fn span_computes_what_pytorch_does() {
    for (file, model) in &FILES[4..6] {
        check(file, model);
    }
}

#[test]
fn onnx_files_compute_what_pytorch_does() {
    for (file, model) in &FILES[6..] {
        check(file, model);
    }
}

/// The model file holds weights in half precision; what that changes is less than a step of 8 bits.
#[test]
fn half_precision_changes_less_than_a_step_of_8_bits() {
    let device = Device::flex();
    for (file, model) in FILES {
        let imported = import::open(&community().join(file), &ImportOptions::default()).unwrap();
        let bytes = imported.record(About::default(), &device).unwrap();
        let (network, _) = record::read(&bytes, &device).unwrap();
        let mut engine = CpuEngine::new(&network.plan().unwrap(), 2);
        let found = pollster::block_on(engine.run(expected("input_64x64"))).unwrap();
        let apart = difference(&found, &expected(&format!("{model}.64x64")));
        println!("{file}, from its model file: {apart:.2e}");
        assert!(apart <= 1.0 / 255.0, "{file}: {apart}");
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// Small networks of each kind that is imported.
const NETWORKS: [&str; 5] = [
    r#"{ "kind": "compact", "scale": 2, "width": 5, "depth": 2 }"#,
    r#"{ "kind": "rrdb", "scale": 2, "width": 4, "growth": 3, "blocks": 1, "unshuffle": 2 }"#,
    r#"{ "kind": "rrdb", "scale": 8, "width": 4, "growth": 3, "blocks": 1 }"#,
    r#"{ "kind": "span", "scale": 3, "width": 4 }"#,
    r#"{ "kind": "compact", "scale": 1, "width": 4, "depth": 1, "colour": "y" }"#,
];

/// Networks that ONNX files alone can hold.
const MORE_NETWORKS: [&str; 6] = [
    r#"{ "kind": "srresnet", "scale": 4, "width": 4, "blocks": 1 }"#,
    r#"{ "kind": "espcn", "scale": 3, "colour": "rgb", "maps": [4, 3] }"#,
    r#"{ "kind": "fsrcnn", "scale": 2, "colour": "rgb", "wide": 4, "narrow": 3, "depth": 1 }"#,
    r#"{ "kind": "hourglass", "scale": 2, "width": 3, "colour": "rgb" }"#,
    r#"{ "kind": "dbpn", "scale": 2, "features": 4, "width": 3, "stages": 2 }"#,
    r#"{ "kind": "lapsrn", "scale": 4, "width": 4, "depth": 1, "colour": "rgb" }"#,
];

/// A network with random weights, and its metadata.
fn random_network(config: &str) -> (Network, Metadata) {
    let device = Device::flex();
    let network: NetworkConfig = serde_json::from_str(config).unwrap();
    let metadata = Metadata {
        format: record::FORMAT,
        name: "random".into(),
        degradation: "none".into(),
        parameters: network.parameters(&device),
        origin: Origin::default(),
        scores: Vec::new(),
        network: network.clone(),
    };
    let folded = network.fold(&network.init_training(5, &device));
    (folded, metadata)
}

fn results(network: &Network, channels: usize) -> Planes {
    let data = (0..channels * 24 * 12).map(|i| 0.5 + 0.4 * (i as f32 * 0.7).sin());
    let input = Planes {
        channels,
        width: 24,
        height: 12,
        data: data.collect(),
    };
    let mut engine = CpuEngine::new(&network.plan().unwrap(), 1);
    pollster::block_on(engine.run(input)).unwrap()
}

#[test]
fn exported_files_are_imported_as_the_same_network() {
    let device = Device::flex();
    let options = ImportOptions::default();
    let by_names = NETWORKS.map(|config| (config, true));
    let by_steps = MORE_NETWORKS.map(|config| (config, false));
    for (config, has_names) in by_names.into_iter().chain(by_steps) {
        let (network, metadata) = random_network(config);
        let channels = metadata.network.spec().colour.channels();
        let expected = results(&network, channels);
        if has_names {
            let file = export::safetensors(&network, &metadata).unwrap();
            let imported = model::import::import(&file, &options, &device).unwrap();
            assert_eq!(imported.config, metadata.network);
            let found = results(&imported.network(&device), channels);
            let apart = difference(&found, &expected);
            assert!(apart < 1e-5, "{config}, safetensors: {apart}");
        }
        // Around a network on luma, an ONNX file has its colour conversion.
        if channels == 3 {
            let file = export::onnx(&network, &metadata).unwrap();
            let imported = model::import::import(&file, &options, &device).unwrap();
            assert_eq!(imported.config.kind(), "graph");
            assert_eq!(imported.config.spec(), metadata.network.spec());
            let found = results(&imported.network(&device), channels);
            let apart = difference(&found, &expected);
            assert!(apart < 1e-5, "{config}, ONNX: {apart}");
        }
    }
}

#[test]
fn small_files_of_pytorch_are_imported() {
    for file in ["compact.pth", "compact-legacy.pth"] {
        let imported = import::open(&fixture(file), &ImportOptions::default()).unwrap();
        let expected = r#"{ "kind": "compact", "scale": 2, "width": 4, "depth": 1 }"#;
        let expected: NetworkConfig = serde_json::from_str(expected).unwrap();
        assert_eq!(imported.config, expected, "{file}");
    }
}

fn arguments(file: &str, out: &Path) -> ImportArgs {
    ImportArgs {
        file: community().join(file),
        out: Some(out.to_path_buf()),
        name: None,
        licence: Some("BSD-3-Clause".into()),
        credit: Some("somebody".into()),
        mean: Vec::new(),
        range: None,
        activation: None,
    }
}

#[test]
fn a_model_file_says_where_it_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("m.bpk");
    import::run(&arguments("realesr-animevideov3-x4.safetensors", &out)).unwrap();
    let bytes = std::fs::read(&out).unwrap();
    let (network, metadata) = record::read(&bytes, &Device::flex()).unwrap();
    assert_eq!(metadata.name, "realesr-animevideov3-x4");
    assert_eq!(metadata.parameters, 621_424);
    let origin = metadata.origin.imported.unwrap();
    assert_eq!(origin.file, "realesr-animevideov3-x4.safetensors");
    assert_eq!(origin.sha256.len(), 64);
    assert_eq!(origin.licence.as_deref(), Some("BSD-3-Clause"));
    assert_eq!(origin.credit.as_deref(), Some("somebody"));
    assert!(network.plan().is_ok());
}

#[test]
fn other_networks_are_refused_by_what_they_hold() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("m.bpk");
    let error = import::run(&arguments("ffdnet-color-legacy-pickle.pth", &out)).unwrap_err();
    let text = format!("{error:#}");
    for words in [
        "is not known",
        "FFDNet",
        "model.0.bias",
        "Known are compact",
    ] {
        assert!(text.contains(words), "{words:?} is missing in {text:?}");
    }
    assert!(!out.exists());
}

/// The message of importing these bytes.
fn refusal(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("w.pth"), folder.path().join("m.bpk"));
    std::fs::write(&file, bytes).unwrap();
    let arguments = ImportArgs {
        file,
        ..arguments("", &out)
    };
    let error = import::run(&arguments).unwrap_err();
    assert!(!out.exists());
    format!("{error:#}")
}

#[test]
fn a_pickle_that_calls_a_program_is_refused_and_calls_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("ran");
    // os.system("touch …"), by itself and beside a tensor's name.
    let call = format!("cos\nsystem\n(S'touch {}'\ntR", trace.display());
    for pickle in [format!("{call}."), format!("(dS'params'\n{call}s.")] {
        refusal(pickle.as_bytes());
        assert!(!trace.exists());
    }
}

#[test]
fn damaged_files_are_refused() {
    for file in ["span-x4-ch48.pth", "realesr-animevideov3-x4.safetensors"] {
        let bytes = std::fs::read(community().join(file)).unwrap();
        for length in [0, 1, 9, 100, bytes.len() / 2, bytes.len() - 1] {
            let text = refusal(&bytes[..length]);
            assert!(
                text.contains("complete") || text.contains("damaged"),
                "{length}: {text}"
            );
        }
    }
}
