//! Round trips and damage, across the readers and writers of all formats.

use std::io::{Read, Write};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use proptest::prelude::*;

use super::*;
use crate::error::{Error, ErrorKind, Result};

fn encoding(format: Format, level: u8) -> Encoding {
    Encoding::new(format, Some(level)).unwrap()
}

fn encodings() -> Vec<Encoding> {
    vec![
        encoding(Format::Gzip, 1),
        encoding(Format::Gzip, 2),
        encoding(Format::Gzip, 6),
        encoding(Format::Zstd, 3),
        encoding(Format::Plain, 1),
    ]
}

/// The bytes of a file made of one segment per text.
fn written(texts: &[&[u8]], encoding: Encoding) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let mut compressor = Compressor::new(encoding).unwrap();
    let mut writer = Writer::create(&path, encoding).unwrap();
    let mut bytes = Vec::new();
    for text in texts {
        bytes.clear();
        let segment = compressor.compress(text, &mut bytes).unwrap();
        writer.append(&bytes, segment).unwrap();
    }
    let report = writer.finish().unwrap();
    let file = std::fs::read(&path).unwrap();
    assert_eq!(report.bytes, file.len() as u64);
    assert_eq!(report.text, texts.iter().map(|text| text.len() as u64).sum::<u64>());
    assert_eq!(report.checksum, xxhash_rust::xxh3::xxh3_128(&file));
    file
}

/// What our reader makes of a file, block by block.
fn read_back(file: &[u8], format: Format, target: usize) -> Result<Vec<u8>> {
    let input = Box::new(std::io::Cursor::new(file.to_vec()));
    let mut reader = Reader::over(input, Path::new("file"), file.len() as u64, format)?;
    let mut text = Vec::new();
    loop {
        let before = text.len();
        let more = reader.read_block(&mut text, target)?;
        assert!(!more || text.len() >= before + target);
        if !more {
            break;
        }
    }
    assert_eq!(reader.content_hash(), Some(xxhash_rust::xxh3::xxh3_128(file)));
    assert_eq!(reader.compressed_read(), file.len() as u64);
    assert_eq!(reader.decompressed(), text.len() as u64);
    Ok(text)
}

fn flate2_reads(file: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    MultiGzDecoder::new(file).read_to_end(&mut text).unwrap();
    text
}

fn libdeflate_reads(file: &[u8], length: usize) -> Vec<u8> {
    let mut text = vec![0; length];
    let found = libdeflater::Decompressor::new().gzip_decompress(file, &mut text).unwrap();
    assert_eq!(found, length);
    text
}

#[track_caller]
fn check_round_trip(texts: &[&[u8]]) {
    let whole = texts.concat();
    for encoding in encodings() {
        let file = written(texts, encoding);
        assert_eq!(file, written(texts, encoding), "deterministic");
        assert_eq!(read_back(&file, encoding.format(), 1 << 16).unwrap(), whole);
        if encoding.format() == Format::Gzip {
            assert_eq!(flate2_reads(&file), whole);
        }
    }
    let file = written(texts, encoding(Format::Gzip, 1));
    assert_eq!(libdeflate_reads(&file, whole.len()), whole);
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u64;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 56) as u8
    })
    .take(length)
    .collect()
}

fn prose(length: usize) -> Vec<u8> {
    let words =
        ["the ", "quick ", "brown ", "fox ", "naïve ", "Ωmega ", "{\"id\": ", "}\n", "über "];
    let mut text = Vec::new();
    for byte in noise(length) {
        text.extend_from_slice(words[byte as usize % words.len()].as_bytes());
        if byte > 200 {
            text.push(byte - 100);
        }
        if text.len() >= length {
            break;
        }
    }
    text.truncate(length);
    text
}

#[test]
fn an_empty_output_is_a_valid_file() {
    check_round_trip(&[]);
    check_round_trip(&[b"", b""]);
    assert!(written(&[], encoding(Format::Plain, 1)).is_empty());
}

#[test]
fn texts_of_every_small_size_round_trip_alone_and_together() {
    let text = prose(80);
    let pieces: Vec<&[u8]> = (0..text.len()).map(|length| &text[..length]).collect();
    for piece in &pieces {
        let file = written(&[piece], encoding(Format::Gzip, 1));
        assert_eq!(flate2_reads(&file), *piece);
    }
    check_round_trip(&pieces);
}

#[test]
fn extreme_texts_round_trip() {
    check_round_trip(&[&vec![b'a'; 1_000_000]]);
    check_round_trip(&[&noise(300_000)]);
    check_round_trip(&[&prose(700_000), &noise(70_000), &prose(70_000)]);
    check_round_trip(&[&[noise(40_000), noise(40_000), vec![0; 66_000], noise(300)].concat()]);
    check_round_trip(&[&b"abcdefgh".repeat(50_000)]);
}

#[test]
fn incompressible_text_grows_by_less_than_a_thousandth() {
    let file = written(&[&noise(1_000_000)], encoding(Format::Gzip, 1));
    assert!(file.len() < 1_001_000, "{}", file.len());
}

#[test]
fn the_fast_level_makes_one_member_and_the_others_one_each() {
    let text = prose(1000);
    let texts: [&[u8]; 3] = [&text, &text, &text];
    for (level, members) in [(1, 1), (6, 3)] {
        let file = written(&texts, encoding(Format::Gzip, level));
        let mut first = Vec::new();
        flate2::read::GzDecoder::new(&file[..]).read_to_end(&mut first).unwrap();
        assert_eq!(first.len(), 3 * text.len() / members);
    }
}

#[test]
fn a_zstd_file_is_one_frame_with_a_checksum() {
    let text = prose(400_000);
    let file = written(&[&text, &text], encoding(Format::Zstd, 3));
    let mut first = Vec::new();
    zstd::Decoder::new(&file[..]).unwrap().single_frame().read_to_end(&mut first).unwrap();
    assert_eq!(first, [&text[..], &text[..]].concat());
    assert_eq!(file[4] & 4, 4, "the checksum flag of RFC 8878, 3.1.1.1.1");
}

#[test]
fn parts_join_to_the_same_file_as_their_segments() {
    let folder = tempfile::tempdir().unwrap();
    let texts: Vec<Vec<u8>> = [90_000, 0, 3, 400_000].into_iter().map(prose).collect();
    for encoding in encodings() {
        let mut compressor = Compressor::new(encoding).unwrap();
        let mut parts = Vec::new();
        for (number, pair) in texts.chunks(2).enumerate() {
            let path = folder.path().join(number.to_string());
            let mut part = PartWriter::create(&path, encoding).unwrap();
            for text in pair {
                let mut bytes = Vec::new();
                let segment = compressor.compress(text, &mut bytes).unwrap();
                part.append(&bytes, segment).unwrap();
            }
            parts.push(part.finish().unwrap());
        }
        let path = folder.path().join("whole");
        let mut writer = Writer::create(&path, encoding).unwrap();
        for part in &parts {
            writer.append_part(part).unwrap();
        }
        writer.finish().unwrap();
        let segments: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
        assert_eq!(std::fs::read(&path).unwrap(), written(&segments, encoding));
    }
}

#[test]
fn a_part_that_changed_or_was_made_otherwise_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part");
    let gzip = encoding(Format::Gzip, 1);
    let mut part = PartWriter::create(&path, gzip).unwrap();
    part.append(b"abc", Segment { crc: 0, len: 3 }).unwrap();
    let part = part.finish().unwrap();
    let other = folder.path().join("other");
    let mut writer = Writer::create(&other, encoding(Format::Gzip, 2)).unwrap();
    assert!(writer.append_part(&part).unwrap_err().to_string().contains("another encoding"));
    std::fs::write(&path, b"ab").unwrap();
    let error = Writer::create(&other, gzip).unwrap().append_part(&part).unwrap_err();
    assert_eq!(error.path.as_deref(), Some(path.as_path()));
    assert!(error.to_string().ends_with("part has 2 bytes where 3 were written"));
}

fn gzip_with_all_fields(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new()
        .filename("name")
        .comment("comment")
        .extra(&b"extra"[..])
        .write(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn with_header_checksum(text: &[u8]) -> Vec<u8> {
    let file = written(&[text], encoding(Format::Gzip, 1));
    let mut header = file[..10].to_vec();
    header[3] = 2;
    let crc = crc32fast::hash(&header) as u16;
    [&header[..], &crc.to_le_bytes(), &file[10..]].concat()
}

#[track_caller]
fn assert_codec_error(result: Result<Vec<u8>>, expected: &str) {
    let error: Error = result.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Codec(_)), "{error}");
    assert_eq!(error.path.as_deref(), Some(Path::new("file")));
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn gzip_cut_anywhere_is_truncated() {
    let text = prose(3000);
    let members = [
        written(&[&text], encoding(Format::Gzip, 1)),
        gzip_with_all_fields(&noise(300)),
        with_header_checksum(&text),
        written(&[], encoding(Format::Gzip, 1)),
    ];
    let file = members.concat();
    let whole = [&text[..], &noise(300), &text].concat();
    assert_eq!(read_back(&file, Format::Gzip, 100).unwrap(), whole);
    let mut boundaries = vec![0];
    for member in &members {
        boundaries.push(boundaries[boundaries.len() - 1] + member.len());
    }
    for end in 0..file.len() {
        let result = read_back(&file[..end], Format::Gzip, 1000);
        if end == 0 {
            assert_codec_error(result, "the file is empty");
        } else if boundaries.contains(&end) {
            // Nothing in the format tells that another member was to follow.
            assert!(result.is_ok());
        } else {
            assert_codec_error(result, "gzip stream ends in the middle of a member");
        }
    }
    let message =
        read_back(&file[..members[0].len() - 1], Format::Gzip, 9).unwrap_err().to_string();
    assert_eq!(
        message,
        "file: gzip stream ends in the middle of a member: the file is truncated \
         (3000 bytes decompressed so far)"
    );
}

#[test]
fn zstd_cut_anywhere_is_truncated() {
    let frame = written(&[&prose(3000)], encoding(Format::Zstd, 3));
    let file = [&frame[..], &frame[..]].concat();
    assert_eq!(read_back(&file, Format::Zstd, 100).unwrap().len(), 6000);
    for end in (0..file.len()).filter(|&end| end != frame.len()) {
        let expected = if end == 0 { "empty" } else { "zstd stream ends in the middle of a frame" };
        assert_codec_error(read_back(&file[..end], Format::Zstd, 1000), expected);
    }
}

#[test]
fn what_follows_the_last_member_must_be_zeros() {
    let file = written(&[b"text"], encoding(Format::Gzip, 1));
    let with = |tail: &[u8]| read_back(&[&file[..], tail].concat(), Format::Gzip, 100);
    assert_eq!(with(&[0; 1000]).unwrap(), b"text");
    for tail in [&b"x"[..], b"\x1f\x8c", b"\0\0\0x", b"\0\x1f\x8b"] {
        assert_codec_error(with(tail), "bytes that are not gzip follow the last gzip member");
    }
    assert_codec_error(read_back(b"{}", Format::Gzip, 9), "not a gzip stream");
    assert_codec_error(read_back(b"{}\n{}", Format::Zstd, 9), "the zstd stream is damaged");
}

#[test]
fn a_flipped_bit_never_gives_other_bytes() {
    let text = prose(1500);
    let gzip = [with_header_checksum(&text), gzip_with_all_fields(&text)].concat();
    let whole = [&text[..], &text].concat();
    let zstd = written(&[&whole], encoding(Format::Zstd, 3));
    for (file, format) in [(gzip, Format::Gzip), (zstd, Format::Zstd)] {
        for bit in 0..8 * file.len() {
            let mut flipped = file.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            match read_back(&flipped, format, 1000) {
                Ok(found) => assert!(found == whole, "bit {bit}"),
                Err(error) => assert!(matches!(error.kind, ErrorKind::Codec(_)), "{error}"),
            }
        }
    }
}

#[test]
fn a_wrong_trailer_is_named() {
    let file = written(&[b"text"], encoding(Format::Gzip, 1));
    let mut wrong = file.clone();
    let crc = file.len() - 8;
    wrong[crc] ^= 1;
    assert_codec_error(read_back(&wrong, Format::Gzip, 9), "its checksum is");
    wrong = file;
    wrong[crc + 4] ^= 1;
    assert_codec_error(
        read_back(&wrong, Format::Gzip, 9),
        "a member of 4 bytes says that it has 5",
    );
}

#[test]
fn a_file_is_opened_by_its_suffix_and_errors_name_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl.gz.tmp");
    std::fs::write(&path, written(&[b"one\ntwo\n"], encoding(Format::Gzip, 1))).unwrap();
    let mut buffer = Vec::new();
    assert!(!open(&path).unwrap().read_block(&mut buffer, 100).unwrap());
    assert_eq!(buffer, b"one\ntwo\n");
    let missing = folder.path().join("b");
    let error = open(&missing).err().unwrap();
    assert!(matches!(error.kind, ErrorKind::Io(_)));
    assert_eq!(error.path, Some(missing));
}

#[test]
fn codes_longer_than_the_first_tables_are_followed() {
    // Bytes half as frequent as the one before have codes of up to 15 bits; repeats lie at every
    // distance up to a whole window, and cross the ends of chunks.
    let seeds = noise(1 << 20);
    let mut text = Vec::new();
    for (at, pair) in seeds.chunks_exact(2).enumerate() {
        let rarity = u16::from_le_bytes([pair[0], pair[1]]).trailing_zeros() as u8;
        text.push(rarity * 7);
        let back = 1 + at * at % (1 << 15);
        if rarity > 3 && back < text.len() {
            let from = text.len() - back;
            let length = (usize::from(pair[1]) + 3).min(back);
            text.extend_from_within(from..from + length);
        }
    }
    for level in [1, 6, 9] {
        let mut encoder =
            flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
        encoder.write_all(&text).unwrap();
        let file = encoder.finish().unwrap();
        assert_eq!(read_back(&file, Format::Gzip, 1 << 20).unwrap(), text, "level {level}");
    }
}

fn any_text() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..20),
        proptest::collection::vec(0u8..3, 0..40),
        "\\PC{0,12}".prop_map(String::into_bytes),
        (any::<u8>(), 0usize..600).prop_map(|(byte, length)| vec![byte; length]),
    ];
    (proptest::collection::vec(word, 1..12), proptest::collection::vec(any::<u8>(), 0..150))
        .prop_map(|(words, order)| {
            order.iter().flat_map(|&at| words[at as usize % words.len()].clone()).collect()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_encoder_never_makes_an_invalid_stream(
        texts in proptest::collection::vec(any_text(), 0..4),
    ) {
        let texts: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
        let file = written(&texts, encoding(Format::Gzip, 1));
        let whole = texts.concat();
        prop_assert_eq!(&flate2_reads(&file), &whole);
        prop_assert_eq!(&libdeflate_reads(&file, whole.len()), &whole);
        prop_assert_eq!(&read_back(&file, Format::Gzip, 777).unwrap(), &whole);
    }

    #[test]
    fn damage_gives_what_another_decoder_gives_or_an_error(
        text in any_text(),
        level in 0u32..10,
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
    ) {
        // Without the trailer's help: whatever the damaged blocks say must be read alike.
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(level));
        encoder.write_all(&text).unwrap();
        let mut body = encoder.finish().unwrap();
        for (at, byte) in damage {
            let at = at.index(body.len());
            body[at] = byte;
        }
        let mut decoder = flate2::bufread::DeflateDecoder::new(&body[..]);
        let mut expected = Vec::new();
        let valid = decoder.read_to_end(&mut expected).is_ok();
        let used = decoder.total_in() as usize;
        let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
        file.extend_from_slice(if valid { &body[..used] } else { &body });
        file.extend_from_slice(&crc32fast::hash(&expected).to_le_bytes());
        file.extend_from_slice(&(expected.len() as u32).to_le_bytes());
        match read_back(&file, Format::Gzip, 1000) {
            Ok(found) => prop_assert!(valid && found == expected),
            Err(error) => prop_assert!(!valid, "{}", error),
        }
    }

    #[test]
    fn the_reader_takes_what_other_encoders_make(text in any_text(), level in 0u32..10) {
        let mut encoder =
            flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
        encoder.write_all(&text).unwrap();
        let file = encoder.finish().unwrap();
        prop_assert_eq!(read_back(&file, Format::Gzip, 1).unwrap(), text);
    }
}
