//! Activations of vectors, without branches.
//!
//! The exponential function and the hyperbolic tangent are those of the Cephes library: Moshier, "Methods and Programs
//! for Mathematical Functions", 1989; expf.c and tanhf.c of netlib.org/cephes (single.tgz).

// Constants have the digits of their sources.
#![allow(clippy::excessive_precision)]

use super::block::Activate;
use super::simd::Simd;

/// A function of each lane. It is a method, as a closure might not be inlined, and would be compiled without the
/// instruction set.
pub(super) trait Function<S: Simd> {
    /// # Safety
    /// The processor has the instruction set.
    unsafe fn of(&self, z: S::V) -> S::V;
}

/// A sum of powers of `z` with these coefficients, the highest power's first.
///
/// # Safety
/// The processor has the instruction set.
#[inline(always)]
unsafe fn polynomial<S: Simd, const N: usize>(z: S::V, coefficients: [f32; N]) -> S::V {
    // SAFETY: as asked of the caller.
    unsafe {
        let mut sum = S::splat(coefficients[0]);
        for coefficient in &coefficients[1..] {
            sum = S::fma(sum, z, S::splat(*coefficient));
        }
        sum
    }
}

/// `e^z` within 3e-7 of its size for −87.3 … 88.3. Below that it falls to 0, above it is infinite; of not-a-number it
/// is not a number.
///
/// # Safety
/// The processor has the instruction set.
#[inline(always)]
unsafe fn exp<S: Simd>(z: S::V) -> S::V {
    /// Its lowest bits count ones; with 127 added they are the exponent of a power of two.
    const ROUND: f32 = 1.5 * (1 << 23) as f32 + 127.0;
    // SAFETY: as asked of the caller.
    unsafe {
        // From 2^−127, whose bits as below are those of 0, to 2^128, those of infinity.
        let z = S::min(S::max(z, S::splat(-88.0)), S::splat(89.0));
        let shifted = S::fma(z, S::splat(std::f32::consts::LOG2_E), S::splat(ROUND));
        let n = S::sub(shifted, S::splat(ROUND));
        // ln 2 in two parts, so that n times the first one is exact.
        let z = S::fma(n, S::splat(-0.693_359_375), z);
        let z = S::fma(n, S::splat(2.121_944_40e-4), z);
        let series = polynomial::<S, 6>(
            z,
            [
                1.987_569_15e-4,
                1.398_199_95e-3,
                8.333_451_91e-3,
                4.166_579_59e-2,
                1.666_666_55e-1,
                5.000_000_12e-1,
            ],
        );
        let power = S::fma(S::mul(z, z), series, S::add(z, S::splat(1.0)));
        S::mul(power, S::shift_to_exponent(shifted))
    }
}

/// `1 / (1 + e^−z)` within 3e-7.
pub(super) struct Sigmoid;

impl<S: Simd> Function<S> for Sigmoid {
    #[inline(always)]
    unsafe fn of(&self, z: S::V) -> S::V {
        // SAFETY: as asked of the caller.
        unsafe {
            let one = S::splat(1.0);
            S::div(one, S::add(one, exp::<S>(S::sub(S::zero(), z))))
        }
    }
}

/// `z / (1 + e^−z)`
pub(super) struct Silu;

impl<S: Simd> Function<S> for Silu {
    #[inline(always)]
    unsafe fn of(&self, z: S::V) -> S::V {
        // SAFETY: as asked of the caller.
        unsafe { S::div(z, S::add(S::splat(1.0), exp::<S>(S::sub(S::zero(), z)))) }
    }
}

/// `tanh z` within 3e-7.
pub(super) struct Tanh;

impl<S: Simd> Function<S> for Tanh {
    #[inline(always)]
    unsafe fn of(&self, z: S::V) -> S::V {
        // SAFETY: as asked of the caller.
        unsafe {
            let size = S::max(z, S::sub(S::zero(), z));
            let square = S::mul(z, z);
            let series = polynomial::<S, 5>(
                square,
                [
                    -5.704_988_72e-3,
                    2.063_908_88e-2,
                    -5.373_971_55e-2,
                    1.333_144_22e-1,
                    -3.333_328_22e-1,
                ],
            );
            let near = S::fma(S::mul(series, square), z, z);
            let one = S::splat(1.0);
            let far = S::div(S::splat(2.0), S::add(one, exp::<S>(S::add(size, size))));
            let far = with_sign::<S>(S::sub(one, far), z);
            S::where_positive(S::sub(size, S::splat(0.625)), far, near)
        }
    }
}

/// `z · ½ (1 + erf(z / √2))`
pub(super) struct Gelu;

impl<S: Simd> Function<S> for Gelu {
    #[inline(always)]
    unsafe fn of(&self, z: S::V) -> S::V {
        // SAFETY: as asked of the caller.
        unsafe {
            let erf = erf::<S>(S::mul(z, S::splat(std::f32::consts::FRAC_1_SQRT_2)));
            S::mul(S::mul(z, S::splat(0.5)), S::add(erf, S::splat(1.0)))
        }
    }
}

/// Values below and above these are replaced by them; not-a-number is not.
pub(super) struct Clamp<V> {
    pub low: V,
    pub high: V,
}

impl<S: Simd> Function<S> for Clamp<S::V> {
    #[inline(always)]
    unsafe fn of(&self, z: S::V) -> S::V {
        // SAFETY: as asked of the caller.
        unsafe { S::min(S::max(z, self.low), self.high) }
    }
}

impl<S: Simd> Function<S> for Activate<S::V> {
    #[inline(always)]
    unsafe fn of(&self, z: S::V) -> S::V {
        // SAFETY: as asked of the caller.
        let [z] = unsafe { self.apply::<S, 1>([z]) };
        z
    }
}

/// The error function within 5e-7 (Abramowitz and Stegun 1964, formula 7.1.26).
///
/// # Safety
/// The processor has the instruction set.
#[inline(always)]
unsafe fn erf<S: Simd>(z: S::V) -> S::V {
    // SAFETY: as asked of the caller.
    unsafe {
        let one = S::splat(1.0);
        let size = S::max(z, S::sub(S::zero(), z));
        let t = S::div(one, S::fma(size, S::splat(0.327_591_1), one));
        let series = polynomial::<S, 5>(
            t,
            [
                1.061_405_4,
                -1.453_152,
                1.421_413_7,
                -0.284_496_74,
                0.254_829_6,
            ],
        );
        let rest = S::mul(S::mul(series, t), exp::<S>(S::mul(S::sub(S::zero(), z), z)));
        with_sign::<S>(S::sub(one, rest), z)
    }
}

/// `size` with the sign of `z`; not a number where `size` is not.
///
/// # Safety
/// The processor has the instruction set.
#[inline(always)]
unsafe fn with_sign<S: Simd>(size: S::V, z: S::V) -> S::V {
    // SAFETY: as asked of the caller.
    unsafe { S::where_positive(z, size, S::sub(S::zero(), size)) }
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;
    use crate::conv::scalar::Scalar;
    use crate::conv::{Isa, Rows, Threads, activate};
    use crate::graph::Activation;

    /// Values of the whole range where functions are not constant, and some far beyond.
    fn arguments() -> Vec<f32> {
        let steps = (-1_100_000..=1_100_000).map(|i| i as f32 * 1e-4);
        let small = (0..200).map(|i| 2f32.powi(-i / 2) * 1.3);
        let far = [
            f32::MAX,
            1e30,
            1e9,
            1e4,
            200.0,
            f32::MIN_POSITIVE,
            1e-42,
            0.0,
        ];
        let positive = small.chain(far);
        steps.chain(positive.flat_map(|z| [z, -z])).collect()
    }

    fn all(isa: Isa, activation: &Activation, arguments: &[f32]) -> Vec<f32> {
        let rows = || {
            let mut rows = Rows::default();
            rows.reset(1, arguments.len(), 0, 0);
            rows
        };
        let (mut input, mut output) = (rows(), rows());
        input.push(1);
        input.row_mut(0, 0).copy_from_slice(arguments);
        activate(isa, &Threads::ONE, &input, activation, &mut output, 1);
        output.row(0, 0).to_vec()
    }

    /// The largest error of all arguments on all instruction sets, measured by a function of found and expected.
    fn worst(
        activation: Activation,
        arguments: &[f32],
        expected: fn(f64) -> f64,
        error: fn(f64, f64) -> f64,
    ) -> f64 {
        let mut worst = 0.0f64;
        for isa in Isa::available() {
            let found = all(isa, &activation, arguments);
            for (z, found) in arguments.iter().zip(found) {
                let error = error(found.into(), expected(f64::from(*z)));
                assert!(
                    !error.is_nan(),
                    "{activation:?} of {z} is {found} on {isa:?}"
                );
                worst = worst.max(error);
            }
        }
        worst
    }

    fn apart(found: f64, expected: f64) -> f64 {
        (found - expected).abs()
    }

    fn apart_by_size(found: f64, expected: f64) -> f64 {
        ((found - expected) / expected).abs()
    }

    fn exact_silu(z: f64) -> f64 {
        z / (1.0 + (-z).exp())
    }

    #[test]
    fn exp_is_as_close_as_it_says() {
        // SAFETY: every processor has one value at a time.
        let exp = |z: f32| f64::from(unsafe { exp::<Scalar>(z) });
        for z in arguments() {
            let expected = f64::from(z).exp();
            match z {
                -87.3..=88.3 => {
                    let error = apart_by_size(exp(z), expected);
                    assert!(error <= 3e-7, "{z}: {} instead of {expected}", exp(z));
                }
                ..0.0 => assert!(apart(exp(z), expected) < 2e-38, "{z}: {}", exp(z)),
                _ => assert!(exp(z) > 2e38, "{z}: {}", exp(z)),
            }
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(f32::INFINITY), f64::INFINITY);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn activations_are_as_close_as_they_say() {
        let arguments = arguments();
        let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
        assert!(worst(Activation::Sigmoid, &arguments, sigmoid, apart) <= 3e-7);
        assert!(worst(Activation::Tanh, &arguments, f64::tanh, apart) <= 3e-7);
        // Of their size.
        let some = |range: std::ops::Range<f32>| -> Vec<f32> {
            let some = arguments.iter().filter(|z| range.contains(z));
            some.copied().collect()
        };
        let tanh = worst(
            Activation::Tanh,
            &some(1e-30..90.0),
            f64::tanh,
            apart_by_size,
        );
        assert!(tanh <= 3e-7);
        let silu = some(-80.0..-1e-30);
        assert!(worst(Activation::Silu, &silu, exact_silu, apart_by_size) <= 4e-7);
        let silu = some(f32::MIN..1.0);
        assert!(worst(Activation::Silu, &silu, exact_silu, apart) <= 3e-7);
        // With the error function's series.
        let gelu = |z: f64| {
            let x = z / std::f64::consts::SQRT_2;
            let term = |n: i32, last: f64| -last * x * x / f64::from(n);
            let (mut power, mut sum) = (x, x);
            for n in 1..200 {
                power = term(n, power);
                sum += power / f64::from(2 * n + 1);
            }
            0.5 * z * (1.0 + sum * 2.0 / std::f64::consts::PI.sqrt())
        };
        assert!(worst(Activation::Gelu, &some(-5.0..5.0), gelu, apart) <= 2e-6);
    }

    #[test]
    fn not_a_number_stays_what_it_is() {
        for isa in Isa::available() {
            for activation in [
                Activation::Relu,
                Activation::LeakyRelu(0.2),
                Activation::PRelu(vec![0.2]),
                Activation::Sigmoid,
                Activation::Tanh,
                Activation::Silu,
                Activation::Gelu,
                Activation::Clamp {
                    low: 0.0,
                    high: 1.0,
                },
            ] {
                let found = all(isa, &activation, &[f32::NAN, 0.5, f32::NAN]);
                let is_nan = [0, 1, 2].map(|i| found[i].is_nan());
                assert_eq!(is_nan, [true, false, true], "{activation:?} on {isa:?}");
            }
        }
    }
}
