//! What labels are called: as the model has them, or languages by their codes.
//!
//! Language models name a language `en`, `eng`, `eng_Latn` (GlotLID, OpenLID) or `en-Latn`. With
//! `label_codes` all of these are called by one code, the script is left out, and the labels that
//! become one (`cmn_Hans`, `cmn_Hant`) are one, whose probability is their sum. Codes are those of
//! ISO 639-1 and 639-3; an individual language is called by its macrolanguage where models of two
//! letters do so. What is no language code keeps its name.

use crate::error::{Error, Result};

/// The prefix that training data gives to labels.
pub(super) const PREFIX: &str = "__label__";

/// How labels are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codes {
    /// As in the model.
    Model,
    /// Two letters where there are two (ISO 639-1), else three.
    Iso1,
    /// Three letters (ISO 639-3).
    Iso3,
}

impl Codes {
    pub(super) fn parse(name: &str) -> Result<Self> {
        match name {
            "model" => Ok(Self::Model),
            "iso639_1" => Ok(Self::Iso1),
            "iso639_3" => Ok(Self::Iso3),
            _ => Err(Error::config(format!(
                "fasttext: label_codes are \"model\", \"iso639_1\" or \"iso639_3\", not {name:?}"
            ))),
        }
    }

    /// The name of a label, which has no prefix any more.
    pub(super) fn name(self, label: &str) -> String {
        if self == Self::Model {
            return label.to_owned();
        }
        let (code, script) = match label.split_once(['_', '-']) {
            Some((code, script)) => (code, Some(script)),
            None => (label, None),
        };
        let is_code = matches!(code.len(), 2 | 3) && code.bytes().all(|b| b.is_ascii_lowercase());
        // A script has four letters ("Latn"), a region two ("GB").
        let is_script = |part: &str| match part.len() {
            2 => part.bytes().all(|b| b.is_ascii_uppercase()),
            4 => part.starts_with(|c: char| c.is_ascii_uppercase()) && part.is_ascii(),
            _ => false,
        };
        if !is_code || !script.is_none_or(is_script) {
            return label.to_owned();
        }
        let three = match code.len() {
            2 => ISO_639.split(' ').find(|pair| &pair[4..] == code).map(|pair| &pair[..3]),
            _ => Some(find(MACROLANGUAGES, code).unwrap_or(code)),
        };
        let Some(three) = three else { return code.to_owned() };
        match self {
            Self::Iso1 => find(ISO_639, three).unwrap_or(three).to_owned(),
            _ => three.to_owned(),
        }
    }
}

/// What follows `key:` in a table.
fn find<'a>(table: &'a str, key: &str) -> Option<&'a str> {
    table.split(' ').find_map(|pair| pair.strip_prefix(key)?.strip_prefix(':'))
}

/// ISO 639-3 and 639-1 of every language that has two letters.
const ISO_639: &str = "\
    aar:aa abk:ab afr:af aka:ak amh:am ara:ar arg:an asm:as ava:av ave:ae aym:ay aze:az bak:ba \
    bam:bm bel:be ben:bn bis:bi bod:bo bos:bs bre:br bul:bg cat:ca ces:cs cha:ch che:ce chu:cu \
    chv:cv cor:kw cos:co cre:cr cym:cy dan:da deu:de div:dv dzo:dz ell:el eng:en epo:eo est:et \
    eus:eu ewe:ee fao:fo fas:fa fij:fj fin:fi fra:fr fry:fy ful:ff gla:gd gle:ga glg:gl glv:gv \
    grn:gn guj:gu hat:ht hau:ha hbs:sh heb:he her:hz hin:hi hmo:ho hrv:hr hun:hu hye:hy ibo:ig \
    ido:io iii:ii iku:iu ile:ie ina:ia ind:id ipk:ik isl:is ita:it jav:jv jpn:ja kal:kl kan:kn \
    kas:ks kat:ka kau:kr kaz:kk khm:km kik:ki kin:rw kir:ky kom:kv kon:kg kor:ko kua:kj kur:ku \
    lao:lo lat:la lav:lv lim:li lin:ln lit:lt ltz:lb lub:lu lug:lg mah:mh mal:ml mar:mr mkd:mk \
    mlg:mg mlt:mt mon:mn mri:mi msa:ms mya:my nau:na nav:nv nbl:nr nde:nd ndo:ng nep:ne nld:nl \
    nno:nn nob:nb nor:no nya:ny oci:oc oji:oj ori:or orm:om oss:os pan:pa pli:pi pol:pl por:pt \
    pus:ps que:qu roh:rm ron:ro run:rn rus:ru sag:sg san:sa sin:si slk:sk slv:sl sme:se smo:sm \
    sna:sn snd:sd som:so sot:st spa:es sqi:sq srd:sc srp:sr ssw:ss sun:su swa:sw swe:sv tah:ty \
    tam:ta tat:tt tel:te tgk:tg tgl:tl tha:th tir:ti ton:to tsn:tn tso:ts tuk:tk tur:tr twi:tw \
    uig:ug ukr:uk urd:ur uzb:uz ven:ve vie:vi vol:vo wln:wa wol:wo xho:xh yid:yi yor:yo zha:za \
    zho:zh zul:zu";

/// Individual languages of ISO 639-3 that models of two letters know by their macrolanguage.
const MACROLANGUAGES: &str = "\
    als:sqi arb:ara ayr:aym azj:aze cmn:zho dty:nep ekk:est fat:aka gaz:orm khk:mon kmr:kur \
    knc:kau lvs:lav npi:nep ory:ori pbt:pus pes:fas plt:mlg quy:que swh:swa uzn:uzb \
    ydd:yid yue:zho zsm:msa";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_has_one_name() {
        for label in ["en", "eng", "eng_Latn", "en-Latn", "en_GB"] {
            assert_eq!(Codes::Iso1.name(label), "en", "{label}");
            assert_eq!(Codes::Iso3.name(label), "eng", "{label}");
            assert_eq!(Codes::Model.name(label), label);
        }
        assert_eq!(Codes::Iso1.name("cmn_Hant"), "zh");
        assert_eq!(Codes::Iso3.name("zh"), "zho");
        assert_eq!(Codes::Iso1.name("arb_Arab"), "ar");
        assert_eq!(Codes::Iso1.name("ceb_Latn"), "ceb");
        assert_eq!(Codes::Iso3.name("xx"), "xx");
    }

    #[test]
    fn what_is_no_language_keeps_its_name() {
        for label in ["hq", "low_quality", "__label__en", "", "en_", "Eng", "not_en", "日本"] {
            let name = Codes::Iso1.name(label);
            assert_eq!(name, label);
        }
    }

    #[test]
    fn tables_are_pairs_of_codes() {
        let pairs: Vec<&str> = ISO_639.split(' ').collect();
        assert_eq!(pairs.len(), 184);
        assert!(pairs.iter().all(|pair| pair.len() == 6 && pair.as_bytes()[3] == b':'));
        for pair in MACROLANGUAGES.split(' ') {
            assert!(pair.len() == 7 && find(ISO_639, &pair[4..]).is_some(), "{pair}");
        }
    }
}
