//! Every instruction set against sums written out as the definition has them.

use super::*;
use crate::conv::{FusedActivation, Isa};

struct Random(u32);

impl Random {
    fn value(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0
    }

    fn values(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.value()).collect()
    }
}

/// Shapes with every kernel side, channel counts around the blocks' sizes, and odd sizes.
fn shapes() -> Vec<Shape> {
    let sizes = [
        (1, 1, 1, 1, 1, 1),
        (2, 1, 16, 5, 7, 3),
        (1, 3, 12, 17, 48, 3),
        (3, 16, 16, 9, 33, 3),
        (1, 17, 9, 6, 50, 5),
        (2, 4, 7, 3, 1, 3),
        (1, 2, 64, 11, 20, 9),
        (1, 64, 32, 4, 19, 1),
        (1, 5, 3, 40, 2, 7),
        // By Winograd's filtering, with more input or output channels in the last vector, and several chunks.
        (2, 20, 9, 6, 13, 3),
        (1, 64, 48, 8, 11, 3),
        (1, 8, 17, 9, 1000, 3),
    ];
    let mut shapes = Vec::new();
    for (batch, channels_in, channels_out, height, width, k) in sizes {
        for padding in [0, k / 2, k - 1] {
            let shape = Shape {
                batch,
                channels_in,
                channels_out,
                height,
                width,
                k,
                padding,
            };
            if height + 2 * padding >= k && width + 2 * padding >= k {
                shapes.push(shape);
            }
        }
    }
    shapes
}

/// Calls `f(output index, input index, weight index)` for every product in the convolution.
fn products(shape: &Shape, mut f: impl FnMut(usize, usize, usize)) {
    let Shape {
        channels_in,
        channels_out,
        height,
        width,
        k,
        padding,
        ..
    } = *shape;
    let [rows, columns] = shape.output();
    for n in 0..shape.batch {
        for out in 0..channels_out {
            for (y, x) in (0..rows * columns).map(|i| (i / columns, i % columns)) {
                for channel in 0..channels_in {
                    for (ky, kx) in (0..k * k).map(|i| (i / k, i % k)) {
                        let (Some(iy), Some(ix)) =
                            ((y + ky).checked_sub(padding), (x + kx).checked_sub(padding))
                        else {
                            continue;
                        };
                        if iy < height && ix < width {
                            f(
                                ((n * channels_out + out) * rows + y) * columns + x,
                                ((n * channels_in + channel) * height + iy) * width + ix,
                                ((out * channels_in + channel) * k + ky) * k + kx,
                            );
                        }
                    }
                }
            }
        }
    }
}

fn close(found: &[f32], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected
        .iter()
        .fold(1.0, |largest: f64, v| largest.max(v.abs()));
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(*found) - expected).abs() / largest;
        assert!(error < 1e-5, "{what}[{i}]: {found}, not {expected}");
    }
}

#[test]
fn every_instruction_set_gives_the_definitions_sums() {
    let mut random = Random(7);
    for shape in shapes() {
        let x = random.values(shape.batch * shape.input_size());
        let weight = random.values(shape.weights());
        let bias = random.values(shape.channels_out);
        let mut slopes = random.values(shape.channels_out);
        slopes
            .iter_mut()
            .for_each(|slope| *slope = slope.abs() + 0.01);
        let mut negative = slopes.clone();
        negative[0] = -0.3;
        let gradient = random.values(shape.batch * shape.output_size());
        let plane: usize = shape.output().iter().product();
        let channel = |i: usize| i / plane % shape.channels_out;

        let mut z: Vec<f64> = (0..gradient.len())
            .map(|i| f64::from(bias[channel(i)]))
            .collect();
        products(&shape, |o, i, w| {
            z[o] += f64::from(x[i]) * f64::from(weight[w])
        });
        let ones = vec![1.0; shape.channels_out];
        let zeros = vec![0.0; shape.channels_out];
        for (activation, below) in [
            (FusedActivation::None, &ones),
            (FusedActivation::Relu, &zeros),
            (FusedActivation::PRelu(&slopes), &slopes),
            (FusedActivation::PRelu(&negative), &negative),
        ] {
            let slope = |i: usize| {
                if z[i] > 0.0 {
                    1.0
                } else {
                    f64::from(below[channel(i)])
                }
            };
            let y: Vec<f64> = (0..z.len()).map(|i| z[i] * slope(i)).collect();
            let dz: Vec<f64> = (0..z.len())
                .map(|i| f64::from(gradient[i]) * slope(i))
                .collect();
            let mut dx = vec![0.0; x.len()];
            let mut dw = vec![0.0; weight.len()];
            products(&shape, |o, i, w| {
                dx[i] += dz[o] * f64::from(weight[w]);
                dw[w] += dz[o] * f64::from(x[i]);
            });
            let mut db = vec![0.0; bias.len()];
            let mut ds = vec![0.0; bias.len()];
            for i in 0..z.len() {
                db[channel(i)] += dz[i];
                ds[channel(i)] += f64::from(gradient[i]) * z[i].min(0.0);
            }
            for isa in Isa::available() {
                let what = |name: &str| format!("{name} of {shape:?} on {isa:?}, {activation:?}");
                let convolution = Convolution {
                    shape,
                    weight: &weight,
                    bias: &bias,
                    activation,
                };
                let found = convolution.forward(isa, &x);
                close(&found, &y, &what("y"));
                let gradients = convolution.backward(isa, &x, &found, &gradient, true);
                close(gradients.x.as_deref().unwrap(), &dx, &what("dx"));
                close(&gradients.weight, &dw, &what("dw"));
                close(&gradients.bias, &db, &what("db"));
                if let FusedActivation::PRelu(_) = activation {
                    close(&gradients.slope, &ds, &what("ds"));
                }
            }
        }
    }
}

/// The error as a part of the largest value.
fn error(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0.0, |l: f64, v| l.max(v.abs()));
    let pairs = found.iter().zip(expected);
    pairs.fold(0.0, |e: f64, (f, v)| e.max((f64::from(*f) - v).abs())) / largest
}

#[test]
fn winograd_errs_as_little_as_it_says() {
    let mut random = Random(11);
    for channels in [16, 64] {
        let shape = Shape {
            batch: 1,
            channels_in: channels,
            channels_out: channels,
            height: 24,
            width: 24,
            k: 3,
            padding: 1,
        };
        assert!(tiles::takes(&shape));
        let x = random.values(shape.input_size());
        let weight = random.values(shape.weights());
        let gradient = random.values(shape.output_size());
        let mut y = vec![0.0; gradient.len()];
        let mut dx = vec![0.0; x.len()];
        let mut dw = vec![0.0; weight.len()];
        products(&shape, |o, i, w| {
            y[o] += f64::from(x[i]) * f64::from(weight[w]);
            dx[i] += f64::from(gradient[o]) * f64::from(weight[w]);
            dw[w] += f64::from(gradient[o]) * f64::from(x[i]);
        });
        for isa in Isa::available() {
            let convolution = Convolution {
                shape,
                weight: &weight,
                bias: &vec![0.0; channels],
                activation: FusedActivation::None,
            };
            let found = convolution.forward(isa, &x);
            let gradients = convolution.backward(isa, &x, &found, &gradient, true);
            let errors = [
                error(&found, &y),
                error(gradients.x.as_deref().unwrap(), &dx),
                error(&gradients.weight, &dw),
            ];
            assert!(
                errors.iter().all(|error| *error < 5e-6),
                "{errors:?} for {channels} channels on {isa:?}"
            );
        }
    }
}

#[test]
fn threads_change_nothing() {
    // By Winograd's filtering, and directly.
    for (channels_in, channels_out, k) in [(16, 16, 3), (32, 12, 3), (3, 16, 3), (8, 9, 5)] {
        let shape = Shape {
            batch: 5,
            channels_in,
            channels_out,
            height: 130,
            width: 70,
            k,
            padding: k / 2,
        };
        let mut random = Random(3);
        let x = random.values(shape.batch * shape.input_size());
        let weight = random.values(shape.weights());
        let bias = random.values(shape.channels_out);
        let slopes = vec![0.2; shape.channels_out];
        let gradient = random.values(shape.batch * shape.output_size());
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| {
                let isa = Isa::best();
                let convolution = Convolution {
                    shape,
                    weight: &weight,
                    bias: &bias,
                    activation: FusedActivation::PRelu(&slopes),
                };
                let y = convolution.forward(isa, &x);
                let g = convolution.backward(isa, &x, &y, &gradient, true);
                (y, g.x, g.weight, g.bias, g.slope)
            })
        };
        let one = run(1);
        assert!(one == run(1) && one == run(2) && one == run(3), "{shape:?}");
    }
}
