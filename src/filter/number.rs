//! Numbers as JSON writes them, compared as numbers.
//!
//! `1`, `1.0` and `1e0` are one value, and 2^53 + 1 is more than 2^53 even when one of the two was
//! written with a fraction: integers of 64 bits are never rounded on the way to a comparison.

use std::cmp::Ordering;

/// A number read from JSON text or from an expression.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    Int(i64),
    /// An integer above `i64::MAX`.
    Large(u64),
    /// Anything else, including integers beyond 64 bits, rounded as the nearest double.
    Float(f64),
}

/// 2^63 and 2^64, the first doubles beyond `i64` and `u64`.
const TWO_63: f64 = 9_223_372_036_854_775_808.0;
const TWO_64: f64 = 18_446_744_073_709_551_616.0;

impl Number {
    /// The value of a text that follows the JSON grammar of numbers.
    pub fn parse(text: &[u8]) -> Self {
        // Up to 18 digits fit without a check.
        let (negative, digits) = match text {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        if digits.len() <= 18 {
            let whole = digits.iter().try_fold(0i64, |value, byte| {
                byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0'))
            });
            if let Some(value) = whole {
                return Self::Int(if negative { -value } else { value });
            }
        }
        let text = std::str::from_utf8(text).unwrap_or_default();
        if let Ok(value) = text.parse() {
            return Self::Int(value);
        }
        if let Ok(value) = text.parse() {
            return Self::Large(value);
        }
        Self::Float(text.parse().unwrap_or(f64::NAN))
    }

    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Large(value) => value as f64,
            Self::Float(value) => value,
        }
    }

    /// The value as an integer, when it was written as one.
    pub fn as_i64(self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(value),
            _ => None,
        }
    }

    pub fn is_zero(self) -> bool {
        match self {
            Self::Int(value) => value == 0,
            Self::Large(_) => false,
            Self::Float(value) => value == 0.0,
        }
    }

    /// The exact order of the values; not-a-number, which jq can compute, is below all others.
    pub fn compare(self, other: Self) -> Ordering {
        use Number::{Float, Int, Large};
        match (self, other) {
            (Int(a), Int(b)) => a.cmp(&b),
            (Large(a), Large(b)) => a.cmp(&b),
            (Int(_), Large(_)) => Ordering::Less,
            (Large(_), Int(_)) => Ordering::Greater,
            (Int(a), Float(b)) => int_with_float(a, b),
            (Float(a), Int(b)) => int_with_float(b, a).reverse(),
            (Large(a), Float(b)) => large_with_float(a, b),
            (Float(a), Large(b)) => large_with_float(b, a).reverse(),
            (Float(a), Float(b)) => floats(a, b),
        }
    }
}

fn floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

fn int_with_float(int: i64, float: f64) -> Ordering {
    if float.is_nan() || float < -TWO_63 {
        return Ordering::Greater;
    }
    if float >= TWO_63 {
        return Ordering::Less;
    }
    int.cmp(&(float as i64)).then_with(|| fraction_below(float))
}

fn large_with_float(int: u64, float: f64) -> Ordering {
    if float.is_nan() || float < 0.0 {
        return Ordering::Greater;
    }
    if float >= TWO_64 {
        return Ordering::Less;
    }
    int.cmp(&(float as u64)).then_with(|| fraction_below(float))
}

/// How an integer equal to `float` without its fraction compares with `float`.
fn fraction_below(float: f64) -> Ordering {
    let fraction = float.fract();
    if fraction > 0.0 {
        Ordering::Less
    } else if fraction < 0.0 {
        Ordering::Greater
    } else {
        Ordering::Equal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn order(a: &str, b: &str) -> Ordering {
        Number::parse(a.as_bytes()).compare(Number::parse(b.as_bytes()))
    }

    #[test]
    fn numbers_compare_as_numbers_not_as_types() {
        for (a, b, expected) in [
            ("1", "1.0", Ordering::Equal),
            ("1e0", "1", Ordering::Equal),
            ("-0.0", "0", Ordering::Equal),
            ("9007199254740993", "9007199254740992", Ordering::Greater),
            ("9007199254740993", "9007199254740992.0", Ordering::Greater),
            ("9223372036854775807", "9223372036854775808", Ordering::Less),
            ("18446744073709551615", "18446744073709551616", Ordering::Less),
            ("18446744073709551615", "1e3", Ordering::Greater),
            ("-1", "-0.5", Ordering::Less),
            ("-1", "-1.5", Ordering::Greater),
            ("0", "1e-400", Ordering::Equal),
            ("3", "1e400", Ordering::Less),
            ("-9223372036854775808", "-1e19", Ordering::Greater),
        ] {
            assert_eq!(order(a, b), expected, "{a} with {b}");
            assert_eq!(order(b, a), expected.reverse(), "{b} with {a}");
        }
    }

    proptest! {
        #[test]
        fn order_is_exact(a in any::<i64>(), b in any::<i64>(), shift in 0u32..60) {
            let (a, b) = (a >> shift, b >> shift);
            let float = b as f64;
            // Exact in i128 because every double of this size is an integer or below 2^63.
            let exact = i128::from(a).cmp(&(float as i128));
            prop_assert_eq!(Number::Int(a).compare(Number::Float(float)), exact);
        }
    }
}
