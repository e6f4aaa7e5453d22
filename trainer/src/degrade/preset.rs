//! Degradations by name.

/// Names of the presets, and their steps as TOML.
pub(super) const PRESETS: [(&str, &str); 3] = [
    ("bicubic", "steps = []"),
    ("photo", PHOTO),
    ("real-esrgan", REAL_ESRGAN),
];

/// The steps of a preset.
pub(super) fn find(name: &str) -> Option<&'static str> {
    let found = PRESETS.iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| *text)
}

/// Photographs of the web: reduced by bicubic interpolation as a rule, rarely blurred or noisy, then compressed once or not
/// at all. A network can hardly tell which interpolation was used and learns a compromise, so that drawing other ones as
/// often would cost sharpness on bicubic images. Nearly half of the images are not compressed: with 15 % of them, the same
/// network was 0.7 dB worse on clean images, and no better on compressed ones (docs/models.md).
const PHOTO: &str = r#"
steps = [
    { kind = "blur", sigma_px = [0.2, 0.8], probability = 0.03 },
    { kind = "one_of", steps = [
        { kind = "shrink", method = "bicubic", probability = 0.92 },
        { kind = "shrink", method = ["bilinear", "box", "lanczos"], probability = 0.08 },
    ] },
    { kind = "quantise", levels = 256 },
    { kind = "one_of", probability = 0.04, steps = [
        { kind = "gaussian_noise", sigma = [1, 6] },
        { kind = "poisson_noise", scale = [0.2, 0.7] },
    ] },
    { kind = "one_of", probability = 0.55, steps = [
        { kind = "jpeg", quality = [30, 98], subsampling = ["4:2:0", "4:2:0", "4:4:4"], probability = 0.55 },
        { kind = "webp", quality = [30, 95], probability = 0.2 },
        { kind = "avif", quality = [10, 80], probability = 0.25 },
    ] },
]
"#;

/// The published degradation of Real-ESRGAN (options/train_realesrgan_x4plus.yml in its repository), whose kernels have
/// 7 to 21 pixels a side there and three standard deviations here.
const REAL_ESRGAN: &str = r#"
steps = [
    { kind = "one_of", steps = [
        { kind = "sinc", cutoff = [0.2, 1], probability = 0.1 },
        { kind = "blur", sigma_px = [0.2, 3], probability = 0.405 },
        { kind = "blur", sigma_px = [0.2, 3], other_sigma_px = [0.2, 3], angle_deg = [0, 180], probability = 0.225 },
        { kind = "blur", sigma_px = [0.2, 3], shape = "generalised", beta = [0.5, 4], probability = 0.108 },
        { kind = "blur", sigma_px = [0.2, 3], other_sigma_px = [0.2, 3], angle_deg = [0, 180], shape = "generalised", beta = [0.5, 4], probability = 0.027 },
        { kind = "blur", sigma_px = [0.2, 3], shape = "plateau", beta = [1, 2], probability = 0.108 },
        { kind = "blur", sigma_px = [0.2, 3], other_sigma_px = [0.2, 3], angle_deg = [0, 180], shape = "plateau", beta = [1, 2], probability = 0.027 },
    ] },
    { kind = "one_of", steps = [
        { kind = "resize", factor = [1, 1.5], method = ["box", "bilinear", "bicubic"], probability = 0.2 },
        { kind = "resize", factor = [0.15, 1], method = ["box", "bilinear", "bicubic"], probability = 0.7 },
        { kind = "resize", factor = 1, probability = 0.1 },
    ] },
    { kind = "one_of", steps = [
        { kind = "gaussian_noise", sigma = [1, 30], probability = 0.3 },
        { kind = "gaussian_noise", sigma = [1, 30], grey = true, probability = 0.2 },
        { kind = "poisson_noise", scale = [0.05, 3], probability = 0.3 },
        { kind = "poisson_noise", scale = [0.05, 3], grey = true, probability = 0.2 },
    ] },
    { kind = "jpeg", quality = [30, 95] },
    { kind = "one_of", probability = 0.8, steps = [
        { kind = "sinc", cutoff = [0.2, 1], probability = 0.1 },
        { kind = "blur", sigma_px = [0.2, 1.5], probability = 0.405 },
        { kind = "blur", sigma_px = [0.2, 1.5], other_sigma_px = [0.2, 1.5], angle_deg = [0, 180], probability = 0.225 },
        { kind = "blur", sigma_px = [0.2, 1.5], shape = "generalised", beta = [0.5, 4], probability = 0.108 },
        { kind = "blur", sigma_px = [0.2, 1.5], other_sigma_px = [0.2, 1.5], angle_deg = [0, 180], shape = "generalised", beta = [0.5, 4], probability = 0.027 },
        { kind = "blur", sigma_px = [0.2, 1.5], shape = "plateau", beta = [1, 2], probability = 0.108 },
        { kind = "blur", sigma_px = [0.2, 1.5], other_sigma_px = [0.2, 1.5], angle_deg = [0, 180], shape = "plateau", beta = [1, 2], probability = 0.027 },
    ] },
    { kind = "one_of", steps = [
        { kind = "resize", factor = [1, 1.2], method = ["box", "bilinear", "bicubic"], probability = 0.3 },
        { kind = "resize", factor = [0.3, 1], method = ["box", "bilinear", "bicubic"], probability = 0.4 },
        { kind = "resize", factor = 1, probability = 0.3 },
    ] },
    { kind = "one_of", steps = [
        { kind = "gaussian_noise", sigma = [1, 25], probability = 0.3 },
        { kind = "gaussian_noise", sigma = [1, 25], grey = true, probability = 0.2 },
        { kind = "poisson_noise", scale = [0.05, 2.5], probability = 0.3 },
        { kind = "poisson_noise", scale = [0.05, 2.5], grey = true, probability = 0.2 },
    ] },
    { kind = "shuffle", steps = [
        { kind = "shrink", method = ["box", "bilinear", "bicubic"] },
        { kind = "jpeg", quality = [30, 95] },
    ] },
    { kind = "sinc", cutoff = [0.333, 1], probability = 0.8 },
]
"#;
