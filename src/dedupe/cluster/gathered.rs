//! What a batch of document lines gives before anything is compared: rows, keys, bands. It stands on
//! its own, so that it can be handed to the run that read it or be written down for another one.

use super::ledger::Ledger;
use super::rank::REFERENCE;
use super::records::{Band, Doc, Entry, Sketched};
use super::run::ClusterRun;
use crate::dedupe::fields::{Fields, put_bad, put_bytes, put_number, put_records, put_texts};
use crate::dedupe::readings::{self, Account, Piece, Taker};
use crate::error::Result;
use crate::shard::{Buffers, Counts};
use std::path::Path;

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
    pub account: Account<Tally>,
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

impl readings::Tally for Tally {
    fn add(&mut self, other: Self) {
        self.skipped += other.skipped;
        self.without_key += other.without_key;
        self.marked_before += other.marked_before;
        self.unranked += other.unranked;
        self.short += other.short;
    }

    fn details(&self) -> Vec<(&'static str, u64)> {
        vec![
            ("skipped", self.skipped),
            ("without_key", self.without_key),
            ("marked_before", self.marked_before),
            ("unranked", self.unranked),
            ("short", self.short),
        ]
    }
}

impl Taker for ClusterRun {
    type Piece = Gathered;
    type Shard = Ledger;

    fn name(&self, shard: usize) -> &Path {
        &self.names[shard][0]
    }

    fn max_bad(&self) -> u64 {
        self.max_bad
    }

    fn buffers(&self) -> &Buffers {
        &self.buffers
    }

    fn open(&self, shard: usize) -> Ledger {
        Ledger::new(&self.shelf, shard)
    }

    fn get(&self, bytes: &[u8], shard: usize) -> Option<Gathered> {
        Gathered::get(bytes, self.name(shard))
    }

    fn take(&self, ledger: &mut Ledger, piece: Gathered) -> Result<Account<Tally>> {
        piece.absorb(self, ledger)
    }

    fn close(&self, ledger: Ledger, content: Option<u128>) -> Result<()> {
        self.keep_ledger(ledger, content)
    }
}

impl Piece for Gathered {
    type Tally = Tally;

    fn put(&self, out: &mut Vec<u8>) {
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
            put_number(value, out);
        }
        put_bytes(&self.rows, out);
        put_texts(&self.names, out);
        put_records(&self.entries, out);
        put_records(&self.sketches, out);
        let of_documents = self.bands.chunk_by(|one, two| one.doc == two.doc);
        put_number(of_documents.clone().count() as u64, out);
        for bands in of_documents {
            put_number(bands[0].doc.0, out);
            put_number(bands[0].content, out);
            put_number(bands.len() as u64, out);
            bands.iter().for_each(|band| put_number(band.hash, out));
        }
        put_bad(bad, out);
    }

    fn lines(&self) -> u64 {
        self.account.counts.read
    }

    fn into_account(self) -> Account<Tally> {
        self.account
    }
}

impl Gathered {
    /// Hands rows, keys and bands to a run; batches of a file come in order, so that places in its
    /// ledger are known here. Returns what became of the lines.
    ///
    /// # Errors
    /// `Io` with the path of an intermediate file.
    fn absorb(self, run: &ClusterRun, ledger: &mut Ledger) -> Result<Account<Tally>> {
        let Self { rows, entries, bands, sketches, names, account } = self;
        let (shard, base) = (ledger.shard(), ledger.end());
        let reference = shard < run.references;
        let doc = |place: Doc| Doc::new(shard, base + place.0);
        let numbers: Vec<u32> = names.iter().map(|name| run.sources.number(name)).collect();
        ledger.append(&rows, account.counts.read, entries.len() as u64)?;
        if !reference {
            let mut counts = vec![0u64; numbers.len()];
            entries.iter().for_each(|entry| counts[entry.source as usize] += 1);
            run.sources.count(numbers.iter().copied().zip(counts));
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

    /// What [`Piece::put`] wrote, of the document file `path`; None for anything else.
    fn get(bytes: &[u8], path: &Path) -> Option<Self> {
        let mut fields = Fields(bytes);
        let [read, written, lost, skipped, without_key, marked_before, unranked, short] =
            fields.numbers()?;
        let counts = Counts { read, written, dropped: 0, bad: lost };
        let tally = Tally { skipped, without_key, marked_before, unranked, short };
        let rows = fields.bytes()?.to_vec();
        let names = fields.texts()?;
        let entries: Vec<Entry<false>> = fields.records()?;
        if entries.iter().any(|entry| entry.source as usize >= names.len()) {
            return None;
        }
        let sketches = fields.records()?;
        let mut bands = Vec::new();
        for _ in 0..fields.number()? {
            let (doc, content) = (Doc(fields.number()?), fields.number()?);
            for _ in 0..fields.number()? {
                bands.push(Band { hash: fields.number()?, content, doc });
            }
        }
        let account = Account { counts, bad: fields.bad(path)?, tally };
        fields.0.is_empty().then_some(Self { rows, entries, bands, sketches, names, account })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dedupe::cluster::sketch::Sketch;
    use crate::shard::Bad;
    use proptest::prelude::*;
    use std::sync::Arc;

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
