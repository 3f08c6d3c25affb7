//! MinHash signatures (Broder, 1997) and their bands.
//!
//! A word is hashed once; the hash of a shingle is a polynomial of those of its words, so that it
//! costs two multiplications whatever its length. The permutations are multiply-add maps of 32-bit
//! words, which vectorise; `tests` hold the share of equal bands against the S-curve.

use super::sketch::Sketch;
use super::tokens::{self, Tokenizer};
use super::words;
use crate::dedupe::normalize::Normalizer;
use crate::error::Result;
use crate::filter::Selector;
use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed, xxh3_128_with_seed};

/// Permutations that are worked on at once: as many minima as fit into vector registers.
const LANES: usize = 32;
/// The base of shingles' polynomials: odd, random.
const BASE: u64 = 0xD6E8_FEB8_6659_FD93;

/// Pieces of a text whose scratch is not kept for the next one: it was an outlier.
const LARGEST: usize = 1 << 20;

/// What a text is cut into.
pub enum Pieces {
    Words,
    Characters,
    Tokens(Box<dyn Tokenizer>),
}

/// What two documents that share a band are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// Their shingle sets, for which they are read again.
    Jaccard,
    /// Sketches that the first pass keeps of all documents.
    Signature,
}

/// How documents are compared.
pub struct Method {
    pub key: Selector,
    pub normalizer: Normalizer,
    pub pieces: Pieces,
    /// Pieces in a shingle.
    pub ngram: usize,
    pub bands: usize,
    pub rows: usize,
    /// Jaccard similarity from which two documents are joined.
    pub threshold: f64,
    pub verify: Verify,
    /// Whether documents without a shingle are compared by their whole text.
    pub compare_short: bool,
    pub seed: u64,
}

/// A method with its permutations.
pub struct Minhash {
    method: Method,
    multipliers: Vec<[u32; LANES]>,
    offsets: Vec<[u32; LANES]>,
}

impl std::ops::Deref for Minhash {
    type Target = Method;

    fn deref(&self) -> &Method {
        &self.method
    }
}

/// What a signature does not say of a document.
#[derive(Debug, Clone, Copy)]
pub struct Summary {
    /// Of its pieces in order, or of its whole text where it has no shingle.
    pub content: u128,
    pub short: bool,
    /// Not compared at all.
    pub skip: bool,
}

/// The scratch of one thread.
#[derive(Default)]
pub struct Signer {
    lower: Vec<u8>,
    pieces: Vec<u64>,
    shingles: Vec<u32>,
    minima: Vec<[u32; LANES]>,
}

impl Minhash {
    pub fn new(method: Method) -> Self {
        let blocks = (method.bands * method.rows).div_ceil(LANES);
        let mut state = method.seed;
        let mut draw = || {
            // SplitMix64 (Steele, Lea and Flood, 2014).
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            (z ^ (z >> 31)) as u32
        };
        let multipliers = (0..blocks).map(|_| std::array::from_fn(|_| draw() | 1)).collect();
        let offsets = (0..blocks).map(|_| std::array::from_fn(|_| draw())).collect();
        Self { method, multipliers, offsets }
    }

    /// Reads a text; where it is long enough, `signer` holds its signature afterwards.
    ///
    /// # Errors
    /// Those of a tokenizer.
    pub fn sign(&self, text: &str, signer: &mut Signer) -> Result<Summary> {
        signer.cut(self, text)?;
        if signer.shingles.is_empty() {
            let content = xxh3_128_with_seed(text.as_bytes(), self.seed ^ BASE);
            signer.minima.clear();
            return Ok(Summary { content, short: true, skip: !self.compare_short });
        }
        signer.minima.resize(self.multipliers.len(), [0; LANES]);
        for (block, minima) in signer.minima.iter_mut().enumerate() {
            *minima = minimum(&signer.shingles, &self.multipliers[block], &self.offsets[block]);
        }
        Ok(Summary { content: content(&signer.pieces), short: false, skip: false })
    }

    /// Replaces `out` by the hashes of the text's shingles, sorted, each once.
    ///
    /// # Errors
    /// Those of a tokenizer.
    pub fn shingle_set(&self, text: &str, signer: &mut Signer, out: &mut Vec<u32>) -> Result<()> {
        signer.cut(self, text)?;
        out.clear();
        out.extend_from_slice(&signer.shingles);
        out.sort_unstable();
        out.dedup();
        Ok(())
    }

    /// A sketch of a set of shingles.
    pub fn sketch(&self, shingles: impl Iterator<Item = u32>) -> Sketch {
        Sketch::of(shingles, self.seed)
    }
}

impl Signer {
    fn cut(&mut self, minhash: &Minhash, text: &str) -> Result<()> {
        if self.pieces.capacity() > LARGEST {
            *self = Self::default();
        }
        let Self { lower, pieces, shingles, .. } = self;
        match &minhash.pieces {
            Pieces::Words => words::words(text, lower, pieces),
            Pieces::Characters => words::characters(text, lower, pieces),
            Pieces::Tokens(tokenizer) => tokens::tokens(text, &**tokenizer, pieces)?,
        }
        shingle(pieces, minhash.ngram, shingles);
        Ok(())
    }

    /// The shingles of the last signature.
    pub fn shingles(&self) -> impl Iterator<Item = u32> {
        self.shingles.iter().copied()
    }

    /// A hash for each band of the last signature; none for a document without shingles.
    pub fn bands<'s>(&'s self, minhash: &'s Minhash) -> impl Iterator<Item = u64> + 's {
        let values = self.minima.as_flattened();
        let bands = if values.is_empty() { 0 } else { minhash.bands };
        (0..bands).map(move |band| {
            let mut bytes = Vec::with_capacity(minhash.rows * 4);
            for value in &values[band * minhash.rows..(band + 1) * minhash.rows] {
                bytes.extend_from_slice(&value.to_le_bytes());
            }
            xxh3_64_with_seed(&bytes, minhash.seed ^ (band as u64 + 1).wrapping_mul(BASE))
        })
    }
}

/// A hash of all pieces in order.
fn content(pieces: &[u64]) -> u128 {
    let mut hasher = Xxh3::new();
    let mut bytes = [0; 1 << 12];
    for chunk in pieces.chunks(bytes.len() / 8) {
        for (piece, out) in chunk.iter().zip(bytes.chunks_exact_mut(8)) {
            out.copy_from_slice(&piece.to_le_bytes());
        }
        hasher.update(&bytes[..chunk.len() * 8]);
    }
    hasher.digest128()
}

/// Hashes of all runs of `ngram` pieces.
fn shingle(pieces: &[u64], ngram: usize, out: &mut Vec<u32>) {
    out.clear();
    if pieces.len() < ngram {
        return;
    }
    out.reserve(pieces.len() - ngram + 1);
    let power = (1..ngram).fold(1u64, |power, _| power.wrapping_mul(BASE));
    let mut hash = pieces[..ngram]
        .iter()
        .fold(0u64, |hash, piece| hash.wrapping_mul(BASE).wrapping_add(*piece));
    for at in 0.. {
        let mixed = (hash ^ (hash >> 32)).wrapping_mul(0xE703_7ED1_A0B4_28DB);
        out.push((mixed >> 32) as u32);
        let Some(next) = pieces.get(at + ngram) else { return };
        hash = hash
            .wrapping_sub(pieces[at].wrapping_mul(power))
            .wrapping_mul(BASE)
            .wrapping_add(*next);
    }
}

/// The least value of each permutation over all shingles.
fn minimum(shingles: &[u32], multipliers: &[u32; LANES], offsets: &[u32; LANES]) -> [u32; LANES] {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, as was just asked; without it there is no multiplication
        // of 32-bit lanes, and signatures take about three times as long.
        return unsafe { minimum_avx2(shingles, multipliers, offsets) };
    }
    minimum_portable(shingles, multipliers, offsets)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn minimum_avx2(
    shingles: &[u32],
    multipliers: &[u32; LANES],
    offsets: &[u32; LANES],
) -> [u32; LANES] {
    minimum_portable(shingles, multipliers, offsets)
}

#[inline(always)]
fn minimum_portable(
    shingles: &[u32],
    multipliers: &[u32; LANES],
    offsets: &[u32; LANES],
) -> [u32; LANES] {
    let mut minima = [u32::MAX; LANES];
    for shingle in shingles {
        for lane in 0..LANES {
            let value = shingle.wrapping_mul(multipliers[lane]).wrapping_add(offsets[lane]);
            minima[lane] = minima[lane].min(value);
        }
    }
    minima
}

/// The probability that two documents of similarity `jaccard` share a band.
pub fn probability(bands: usize, rows: usize, jaccard: f64) -> f64 {
    1.0 - (1.0 - jaccard.powi(rows as i32)).powi(bands as i32)
}

/// The share of elements that two sorted sets have in common, `|a ∩ b| / |a ∪ b|`; 0 as soon as it
/// is certain to be below `threshold`.
pub fn jaccard(a: &[[u8; 4]], b: &[[u8; 4]], threshold: f64) -> f64 {
    let total = (a.len() + b.len()) as f64;
    // Of two sets with a share t, t / (1 + t) of all elements are common.
    let needed = (threshold / (1.0 + threshold) * total - 1e-9).ceil().max(0.0) as usize;
    let spare = a.len().min(b.len());
    if needed > spare {
        return 0.0;
    }
    let (mut i, mut j, mut common) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        let (left, right) = (u32::from_le_bytes(a[i]), u32::from_le_bytes(b[j]));
        common += usize::from(left == right);
        i += usize::from(left <= right);
        j += usize::from(right <= left);
        if (i + j) & 0x3F == 0 && common + (a.len() - i).min(b.len() - j) < needed {
            return 0.0;
        }
    }
    let union = a.len() + b.len() - common;
    if union == 0 || common < needed { 0.0 } else { common as f64 / union as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Syntax;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn method(bands: usize, rows: usize, seed: u64) -> Method {
        Method {
            key: Selector::compile("$.text", Syntax::JsonPath).unwrap(),
            normalizer: Normalizer::default(),
            pieces: Pieces::Words,
            ngram: 1,
            bands,
            rows,
            threshold: 0.8,
            verify: Verify::Jaccard,
            compare_short: true,
            seed,
        }
    }

    fn minhash(bands: usize, rows: usize, seed: u64) -> Minhash {
        Minhash::new(method(bands, rows, seed))
    }

    #[test]
    fn the_curve_has_the_published_values() {
        let near = |value: f64, expected: f64| assert!((value - expected).abs() < 5e-4, "{value}");
        near(probability(26, 11, 0.8), 0.903);
        near(probability(26, 11, 0.6), 0.090);
        near(probability(14, 8, 0.75), 0.772);
    }

    /// Bands of pairs of known similarity are equal as often as they should be.
    #[test]
    fn bands_follow_the_curve() {
        for (bands, rows) in [(14, 8), (26, 11)] {
            for (common, own) in [(90, 5), (80, 10), (60, 20), (160, 20)] {
                let jaccard = f64::from(common) / f64::from(common + 2 * own);
                let trials = 1500;
                let (mut hits, mut equal) = (0, 0);
                for trial in 0..trials {
                    let minhash = minhash(bands, rows, 7 + trial % 3);
                    let text = |side: u32| -> String {
                        let shared = (0..common).map(|n| format!("w{trial}x{n} "));
                        shared.chain((0..own).map(|n| format!("s{side}t{trial}x{n} "))).collect()
                    };
                    let (mut one, mut two) = (Signer::default(), Signer::default());
                    minhash.sign(&text(1), &mut one).unwrap();
                    minhash.sign(&text(2), &mut two).unwrap();
                    let same = one.bands(&minhash).zip(two.bands(&minhash)).filter(|(a, b)| a == b);
                    hits += u64::from(same.count() > 0);
                    let values = bands * rows;
                    let (a, b) = (one.minima.as_flattened(), two.minima.as_flattened());
                    equal += a[..values].iter().zip(&b[..values]).filter(|(a, b)| a == b).count();
                }
                let share = equal as f64 / (trials as f64 * (bands * rows) as f64);
                assert!((share - jaccard).abs() < 0.01, "{share} of values, J = {jaccard}");
                let (seen, expected) =
                    (hits as f64 / trials as f64, probability(bands, rows, jaccard));
                let error = (expected * (1.0 - expected) / trials as f64).sqrt();
                assert!((seen - expected).abs() < 4.0 * error + 0.005, "{seen} {expected}");
            }
        }
    }

    #[test]
    fn short_texts_have_no_bands_and_are_compared_whole() {
        let mut minhash = Minhash::new(Method { ngram: 3, ..method(4, 2, 1) });
        let mut signer = Signer::default();
        minhash.sign("a long enough text", &mut signer).unwrap();
        let short = minhash.sign("Two words.", &mut signer).unwrap();
        assert!(short.short && !short.skip && signer.bands(&minhash).count() == 0);
        let other = minhash.sign("Two words", &mut signer).unwrap();
        assert_ne!(short.content, other.content);
        let long = minhash.sign("Now three words.", &mut signer).unwrap();
        let again = minhash.sign("now, three: WORDS", &mut signer).unwrap();
        assert_eq!(long.content, again.content);
        assert_eq!(signer.bands(&minhash).count(), 4);
        minhash.method.compare_short = false;
        assert!(minhash.sign("", &mut signer).unwrap().skip);
    }

    proptest! {
        #[test]
        fn shingles_depend_on_their_words_alone(
            pieces in proptest::collection::vec(0..4u64, 0..30), ngram in 1..6usize,
        ) {
            let mut all = Vec::new();
            shingle(&pieces, ngram, &mut all);
            let expected: Vec<u32> = pieces.windows(ngram).map(|window| {
                let mut one = Vec::new();
                shingle(window, ngram, &mut one);
                one[0]
            }).collect();
            prop_assert_eq!(all, expected);
        }

        #[test]
        fn jaccard_is_that_of_sets(
            a in proptest::collection::btree_set(0..60u32, 0..60),
            b in proptest::collection::btree_set(0..60u32, 0..60),
            threshold in 0.0..1.0f64,
        ) {
            let bytes = |set: &BTreeSet<u32>| -> Vec<[u8; 4]> {
                set.iter().map(|n| n.to_le_bytes()).collect()
            };
            let (common, union) = (a.intersection(&b).count(), a.union(&b).count());
            let exact = if union == 0 { 0.0 } else { common as f64 / union as f64 };
            prop_assert_eq!(jaccard(&bytes(&a), &bytes(&b), 0.0), exact);
            let found = jaccard(&bytes(&a), &bytes(&b), threshold);
            prop_assert!(found == exact || (found == 0.0 && exact < threshold));
        }

        #[test]
        fn vectors_and_scalars_agree(shingles in proptest::collection::vec(any::<u32>(), 0..50)) {
            let minhash = minhash(8, 4, 3);
            let (a, b) = (&minhash.multipliers[0], &minhash.offsets[0]);
            prop_assert_eq!(minimum(&shingles, a, b), minimum_portable(&shingles, a, b));
        }
    }
}
