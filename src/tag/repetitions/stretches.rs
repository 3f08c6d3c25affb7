//! Where a text equals itself some bytes further on: what repetitions are made of.
//!
//! A stretch of at least `min` bytes contains a multiple of about `min`, so it is enough to look
//! at those places and to walk both ways from the ones that are equal. Over all distances that is
//! a harmonic sum, n log n for a text of n bytes, and every look is two loads.
//!
//! Long periodic stretches would be walked again at every multiple of their period. They are
//! remembered, and passed over where another distance can find nothing new in them.

/// Text that equals the text `distance` bytes behind it: byte `x` for `start <= x < end`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stretch {
    pub start: usize,
    pub end: usize,
}

impl Stretch {
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }
}

/// A part of the text with a period, at least eight times as long as that.
#[derive(Debug, Clone, Copy)]
struct Known {
    start: usize,
    end: usize,
    period: usize,
}

/// Shorter stretches are cheaper to walk again than to remember.
const WORTH_KNOWING: usize = 256;

/// From this minimum on four bytes are compared at a time instead of two.
const WIDE: usize = 11;

/// Finds the stretches of one text at growing distances.
#[derive(Default)]
pub(super) struct Finder {
    /// By start and, since none contains another, by end.
    known: Vec<Known>,
}

impl Finder {
    /// Forgets the text before, and learns the long runs of one byte in this one.
    pub(super) fn begin(&mut self, text: &[u8]) {
        self.known.clear();
        if text.len() > WORTH_KNOWING {
            self.find(text, 1, WORTH_KNOWING, &mut Vec::new());
        }
    }

    /// Puts the stretches of `distance` with at least `min` bytes into `out`, in order.
    ///
    /// Left out are those that lie, with what they equal, in text with a smaller period that
    /// divides `distance`; always if it is 1, else if the text is long. Distances must grow from
    /// call to call.
    pub(super) fn find(
        &mut self,
        text: &[u8],
        distance: usize,
        min: usize,
        out: &mut Vec<Stretch>,
    ) {
        out.clear();
        if distance + min > text.len() {
            return;
        }
        if !self.known.is_empty() {
            self.known.retain(|known| known.end - known.start > distance);
        }
        let mut probe = Probe { text, distance, min, out };
        match (self.known.is_empty(), min) {
            (true, 1) => probe.every::<1>(),
            (true, 2..WIDE) => probe.every::<2>(),
            (true, _) => probe.every::<4>(),
            (false, 1) => probe.careful::<1>(&self.known),
            (false, 2..WIDE) => probe.careful::<2>(&self.known),
            (false, _) => probe.careful::<4>(&self.known),
        }
        if out.iter().any(|stretch| is_worth_knowing(stretch, distance)) {
            self.learn(distance, out);
        }
    }

    #[cold]
    fn learn(&mut self, period: usize, stretches: &[Stretch]) {
        let long = stretches.iter().filter(|stretch| is_worth_knowing(stretch, period));
        self.known.extend(long.map(|stretch| Known {
            start: stretch.start,
            end: stretch.end + period,
            period,
        }));
        self.known.sort_by_key(|known| (known.start, std::cmp::Reverse(known.end)));
        let mut end = 0;
        self.known.retain(|known| {
            let keep = known.end > end;
            end = end.max(known.end);
            keep
        });
    }
}

fn is_worth_knowing(stretch: &Stretch, distance: usize) -> bool {
    stretch.len() >= WORTH_KNOWING && stretch.len() >= 8 * distance
}

struct Probe<'a> {
    text: &'a [u8],
    distance: usize,
    min: usize,
    out: &'a mut Vec<Stretch>,
}

impl Probe<'_> {
    /// Looks at `WIDTH` bytes so often that `min` equal ones cannot hide between two looks.
    fn every<const WIDTH: usize>(&mut self) {
        let (near, far) =
            (&self.text[..self.text.len() - self.distance], &self.text[self.distance..]);
        let step = self.min - WIDTH + 1;
        let mut at = step - 1;
        while at + WIDTH <= near.len() {
            if near[at..at + WIDTH] == far[at..at + WIDTH] {
                at = self.walk(at);
            }
            at += step;
        }
    }

    /// As `every`, but passes over periodic text.
    #[cold]
    fn careful<const WIDTH: usize>(&mut self, known: &[Known]) {
        let (near, far) =
            (&self.text[..self.text.len() - self.distance], &self.text[self.distance..]);
        let step = self.min - WIDTH + 1;
        let (mut at, mut next) = (step - 1, 0);
        while at + WIDTH <= near.len() {
            while known.get(next).is_some_and(|known| known.end <= at) {
                next += 1;
            }
            if let Some(skip) = known.get(next).and_then(|known| self.skip(known, at)) {
                at = skip;
                continue;
            }
            if near[at..at + WIDTH] == far[at..at + WIDTH] {
                at = self.walk(at);
            }
            at += step;
        }
    }

    /// Where to go on when nothing new is to be found from `at` on.
    ///
    /// In text of a smaller period, a multiple of it is a stretch that is known in another form,
    /// and any other distance has no stretch as long as the period.
    fn skip(&self, known: &Known, at: usize) -> Option<usize> {
        let distance = self.distance;
        let to = if at < known.start || known.period >= distance {
            return None;
        } else if distance.is_multiple_of(known.period) {
            known.end.saturating_sub(distance)
        } else if at >= known.start + distance && self.min >= known.period {
            known.end.saturating_sub(2 * distance)
        } else {
            return None;
        };
        (to > at).then_some(to)
    }

    /// Puts out the stretch around `at`, if it is long enough; its last place.
    fn walk(&mut self, at: usize) -> usize {
        let (text, distance) = (self.text, self.distance);
        let end = at + common_prefix(&text[at..], &text[at + distance..]);
        let start = at - common_suffix(&text[..at], &text[..at + distance]);
        if end - start >= self.min && (distance == 1 || !is_one_byte(&text[start..end + distance]))
        {
            self.out.push(Stretch { start, end });
        }
        end
    }
}

fn is_one_byte(text: &[u8]) -> bool {
    text[0] == text[1] && text.iter().all(|&byte| byte == text[0])
}

/// How many bytes are the same at the beginning.
fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let words = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
    for (at, (a, b)) in words.enumerate() {
        let differ = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differ != 0 {
            return at * 8 + differ.trailing_zeros() as usize / 8;
        }
    }
    let done = a.len().min(b.len()) / 8 * 8;
    done + a[done..].iter().zip(&b[done..]).take_while(|(a, b)| a == b).count()
}

/// How many bytes are the same at the end.
fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    let words = a.as_rchunks::<8>().1.iter().rev().zip(b.as_rchunks::<8>().1.iter().rev());
    for (at, (a, b)) in words.enumerate() {
        let differ = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differ != 0 {
            return at * 8 + differ.leading_zeros() as usize / 8;
        }
    }
    let done = a.len().min(b.len()) / 8 * 8;
    let (a, b) = (&a[..a.len() - done], &b[..b.len() - done]);
    done + a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(text: &[u8], distance: usize, min: usize) -> Vec<Stretch> {
        let mut out = Vec::new();
        let mut start = 0;
        for at in 0..text.len().saturating_sub(distance) + 1 {
            if at + distance >= text.len() || text[at] != text[at + distance] {
                if at - start >= min {
                    out.push(Stretch { start, end: at });
                }
                start = at + 1;
            }
        }
        out
    }

    fn found(text: &[u8], mins: impl Fn(usize) -> usize) -> Vec<(usize, Stretch)> {
        let (mut finder, mut out, mut all) = (Finder::default(), Vec::new(), Vec::new());
        finder.begin(text);
        for distance in 1..text.len() {
            finder.find(text, distance, mins(distance), &mut out);
            all.extend(out.iter().map(|&stretch| (distance, stretch)));
        }
        all
    }

    /// Whether the text from the stretch to what it equals has a smaller period that divides its
    /// distance.
    fn is_multiple(text: &[u8], distance: usize, stretch: &Stretch) -> bool {
        let part = &text[stretch.start..stretch.end + distance];
        (1..distance).any(|period| {
            distance.is_multiple_of(period) && part[period..] == part[..part.len() - period]
        })
    }

    proptest! {
        #[test]
        fn short_texts_have_the_stretches_of_the_naive_way(
            text in "[ab]{0,80}", slack in 0usize..4
        ) {
            let text = text.as_bytes();
            let mins = |distance: usize| distance.saturating_sub(slack).max(1);
            let all = found(text, mins);
            for distance in 1..text.len() {
                let of: Vec<_> = all.iter().filter(|(d, _)| *d == distance).map(|x| x.1).collect();
                let mut expected = naive(text, distance, mins(distance));
                expected.retain(|found| {
                    distance == 1 || !is_one_byte(&text[found.start..found.end + distance])
                });
                prop_assert_eq!(of, expected);
            }
        }

        #[test]
        fn of_long_texts_only_multiples_are_left_out(
            parts in prop::collection::vec(("[abc]{1,12}", 1usize..120), 1..8)
        ) {
            let text: String = parts.iter().map(|(part, times)| part.repeat(*times)).collect();
            let text = text.as_bytes();
            let mins = |distance: usize| distance.saturating_sub(1).max(1);
            let all = found(text, mins);
            for distance in 1..text.len() {
                for stretch in naive(text, distance, mins(distance)) {
                    prop_assert!(
                        all.contains(&(distance, stretch)) || is_multiple(text, distance, &stretch)
                    );
                }
            }
            for (distance, stretch) in all {
                prop_assert!(naive(text, distance, 1).contains(&stretch));
            }
        }
    }
}
