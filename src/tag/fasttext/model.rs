//! A supervised fastText model, as its file says it.
//!
//! Reads `.bin` (dense) and `.ftz` (quantised, perhaps pruned) files of format 11 and 12 and
//! checks everything that a prediction relies on, so that predicting cannot go out of bounds.
//! A model is shared by all threads; each predicts through a `Predictor` of its own.

use super::dictionary::{Dictionary, Shape};
use super::loss::Loss;
use super::matrix::{Input, Output};
use super::source::Source;
use crate::error::{Error, Result};
use std::fs::File;
use std::io::Read;
use std::path::Path;

const MAGIC: i32 = 793_712_314;
/// The oldest and the newest file format that is in use.
const VERSIONS: std::ops::RangeInclusive<i32> = 11..=12;
/// The code of supervised models; 1 and 2 are word vectors.
const SUPERVISED: i32 = 3;

/// A model ready to predict.
pub struct Model {
    pub(super) dictionary: Dictionary,
    pub(super) input: Input,
    pub(super) output: Output,
    pub(super) loss: Loss,
    labels: Vec<String>,
}

impl Model {
    /// Reads the model at `path`.
    ///
    /// # Errors
    /// `Io` if the file cannot be read, `Asset` if it is no supervised fastText model, is cut
    /// short, or contradicts itself.
    pub fn load(path: &Path) -> Result<Self> {
        let open = || {
            let file = File::open(path)?;
            let length = file.metadata()?.len();
            Self::read(&mut Source::new(file, length))
        };
        open().map_err(|error: Error| error.at(path))
    }

    /// The labels as they were trained, in the order of their indexes.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    pub(super) fn read<R: Read>(source: &mut Source<R>) -> Result<Self> {
        let what = "the header";
        if source.left() < 8 || source.i32(what)? != MAGIC {
            return Err(Error::asset("not a fastText model"));
        }
        let version = source.i32(what)?;
        if !VERSIONS.contains(&version) {
            return Err(Error::asset(format!(
                "fastText file format {version} is not supported (11 and 12 are)"
            )));
        }
        let args = Args::read(source)?;
        let dictionary = Dictionary::read(source, args.shape(version)?)?;
        let quantised = source.byte("the input matrix")? != 0;
        if dictionary.is_pruned() && !quantised {
            return Err(Error::asset("this fastText model is pruned but not quantised"));
        }
        let input = Input::read(source, quantised)?;
        let quantised_output = source.byte("the output matrix")? != 0;
        let output = Output::read(source, quantised && quantised_output)?;
        let loss = Loss::new(args.loss, &dictionary.label_counts())?;
        check_sizes(&args, &dictionary, &input, &output)?;
        let labels =
            dictionary.labels().map(|label| String::from_utf8_lossy(label).into_owned()).collect();
        Ok(Self { dictionary, input, output, loss, labels })
    }
}

fn check_sizes(args: &Args, dictionary: &Dictionary, input: &Input, output: &Output) -> Result<()> {
    let labels = dictionary.labels().count();
    let contradiction = if args.dim <= 0 || input.width() != args.dim as usize {
        format!("vectors of {} in an input matrix of width {}", args.dim, input.width())
    } else if output.width() != input.width() {
        format!("output of width {} for input of width {}", output.width(), input.width())
    } else if output.labels() != labels {
        format!("{labels} labels for {} rows of output", output.labels())
    } else if (input.rows() as u64) < dictionary.rows() {
        format!("{} rows of input for {} features", input.rows(), dictionary.rows())
    } else {
        return Ok(());
    };
    Err(Error::asset(format!("damaged fastText model: {contradiction}")))
}

/// The hyper-parameters that matter for predictions.
struct Args {
    dim: i32,
    word_ngrams: i32,
    loss: i32,
    bucket: i32,
    minn: i32,
    maxn: i32,
}

impl Args {
    fn read<R: Read>(source: &mut Source<R>) -> Result<Self> {
        let mut fields = [0; 12];
        for field in &mut fields {
            *field = source.i32("the hyper-parameters")?;
        }
        source.i64("the hyper-parameters")?; // sampling threshold
        let [dim, _ws, _epoch, _min, _neg, word_ngrams, loss, kind, bucket, minn, maxn, _rate] =
            fields;
        if kind != SUPERVISED {
            return Err(Error::asset("this fastText model holds word vectors, not a classifier"));
        }
        Ok(Self { dim, word_ngrams, loss, bucket, minn, maxn })
    }

    fn shape(&self, version: i32) -> Result<Shape> {
        // Supervised models of format 11 say 6 here but were trained without n-grams.
        let maxn = if version == 11 { 0 } else { self.maxn };
        let hashed = maxn > 0 || self.word_ngrams > 1;
        if self.minn < 0 || maxn < 0 || self.bucket < i32::from(hashed) {
            return Err(Error::asset(format!(
                "damaged fastText model: n-grams of {} to {maxn} characters in {} buckets",
                self.minn, self.bucket
            )));
        }
        Ok(Shape {
            minn: self.minn as usize,
            maxn: maxn as usize,
            word_ngrams: self.word_ngrams.max(1) as usize,
            bucket: self.bucket as u32,
        })
    }
}
