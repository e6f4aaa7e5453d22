//! Weights of other projects: `../shared/data/community` holds files, and what PyTorch computes with them.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor, TensorData};
use engine::conv::Isa;
use engine::image::Planes;
use engine::webgpu::{Gpu, WebGpuEngine};
use engine::{CpuEngine, Engine};
use model::import::ImportOptions;
use model::record;
use trainer::import::{self, ImportArgs};
use trainer::weights::Weights;

fn community() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/community")
}

/// Files, and the names of their models in `expected.safetensors`.
const FILES: [(&str, &str); 6] = [
    ("realesr-general-x4.pth", "realesr-general-x4"),
    (
        "realesr-animevideov3-x4.safetensors",
        "realesr-animevideov3-x4",
    ),
    ("realesrgan-x4-anime-6b.pth", "realesrgan-x4-anime-6b"),
    ("esrgan-old-names-x4-f16.pth", "realesrgan-x4-anime-6b"),
    ("span-x2-ch48.safetensors", "span-x2-ch48"),
    ("span-x4-ch48.pth", "span-x4-ch48"),
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
    for (file, model) in &FILES[4..] {
        check(file, model);
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
