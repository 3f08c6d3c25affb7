//! Stop words by language.
//!
//! English is the list of Gopher (Rae et al. 2021, A1.1). The others are of this project: the
//! words that hold sentences together (articles, conjunctions, prepositions, pronouns, forms of
//! "to be" and "to have") and hardly ever come in tables, menus or other languages' text.

pub(super) const LISTS: &[(&str, &[&str])] = &[
    ("ar", &["في", "من", "على", "إلى", "أن", "التي", "الذي", "عن", "هذا", "هذه", "مع", "كان"]),
    ("bg", &["и", "на", "за", "от", "се", "да", "не", "че", "по", "са", "като", "който"]),
    ("cs", &["a", "se", "na", "že", "je", "do", "jako", "které", "pro", "by", "není", "ale"]),
    ("da", &["og", "det", "er", "ikke", "til", "på", "som", "med", "af", "den", "har", "hvad"]),
    (
        "de",
        &["der", "die", "und", "das", "ist", "nicht", "mit", "von", "ein", "den", "auch", "hat"],
    ),
    ("el", &["και", "το", "να", "του", "της", "με", "για", "από", "που", "είναι", "δεν", "οι"]),
    ("en", &["the", "be", "to", "of", "and", "that", "have", "with"]),
    (
        "es",
        &["que", "los", "las", "una", "por", "con", "para", "del", "como", "pero", "más", "son"],
    ),
    ("fa", &["و", "در", "به", "از", "که", "این", "را", "با", "است", "برای", "آن", "یک"]),
    ("fi", &["ja", "on", "ei", "että", "se", "hän", "oli", "ovat", "mutta", "kun", "myös", "joka"]),
    (
        "fr",
        &["les", "des", "est", "que", "dans", "pour", "une", "qui", "pas", "avec", "sur", "sont"],
    ),
    ("he", &["של", "את", "על", "לא", "הוא", "עם", "זה", "היא", "גם", "כי", "או", "אם"]),
    ("hi", &["के", "में", "की", "है", "का", "से", "और", "को", "पर", "कि", "हैं", "ने"]),
    ("hu", &["az", "és", "hogy", "nem", "egy", "is", "volt", "meg", "ez", "de", "csak", "mint"]),
    (
        "id",
        &["yang", "dan", "di", "ini", "dari", "dengan", "untuk", "tidak", "itu", "pada", "adalah"],
    ),
    (
        "it",
        &["che", "di", "non", "per", "una", "sono", "con", "della", "gli", "anche", "più", "nel"],
    ),
    (
        "nl",
        &["de", "het", "een", "van", "en", "dat", "niet", "zijn", "met", "voor", "ook", "wordt"],
    ),
    ("no", &["og", "det", "er", "ikke", "til", "på", "som", "med", "av", "den", "har", "fra"]),
    ("pl", &["i", "w", "na", "się", "nie", "że", "do", "jest", "jak", "ale", "przez", "które"]),
    (
        "pt",
        &["que", "não", "uma", "com", "para", "os", "dos", "mais", "por", "como", "são", "também"],
    ),
    ("ro", &["și", "în", "de", "la", "cu", "pe", "care", "este", "nu", "din", "pentru", "sau"]),
    ("ru", &["и", "в", "не", "на", "что", "с", "как", "это", "по", "из", "но", "для"]),
    ("sv", &["och", "att", "det", "som", "en", "på", "är", "för", "med", "inte", "av", "har"]),
    (
        "tr",
        &["ve", "bir", "bu", "için", "ile", "de", "da", "olarak", "çok", "olan", "gibi", "daha"],
    ),
    ("uk", &["і", "в", "не", "на", "що", "з", "як", "це", "до", "та", "від", "для"]),
    (
        "vi",
        &["và", "của", "là", "các", "có", "không", "được", "trong", "cho", "một", "những", "với"],
    ),
];
