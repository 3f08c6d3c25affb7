//! Sums of rows, element by element, in the order of the rows.
//!
//! Nearly all the time of a prediction is spent here. A run of rows is visited once per block of
//! columns with the block's sums in registers; the run is short enough for its rows to stay in
//! the first cache between visits.

/// Rows visited per run.
const RUN: usize = 32;

/// Adds `rows` of a matrix of `width` columns to `sums`, each element in the order of the rows.
pub(super) fn add_rows(data: &[f32], width: usize, rows: &[u32], sums: &mut [f32]) {
    for run in rows.chunks(RUN) {
        let mut column = 0;
        while width - column >= 32 {
            add_block::<32>(data, width, run, column, sums);
            column += 32;
        }
        if width - column >= 16 {
            add_block::<16>(data, width, run, column, sums);
            column += 16;
        }
        if width - column >= 8 {
            add_block::<8>(data, width, run, column, sums);
            column += 8;
        }
        if width - column >= 4 {
            add_block::<4>(data, width, run, column, sums);
            column += 4;
        }
        match width - column {
            1 => add_block::<1>(data, width, run, column, sums),
            2 => add_block::<2>(data, width, run, column, sums),
            3 => add_block::<3>(data, width, run, column, sums),
            _ => {}
        }
    }
}

#[inline(always)]
fn add_block<const N: usize>(
    data: &[f32],
    width: usize,
    rows: &[u32],
    column: usize,
    sums: &mut [f32],
) {
    let Some(sums) = sums[column..].first_chunk_mut::<N>() else { return };
    let mut block = *sums;
    for &row in rows {
        let Some(values) = data[row as usize * width + column..].first_chunk::<N>() else { return };
        for (sum, value) in block.iter_mut().zip(values) {
            *sum += value;
        }
    }
    *sums = block;
}
