//! How large a filter has to be, and how often it errs: computed from its layout.
//!
//! A key sets one bit in each of the eight words of a line, in one to six lines. A line that `j`
//! keys have fallen on takes a new key for a known one with probability `(1 - (1 - 1/64)^j)^8`,
//! exactly; how many keys fall on a line is Poisson distributed. A blocked filter sized by the
//! formula of the classic one would err several times as often as asked for.

use super::{LINE_BITS, WORDS};
use crate::error::{Error, Result};

/// Lines for each key, at most: enough for one error in 10^15 keys.
const MOST_LINES: u32 = 6;
/// Fewer lines are fewer cache misses, which is worth so much memory.
const WORTH: f64 = 1.1;
/// Where only a size is known: suits rates from one in a thousand to one in ten million.
const DEFAULT_LINES: u32 = 2;
/// Above this mean load of a line its rate is close to one, where the closed form is exact enough.
const LARGE_LOAD: f64 = 64.0;

/// Size and layout of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Lines of 512 bits.
    pub lines: u64,
    /// Lines that a key has bits in.
    pub lines_per_key: u32,
}

impl Shape {
    /// The filter that holds `keys` at the false-positive `rate`: the smallest there is, or one up
    /// to a tenth larger that touches fewer lines for each key.
    ///
    /// # Errors
    /// `Config` unless `keys > 0` and `0 < rate < 1`.
    pub fn for_keys(keys: u64, rate: f64) -> Result<Self> {
        if keys == 0 || !(rate > 0.0 && rate < 1.0) {
            return Err(Error::config(
                "bloom_filter: give size_in_bytes, or estimated_doc_count (> 0) with \
                 desired_false_positive_rate (between 0 and 1)",
            ));
        }
        let lines_per_key = suitable_lines(rate);
        Ok(Self {
            lines: (keys as f64 * lines_for_a_key(rate, lines_per_key)).ceil() as u64,
            lines_per_key,
        })
    }

    /// A filter of `bytes`, laid out for `keys` or, unknown those, for `rate`.
    ///
    /// # Errors
    /// `Config` for zero bytes.
    pub fn for_bytes(bytes: u64, keys: u64, rate: f64) -> Result<Self> {
        if bytes == 0 {
            return Err(Error::config("bloom_filter: a filter needs at least one byte"));
        }
        let lines = bytes.div_ceil(LINE_BITS / 8);
        let with = |lines_per_key| Self { lines, lines_per_key };
        Ok(if keys > 0 {
            let rate = |n| with(n).rate_at(keys);
            let best = (1..=MOST_LINES).min_by(|&a, &b| rate(a).total_cmp(&rate(b)));
            with(best.unwrap_or(DEFAULT_LINES))
        } else if rate > 0.0 && rate < 1.0 {
            with(suitable_lines(rate))
        } else {
            with(DEFAULT_LINES)
        })
    }

    /// The layout with so many bits, of which a key sets `hashes`.
    pub fn of(bits: u64, hashes: u32) -> Self {
        Self { lines: bits / LINE_BITS, lines_per_key: hashes / WORDS as u32 }
    }

    /// Whether a file may claim this layout.
    pub fn is_valid(&self) -> bool {
        self.lines > 0 && (1..=MOST_LINES).contains(&self.lines_per_key)
    }

    /// The share of new keys taken for known ones once `keys` are in.
    pub fn rate_at(&self, keys: u64) -> f64 {
        let load = f64::from(self.lines_per_key) * keys as f64 / self.lines as f64;
        line_rate(load).powi(self.lines_per_key as i32)
    }

    pub fn bits(&self) -> u64 {
        self.lines.saturating_mul(LINE_BITS)
    }

    pub fn bytes(&self) -> u64 {
        self.lines.saturating_mul(LINE_BITS / 8)
    }

    /// Bits that a key sets.
    pub fn hashes(&self) -> u32 {
        self.lines_per_key * WORDS as u32
    }
}

/// The rate of one line on which `load` keys have fallen on average.
fn line_rate(load: f64) -> f64 {
    let kept = 1.0 - 1.0 / 64.0; // of a word's bits, by one key
    if load > LARGE_LOAD {
        // The mean of (1 - kept^j)^8 over j, multiplied out.
        let mut choose = 1.0;
        let mut sum = 0.0;
        for i in 0..=WORDS {
            sum += choose * (-load * (1.0 - f64::powi(kept, i as i32))).exp();
            choose *= -((WORDS - i) as f64) / (i + 1) as f64;
        }
        return sum.clamp(0.0, 1.0);
    }
    let mut probability = (-load).exp(); // of j keys
    let (mut sum, mut unset) = (0.0, 1.0);
    for j in 1.. {
        probability *= load / f64::from(j);
        unset *= kept;
        let term = probability * (1.0 - unset).powi(WORDS as i32);
        sum += term;
        if f64::from(j) > load && term <= sum * 1e-17 {
            break;
        }
    }
    sum
}

/// Lines of filter for each key so that `rate` is met with `per_key` lines touched.
fn lines_for_a_key(rate: f64, per_key: u32) -> f64 {
    let wanted = rate.powf(1.0 / f64::from(per_key));
    // The rate grows with the load; its logarithm is bisected.
    let (mut low, mut high) = (f64::ln(1e-9), f64::ln(1e9));
    for _ in 0..80 {
        let middle = (low + high) / 2.0;
        if line_rate(middle.exp()) > wanted { high = middle } else { low = middle }
    }
    f64::from(per_key) / low.exp()
}

fn suitable_lines(rate: f64) -> u32 {
    let sizes: Vec<f64> = (1..=MOST_LINES).map(|n| lines_for_a_key(rate, n)).collect();
    let smallest = sizes.iter().copied().fold(f64::INFINITY, f64::min);
    let first = sizes.iter().position(|&size| size <= smallest * WORTH);
    first.map_or(DEFAULT_LINES, |index| index as u32 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bits that a classic filter needs for a key.
    fn classic(rate: f64) -> f64 {
        -rate.ln() / std::f64::consts::LN_2.powi(2)
    }

    #[test]
    fn a_filter_is_hardly_larger_than_a_classic_one() {
        for (rate, lines_per_key) in
            [(1e-2, 1), (1e-3, 1), (1e-4, 2), (1e-6, 2), (1e-8, 3), (1e-12, 4)]
        {
            let keys = 1_000_000;
            let shape = Shape::for_keys(keys, rate).unwrap();
            assert_eq!(shape.lines_per_key, lines_per_key, "{rate}");
            let per_key = shape.bits() as f64 / keys as f64;
            assert!(per_key < 1.2 * classic(rate), "{rate}: {per_key} bits");
        }
        // 60 billion keys at one in a million: 236 GB where the classic filter takes 216.
        let large = Shape::for_keys(60_000_000_000, 1e-6).unwrap();
        assert!((large.bytes() as f64 / 236e9 - 1.0).abs() < 0.01, "{large:?}");
    }

    #[test]
    fn the_formula_is_that_of_a_binomial_over_lines() {
        // The load of a line is Binomial(keys, 1/1000), nearly Poisson.
        let shape = Shape { lines: 1000, lines_per_key: 1 };
        let keys = 8000;
        let mut exact = 0.0;
        let mut probability = (1.0f64 - 1.0 / 1000.0).powi(keys);
        for j in 0..=keys {
            exact += probability * (1.0 - (63.0f64 / 64.0).powi(j)).powi(8);
            probability *= f64::from(keys - j) / f64::from(j + 1) / 999.0;
        }
        let rate = shape.rate_at(8000);
        assert!((rate / exact - 1.0).abs() < 0.01, "{rate} {exact}");
    }

    #[test]
    fn both_ways_of_summing_agree() {
        let below = line_rate(LARGE_LOAD);
        let above = line_rate(LARGE_LOAD * (1.0 + 1e-12));
        assert!((below / above - 1.0).abs() < 1e-9, "{below} {above}");
        assert!(line_rate(1e9) > 0.999_999);
        assert!(line_rate(1e-6) < 1e-19);
    }

    #[test]
    fn sizes_that_say_nothing_are_refused() {
        assert!(Shape::for_keys(0, 0.1).is_err());
        assert!(Shape::for_keys(10, 0.0).is_err());
        assert!(Shape::for_keys(10, f64::NAN).is_err());
        assert!(Shape::for_bytes(0, 1, 0.1).is_err());
        assert_eq!(
            Shape::for_bytes(1, 0, 0.0).unwrap(),
            Shape { lines: 1, lines_per_key: DEFAULT_LINES }
        );
    }

    proptest! {
        #[test]
        fn the_rate_is_met_and_no_line_is_too_many(keys in 1000u64..10_000_000_000, power in 0.2f64..12.0) {
            let rate = 10f64.powf(-power);
            let shape = Shape::for_keys(keys, rate).unwrap();
            prop_assert!(shape.rate_at(keys) <= rate * 1.0001);
            let smaller = Shape { lines: shape.lines - shape.lines / 100 - 1, ..shape };
            prop_assert!(smaller.rate_at(keys) > rate);
            let by_size = Shape::for_bytes(shape.bytes(), keys, 0.0).unwrap();
            prop_assert!(by_size.rate_at(keys) <= shape.rate_at(keys));
        }
    }
}
