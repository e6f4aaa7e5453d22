//! The command `digits`.

use std::path::Path;
use std::process::{Command, Output};

/// The segments of a seven-segment digit: left, top, width and height in pixels.
const SEGMENTS: [[usize; 4]; 7] = [
    [0, 0, 12, 3],
    [9, 0, 3, 10],
    [9, 9, 3, 10],
    [0, 16, 12, 3],
    [0, 9, 3, 10],
    [0, 0, 3, 10],
    [0, 8, 12, 3],
];

/// The segments of each digit, the first segment in the lowest bit.
const SHAPES: [u8; 10] = [
    0b011_1111, 0b000_0110, 0b101_1011, 0b100_1111, 0b110_0110, 0b110_1101, 0b111_1101, 0b000_0111,
    0b111_1111, 0b110_1111,
];

/// Writes IDX files of seven-segment digits at varying positions, and of their labels.
fn write(folder: &Path, name: &str, count: usize) {
    let header = |magic: u32, sides: &[u32]| {
        let fields = [&[magic, count as u32], sides].concat();
        let bytes = fields.into_iter().flat_map(u32::to_be_bytes);
        bytes.collect::<Vec<u8>>()
    };
    let mut images = header(2051, &[28, 28]);
    let mut labels = header(2049, &[]);
    for i in 0..count {
        let digit = i * 7 % 10;
        let (left, top) = (6 + i * 5 % 7, 3 + i * 3 % 5);
        let lit = (0..7).filter(|segment| SHAPES[digit] >> segment & 1 == 1);
        let lit: Vec<[usize; 4]> = lit.map(|segment| SEGMENTS[segment]).collect();
        images.extend((0..28 * 28).map(|at| {
            let (x, y) = (at % 28, at / 28);
            let inside = |[l, t, w, h]: &[usize; 4]| {
                (left + l..left + l + w).contains(&x) && (top + t..top + t + h).contains(&y)
            };
            255 * u8::from(lit.iter().any(inside))
        }));
        labels.push(digit as u8);
    }
    std::fs::write(folder.join(format!("{name}-images-idx3-ubyte")), images).unwrap();
    std::fs::write(folder.join(format!("{name}-labels-idx1-ubyte")), labels).unwrap();
}

fn digits(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trainer"))
        .args(["digits", "--devices", "cpu", "--digits", "1280", "--data"])
        .arg(folder)
        .arg("--out")
        .arg(folder.join("run"))
        .args(args)
        .output()
        .unwrap()
}

/// The second cell of each row: the number of recognised digits.
fn recognised(report: &str) -> Vec<usize> {
    let rows = report.lines().filter(|line| line.starts_with("| "));
    let cells = rows.filter_map(|row| row.split('|').nth(2)?.trim().parse().ok());
    cells.collect()
}

#[test]
fn a_classifier_is_trained_once_and_its_counts_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "train", 1280);
    write(folder, "t10k", 70);
    std::fs::create_dir(folder.join("run")).unwrap();
    std::fs::write(folder.join("run/report.md"), "# digits\n\nits own table\n").unwrap();
    let first = digits(folder, &[]);
    let text = String::from_utf8_lossy(&first.stderr).into_owned();
    assert!(first.status.success(), "{text}");
    let report = || std::fs::read_to_string(folder.join("run/report.md")).unwrap();
    let counts = recognised(&report());
    // The shipped autoencoder was trained on handwriting, so its count is not checked.
    assert!(counts.len() == 3 && counts[0] >= 69, "{counts:?}");
    assert!(report().starts_with("# digits\n\nits own table\n\n## Recognised by a classifier"));
    assert!(report().contains("1280 digits in 5 epochs"), "{}", report());

    // The second run needs no training data, and gives the same report.
    for name in ["images-idx3", "labels-idx1"] {
        std::fs::remove_file(folder.join(format!("train-{name}-ubyte"))).unwrap();
    }
    let before = report();
    assert!(digits(folder, &[]).status.success());
    assert_eq!(report(), before);

    let fails = |args: &[&str], words: &str| {
        let output = digits(folder, args);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(words), "{words:?} is missing in {text:?}");
    };
    fails(&["--epochs", "3"], "in 5 epochs");
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../www/models/fast-x2.bpk");
    fails(&["--model", model], "keeps the size");
    write(folder, "train", 40);
    let other = folder.join("other.bpk");
    fails(
        &["--classifier", other.to_str().unwrap()],
        "there are 40 digits",
    );
    std::fs::copy(
        folder.join("train-labels-idx1-ubyte"),
        folder.join("t10k-labels-idx1-ubyte"),
    )
    .unwrap();
    fails(&[], "70 digits");
    assert_eq!(report(), before);
}
