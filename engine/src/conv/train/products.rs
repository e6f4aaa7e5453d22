//! Products of matrices, written once over [`Simd`].

// Loops over registers are written with indices: with iterators the arrays would not stay in them.
#![allow(clippy::needless_range_loop)]

use crate::conv::simd::Simd;

/// A product at each position: `c[row, column] = Σ a[row, step] · b[step, column]`.
#[derive(Clone, Copy)]
pub(in crate::conv) struct Products {
    pub positions: usize,
    pub rows: usize,
    pub steps: usize,
    /// Whole vectors.
    pub columns: usize,
    pub a: Strided<*const f32>,
    /// Values from one row of `a` to the next.
    pub a_row: usize,
    /// `row` is that of a step.
    pub b: Strided<*const f32>,
    /// `row` is that of a row.
    pub c: Strided<*mut f32>,
    /// Adds to what `c` holds.
    pub add: bool,
}

/// Matrices in memory.
#[derive(Clone, Copy)]
pub(in crate::conv) struct Strided<P> {
    pub data: P,
    /// Values from one position to the next.
    pub position: usize,
    /// Values from one row, or step, to the next.
    pub row: usize,
}

/// Runs a [`Products`].
///
/// # Safety
/// `a` and `b` are readable and `c` is writable for as many positions, rows, steps and columns; nothing else uses `c`;
/// the processor has the instruction set.
#[inline(always)]
pub(in crate::conv) unsafe fn products<S: Simd>(job: &Products) {
    for position in 0..job.positions {
        let mut at = *job;
        // SAFETY: the position exists.
        unsafe {
            at.a.data = job.a.data.add(position * job.a.position);
            at.b.data = job.b.data.add(position * job.b.position);
            at.c.data = job.c.data.add(position * job.c.position);
        }
        let mut column = 0;
        while column < job.columns {
            let left = (job.columns - column) / S::LANES;
            // Four are two pairs, for which fewer values are loaded than for three and one.
            let vectors = if left == 4 { 2 } else { left.min(S::VECTORS) };
            // SAFETY: the columns of the block exist; the rest is the caller's promise.
            unsafe {
                at.b.data = job.b.data.add(position * job.b.position + column);
                at.c.data = job.c.data.add(position * job.c.position + column);
                match vectors {
                    3 if S::VECTORS == 3 => rows::<S, 3>(&at),
                    2 => rows::<S, 2>(&at),
                    _ => rows::<S, 1>(&at),
                }
            }
            column += vectors * S::LANES;
        }
    }
}

/// All rows of V vectors.
#[inline(always)]
unsafe fn rows<S: Simd, const V: usize>(job: &Products) {
    let mut row = 0;
    while row < job.rows {
        let left = job.rows - row;
        // SAFETY: the rows of the block exist; the rest is the caller's promise.
        unsafe {
            row += match left {
                16.. if S::CHANNELS == 8 && V == 1 => block::<S, 16, V>(job, row),
                // A kernel's row of three taps with three channels.
                9 if S::CHANNELS == 8 => block::<S, 9, V>(job, row),
                8.. if S::CHANNELS == 8 => block::<S, 8, V>(job, row),
                6.. if S::CHANNELS == 6 => block::<S, 6, V>(job, row),
                4.. => block::<S, 4, V>(job, row),
                3 => block::<S, 3, V>(job, row),
                2 => block::<S, 2, V>(job, row),
                _ => block::<S, 1, V>(job, row),
            };
        }
    }
}

/// R rows × V vectors, all in registers.
#[inline(always)]
unsafe fn block<S: Simd, const R: usize, const V: usize>(job: &Products, row: usize) -> usize {
    // SAFETY: as asked of the caller.
    unsafe {
        // With the distance known, one address serves all rows.
        if job.a_row == 1 {
            block_with::<S, R, V>(job, row, 1);
        } else {
            block_with::<S, R, V>(job, row, job.a_row);
        }
    }
    R
}

#[inline(always)]
unsafe fn block_with<S: Simd, const R: usize, const V: usize>(
    job: &Products,
    row: usize,
    a_row: usize,
) {
    // SAFETY: indices stay within what `products` asks for.
    unsafe {
        let mut a = job.a.data.add(row * a_row);
        let mut b = job.b.data;
        let c = job.c.data.add(row * job.c.row);
        let mut sums = [[S::zero(); V]; R];
        for _ in 0..job.steps {
            let mut columns = [S::zero(); V];
            for v in 0..V {
                columns[v] = S::load(b.add(v * S::LANES));
            }
            for r in 0..R {
                let value = S::splat(*a.add(r * a_row));
                for v in 0..V {
                    sums[r][v] = S::fma(columns[v], value, sums[r][v]);
                }
            }
            // After the last step they may lie outside of the allocation.
            a = a.wrapping_add(job.a.row);
            b = b.wrapping_add(job.b.row);
        }
        for r in 0..R {
            for v in 0..V {
                let to = c.add(r * job.c.row + v * S::LANES);
                let sum = if job.add {
                    S::add(sums[r][v], S::load(to))
                } else {
                    sums[r][v]
                };
                S::store(to, sum);
            }
        }
    }
}
