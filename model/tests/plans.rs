//! Every network has a graph, and its plan computes the same as its module.

mod common;

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor, TensorData};
use common::{config, network, noise, record};
use engine::container::{File, PlanError};
use engine::conv::Isa;
use engine::graph::{Builder, Interpolation, text};
use engine::image::{Channels, Image, Planes};
use engine::pipeline::{Options, tiling, upscale};
use engine::{CpuEngine, Engine};
use model::burn_engine::BurnEngine;
use model::network::{Network, NetworkConfig};

/// Every network in small sizes, some with odd numbers of maps.
const NETWORKS: [&str; 49] = [
    r#"{ "kind": "plain", "scale": 2, "width": 16, "depth": 5, "ends_px": 5, "long_skip": true }"#,
    r#"{ "kind": "plain", "scale": 2, "width": 7, "depth": 2, "ends_px": 5, "long_skip": true }"#,
    r#"{ "kind": "plain", "scale": 3, "width": 4, "depth": 1, "skip": "bicubic" }"#,
    r#"{ "kind": "plain", "scale": 4, "colour": "rgb", "width": 5, "depth": 0, "skip": "none" }"#,
    r#"{ "kind": "plain", "scale": 2, "colour": "rgb", "width": 5, "depth": 1, "skip": "bicubic" }"#,
    r#"{ "kind": "plain", "scale": 3, "colour": "rgb", "width": 17, "depth": 1, "expansion": 20 }"#,
    r#"{ "kind": "plain", "scale": 2, "width": 3, "depth": 0, "long_skip": true }"#,
    r#"{ "kind": "plain", "scale": 2, "colour": "rgb", "width": 5, "depth": 1, "unshuffle": 2, "long_skip": true }"#,
    r#"{ "kind": "plain", "scale": 1, "width": 4, "depth": 1, "unshuffle": 4, "expansion": 6 }"#,
    r#"{ "kind": "srcnn", "scale": 3, "maps": [6, 5] }"#,
    r#"{ "kind": "srcnn", "scale": 2, "maps": [6, 5], "colour": "rgb", "kernels_px": [3, 5, 3] }"#,
    r#"{ "kind": "srcnn", "scale": 2, "maps": [6, 5, 4], "kernels_px": [5, 1, 1, 3], "padding": "zeros" }"#,
    r#"{ "kind": "fsrcnn", "scale": 2, "wide": 6, "narrow": 4, "depth": 2 }"#,
    r#"{ "kind": "fsrcnn", "scale": 3, "wide": 5, "narrow": 3, "depth": 2, "colour": "rgb" }"#,
    r#"{ "kind": "fsrcnn", "scale": 4, "wide": 5, "narrow": 3, "depth": 0 }"#,
    r#"{ "kind": "espcn", "scale": 4, "maps": [7, 5] }"#,
    r#"{ "kind": "srresnet", "scale": 4, "width": 6, "blocks": 2 }"#,
    r#"{ "kind": "srresnet", "scale": 3, "width": 5, "blocks": 1, "colour": "y" }"#,
    r#"{ "kind": "lapsrn", "scale": 2, "width": 5, "depth": 2 }"#,
    r#"{ "kind": "lapsrn", "scale": 8, "width": 3, "depth": 1, "colour": "rgb" }"#,
    r#"{ "kind": "residualdense", "scale": 2, "width": 5, "growth": 3, "blocks": 2, "dilations": [1, 2], "windows_px": [] }"#,
    r#"{ "kind": "residualdense", "scale": 4, "width": 3, "growth": 3, "blocks": 0, "windows_px": [] }"#,
    r#"{ "kind": "autoencoder", "maps": [4, 3] }"#,
    r#"{ "kind": "hourglass", "scale": 2, "width": 3, "levels": 1, "stacks": 2 }"#,
    r#"{ "kind": "hourglass", "scale": 3, "width": 4, "levels": 2, "stacks": 1, "colour": "rgb" }"#,
    r#"{ "kind": "dbpn", "scale": 2, "features": 6, "width": 4, "stages": 3 }"#,
    r#"{ "kind": "dbpn", "scale": 3, "features": 4, "width": 4, "stages": 2, "colour": "y" }"#,
    r#"{ "kind": "dbpn", "scale": 4, "features": 4, "width": 3, "stages": 1 }"#,
    r#"{ "kind": "residualdense", "scale": 2, "width": 5, "growth": 3, "blocks": 1 }"#,
    r#"{ "kind": "compact", "scale": 4, "width": 7, "depth": 2 }"#,
    r#"{ "kind": "compact", "scale": 1, "width": 5, "depth": 1, "activation": "relu" }"#,
    r#"{ "kind": "compact", "scale": 3, "width": 4, "depth": 0, "activation": "leakyrelu", "colour": "y" }"#,
    r#"{ "kind": "rrdb", "scale": 4, "width": 5, "growth": 3, "blocks": 2 }"#,
    r#"{ "kind": "rrdb", "scale": 1, "width": 4, "growth": 2, "blocks": 1 }"#,
    r#"{ "kind": "rrdb", "scale": 1, "width": 4, "growth": 2, "blocks": 1, "unshuffle": 4 }"#,
    r#"{ "kind": "rrdb", "scale": 2, "width": 4, "growth": 2, "blocks": 1, "unshuffle": 2 }"#,
    r#"{ "kind": "rrdb", "scale": 3, "width": 3, "growth": 2, "blocks": 1 }"#,
    r#"{ "kind": "rrdb", "scale": 8, "width": 3, "growth": 2, "blocks": 1 }"#,
    r#"{ "kind": "span", "scale": 2, "width": 6 }"#,
    r#"{ "kind": "span", "scale": 1, "width": 5 }"#,
    r#"{ "kind": "plain", "scale": 1, "width": 4, "depth": 1, "skip": "bicubic" }"#,
    r#"{ "kind": "plain", "scale": 1, "colour": "rgb", "width": 4, "depth": 1 }"#,
    r#"{ "kind": "srcnn", "scale": 1, "maps": [4, 3] }"#,
    r#"{ "kind": "fsrcnn", "scale": 1, "wide": 5, "narrow": 3, "depth": 1 }"#,
    r#"{ "kind": "espcn", "scale": 1, "maps": [4, 3] }"#,
    r#"{ "kind": "srresnet", "scale": 1, "width": 4, "blocks": 1 }"#,
    r#"{ "kind": "residualdense", "scale": 1, "width": 4, "growth": 3, "blocks": 1 }"#,
    r#"{ "kind": "graph", "steps": "uprez-plan 2\nspec scale=2 colour=rgb input=small channels=3\nconv input=0 weight=a:6,3,3,3 bias=b:6 prelu=c:6\nconv input=1 weight=d:6,1,3,3 groups=6 dilation=2\nactivate input=2 then=sigmoid\nproduct a=1 b=3 factor=3f000000\nconcat inputs=4,2\nconv input=5 weight=e:12,12,1,1 bias=f:12 then=silu add=5\nshuffle input=6 scale=2 skip=0\n" }"#,
    r#"{ "kind": "graph", "steps": "uprez-plan 2\nspec scale=1 colour=y input=small channels=1\nalign input=0 multiple=2\nunshuffle input=1 scale=2\npad input=2 margin=1 border=replicate\nconv input=3 weight=a:4,4,3,3 padding=valid leaky=3e4ccccd\nmean input=4 window=3\nsum terms=4,5:bf000000 constant=3dcccccd\nshuffle input=6 scale=2\nrepeat input=7 scale=2\nunshuffle input=8 scale=2\nconv input=9 weight=b:1,4,1,1\ncrop input=10 scale=1\n" }"#,
];

/// One pixel, one row, one column, and sizes around the lengths of vectors, bands and blocks.
const SIZES: [(usize, usize); 8] = [
    (1, 1),
    (9, 1),
    (1, 11),
    (2, 3),
    (16, 8),
    (33, 17),
    (50, 12),
    (101, 26),
];

fn waves(channels: usize, (width, height): (usize, usize)) -> Planes {
    let values = 0..channels * width * height;
    Planes {
        channels,
        width,
        height,
        data: values
            .map(|i| 0.5 + 0.4 * ((i * i) as f32 * 0.013).sin())
            .collect(),
    }
}

fn by_module(network: &Network, input: &Planes) -> Planes {
    let shape = [1, input.channels, input.height, input.width];
    let data = TensorData::new(input.data.clone(), shape);
    let y = network.forward(Tensor::from_data(data, &Device::flex()));
    let [_, channels, height, width] = y.dims();
    Planes {
        channels,
        width,
        height,
        data: y.into_data().try_into_vec().unwrap(),
    }
}

fn by_plan(engine: &mut impl Engine, input: &Planes) -> Planes {
    pollster::block_on(engine.run(input.clone())).unwrap()
}

/// Largest difference, relative to the largest value.
fn difference(found: &Planes, expected: &Planes) -> f32 {
    assert_eq!(
        (found.channels, found.width, found.height),
        (expected.channels, expected.width, expected.height)
    );
    let largest = expected.data.iter().fold(1f32, |a, b| a.max(b.abs()));
    let pairs = found.data.iter().zip(&expected.data);
    pairs.fold(0f32, |worst, (a, b)| {
        // NaN counts as an infinite difference.
        worst.max(if a.is_finite() {
            (a - b).abs()
        } else {
            f32::INFINITY
        })
    }) / largest
}

#[test]
fn plans_compute_what_modules_compute() {
    for text in NETWORKS {
        let config = config(text);
        let network = network(&config);
        let plan = network.plan().unwrap();
        assert_eq!(plan.input().channels, config.spec().colour.channels());
        for isa in Isa::available() {
            for threads in [1, 3] {
                let mut engine = CpuEngine::with_isa(&plan, threads, isa);
                for size in SIZES {
                    let input = waves(plan.input().channels, size);
                    let found = by_plan(&mut engine, &input);
                    let apart = difference(&found, &by_module(&network, &input));
                    assert!(apart < 2e-5, "{text} at {size:?} on {isa:?}: {apart}");
                }
            }
        }
    }
}

/// Like in a page: the plan is read from the record.
#[test]
fn a_records_plan_is_its_networks() {
    for text in NETWORKS {
        let config = config(text);
        let bytes = record(&config);
        let (network, metadata) = model::record::read(&bytes, &Device::flex()).unwrap();
        for scale in config.scales() {
            let network = match scale == config.spec().scale {
                true => network.clone(),
                false => {
                    model::record::read_at(&bytes, Some(scale), &Device::flex())
                        .unwrap()
                        .0
                }
            };
            let file = File::open(&bytes).unwrap();
            assert_eq!(file.scales(), config.scales());
            let (plan, spec) = file.plan(Some(scale)).unwrap();
            assert_eq!(plan, network.plan().unwrap(), "{text}");
            assert_eq!(spec, metadata.network.with_scale(scale).unwrap().spec());
        }
        let unknown = File::open(&bytes).unwrap().plan(Some(5)).unwrap_err();
        assert!(matches!(unknown, PlanError::Scale(_)), "{unknown}");
    }
}

#[test]
fn plans_survive_being_text_and_nonsense_is_refused() {
    for text in NETWORKS {
        let config = config(text);
        let graph = network(&config).graph().unwrap();
        let written = text::write(&graph, &config.spec());
        assert_eq!(text::read(&written).unwrap(), (graph, config.spec()));
        // Omits each word and replaces each number: reading may fail, but must not panic.
        for (start, word) in words(&written) {
            let with = |replacement: &str| {
                let (before, after) = (&written[..start], &written[start + word.len()..]);
                text::read(&format!("{before}{replacement}{after}"))
            };
            let optional = [
                "skip=",
                "add=",
                "then=",
                "prelu=",
                "leaky=",
                "bias=",
                "dilation=",
                "constant=",
            ];
            if with("").is_ok() {
                let told = optional.iter().any(|name| word.starts_with(name));
                assert!(told || word.starts_with("padding="), "{word} of {written}");
            }
            let name = word.split_once('=').map_or(word, |(name, _)| name);
            for value in [
                "",
                "0",
                "-1",
                "99999999999999999999",
                "7,7",
                "x:0,0,0,0",
                "x:9,9,2,2",
            ] {
                let _ = with(&format!("{name}={value}"));
            }
        }
    }
    for nonsense in [
        "",
        "uprez-plan 3",
        "uprez-plan 1",
        "uprez-plan 1\nspec",
        "\0\n\n",
    ] {
        assert!(text::read(nonsense).is_err(), "{nonsense}");
    }
}

fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let start = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
    text.split_whitespace().map(move |word| (start(word), word))
}

#[test]
fn threads_change_nothing() {
    for text in NETWORKS {
        let plan = network(&config(text)).plan().unwrap();
        let input = waves(plan.input().channels, (150, 21));
        let run = |threads| by_plan(&mut CpuEngine::new(&plan, threads), &input);
        let one = run(1);
        assert!(one == run(2) && one == run(4), "{text}");
    }
}

fn upscaled(
    engine: &mut impl Engine,
    config: &NetworkConfig,
    image: &Image,
    tile_px: Option<usize>,
) -> Image {
    let watch = |_| ControlFlow::Continue(());
    let options = Options { tile_px };
    pollster::block_on(upscale(engine, &config.spec(), image, &options, watch)).unwrap()
}

#[test]
fn tiles_of_any_size_give_the_same_bytes_and_those_of_burn_within_one_step() {
    for text in NETWORKS {
        let config = config(text);
        let network = network(&config);
        let plan = network.plan().unwrap();
        let mut burn = BurnEngine::new(network, Device::flex(), "burn");
        for isa in Isa::available() {
            let mut engine = CpuEngine::with_isa(&plan, 1, isa);
            for (width, height, channels) in [
                (67, 43, Channels::Rgba),
                (1, 1, Channels::Rgb),
                (1, 40, Channels::Grey),
                (18, 2, Channels::GreyAlpha),
            ] {
                let image = noise(width, height, channels);
                let whole = upscaled(&mut engine, &config, &image, Some(1000));
                let expected = upscaled(&mut burn, &config, &image, Some(1000));
                let pairs = whole.data.iter().zip(&expected.data);
                let apart = pairs.map(|(a, b)| a.abs_diff(*b)).max();
                assert!(apart <= Some(1), "{text} on {isa:?}: {apart:?}");
                for tile_px in [None, Some(1), Some(6), Some(16), Some(31)] {
                    let tiled = upscaled(&mut engine, &config, &image, tile_px);
                    let same = tiled == whole;
                    assert!(same, "{text}, {width}×{height}, {tile_px:?} on {isa:?}");
                }
            }
        }
    }
}

#[test]
fn every_worker_has_a_tile_and_no_tile_is_mostly_halo() {
    let fast = config(NETWORKS[0]);
    let engine = CpuEngine::new(&network(&fast).plan().unwrap(), 1);
    let (spec, grid) = (fast.spec(), engine.grid());
    for (whole, workers) in [
        ([256, 256], 2),
        ([1024, 1024], 3),
        ([5000, 3000], 8),
        ([900, 70], 4),
    ] {
        let tiles = tiling(&spec, &grid, whole, &Options::default(), workers);
        assert!(tiles.len() >= workers, "{whole:?}: {} tiles", tiles.len());
        let area = |sides: [usize; 2]| sides[0] * sides[1];
        let padded: usize = tiles
            .iter()
            .map(|t| area([t.padded.width, t.padded.height]))
            .sum();
        let waste = padded as f64 / area(whole) as f64 - 1.0;
        // Small images are split among all workers in spite of the waste.
        if area(whole) > 1_000_000 {
            assert!(waste < 0.1, "{whole:?}: {waste}");
        }
    }
}

#[test]
fn a_network_in_training_has_no_graph() {
    let text = r#"{ "kind": "plain", "scale": 2, "width": 7, "depth": 2, "expansion": 8 }"#;
    let unfolded = config(text).init_training(1, &Device::flex());
    let error = unfolded.plan().unwrap_err().to_string();
    assert!(error.contains("fold it"), "{error}");
}

#[test]
fn interpolations_are_matlabs() {
    use engine::image::resize::{Method, resize};
    for (interpolation, method) in [
        (Interpolation::Nearest, Method::Nearest),
        (Interpolation::Bilinear, Method::Bilinear),
        (Interpolation::Bicubic, Method::Bicubic),
    ] {
        for scale in 2..=4 {
            for (width, height) in [(1, 1), (2, 7), (23, 10)] {
                let mut builder = Builder::new(2);
                builder.enlarge(0, scale, interpolation).unwrap();
                let plan = builder.finish().unwrap().compile(|_| None).unwrap();
                let input = waves(2, (width, height));
                let found = by_plan(&mut CpuEngine::new(&plan, 1), &input);
                let expected = resize(&input, width * scale, height * scale, method);
                let apart = difference(&found, &expected);
                assert!(apart < 1e-6, "{interpolation:?} ×{scale}: {apart}");
            }
        }
    }
}
