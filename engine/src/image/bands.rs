//! Shares the rows of an image among threads.

/// Rows that a thread works on at a time: enough to be worth handing over.
#[cfg(feature = "threads")]
pub(crate) const BAND_ROWS: usize = 32;

/// Calls `work` for bands of rows of `data`, with the number of a band's first row: on all threads with the feature
/// `threads`, otherwise once for all rows. `width` is the number of values in a row.
pub(crate) fn for_bands<T: Send>(
    data: &mut [T],
    width: usize,
    work: impl Fn(usize, &mut [T]) + Sync,
) {
    #[cfg(feature = "threads")]
    {
        use rayon::prelude::*;
        let bands = data.par_chunks_mut((BAND_ROWS * width).max(1));
        bands
            .enumerate()
            .for_each(|(i, rows)| work(i * BAND_ROWS, rows));
    }
    #[cfg(not(feature = "threads"))]
    {
        let _ = width;
        work(0, data);
    }
}
