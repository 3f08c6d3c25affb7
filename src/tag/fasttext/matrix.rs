//! The two matrices of a model: one row per feature in, one row per label out.
//!
//! Results must equal the reference bit for bit, so the order of every f32 addition is fixed:
//! a hidden element is the sum over rows in text order, a label's score the sum over elements in
//! index order. Both leave one dimension free (elements there, labels here), which is where the
//! vector lanes go.

use super::source::Source;
use crate::error::{Error, Result};
use crate::memory::{filled, prefetch};
use std::io::Read;

/// Centroids of one sub-quantiser: a code is one byte.
const CENTROIDS: usize = 256;
/// A quantised input matrix up to this many bytes is expanded once: adding plain rows is several
/// times faster than adding codes. Larger ones stay codes.
const EXPAND_LIMIT: usize = 64 << 20;
/// Longest piece of a quantised output matrix; the trainer always writes 2. The limit bounds how
/// much larger than the file its expansion can be.
const OUTPUT_PIECE: usize = 16;
/// Floats of a cache line.
const LINE: usize = 16;
/// Labels are scored this many at a time.
const LANES: usize = 8;

/// Rows of floats, one after the other.
pub(super) struct Dense {
    pub(super) rows: usize,
    pub(super) width: usize,
    data: Vec<f32>,
    /// Where the first row is in `data`: at the start of a cache line, so that the rows of narrow
    /// matrices lie in one line each.
    start: usize,
}

impl Dense {
    /// A matrix of zeros.
    fn new(rows: usize, width: usize) -> Self {
        let data = filled(rows * width + LINE - 1, 0.0);
        let start = data.as_ptr().addr().wrapping_neg() / size_of::<f32>() % LINE;
        Self { rows, width, data, start }
    }

    fn data(&self) -> &[f32] {
        &self.data[self.start..][..self.rows * self.width]
    }

    fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data[self.start..][..self.rows * self.width]
    }

    pub(super) fn row(&self, row: usize) -> &[f32] {
        &self.data()[row * self.width..][..self.width]
    }

    #[inline]
    fn prefetch(&self, row: usize) {
        let first = self.start + row * self.width;
        (first..first + self.width).step_by(LINE).for_each(|at| prefetch(&self.data, at));
    }
}

/// Rows of codes, each the number of a centroid.
pub(super) struct Quantised {
    rows: usize,
    width: usize,
    sub: usize,
    codes: Vec<u8>,
    centroids: Vec<f32>,
    /// The norm of each row, if norms were quantised apart.
    norms: Option<Vec<f32>>,
}

impl Quantised {
    /// Calls `each` with the start of a piece of the row and the centroid that stands for it.
    fn pieces(&self, row: usize, mut each: impl FnMut(usize, &[f32])) {
        let pieces = self.width.div_ceil(self.sub);
        let codes = &self.codes[row * pieces..][..pieces];
        for (piece, &code) in codes.iter().enumerate() {
            let start = piece * self.sub;
            let length = self.sub.min(self.width - start);
            // All centroids of a piece lie together; the last piece may be shorter.
            let at = CENTROIDS * start + usize::from(code) * length;
            each(start, &self.centroids[at..at + length]);
        }
    }

    #[inline]
    fn prefetch(&self, row: usize) {
        let pieces = self.width.div_ceil(self.sub);
        (row * pieces..(row + 1) * pieces).step_by(64).for_each(|at| prefetch(&self.codes, at));
    }

    fn norm(&self, row: usize) -> f32 {
        self.norms.as_ref().map_or(1.0, |norms| norms[row])
    }

    fn add_row(&self, row: usize, hidden: &mut [f32]) {
        let norm = self.norm(row);
        self.pieces(row, |start, centroid| {
            for (sum, value) in hidden[start..].iter_mut().zip(centroid) {
                *sum += norm * value;
            }
        });
    }

    /// The matrix in floats; each row is multiplied by its norm if `normed`.
    fn expand(&self, normed: bool) -> Dense {
        let mut dense = Dense::new(self.rows, self.width);
        for (row, floats) in dense.data_mut().chunks_exact_mut(self.width).enumerate() {
            let norm = if normed { self.norm(row) } else { 1.0 };
            self.pieces(row, |start, centroid| {
                for (float, value) in floats[start..].iter_mut().zip(centroid) {
                    *float = norm * value;
                }
            });
        }
        dense
    }
}

fn read_dense<R: Read>(source: &mut Source<R>, what: &str) -> Result<Dense> {
    let (rows, width) = (source.i64(what)?, source.i64(what)?);
    let rows = source.fits(rows, 4, what)?;
    let width = source.fits(width, 4 * rows.max(1) as u64, what)?;
    let mut dense = Dense::new(rows, width);
    source.fill_floats(dense.data_mut(), what)?;
    Ok(dense)
}

fn read_quantised<R: Read>(source: &mut Source<R>, what: &str) -> Result<Quantised> {
    let normed = source.byte(what)? != 0;
    let (rows, width) = (source.i64(what)?, source.i64(what)?);
    let length = source.i32(what)?;
    let rows = source.fits(rows, 1, what)?;
    let width = source.fits(width, 4 * CENTROIDS as u64, what)?;
    let length = source.fits(length.into(), 1, what)?;
    let codes = source.bytes(length, what)?;
    let (sub, centroids) = read_quantiser(source, width, what)?;
    if width.div_ceil(sub).checked_mul(rows) != Some(codes.len()) {
        return Err(Error::asset(format!(
            "damaged fastText model: {what} has {} codes for {rows} rows of {width}",
            codes.len()
        )));
    }
    let norms = if normed {
        let codes = source.bytes(rows, what)?;
        let (_, centroids) = read_quantiser(source, 1, what)?;
        Some(codes.iter().map(|&code| centroids[usize::from(code)]).collect())
    } else {
        None
    };
    Ok(Quantised { rows, width, sub, codes, centroids, norms })
}

/// The length of a piece and the centroids of a product quantiser for rows of `width`.
fn read_quantiser<R: Read>(
    source: &mut Source<R>,
    width: usize,
    what: &str,
) -> Result<(usize, Vec<f32>)> {
    let fields =
        [source.i32(what)?, source.i32(what)?, source.i32(what)?, source.i32(what)?].map(i64::from);
    let [dim, pieces, sub, last] = fields;
    let sound = dim == width as i64
        && dim > 0
        && sub > 0
        && pieces == (dim + sub - 1) / sub
        && last == dim - (pieces - 1) * sub;
    if !sound {
        return Err(Error::asset(format!(
            "damaged fastText model: the quantiser of {what} has sizes {fields:?}"
        )));
    }
    Ok((sub as usize, source.floats(CENTROIDS * width, what)?))
}

/// The input matrix.
pub(super) enum Input {
    Dense(Dense),
    Quantised(Quantised),
}

impl Input {
    pub(super) fn read<R: Read>(source: &mut Source<R>, quantised: bool) -> Result<Self> {
        let what = "the input matrix";
        if !quantised {
            return Ok(Self::Dense(read_dense(source, what)?));
        }
        let matrix = read_quantised(source, what)?;
        let size = matrix.rows.saturating_mul(matrix.width).saturating_mul(4);
        Ok(if size <= EXPAND_LIMIT {
            Self::Dense(matrix.expand(true))
        } else {
            Self::Quantised(matrix)
        })
    }

    pub(super) fn rows(&self) -> usize {
        match self {
            Self::Dense(matrix) => matrix.rows,
            Self::Quantised(matrix) => matrix.rows,
        }
    }

    pub(super) fn width(&self) -> usize {
        match self {
            Self::Dense(matrix) => matrix.width,
            Self::Quantised(matrix) => matrix.width,
        }
    }

    /// Asks for a row that will be added soon.
    #[inline]
    pub(super) fn prefetch(&self, row: u32) {
        match self {
            Self::Dense(matrix) => matrix.prefetch(row as usize),
            Self::Quantised(matrix) => matrix.prefetch(row as usize),
        }
    }

    /// Adds the rows, in their order, to `hidden`.
    pub(super) fn add_rows(&self, rows: &[u32], hidden: &mut [f32]) {
        match self {
            Self::Dense(matrix) => super::sum::add_rows(matrix.data(), matrix.width, rows, hidden),
            Self::Quantised(matrix) => {
                rows.iter().for_each(|&row| matrix.add_row(row as usize, hidden));
            }
        }
    }
}

/// The output matrix, laid out for scoring one label or all of them.
pub(super) struct Output {
    dense: Dense,
    norms: Option<Vec<f32>>,
    /// Blocks of `LANES` labels; in each, element by element, one float per label.
    blocks: Vec<[f32; LANES]>,
    /// Whether a score that is not a number is an error, as it is for dense matrices.
    checked: bool,
}

impl Output {
    pub(super) fn read<R: Read>(source: &mut Source<R>, quantised: bool) -> Result<Self> {
        let what = "the output matrix";
        let (dense, norms) = if quantised {
            let mut matrix = read_quantised(source, what)?;
            if matrix.sub > OUTPUT_PIECE {
                return Err(Error::asset(format!(
                    "{what} of this fastText model is quantised in pieces of {}",
                    matrix.sub
                )));
            }
            // A score is multiplied by the norm after the sum, not before.
            (matrix.expand(false), matrix.norms.take())
        } else {
            (read_dense(source, what)?, None)
        };
        let width = dense.width;
        let mut blocks = vec![[0.0; LANES]; dense.rows.div_ceil(LANES) * width];
        for label in 0..dense.rows {
            let block = &mut blocks[label / LANES * width..][..width];
            for (lanes, &value) in block.iter_mut().zip(dense.row(label)) {
                lanes[label % LANES] = value;
            }
        }
        Ok(Self { dense, norms, blocks, checked: !quantised })
    }

    pub(super) fn labels(&self) -> usize {
        self.dense.rows
    }

    pub(super) fn width(&self) -> usize {
        self.dense.width
    }

    /// The score of one row.
    pub(super) fn dot(&self, hidden: &[f32], row: usize) -> Result<f32> {
        let values = self.dense.row(row).iter().zip(hidden);
        // Not `sum()`, which starts from -0.0.
        let sum = values.fold(0.0, |sum, (weight, value)| sum + weight * value);
        self.finish(sum, row)
    }

    /// The scores of all labels.
    pub(super) fn dot_all(&self, hidden: &[f32], scores: &mut Vec<f32>) -> Result<()> {
        scores.clear();
        for block in self.blocks.chunks_exact(self.dense.width.max(1)) {
            let mut sums = [0.0; LANES];
            for (lanes, &value) in block.iter().zip(hidden) {
                for (sum, &weight) in sums.iter_mut().zip(lanes) {
                    *sum += weight * value;
                }
            }
            scores.extend_from_slice(&sums);
        }
        scores.truncate(self.dense.rows);
        for (row, score) in scores.iter_mut().enumerate() {
            *score = self.finish(*score, row)?;
        }
        Ok(())
    }

    fn finish(&self, sum: f32, row: usize) -> Result<f32> {
        if self.checked && sum.is_nan() {
            return Err(Error::asset("the fastText model gives scores that are not numbers"));
        }
        Ok(self.norms.as_ref().map_or(sum, |norms| sum * norms[row]))
    }
}
