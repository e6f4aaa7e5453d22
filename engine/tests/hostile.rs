//! Model files and graphs designed to crash, to hang or to exhaust memory: each is refused with a specific error.

use std::fmt::Write;

use engine::container::{DESCRIPTION, File, FileError, GRAPH, PlanError};
use engine::graph::{
    Builder, CompileError, ConvOptions, Graph, Kernel, Parameter, Term, text, text::TextError,
};
use engine::image::Planes;
use engine::{CpuEngine, Engine, EngineError};

#[path = "../../tests/src/fuzz/record_file.rs"]
mod record_file;

use record_file::Parts;

const SHIPPED: &[u8] = include_bytes!("../../www/models/fast-x2.bpk");

/// Limit of the weights of a plan, in bytes.
const LIMIT: u64 = 64 << 20;

fn parts() -> Parts {
    Parts::of(SHIPPED).unwrap()
}

fn file_error(parts: &Parts) -> String {
    let bytes = parts.bytes();
    match File::open(&bytes).and_then(|file| file.parameters()) {
        Ok(_) => panic!("it was read"),
        Err(error) => error.to_string(),
    }
}

/// Text of a graph whose input and output are luma.
fn luma(scale: usize, lines: &str) -> String {
    format!("uprez-plan 2\nspec scale={scale} colour=y input=small channels=1\n{lines}")
}

fn read(scale: usize, lines: &str) -> Result<Graph, TextError> {
    text::read(&luma(scale, lines)).map(|(graph, _)| graph)
}

fn text_error(lines: &str) -> String {
    read(1, lines).unwrap_err().to_string()
}

/// Runs a graph, with `weight` as the value of every parameter, on a tiny image.
fn run(graph: &Graph, weight: &[f32]) -> Result<Planes, EngineError> {
    let plan = graph.compile_within(LIMIT, |_| Some(weight)).unwrap();
    let image = Planes {
        channels: 1,
        width: 3,
        height: 2,
        data: vec![0.5; 6],
    };
    pollster::block_on(CpuEngine::new(&plan, 2).run(image))
}

#[test]
fn a_file_in_parts_is_the_same_file() {
    let bytes = parts().bytes();
    let (again, original) = (File::open(&bytes).unwrap(), File::open(SHIPPED).unwrap());
    assert_eq!(again.parameters(), original.parameters());
    assert_eq!(again.plan(None), original.plan(None));
}

#[test]
fn parameters_that_share_bytes_are_refused() {
    let mut aliases = parts();
    // Every parameter refers to the bytes of the largest one.
    let largest = aliases.tensors.iter().map(|tensor| tensor.range);
    let largest = largest.max_by_key(|[start, end]| end - start).unwrap();
    for tensor in &mut aliases.tensors {
        tensor.range = largest;
    }
    let error = file_error(&aliases);
    assert!(error.contains("overlaps another one"), "{error}");

    let mut touching = parts();
    touching.tensors[1].range[0] -= 4;
    let error = file_error(&touching);
    assert!(error.contains(&touching.tensors[1].name), "{error}");
}

#[test]
fn parameters_outside_the_file_are_refused() {
    let end = parts().data.len() as u64;
    for range in [
        [0, end + 1],
        [end, end + 4],
        [4, 0],
        [u64::MAX - 4, u64::MAX],
        [1 << 40, 1 << 41],
    ] {
        let mut outside = parts();
        outside.tensors[0].range = range;
        let error = file_error(&outside);
        let name = &outside.tensors[0].name;
        assert!(
            error.contains(name.as_str()) && error.contains("does not lie in it"),
            "{error}"
        );
    }
}

#[test]
fn a_parameter_is_as_long_as_its_shape_says() {
    for shape in [vec![u64::MAX, u64::MAX], vec![1 << 32, 1 << 32], vec![3]] {
        let mut long = parts();
        long.tensors[0].shape = shape;
        let error = file_error(&long);
        assert!(error.contains(&long.tensors[0].name), "{error}");
    }
}

#[test]
fn two_parameters_of_one_name_are_refused() {
    let mut twice = parts();
    twice.tensors[2].name = twice.tensors[1].name.clone();
    let error = file_error(&twice);
    assert!(
        error.contains(&format!("`{}` is in it twice", twice.tensors[1].name)),
        "{error}"
    );
}

/// Sizes larger than the file are refused before memory is allocated for them.
#[test]
fn claims_of_the_list_of_contents_are_not_believed() {
    // An array, a map, a text and nested arrays, each with 2^63 elements.
    for claim in [
        &b"\x9b\x80\0\0\0\0\0\0\0"[..],
        b"\xbb\x80\0\0\0\0\0\0\0",
        b"\x7b\x80\0\0\0\0\0\0\0",
        &[0x9f; 100_000],
    ] {
        for key in [
            &b"\xa1\x67tensors\xa1\x61a\xa1\x65shape"[..],
            b"\xa1\x67tensors",
            b"\xa1\x61x",
            b"",
        ] {
            let contents = [key, claim].concat();
            let mut file = b"NRUB\x01\x00".to_vec();
            file.extend((contents.len() as u32).to_le_bytes());
            file.extend(contents);
            let error = File::open(&file).unwrap_err();
            assert!(matches!(error, FileError::Damaged(_)), "{error}");
        }
    }
}

/// A file of a few kilobytes whose graph uses its largest weight a thousand times.
#[test]
fn a_weight_that_many_steps_name_is_counted_each_time() {
    let mut lines = String::from("conv input=0 weight=first:64,1,1,1\n");
    for value in 1..1000 {
        let _ = writeln!(lines, "conv input={value} weight=body:64,64,3,3");
    }
    let _ = writeln!(lines, "conv input=1000 weight=last:1,64,1,1");
    let graph = read(1, &lines).unwrap();
    let error = graph
        .compile_within(LIMIT, |_| panic!("nothing is looked up"))
        .unwrap_err();
    // Each convolution takes 64 · 64 · 36 values and 128 more: 590 336 bytes.
    assert!(
        matches!(
            error,
            CompileError::Budget {
                step: 115,
                kind: "conv",
                needed: 64,
                limit: 64
            }
        ),
        "{error}"
    );
    assert!(
        error.to_string().starts_with("step 115 (conv): "),
        "{error}"
    );
}

#[test]
fn enlargements_and_strides_that_expand_are_counted() {
    // Each phase of the enlargement has its own taps: 16² · 25 values per channel.
    let wide = "conv input=0 weight=a:60,1,1,1\n\
        pad input=1 margin=2 border=symmetric\n\
        enlarge input=2 channels=60 scale=16 interpolation=bicubic padding=valid\n\
        conv input=3 weight=b:1,15360,1,1\n";
    let graph = read(1, wide).unwrap();
    let error = graph.compile_within(1 << 20, |_| None).unwrap_err();
    assert!(
        matches!(error, CompileError::Budget { step: 3, .. }),
        "{error}"
    );

    // A kernel of 2×2 taps becomes one of 3×3 in each of 16² phases, for which Winograd stores 36 values.
    let strided = "unshuffle input=0 scale=16\n\
        conv input=1 weight=a:4000,1,2,2 strided=16,1\n\
        conv input=2 weight=b:256,4000,1,1\n\
        shuffle input=3 scale=16\n\
        crop input=4 scale=1\n";
    let graph = read(1, strided).unwrap();
    let error = graph.compile_within(LIMIT, |_| None).unwrap_err();
    assert!(
        matches!(
            error,
            CompileError::Budget {
                step: 2,
                needed: 140,
                ..
            }
        ),
        "{error}"
    );
    // With more padding, some output pixels would not depend on the image at all.
    assert_eq!(
        text_error("conv input=0 weight=a:1,1,1,1 strided=1,1"),
        "step 1 (conv a): its padding is 1 px, but has to be less than its kernel's 1 px"
    );
    let error = text_error("enlarge input=0 channels=1 scale=17 interpolation=bilinear\n");
    assert_eq!(
        error,
        "step 1 (conv): its factor is 17, but 1 to 16 are allowed"
    );
}

/// A dilation costs border pixels instead of weights, so the reach of a network is limited.
#[test]
fn networks_that_see_too_far_are_refused() {
    let layer = "weight=a:1,1,63,63 dilation=63";
    let one = read(1, &format!("conv input=0 {layer}\n")).unwrap();
    let weight = vec![0.0; 63 * 63];
    assert_eq!(run(&one, &weight).unwrap().data, [0.0; 6]);
    let lines = (0..4000).map(|value| format!("conv input={value} {layer}\n"));
    let error = text_error(&lines.collect::<String>());
    assert!(
        error.starts_with("step 4000 (conv a): ") && error.contains("farther away than 2048 px"),
        "{error}"
    );
    let error = text_error("conv input=0 weight=a:1,1,3,3 dilation=64\n");
    assert_eq!(
        error,
        "step 1 (conv a): its dilation is 64, but 1 to 63 are allowed"
    );
}

/// Tiles would have to start at multiples of 16·15·13·11 px to fit all sizes of the graph.
#[test]
fn sizes_that_no_tile_suits_are_refused() {
    let lines = |factors: &[usize]| {
        let mut lines = String::new();
        for (i, factor) in factors.iter().enumerate() {
            let value = 3 * i;
            let _ = writeln!(lines, "unshuffle input={value} scale={factor}");
            let _ = writeln!(lines, "shuffle input={} scale={factor}", value + 1);
            let _ = writeln!(lines, "crop input={} scale=1", value + 2);
        }
        lines
    };
    let graph = read(1, &lines(&[16, 15, 13])).unwrap();
    assert_eq!(run(&graph, &[]).unwrap().data, [0.5; 6]);
    assert_eq!(
        text_error(&lines(&[16, 15, 13, 11])),
        "step 10 (unshuffle): tiles would have to begin at multiples of 34320 px, at most 4096 are allowed"
    );
}

/// Each concatenation doubles the channels; the limit is 2^14.
#[test]
fn concatenations_that_double_are_refused() {
    let lines = (0..4096).map(|value| format!("concat inputs={value},{value}\n"));
    let error = text_error(&lines.collect::<String>());
    assert_eq!(
        error,
        "step 15 (concat): its number of channels is 32768, but 1 to 16384 are allowed"
    );
}

/// If thousands of steps read such a concatenation as a view, their lists of parts alone would take gigabytes.
#[test]
fn concatenations_of_too_many_parts_are_copied() {
    let mut builder = Builder::new(1);
    let mut value = builder.input();
    for _ in 0..12 {
        value = builder.concat(vec![value, value]).unwrap();
    }
    let options = ConvOptions::default;
    let mut terms = Vec::new();
    for _ in 0..50 {
        let shape = [1, 1 << 12, 1, 1];
        let conv = builder.conv(value, kernel("a", shape), options()).unwrap();
        terms.push(Term {
            value: conv,
            factor: 1.0,
        });
    }
    builder.sum(terms, 0.0).unwrap();
    let graph = builder.finish().unwrap();
    let weight = vec![1.0 / 1024.0; 1 << 12];
    let plan = graph.compile_within(LIMIT, |_| Some(&weight)).unwrap();
    assert!(plan.views().iter().all(|view| !view));
    // 50 convolutions of 2^12 channels of 0.5, with weights of 1/1024.
    assert_eq!(run(&graph, &weight).unwrap().data, [100.0; 6]);
}

/// Concatenations nested as deeply as a graph allows must not overflow the stack.
#[test]
fn concatenations_in_each_other_need_no_stack() {
    let mut lines: String = (0..4094)
        .map(|value| format!("concat inputs={value}\n"))
        .collect();
    lines += "conv input=4094 weight=a:1,1,1,1\n";
    let graph = read(1, &lines).unwrap();
    let result = std::thread::Builder::new()
        .stack_size(256 << 10)
        .spawn(move || {
            let plan = graph.compile(|_| Some(&[2.0][..])).unwrap();
            assert_eq!(plan.parts(4094, &plan.views()), [0]);
            run(&graph, &[2.0]).unwrap().data
        });
    assert_eq!(result.unwrap().join().unwrap(), [1.0; 6]);
}

fn kernel(name: &str, shape: [usize; 4]) -> Kernel {
    Kernel::Parameter {
        weight: Parameter {
            name: format!("{name}.weight"),
            shape,
        },
        form: engine::graph::Form::Plain,
        bias: None,
    }
}

/// These sizes have products that overflow 32 bits to 0 or to small numbers.
#[test]
fn channels_that_32_bits_do_not_hold_are_refused() {
    for (line, problem) in [
        (
            "conv input=0 weight=a:1,16384,1,1 groups=16384",
            "it has too many groups",
        ),
        (
            "conv input=0 weight=a:16384,16384,1,1 groups=16384 strided=16,0",
            "it has too many channels",
        ),
        (
            "conv input=0 weight=a:16384,16384,1,1 groups=16384 transposed=16,0",
            "it has too many channels",
        ),
        (
            "conv input=0 weight=a:4294967297,1,1,1",
            "its number of channels is 4294967297, but 1 to 16384 are allowed",
        ),
        (
            "conv input=0 weight=a:1,1,1,1 groups=0",
            "its number of groups is 0, but 1 to 16384 are allowed",
        ),
    ] {
        assert_eq!(text_error(line), format!("step 1 (conv a): {problem}"));
    }
    let parts = ["0"; 16385].join(",");
    assert_eq!(
        text_error(&format!("concat inputs={parts}")),
        "step 1 (concat): its number of channels is 16385, but 1 to 16384 are allowed"
    );
    let parts = ["0"; 32769].join(",");
    assert_eq!(
        text_error(&format!("concat inputs={parts}")),
        "step 1 (concat): the steps read 32769 values in all, at most 32768 are allowed"
    );
}

/// `multiple − 1` must not be computed before `multiple` is checked.
#[test]
fn a_multiple_of_zero_is_refused() {
    assert_eq!(
        text_error("align input=0 multiple=0"),
        "step 1 (align): its multiple is 0, but 1 to 64 are allowed"
    );
}

#[test]
fn thousands_of_steps_compile_and_run() {
    let sums = (0..4096).map(|value| format!("sum terms={value}:3f000000,{value}:3f000000\n"));
    let sums: String = sums.collect();
    let graph = read(1, &sums).unwrap();
    assert_eq!(graph.steps().len(), 4096);
    assert_eq!(run(&graph, &[]).unwrap().data, [0.5; 6]);
    assert_eq!(
        text_error(&format!("{sums}sum terms=4096\n")),
        "step 4097 (sum): a graph has at most 4096 steps"
    );
}

#[test]
fn steps_say_what_they_expect_and_what_they_read() {
    let lines = "conv input=0 weight=head.weight:64,1,3,3\n\
        conv input=1 weight=body.1.weight:48,64,3,3\n\
        conv input=2 weight=body.2.weight:48,48,3,3\n\
        conv input=3 weight=body.3.weight:64,64,3,3\n";
    assert_eq!(
        text_error(lines),
        "step 4 (conv body.3): expects 64 channels, reads 48"
    );
}

#[test]
fn a_graph_fits_the_line_that_describes_it() {
    let lines = "conv input=0 weight=a:4,1,3,3\nshuffle input=1 scale=2\n";
    read(2, lines).unwrap();
    for (text, problem) in [
        (luma(3, lines), "enlarges by 2, but its description says 3"),
        (
            luma(
                2,
                "conv input=0 weight=a:8,1,3,3\nshuffle input=1 scale=2\n",
            ),
            "returns channels: 2, but its description says 1",
        ),
        (
            luma(2, lines).replace("colour=y", "colour=rgb"),
            "reads channels: 1, but its description says 3",
        ),
    ] {
        let error = text::read(&text).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the model file's graph {problem}")
        );
    }
}

/// The graphs inside a file are checked as well, and a scale without a graph is an error.
#[test]
fn graphs_of_a_file_are_checked() {
    let mut wrong = parts();
    for (key, text) in &mut wrong.metadata {
        if key.starts_with(GRAPH) {
            *text = text.replace("scale=2", "scale=3");
        }
    }
    let bytes = wrong.bytes();
    let error = File::open(&bytes).unwrap().plan(None).unwrap_err();
    assert!(matches!(error, PlanError::Text(_)), "{error}");
    let error = File::open(&bytes).unwrap().plan(Some(3)).unwrap_err();
    assert!(matches!(error, PlanError::Scale(_)), "{error}");
    wrong.metadata.retain(|(key, _)| key == DESCRIPTION);
    let bytes = wrong.bytes();
    let error = File::open(&bytes).unwrap().plan(None).unwrap_err();
    assert!(matches!(error, PlanError::None), "{error}");
}
