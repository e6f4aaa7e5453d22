//! The vector operations that kernels are made of.

/// Vectors of f32.
///
/// Every method is inlined into an entry point that has the instruction set switched on.
///
/// # Safety
/// The methods are undefined on a processor without the instruction set, and where memory is not readable or
/// writable as they say.
pub(super) trait Simd: Copy {
    /// A vector register.
    type V: Copy;
    /// Values in a vector.
    const LANES: usize;
    /// Output channels of a block: 8, 6 or 4.
    const CHANNELS: usize;
    /// Vectors of pixels of a block: 3 or 2. With 32 registers a block is 8×3, with 16 it is 6×2 or 4×2, so that
    /// the sums, the pixels and a weight fit; 4×3 would take all 16, and the compiler then spills a sum.
    const VECTORS: usize;

    /// All lanes 0.
    unsafe fn zero() -> Self::V;
    /// All lanes `value`.
    unsafe fn splat(value: f32) -> Self::V;
    /// C vectors, each with one of the values from `from` on in all lanes.
    #[inline(always)]
    unsafe fn splat_each<const C: usize>(from: *const f32) -> [Self::V; C] {
        // SAFETY: the caller vouches for C readable values.
        unsafe {
            let mut each = [Self::zero(); C];
            for (c, v) in each.iter_mut().enumerate() {
                *v = Self::splat(*from.add(c));
            }
            each
        }
    }
    /// `LANES` values from unaligned memory.
    unsafe fn load(from: *const f32) -> Self::V;
    /// `LANES` values to unaligned memory.
    unsafe fn store(to: *mut f32, v: Self::V);
    /// `4·LANES` values from unaligned memory, dealt out to four vectors: lane l of vector i is value 4·l + i.
    unsafe fn load_4(from: *const f32) -> [Self::V; 4];
    /// The inverse of [`Self::load_4`].
    unsafe fn store_4(to: *mut f32, v: [Self::V; 4]);
    /// `a · b + c`
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `a + b`
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// `a − b`
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    /// `a · b`
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    /// `a / b`
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    /// The larger one; `a` if one of them is not a number.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// The smaller one; `a` if one of them is not a number.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// The lowest bits of each value as the exponent, and zeros as the mantissa.
    unsafe fn shift_to_exponent(v: Self::V) -> Self::V;
    /// Lanes 1, 2, … of `v`, then `next`.
    unsafe fn shift_in(v: Self::V, next: f32) -> Self::V;
    /// `then` where `v` is positive, else `otherwise`.
    unsafe fn where_positive(v: Self::V, then: Self::V, otherwise: Self::V) -> Self::V;
    /// The sum of all lanes.
    #[cfg(feature = "train")]
    unsafe fn sum(v: Self::V) -> f32;
    /// Asks for the cache line of an address, which may be any.
    #[cfg(feature = "train")]
    #[inline(always)]
    unsafe fn prefetch(_: *const f32) {}
    /// Transposes a block of at most `LANES` rows and columns: value j of row i becomes value i of row j. Each side is
    /// where it lies, the values from one row to the next, and rows: those of the first that are read, those missing
    /// being zeros, and those of the second that are written. Rows are read and written as whole vectors.
    #[cfg(feature = "train")]
    #[inline(always)]
    unsafe fn transpose(
        (from, from_row, from_rows): (*const f32, usize, usize),
        (to, to_row, to_rows): (*mut f32, usize, usize),
    ) {
        for i in 0..Self::LANES {
            for j in 0..to_rows {
                // SAFETY: as asked of the caller.
                unsafe {
                    *to.add(j * to_row + i) = if i < from_rows {
                        *from.add(i * from_row + j)
                    } else {
                        0.0
                    };
                }
            }
        }
    }
}

/// The kernels and constants of one instruction set.
macro_rules! entry_points {
    ($simd:ty $(, $feature:literal)?) => {
        /// Values in a vector.
        pub(in crate::conv) const LANES: usize = <$simd>::LANES;
        /// Output channels of a block.
        pub(in crate::conv) const CHANNELS: usize = <$simd>::CHANNELS;
        /// Vectors of pixels of a block.
        pub(in crate::conv) const VECTORS: usize = <$simd>::VECTORS;
        crate::conv::simd::entry_point!($simd, [$($feature)?], forward, direct::Forward, direct::forward);
        crate::conv::simd::entry_point!(
            $simd, [$($feature)?], depthwise, depthwise::Depthwise, depthwise::depthwise
        );
        crate::conv::simd::entry_point!(
            $simd, [$($feature)?], pointwise, pointwise::Pointwise, pointwise::pointwise
        );
        crate::conv::simd::entry_point!(
            $simd, [$($feature)?], winograd_input, winograd::transform::Input, winograd::transform::input
        );
        crate::conv::simd::entry_point!(
            $simd, [$($feature)?], winograd_product, winograd::product::Product, winograd::product::product
        );
        crate::conv::simd::entry_point!(
            $simd, [$($feature)?], winograd_output, winograd::transform::Output, winograd::transform::output
        );
        #[cfg(feature = "train")]
        crate::conv::simd::entry_point!(
            $simd, [$($feature)?], activation_gradient, gradient_loops::ActivationGradient,
            gradient_loops::activation_gradient
        );
        #[cfg(feature = "train")]
        crate::conv::simd::entry_point!($simd, [$($feature)?], products, products::Products, products::products);
        #[cfg(feature = "train")]
        crate::conv::simd::entry_point!($simd, [$($feature)?], to_pixels, pixels::ToPixels, pixels::to_pixels);
        #[cfg(feature = "train")]
        crate::conv::simd::entry_point!($simd, [$($feature)?], to_planes, pixels::ToPlanes, pixels::to_planes);
        #[cfg(feature = "train")]
        crate::conv::simd::entry_point!($simd, [$($feature)?], input_tiles, tile_loops::ToTiles, tile_loops::input_tiles);
        #[cfg(feature = "train")]
        crate::conv::simd::entry_point!($simd, [$($feature)?], gradient_tiles, tile_loops::ToTiles, tile_loops::gradient_tiles);
        #[cfg(feature = "train")]
        crate::conv::simd::entry_point!($simd, [$($feature)?], output_tiles, tile_loops::FromTiles, tile_loops::output_tiles);
        #[cfg(feature = "train")]
        crate::conv::simd::entry_point!($simd, [$($feature)?], kernel_tiles, tile_loops::KernelTiles, tile_loops::kernel_tiles);
        #[cfg(feature = "train")]
        crate::conv::simd::entry_point!($simd, [$($feature)?], kernel_gradients, tile_loops::KernelTiles, tile_loops::kernel_gradients);
    };
}
pub(super) use entry_points;

/// One kernel, compiled for one instruction set.
macro_rules! entry_point {
    ($simd:ty, [$($feature:literal)?], $name:ident, $job:ty, $($function:ident)::+) => {
        /// The kernel of this name for this instruction set.
        ///
        /// # Safety
        /// The processor has the instruction set; otherwise as the kernel.
        // Inlined into one large function, kernels get fewer registers from a page's compiler.
        #[cfg_attr(target_family = "wasm", inline(never))]
        $(#[target_feature(enable = $feature)])?
        pub(in crate::conv) unsafe fn $name(job: &$job) {
            // SAFETY: as asked of the caller.
            unsafe { $($function)::+::<$simd>(job) }
        }
    };
}
pub(super) use entry_point;
