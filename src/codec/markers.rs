//! Text of which the 32 KiB before it are not known yet: a unit is a byte, or it stands for the byte at a
//! place of that window, and is copied by matches like any other.

use super::inflate::WINDOW;

/// Units from here on stand for a place of the window, those below 256 for themselves.
const MARKER: u16 = 0x8000;

/// Units that are looked at together.
const BLOCK: usize = 512;

/// A window of which nothing is known.
pub(super) fn unknown() -> Vec<u16> {
    (MARKER..=u16::MAX).collect()
}

/// How many bytes right before it `text` needs.
pub(super) fn reach(text: &[u16]) -> usize {
    // Without the marker's bit the first place is the lowest number; bytes come behind all places.
    let first = text.iter().map(|&unit| unit ^ MARKER).min().unwrap_or(MARKER);
    WINDOW - usize::from(first.min(MARKER))
}

/// The text before some other, in which the places are looked up.
pub(super) struct Window {
    /// The byte of each unit.
    bytes: Box<[u8; 1 << 16]>,
    length: usize,
}

impl Window {
    /// The last of `text`, as far as a match may reach.
    pub(super) fn new(text: &[u8]) -> Self {
        let mut bytes = Box::new([0; 1 << 16]);
        for (byte, value) in bytes.iter_mut().zip(0..=u8::MAX) {
            *byte = value;
        }
        let length = text.len().min(WINDOW);
        let all = bytes.len();
        bytes[all - length..].copy_from_slice(&text[text.len() - length..]);
        Self { bytes, length }
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.bytes[self.bytes.len() - self.length..]
    }

    /// Appends what `text` is behind this window.
    pub(super) fn resolve(&self, text: &[u16], out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + text.len(), 0);
        let out = &mut out[start..];
        for (text, out) in text.chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
            if text.iter().fold(0, |all, &unit| all | unit) < MARKER {
                for (byte, &unit) in out.iter_mut().zip(text) {
                    *byte = unit as u8;
                }
            } else {
                self.look_up(text, out);
            }
        }
    }

    /// Apart from the rest, so that units go from memory to where they index, not through vectors.
    #[inline(never)]
    fn look_up(&self, text: &[u16], out: &mut [u8]) {
        for (byte, &unit) in out.iter_mut().zip(text) {
            *byte = self.bytes[usize::from(unit)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_place_becomes_its_byte(
            units in proptest::collection::vec(
                prop_oneof![4 => (0u16..256).boxed(), 1 => (MARKER..=u16::MAX).boxed()],
                0..200,
            ),
            seed in any::<u8>(),
        ) {
            let text: Vec<u8> = (0..WINDOW + 9).map(|at| (at / 251) as u8 ^ at as u8 ^ seed).collect();
            let mut expected = vec![7];
            let mut needed = 0;
            for &unit in &units {
                if unit < 256 {
                    expected.push(unit as u8);
                } else {
                    let place = usize::from(unit - MARKER);
                    needed = needed.max(WINDOW - place);
                    expected.push(text[9 + place]);
                }
            }
            let mut found = vec![7];
            Window::new(&text).resolve(&units, &mut found);
            prop_assert_eq!(found, expected);
            prop_assert_eq!(reach(&units), needed);
        }
    }

    #[test]
    fn an_unknown_window_is_all_places_in_order() {
        let text: Vec<u8> = (0..WINDOW).map(|at| (at % 251) as u8).collect();
        let window = Window::new(&text);
        let mut found = Vec::new();
        window.resolve(&unknown(), &mut found);
        assert_eq!(found, text);
        assert_eq!(window.text(), text);
        assert_eq!(reach(&unknown()), WINDOW);
        assert_eq!(reach(&[]), 0);
    }

    #[test]
    fn a_short_window_lies_right_before_the_text() {
        let window = Window::new(b"ab");
        let mut found = Vec::new();
        window.resolve(&[u16::MAX, u16::MAX - 1], &mut found);
        assert_eq!(found, b"ba");
        assert_eq!(window.text(), b"ab");
    }
}
