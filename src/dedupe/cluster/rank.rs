//! Which copy of several is kept, as a number: the least is.

use crate::document::{self, Record};
use crate::error::{Error, Result};
use crate::filter::{RecordView, Scratch, Selector, Syntax};
use crate::json;

/// A policy; ties are broken by the order of the input.
pub enum Keep {
    First,
    /// By a date or number in the document.
    Oldest(Selector),
    Newest(Selector),
    Longest,
    /// By the highest score of this attribute, from the last of the attribute files.
    Highest(String),
    /// By the place of the document's source in this list.
    Source(Vec<String>),
}

/// Of a document that is only compared with: kept before all others.
pub const REFERENCE: u64 = 0;
/// Of one that the policy says nothing of: kept after all others.
pub const UNRANKED: u64 = u64::MAX;

impl Keep {
    /// # Errors
    /// `Config` for an expression that is no JSONPath.
    pub fn by_field(newest: bool, path: &str) -> Result<Self> {
        let selector = Selector::compile(path, Syntax::JsonPath)
            .map_err(|error| error.of_key("dedupe.keep.field"))?;
        Ok(if newest { Self::Newest(selector) } else { Self::Oldest(selector) })
    }

    /// The rank of a document whose text has `chars` code points; `attributes` is the object of its attribute
    /// row where the policy reads one.
    ///
    /// # Errors
    /// `Record` for a field that is neither a date nor a number, `Alignment` for a score that is
    /// no number.
    pub fn rank(
        &self,
        record: &Record<'_>,
        chars: u32,
        attributes: Option<&[u8]>,
        scratch: &mut Scratch,
    ) -> Result<u64> {
        let rank = match self {
            Self::First => 1,
            Self::Longest => u64::from(u32::MAX - chars),
            Self::Oldest(selector) => moment(selector, record, scratch)?.map_or(UNRANKED, ordered),
            Self::Newest(selector) => {
                moment(selector, record, scratch)?.map_or(UNRANKED, |time| ordered(-time))
            }
            Self::Highest(name) => attributes
                .map(|object| highest(object, name))
                .transpose()?
                .flatten()
                .map_or(UNRANKED, |score| ordered(-score)),
            Self::Source(sources) => {
                let source = record.get("source").map(document::id_text).unwrap_or_default();
                let at = sources.iter().position(|name| *name == source);
                at.map_or(UNRANKED, |at| at as u64 + 1)
            }
        };
        Ok(rank.max(REFERENCE + 1))
    }
}

/// A number whose order is that of `value`.
fn ordered(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    let order = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    order.min(UNRANKED - 1)
}

fn moment(selector: &Selector, record: &Record<'_>, scratch: &mut Scratch) -> Result<Option<f64>> {
    let fields: Vec<(&[u8], &[u8])> =
        record.fields.iter().map(|field| (field.key, field.value)).collect();
    let view = RecordView { fields: &fields, attributes: &[] };
    let found = selector.select(&view, scratch)?;
    if found == "null" || found == "\"\"" {
        return Ok(None);
    }
    let text = found.trim_matches('"');
    let value = if found.starts_with('"') { seconds(text) } else { found.parse().ok() };
    value.map(Some).ok_or_else(|| {
        let shown: String = found.chars().take(40).collect();
        Error::record(format!(
            "dedupe.keep.field: {shown} is neither an ISO 8601 date nor a number"
        ))
    })
}

/// Seconds since 1970 of an ISO 8601 date or time: `2024`, `2024-02`, `2024-02-29`,
/// `2024-02-29T12:30:00.5Z`, `2024-02-29 12:30+02:00`. Without a zone it is taken for UTC.
fn seconds(text: &str) -> Option<f64> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let digits = |text: &str, length: usize| -> Option<i64> {
        let right = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
        if right { text.parse().ok() } else { None }
    };
    let mut parts = date.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = parts.next().map_or(Some(1), |month| digits(month, 2))?;
    let day = parts.next().map_or(Some(1), |day| digits(day, 2))?;
    if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let mut total = days(year, month, day) as f64 * 86_400.0;
    let Some(time) = time else { return Some(total) };
    let (clock, zone) = match time.find(['Z', 'z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => (time, ""),
    };
    let mut parts = clock.split(':');
    total += digits(parts.next()?, 2)? as f64 * 3600.0;
    total += parts.next().map_or(Some(0), |minute| digits(minute, 2))? as f64 * 60.0;
    if let Some(second) = parts.next() {
        let plain = second.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        total += if plain { second.parse::<f64>().ok()? } else { return None };
    }
    if parts.next().is_some() {
        return None;
    }
    if let Some(offset) = zone.strip_prefix(['+', '-']) {
        let offset = offset.replace(':', "");
        let hours = digits(offset.get(..2)?, 2)?;
        let minutes = digits(offset.get(2..).filter(|rest| !rest.is_empty()).unwrap_or("00"), 2)?;
        let shift = (hours * 3600 + minutes * 60) as f64;
        total += if zone.starts_with('-') { shift } else { -shift };
    } else if zone.len() > 1 {
        return None;
    }
    Some(total)
}

/// Days from 1970-01-01 in the Gregorian calendar (Hinnant, "chrono-compatible low-level date
/// algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The highest score of attribute `name` in an object of lists of `[start, end, score]`.
fn highest(object: &[u8], name: &str) -> Result<Option<f64>> {
    let mut value = None;
    json::object(object, |key, raw| {
        if key == name.as_bytes() {
            value = Some(raw);
        }
    })
    .map_err(|cause| Error::alignment(format!("attribute row: {cause}")))?;
    let Some(raw) = value else { return Ok(None) };
    let wrong =
        || Error::alignment(format!("attribute {name:?} is no list of [start, end, score]"));
    let text = std::str::from_utf8(raw).map_err(|_| wrong())?;
    let list = text.trim().strip_prefix('[').and_then(|t| t.strip_suffix(']')).ok_or_else(wrong)?;
    let mut best: Option<f64> = None;
    for span in list.split(']').map(|span| span.trim_matches([',', ' ', '\t'])) {
        if span.is_empty() {
            continue;
        }
        let score = span.rsplit(',').next().and_then(|score| score.trim().parse::<f64>().ok());
        let score = score.filter(|_| span.starts_with('[')).ok_or_else(wrong)?;
        best = Some(best.map_or(score, |best| best.max(score)));
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_put_in_order() {
        let sorted = [
            "1969-12-31T23:59:59Z",
            "1970",
            "1999-12",
            "2000-02-29",
            "2000-02-29T00:00:00.250Z",
            "2000-02-29T01:00+00:30",
            "2000-02-29 01:00",
            "2000-02-29T00:00:00-02:00",
            "2024-02-29T12:00:00.000Z",
        ];
        let times: Vec<f64> = sorted.iter().map(|text| seconds(text).unwrap()).collect();
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
        assert_eq!(seconds("2024-02-29T12:00:00Z"), Some(1_709_208_000.0));
        for wrong in ["", "x", "24-01-01", "2024-13", "2024-1-1", "2024-01-01T", "2024-01-01Tx"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn policies_rank_as_they_say() {
        let rank = |keep: &Keep, line: &str, attributes: Option<&str>| {
            let record = Record::parse(line.as_bytes()).unwrap();
            keep.rank(&record, 7, attributes.map(str::as_bytes), &mut Scratch::default())
        };
        let newest = Keep::by_field(true, "$.metadata.date").unwrap();
        let old = rank(&newest, r#"{"metadata":{"date":"2001-01-01"}}"#, None).unwrap();
        let new = rank(&newest, r#"{"metadata":{"date":"2011-01-01"}}"#, None).unwrap();
        let none = rank(&newest, r#"{"metadata":{}}"#, None).unwrap();
        assert!(0 < new && new < old && old < none && none == UNRANKED);
        assert!(rank(&newest, r#"{"metadata":{"date":"soon"}}"#, None).is_err());
        let oldest = Keep::by_field(false, "$.n").unwrap();
        assert!(
            rank(&oldest, r#"{"n":-1}"#, None).unwrap()
                < rank(&oldest, r#"{"n":0}"#, None).unwrap()
        );
        let best = Keep::Highest("q".into());
        let high = rank(&best, "{}", Some(r#"{"q":[[0,3,0.25],[3,5,0.75]]}"#)).unwrap();
        let low = rank(&best, "{}", Some(r#"{"p":[[0,3,9.0]],"q":[[0,3,0.5]]}"#)).unwrap();
        assert!(high < low);
        assert_eq!(rank(&best, "{}", Some(r#"{"q":[]}"#)).unwrap(), UNRANKED);
        assert!(rank(&best, "{}", Some(r#"{"q":[["x"]]}"#)).is_err());
        let source = Keep::Source(vec!["a".into(), "b".into()]);
        let of = |name: &str| rank(&source, &format!(r#"{{"source":"{name}"}}"#), None).unwrap();
        assert!(of("a") < of("b") && of("b") < of("c"));
    }
}
