//! What a batch of document lines gives before anything is compared: rows, symbols, anchors. It stands
//! on its own, so that it can be handed to the run that read it or be written down for another one.

use super::anchors::Winnow;
use super::corpus::{Fate, Filling, Lines, Row};
use super::gather::{Plan, parts};
use super::records::{Anchor, place};
use crate::dedupe::cluster::blocks::Scratch;
use crate::dedupe::cluster::sorter::Sorter;
use crate::dedupe::fields::{Fields, put_bad, put_bytes, put_number, put_records, put_texts};
use crate::dedupe::readings::{Account, Piece, Taker};
use crate::dedupe::sources::Sources;
use crate::error::Result;
use crate::shard::{Buffers, Counts};
use std::path::{Path, PathBuf};

/// What a batch gives. Anchors stand at places that count from its first unit, and rows name sources
/// by their places in `names`.
#[derive(Debug, Default, PartialEq)]
pub struct Gathered {
    pub kept: Lines,
    pub anchors: Vec<Anchor>,
    pub names: Vec<String>,
    pub account: Account<()>,
}

/// A run while its input comes in.
pub struct Gathering {
    pub filling: Filling,
    pub anchors: Sorter<Anchor>,
    pub buffers: Buffers,
    winnow: Winnow,
    max_bad: u64,
    paths: Vec<PathBuf>,
    pub sources: Sources,
}

impl Gathering {
    pub fn new(plan: &Plan, scratch: &Scratch) -> Self {
        Self {
            filling: Filling::new(plan.winnow.unit, plan.names.len(), scratch),
            // While anchors come in, half of the memory is theirs; the stores have the rest.
            anchors: Sorter::new("anchors", scratch, parts(plan), plan.memory / 2),
            buffers: Buffers::default(),
            winnow: plan.winnow,
            max_bad: plan.max_bad,
            paths: plan.names.iter().map(|files| files[0].clone()).collect(),
            sources: Sources::default(),
        }
    }
}

impl Taker for Gathering {
    type Piece = Gathered;
    type Shard = usize;

    fn name(&self, shard: usize) -> &Path {
        &self.paths[shard]
    }

    fn max_bad(&self) -> u64 {
        self.max_bad
    }

    fn buffers(&self) -> &Buffers {
        &self.buffers
    }

    fn open(&self, shard: usize) -> usize {
        shard
    }

    fn get(&self, bytes: &[u8], shard: usize) -> Option<Gathered> {
        Gathered::get(bytes, &self.winnow, self.name(shard))
    }

    /// In the order of the file, so that places are known here.
    fn take(&self, shard: &mut usize, piece: Gathered) -> Result<Account<()>> {
        let Gathered { mut kept, mut anchors, names, account } = piece;
        let numbers: Vec<u32> = names.iter().map(|name| self.sources.number(name)).collect();
        Row::renumber(&mut kept.rows, &numbers);
        let base = self.filling.append(*shard, &kept)?;
        anchors.iter_mut().for_each(|anchor| anchor.at += base);
        self.anchors.push_all(&mut anchors)?;
        Ok(account)
    }

    fn close(&self, _shard: usize, _content: Option<u128>) -> Result<()> {
        Ok(())
    }
}

impl Piece for Gathered {
    type Tally = ();

    fn put(&self, out: &mut Vec<u8>) {
        let Account { counts, bad, .. } = &self.account;
        for value in [counts.read, counts.written, counts.bad, self.kept.units] {
            put_number(value, out);
        }
        for bytes in [&self.kept.symbols, &self.kept.edges, &self.kept.rows] {
            put_bytes(bytes, out);
        }
        put_texts(&self.names, out);
        put_records(&self.anchors, out);
        put_bad(bad, out);
    }

    fn lines(&self) -> u64 {
        self.account.counts.read
    }

    fn into_account(self) -> Account<()> {
        self.account
    }
}

impl Gathered {
    /// What [`Piece::put`] wrote, of the document file `path`; None for anything else.
    fn get(bytes: &[u8], winnow: &Winnow, path: &Path) -> Option<Self> {
        let mut fields = Fields(bytes);
        let [read, written, lost, units] = fields.numbers()?;
        let mut take = || fields.bytes().map(<[u8]>::to_vec);
        let kept = Lines { symbols: take()?, edges: take()?, rows: take()?, units };
        let names = fields.texts()?;
        let anchors: Vec<Anchor> = fields.records()?;
        let counts = Counts { read, written, dropped: 0, bad: lost };
        let account = Account { counts, bad: fields.bad(path)?, tally: () };
        let found = Self { kept, anchors, names, account };
        (fields.0.is_empty() && found.fits(winnow)).then_some(found)
    }

    /// Whether places, rows and symbols are about the same units, so that none leads astray.
    fn fits(&self, winnow: &Winnow) -> bool {
        let Lines { symbols, edges, rows, units } = &self.kept;
        let (mut rest, mut lines, mut sum) = (rows.as_slice(), 0, 0u64);
        while let Some((row, after)) = Row::take(rest) {
            if row.fate != Fate::Bad && row.source as usize >= self.names.len() {
                return false;
            }
            (rest, lines, sum) = (after, lines + 1, sum.saturating_add(row.units));
        }
        let size = |width: usize| units.checked_mul(width as u64);
        rest.is_empty()
            && lines == self.account.counts.read
            && sum == *units
            && size(winnow.unit.width()) == Some(symbols.len() as u64)
            && size(winnow.unit.edge_width()) == Some(edges.len() as u64)
            && self.anchors.iter().all(|anchor| anchor.at < place(0, *units))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dedupe::substring::anchors::Scanner;
    use crate::dedupe::substring::symbols::Unit;
    use crate::shard::Bad;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn gathered(winnow: &Winnow, texts: &[String], lines: Vec<(u64, String, Vec<u8>)>) -> Gathered {
        let path: Arc<Path> = Arc::from(Path::new("documents/a.jsonl"));
        let mut out = Gathered { names: vec!["".into(), "wörld".into()], ..Gathered::default() };
        for (text, line) in texts.iter().zip(1..) {
            let Lines { symbols, edges, rows, units } = &mut out.kept;
            let from = symbols.len();
            let own = winnow.unit.encode(text, symbols, edges);
            Scanner::default().scan(winnow, &symbols[from..], *units, &mut out.anchors);
            *units += own;
            let (fate, source) = (Fate::Compared, line as u32 % 2);
            Row { fate, line, chars: line + 5, units: own, source, id: b"\"x\"" }.put(rows);
        }
        let (read, bad) = (texts.len() as u64, lines.len() as u64);
        out.account.counts = Counts { read, written: read - bad.min(read), dropped: 0, bad };
        let bad = |(line, error, raw)| Bad { path: Arc::clone(&path), line, error, raw };
        out.account.bad = lines.into_iter().map(bad).collect();
        out
    }

    proptest! {
        #[test]
        fn what_was_gathered_comes_back_as_it_was(
            texts in proptest::collection::vec("[ab é]{0,40}", 0..6), unit in 0..3usize,
            lines in proptest::collection::vec(any::<(u64, String, Vec<u8>)>(), 0..4),
            cut in any::<prop::sample::Index>(),
        ) {
            let winnow = Winnow::new(4, [Unit::Bytes, Unit::Characters, Unit::Words][unit]);
            let path = Path::new("documents/a.jsonl");
            let one = gathered(&winnow, &texts, lines);
            let mut bytes = Vec::new();
            one.put(&mut bytes);
            prop_assert!(Gathered::get(&bytes[..cut.index(bytes.len())], &winnow, path).is_none());
            prop_assert!(Gathered::get(&bytes, &winnow, path).is_some_and(|found| found == one));
        }

        #[test]
        fn pieces_that_contradict_themselves_are_not_believed(
            texts in proptest::collection::vec("[ab é]{5,40}", 1..6), change in 0..6usize,
        ) {
            let winnow = Winnow::new(4, Unit::Bytes);
            let mut one = gathered(&winnow, &texts, Vec::new());
            match change {
                0 => one.kept.units += 1,
                1 => one.account.counts.read += 1,
                2 => one.names.clear(),
                3 => one.kept.symbols.push(0),
                4 => one.kept.edges.push(0),
                _ => one.anchors.iter_mut().for_each(|anchor| anchor.at += one.kept.units),
            }
            let mut bytes = Vec::new();
            one.put(&mut bytes);
            prop_assert!(Gathered::get(&bytes, &winnow, Path::new("a")).is_none());
        }
    }

    #[test]
    fn rows_get_the_numbers_of_a_run_and_bad_lines_none() {
        let mut rows = Vec::new();
        for (fate, source) in [(Fate::Compared, 1), (Fate::Bad, 0), (Fate::Marked, 0)] {
            Row { fate, line: 1, chars: 0, units: 0, source, id: b"7" }.put(&mut rows);
        }
        Row::renumber(&mut rows, &[300, 5]);
        let mut rest = rows.as_slice();
        let mut found = Vec::new();
        while let Some((row, after)) = Row::take(rest) {
            (rest, _) = (after, found.push(row.source));
        }
        assert_eq!(found, [5, 0, 300]);
    }
}
