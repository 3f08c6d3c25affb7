//! What is found, what is not, and that the spans are sound on any text.

use super::*;
use crate::text::Text;
use proptest::prelude::*;

fn spans(text: &str) -> Vec<crate::tag::Span> {
    let kernel = build(&Options::new()).unwrap();
    let mut out = Spans::default();
    let text = Text::new(text);
    kernel.worker().tag(&Document { id: "1", text: &text, metadata: None }, &mut out).unwrap();
    out.spans
}

/// The pieces of text under the spans of one kind.
fn found(text: &str, kind: u16) -> Vec<String> {
    let cut = |from: u32, to: u32| text.chars().take(to as usize).skip(from as usize).collect();
    spans(text).iter().filter(|s| s.kind == kind).map(|s| cut(s.start, s.end)).collect()
}

fn finds(kind: u16, text: &str, expected: &[&str]) {
    assert_eq!(found(text, kind), expected, "in {text:?}");
}

#[test]
fn scores_count_spans_and_code_points() {
    let rows =
        |text| spans(text).iter().map(|s| (s.kind, s.start, s.end, s.score)).collect::<Vec<_>>();
    assert_eq!(
        rows("Mail me@x.org."),
        [(EMAIL, 5, 13, 1.0), (DOC, 0, 14, 1.0), (DOC + 1, 0, 14, 8.0 / 14.0)]
    );
    assert_eq!(
        rows("é 8.8.4.4 (212) 555-0123 me@x.org"),
        [
            (EMAIL, 25, 33, 1.0),
            (PHONE, 10, 24, 1.0),
            (IP, 2, 9, 1.0),
            (DOC, 0, 33, 3.0),
            (DOC + 1, 0, 33, 29.0 / 33.0)
        ]
    );
    assert_eq!(rows(""), [(DOC, 0, 0, 0.0), (DOC + 1, 0, 0, 0.0)]);
}

#[test]
fn an_email_is_the_address_alone() {
    for text in [
        "me@x.org",
        "me@x.org.",
        "(me@x.org),",
        "<me@x.org>",
        "mailto:me@x.org?subject=a",
        "'me@x.org'",
        "see...me@x.org!",
        "a=me@x.org&b=1",
        "https://h.net/?to=me@x.org",
        "联系me@x.org的",
        "me@x.org-based",
        "\"me@x.org\"",
        "*me@x.org*",
        "me@x.org_",
        "me@x.org:secret",
        "-me@x.org--",
        "me@x.org/a",
        "mailto://me@x.org",
    ] {
        finds(EMAIL, text, &["me@x.org"]);
    }
    for text in ["a.b-c+d_e@f-g.h1.co.uk", "o'neil@x.org", "_a@x.xn--p1ai", "A@X.ORG", "1@2.de"] {
        finds(EMAIL, text, &[text]);
    }
    finds(EMAIL, "a@b.cd,e@f.gh;i@j.kl", &["a@b.cd", "e@f.gh", "i@j.kl"]);
    finds(EMAIL, "me@x.org.123", &["me@x.org"]);
}

#[test]
fn what_is_no_email() {
    for text in [
        "@me",
        "me@",
        "me@x",
        "me@localhost",
        "me@x.o",
        "me@x.1",
        "me@-x.org",
        "me@.org",
        "me.@x.org",
        "@me@x.org",
        "icon@2x.png",
        "https://me@x.org/a",
        "ssh://git:pw@x.org:22/a",
        "git@x.org:a/b.git",
        "me@x..org",
        "me @x.org",
        "me@ x.org",
        "andréa@x.org",
        "me@x.orgé",
        "me@x.org@y",
        "a@8.8.8.8",
        "pkg@1.2.3",
    ] {
        finds(EMAIL, text, &[]);
    }
    finds(EMAIL, &format!("{}@x.org", "a".repeat(64)), &[&format!("{}@x.org", "a".repeat(64))]);
    finds(EMAIL, &format!("{}@x.org", "a".repeat(65)), &[]);
}

#[test]
fn phone_numbers_in_their_usual_forms() {
    for text in [
        "212-555-0123",
        "(212) 555-0123",
        "(212)555-0123",
        "212.555.0123",
        "212 555 0123",
        "212/555-0123",
        "1-800-555-0123",
        "1 (800) 555-0123",
        "1(800)555-0123",
        "+1 212 555 0123",
        "+1 (212) 555-0123",
        "+12125550123",
        "+44 20 7946 0958",
        "+44 (0)20 7946 0958",
        "(+44) 20 7946 0958",
        "+33 1 23 45 67 89",
        "+33.1.23.45.67.89",
        "+34 612 345 678",
        "+49 (30) 1234567",
        "+7 495 123-45-67",
        "212 – 555 – 0123",
        "212\u{2011}555\u{2011}0123",
        "+353-86-123-4567",
        "+86 138 0013 8000",
    ] {
        for (head, tail) in [
            ("", ""),
            ("Tel. ", "."),
            ("tel:", ", "),
            ("电话", "。"),
            ("\n", "\n"),
            ("Call ", " x12"),
            ("a ", "ext. 5"),
        ] {
            finds(PHONE, &format!("{head}{text}{tail}"), &[text]);
        }
    }
    finds(PHONE, "(212-555-0123)", &["212-555-0123"]);
    finds(PHONE, "212-555-0123/212-555-0124", &["212-555-0123", "212-555-0124"]);
    finds(PHONE, "room 12 212-555-0123", &["212-555-0123"]);
    finds(PHONE, "+1 212 555 0123 2024", &["+1 212 555 0123"]);
}

#[test]
fn what_is_no_phone_number() {
    for text in [
        "2125550123",
        "12345678901234567890",
        "1212-555-0123",
        "212-555-01234",
        "212-555-0123-4",
        "12-212-555-0123",
        "112 555 0123",
        "212 155 0123",
        "212 555.0123",
        "3.212.555.0123",
        "212.555.0123.4",
        "2020-10-12",
        "123-45-6789",
        "978-0-306-40615-7",
        "0-306-40615-2",
        "AB-212-555-0123",
        "a212-555-0123",
        "212-555-0123b",
        "212-555-0123-ab",
        "$212-555-0123",
        "#212-555-0123",
        "id#9 #a-212-555-0123",
        "http://x.org/212-555-0123",
        "www.x.org/a?b=212-555-0123",
        "12 212 555 0123",
        "212 555 0123 45",
        "+20.000.000.000",
        "+49.123456789",
        "+5 123 456 789",
        "+12345",
        "++12125550123",
        "+10 555 555 0123",
        "+441234",
        "+0530",
        "1+12125550123",
        "212-555-0123@x.org",
        "ISBN 212-555-0123",
        "212-555-0123 (doi)",
        "212-555-012",
        "(212 555-01234",
        "+1234567890123456",
        "212\n555\n0123",
    ] {
        finds(PHONE, text, &[]);
    }
    // Labels are words, and a hash rules out its own word only.
    finds(PHONE, "#blessed isbnx 212-555-0123 doit", &["212-555-0123"]);
    finds(PHONE, &format!("doi {} 212-555-0123", "é".repeat(95)), &[]);
    finds(PHONE, &format!("doi {} 212-555-0123", "é".repeat(96)), &["212-555-0123"]);
    finds(PHONE, &format!("madoi{} 212-555-0123", " ".repeat(96)), &["212-555-0123"]);
    finds(PHONE, "see http://x.org/a 212-555-0123", &["212-555-0123"]);
}

#[test]
fn ip_addresses_alone() {
    for text in [
        "8.8.4.4",
        "255.1.1.1",
        "203.0.113.7",
        "2001:db8::1",
        "2001:db8:0:1:2:3:4:5",
        "2a02:26f0:fe::2",
        "2001:DB8::8.8.8.8",
        "3fff:1::a",
    ] {
        let expected: &[&str] = if text.starts_with("255") { &[] } else { &[text] };
        for (head, tail) in [
            ("", ""),
            ("(", ")"),
            ("at ", ". Then"),
            ("ip=", ","),
            ("[", "]:80"),
            ("http://", "/a"),
            ("", "/24"),
            ("从", "来"),
        ] {
            finds(IP, &format!("{head}{text}{tail}"), expected);
        }
    }
    finds(IP, "8.8.4.4:53", &["8.8.4.4"]);
    finds(IP, "8.8.4.4-8.8.4.9", &["8.8.4.4", "8.8.4.9"]);
    finds(IP, "::ffff:8.8.4.4", &["8.8.4.4"]);
    finds(IP, "from 2001:db8::1: refused", &["2001:db8::1"]);
}

#[test]
fn what_is_no_ip_address() {
    for text in [
        "1.2.3.4.5",
        "1.2.3.4567",
        "1.2.3",
        "1.2.3.256",
        "01.2.3.4",
        "v1.2.3.4",
        "version 1.2.3.4",
        "ver. 1.2.3.4",
        "a-1.2.3.4",
        "Chrome/1.2.3.4",
        "1.2.3.4-beta",
        "1.2.3.4a",
        "1.2.3.4.example.org",
        "http://x.org/1.2.3.4/a",
        "#1.2.3.4",
        "0.0.0.0",
        "0.1.2.3",
        "127.0.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "5.0.0.0",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "std::vector",
        "a::b",
        "12:34",
        "12:34:56",
        "2023:10:12 12:34:56",
        "2001:db8::1::2",
        "2001:db8:1",
        "x2001:db8::1",
        "2001:db8::1g",
        "2001::",
        "1:2:3:4:5:6:7:8",
        "doi 1.2.3.4",
        "1.2.3.4@x",
    ] {
        finds(IP, text, &[]);
    }
    finds(IP, "172.15.0.1 and 172.32.0.1", &["172.15.0.1", "172.32.0.1"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]
    #[test]
    fn spans_are_apart_in_order_and_counted(text in "((me@x.org|\\(?212\\)? ?555-0123|8.8.4.4|2001:db8::|\\+44 20 7946 0958|http://|isbn)?[ab1.@:/# é\u{a0}電+-]?){0,12}") {
        let all = spans(&text);
        let (pii, scores) = all.split_at(all.len() - 2);
        prop_assert!(pii.is_sorted_by_key(|s| (s.kind, s.start)));
        let mut ranges: Vec<_> = pii.iter().map(|s| (s.start, s.end)).collect();
        ranges.sort_unstable();
        prop_assert!(ranges.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{text:?} {pii:?}");
        let covered: u32 = ranges.iter().map(|(start, end)| end - start).sum();
        let chars = text.chars().count();
        prop_assert!(ranges.last().is_none_or(|last| last.1 as usize <= chars));
        prop_assert_eq!(scores[0].score, pii.len() as f64);
        prop_assert_eq!(scores[1].score, f64::from(covered) / chars.max(1) as f64);
        for span in pii {
            let cut: String = text.chars().take(span.end as usize).skip(span.start as usize).collect();
            let edge = |c: char| c.is_ascii_alphanumeric() || "_(+:".contains(c);
            prop_assert!(cut.chars().next().is_some_and(edge) && cut.chars().last().is_some_and(edge), "{cut:?}");
        }
    }

    /// What is found does not depend on text further away than the window of labels.
    #[test]
    fn far_text_changes_nothing(text in "((me@x.org|212-555-0123|8.8.4.4|2001:db8::1|\\+44 20 7946 0958)?[ab1.@:/ é電-]?){0,8}") {
        let (pad, tail) = (format!("isbn {} ", "é ".repeat(60)), format!("{} isbn", "é ".repeat(60)));
        let shift = pad.chars().count() as u32;
        let moved: Vec<_> = spans(&format!("{pad}\n{text}\n{tail}")).into_iter().filter(|s| s.kind < DOC)
            .map(|s| (s.kind, s.start - shift - 1, s.end - shift - 1)).collect();
        let plain: Vec<_> = spans(&text).into_iter().filter(|s| s.kind < DOC).map(|s| (s.kind, s.start, s.end)).collect();
        prop_assert_eq!(moved, plain);
    }
}
