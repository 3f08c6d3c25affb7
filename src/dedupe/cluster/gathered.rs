//! What a batch of document lines gives before anything is compared: rows, keys, bands. It stands on
//! its own, so that it can be handed to the run that read it or be written down for another one.

use super::ledger::Ledger;
use super::rank::REFERENCE;
use super::records::{Band, Doc, Entry, Sketched};
use super::run::ClusterRun;
use super::sorter::{Record, number};
use crate::error::Result;
use crate::shard::{Bad, Counts, Done};
use std::path::Path;
use std::sync::Arc;

/// What a batch gives. Documents are called by where their rows stand among the batch's, and
/// sources by their places in `names`.
#[derive(Debug, Default, PartialEq)]
pub struct Gathered {
    /// As [`super::ledger::Row::put`] wrote them.
    pub rows: Vec<u8>,
    pub entries: Vec<Entry<false>>,
    /// Those of a document stand together.
    pub bands: Vec<Band>,
    pub sketches: Vec<Sketched>,
    pub names: Vec<String>,
    pub account: Account,
}

/// What became of the lines of a batch or file.
#[derive(Debug, Default, PartialEq)]
pub struct Account {
    pub counts: Counts,
    pub bad: Vec<Bad>,
    pub tally: Tally,
}

/// What was read, for the report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub skipped: u64,
    pub without_key: u64,
    pub marked_before: u64,
    pub unranked: u64,
    pub short: u64,
}

impl Account {
    pub fn add(&mut self, other: Self) {
        self.counts += other.counts;
        self.bad.extend(other.bad);
        self.tally.skipped += other.tally.skipped;
        self.tally.without_key += other.tally.without_key;
        self.tally.marked_before += other.tally.marked_before;
        self.tally.unranked += other.tally.unranked;
        self.tally.short += other.tally.short;
    }

    /// What a finished file reports; `content` is the hash of its bytes.
    pub fn done(self, content: Option<u128>) -> Done {
        let mut done =
            Done { counts: self.counts, bad: self.bad, content_hash: content, ..Done::default() };
        let tally = self.tally;
        for (what, value) in [
            ("skipped", tally.skipped),
            ("without_key", tally.without_key),
            ("marked_before", tally.marked_before),
            ("unranked", tally.unranked),
            ("short", tally.short),
        ] {
            done.details.push((vec![what.to_string()], value as f64));
        }
        done
    }
}

impl Gathered {
    /// Hands rows, keys and bands to a run; batches of a file come in order, so that places in its
    /// ledger are known here. Returns what became of the lines.
    ///
    /// # Errors
    /// `Io` with the path of an intermediate file.
    pub fn absorb(self, run: &ClusterRun, ledger: &mut Ledger) -> Result<Account> {
        let Self { rows, entries, bands, sketches, names, account } = self;
        let (shard, base) = (ledger.shard(), ledger.end());
        let reference = shard < run.references;
        let doc = |place: Doc| Doc::new(shard, base + place.0);
        let numbers: Vec<u32> = names.iter().map(|name| run.source_number(name)).collect();
        ledger.append(&rows, account.counts.read, entries.len() as u64)?;
        if !reference {
            let mut counts = vec![0u64; numbers.len()];
            entries.iter().for_each(|entry| counts[entry.source as usize] += 1);
            run.count_sources(numbers.iter().copied().zip(counts));
        }
        run.take(entries.into_iter().map(|entry| Entry {
            rank: if reference { REFERENCE } else { entry.rank },
            doc: doc(entry.doc),
            source: numbers[entry.source as usize],
            ..entry
        }))?;
        run.take_bands(bands.into_iter().map(|band| Band { doc: doc(band.doc), ..band }))?;
        run.take_sketches(sketches.into_iter().map(|one| Sketched { doc: doc(one.doc), ..one }))?;
        Ok(account)
    }

    /// Appends all of it to `out`.
    pub fn put(&self, out: &mut Vec<u8>) {
        let Account { counts, bad, tally } = &self.account;
        for value in [
            counts.read,
            counts.written,
            counts.bad,
            tally.skipped,
            tally.without_key,
            tally.marked_before,
            tally.unranked,
            tally.short,
        ] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        put_bytes(&self.rows, out);
        put_length(self.names.len(), out);
        self.names.iter().for_each(|name| put_bytes(name.as_bytes(), out));
        put_records(&self.entries, out);
        put_records(&self.sketches, out);
        let of_documents = self.bands.chunk_by(|one, two| one.doc == two.doc);
        put_length(of_documents.clone().count(), out);
        for bands in of_documents {
            out.extend_from_slice(&bands[0].doc.0.to_le_bytes());
            out.extend_from_slice(&bands[0].content.to_le_bytes());
            put_length(bands.len(), out);
            bands.iter().for_each(|band| out.extend_from_slice(&band.hash.to_le_bytes()));
        }
        put_length(bad.len(), out);
        for line in bad {
            out.extend_from_slice(&line.line.to_le_bytes());
            put_bytes(line.error.as_bytes(), out);
            put_bytes(&line.raw, out);
        }
    }

    /// What [`Gathered::put`] wrote, of the document file `path`; None for anything else.
    pub fn get(bytes: &[u8], path: &Path) -> Option<Self> {
        let mut rest = Rest(bytes);
        let mut numbers = [0; 8];
        for value in &mut numbers {
            *value = rest.number()?;
        }
        let [read, written, lost, skipped, without_key, marked_before, unranked, short] = numbers;
        let counts = Counts { read, written, dropped: 0, bad: lost };
        let tally = Tally { skipped, without_key, marked_before, unranked, short };
        let mut account = Account { counts, bad: Vec::new(), tally };
        let rows = rest.bytes()?.to_vec();
        let mut names = Vec::new();
        for _ in 0..rest.number()? {
            names.push(rest.text()?);
        }
        let entries: Vec<Entry<false>> = rest.records()?;
        if entries.iter().any(|entry| entry.source as usize >= names.len()) {
            return None;
        }
        let sketches = rest.records()?;
        let mut bands = Vec::new();
        for _ in 0..rest.number()? {
            let (doc, content) = (Doc(rest.number()?), rest.number()?);
            for _ in 0..rest.number()? {
                bands.push(Band { hash: rest.number()?, content, doc });
            }
        }
        let path: Arc<Path> = Arc::from(path);
        for _ in 0..rest.number()? {
            let (line, error, raw) = (rest.number()?, rest.text()?, rest.bytes()?.to_vec());
            account.bad.push(Bad { path: Arc::clone(&path), line, error, raw });
        }
        rest.0.is_empty().then_some(Self { rows, entries, bands, sketches, names, account })
    }
}

fn put_length(length: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(length as u64).to_le_bytes());
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_length(bytes.len(), out);
    out.extend_from_slice(bytes);
}

fn put_records<R: Record>(records: &[R], out: &mut Vec<u8>) {
    put_length(records.len(), out);
    for record in records {
        let at = out.len();
        out.resize(at + R::BYTES, 0);
        record.put(&mut out[at..]);
    }
}

/// Bytes that are still to be read.
struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        self.take(8).map(|bytes| number::<8>(bytes, 0) as u64)
    }

    fn bytes(&mut self) -> Option<&'b [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }

    fn records<R: Record>(&mut self) -> Option<Vec<R>> {
        let size = usize::try_from(self.number()?).ok()?.checked_mul(R::BYTES)?;
        Some(self.take(size)?.chunks_exact(R::BYTES).map(R::get).collect())
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dedupe::cluster::sketch::Sketch;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_gathered_comes_back_as_it_was(
            rows: Vec<u8>, hashes in proptest::collection::vec(any::<(u128, u64, u64)>(), 0..20),
            bands in proptest::collection::vec(any::<(u64, u64, u8)>(), 0..9),
            lines in proptest::collection::vec(any::<(u64, String, Vec<u8>)>(), 0..4),
            counts: [u16; 8], cut in any::<prop::sample::Index>(),
        ) {
            let path: Arc<Path> = Arc::from(Path::new("documents/a.jsonl"));
            let [read, written, bad, skipped, without_key, marked_before, unranked, short] =
                counts.map(u64::from);
            let gathered = Gathered {
                rows,
                entries: hashes.iter().map(|(hash, rank, doc)| Entry {
                    hash: *hash, rank: *rank, doc: Doc(*doc), start: 1, end: 9, source: *rank as u32 % 2,
                }).collect(),
                bands: bands.iter().enumerate().flat_map(|(place, (content, hash, count))| {
                    (0..u64::from(count % 30)).map(move |n| {
                        Band { doc: Doc(place as u64), content: *content, hash: hash ^ n }
                    })
                }).collect(),
                sketches: hashes.iter().map(|(hash, seed, doc)| Sketched {
                    doc: Doc(*doc), sketch: Sketch::of([*hash as u32, 7].into_iter(), *seed),
                }).collect(),
                names: vec!["".into(), "wörld".into()],
                account: Account {
                    counts: Counts { read, written, dropped: 0, bad },
                    bad: lines.into_iter().map(|(line, error, raw)| {
                        Bad { path: Arc::clone(&path), line, error, raw }
                    }).collect(),
                    tally: Tally { skipped, without_key, marked_before, unranked, short },
                },
            };
            let mut bytes = Vec::new();
            gathered.put(&mut bytes);
            prop_assert!(Gathered::get(&bytes[..cut.index(bytes.len())], &path).is_none());
            prop_assert!(Gathered::get(&bytes, &path).is_some_and(|found| found == gathered));
        }
    }
}
