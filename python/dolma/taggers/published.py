"""The classes of built-in taggers under their published names, for code that calls or subclasses them:
`from dolma.taggers.c4 import C4Tagger`.

There is no code of its own behind them: each is the tagger of its name, tried on one document or on a
batch of them. Their modules are made when they are imported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from ..document import DocResult, Document, DocumentWithMetadata, Span
from .base import BaseTagger, SpanLists

if TYPE_CHECKING:
    from .trial import Trial

__all__ = ["MODULES", "BuiltIn", "built_in", "export", "find_spec"]

#: Classes and their taggers, by module.
MODULES: dict[str, dict[str, str]] = {
    "c4": {
        "C4Tagger": "c4_v1",
        "FasterC4Tagger": "c4_v2",
    },
    "code": {
        "CodeCopyrightTagger": "code_copyright_comments_v1",
        "CodeRedPajamaTaggers": "code_redpajama_taggers_v1",
        "CodeSecretsTagger": "code_secrets_v1",
        "CodeStarCoderTaggers": "code_starcoder_taggers_v1",
        "CodeStarCoderTaggers2": "code_starcoder_taggers_v2",
    },
    "code_composition": {
        "CodeProseCompositionClassifier": "code_composition",
    },
    "gopher": {
        "GopherTagger": "gopher_v1",
        "GopherTaggerV2": "gopher_v2",
    },
    "jigsaw": {
        "FastTextJigsawHatespeechDocumentTagger": "jigsaw_hatespeech_document_v2",
        "FastTextJigsawHatespeechSentenceTagger": "jigsaw_hatespeech_sentence_v2",
        "FastTextJigsawNsfwDocumentTagger": "jigsaw_nsfw_document_v1",
        "FastTextJigsawNsfwSentenceTagger": "jigsaw_nsfw_sencence_v2",
    },
    "language": {
        "Cld2EnglishLanguageParagraphTagger": "cld2_en_paragraph_v2",
        "Cld2EnglishLanguageTagger": "cld2_en_doc_v2",
        "Cld2LanguageFilterParagraphWithDocScoreTagger": "cld2_en_paragraph_with_doc_score_v2",
        "Cld2LanguageTagger": "cld2_doc_v2",
        "Cld2LanguageTaggerParagraph": "cld2_paragraph_v2",
        "Cld3LanguageFilterParagraphWithDocScoreTagger": "cld3_en_paragraph_with_doc_score_v2",
        "Cld3LanguageTagger": "cld3_en_doc_v2",
        "Cld3LanguageTaggerParagraph": "cld3_en_paragraph_v2",
        "FastTextAllLanguageParagraphTagger": "ft_lang_id_paragraph_v1",
        "FastTextAllLanguagesDocumentMinScoreTagger": "ft_lang_id_1e2",
        "FastTextAllLanguagesDocumentTagger": "ft_lang_id_doc_v1",
        "FastTextEnglishLanguageDocumentTagger": "ft_lang_id_en_doc_v2",
        "FastTextEnglishLanguageParagraphTagger": "ft_lang_id_en_paragraph_v2",
        "FastTextEnglishLanguageParagraphWithDocScoreTagger": "ft_lang_id_en_paragraph_with_doc_score_v2",
        "FastTextEnglishOnlyLanguageDocumentTagger": "ft_lang_id_en_only_v2",
        "LangdetectEnglishTagger": "langdetect_doc_en_v1",
        "LangdetectEnglishTaggerParagraph": "langdetect_en_paragraph_v1",
        "LangdetectTagger": "langdetect_doc_v1",
        "LangdetectTaggerParagraph": "langdetect_paragraph_v1",
        "LinguaEnglishOnlyTagger": "lingua_en_only_v1",
        "LinguaEnglishTagger": "lingua_doc_en_v1",
        "LinguaEnglishTaggerParagraph": "lingua_en_par_v1",
        "LinguaMinScoreTagger": "lingua_1e2",
        "LinguaTagger": "lingua_doc_v1",
        "LinguaTaggerParagraph": "lingua_par_v1",
    },
    "length": {
        "BytesLengthV1": "bytes_length_v1",
        "CharLengthStripWsV1": "char_length_strip_ws_v1",
        "CharLengthV1": "char_length_v1",
        "CharLengthWithParagraphsV1": "char_length_with_paragraphs_v1",
        "DocCountLengthV1": "doc_count_v1",
        "DolmaV1Tokenizer": "dolma_v1_tokenizer",
        "DolmaV2Tokenizer": "dolma_v2_tokenizer",
        "OlmoPreTokenizerParagraphsV1": "olmo_pretokenizer_with_paragraphs_v1",
        "OlmoPreTokenizerV1": "olmo_pretokenizer_v1",
        "UnisegLengthV1": "uniseg_length_v1",
        "UnisegParagraphsV1": "uniseg_length_paragraphs_v1",
        "UnisegParagraphsWithDocLengthV1": "uniseg_length_paragraphs_with_doc_length_v1",
        "UnisegParagraphsWithEmptyV1": "uniseg_length_paragraphs_with_empty_v1",
        "WhitespaceLengthParagraphsV1": "whitespace_tokenizer_with_paragraphs_v1",
        "WhitespaceLengthV1": "whitespace_tokenizer_v1",
    },
    "licenses": {
        "CreativeCommonsFastRegexHtmlExtractor": "cc_re_fast",
        "CreativeCommonsRegexLicenseExtractor": "cc_re",
    },
    "pii": {
        "FastPiiRegex": "pii_regex_with_counts_fast_v2",
        "PiiPresidioV1": "pii_presidio_v1",
        "PiiRegexV1": "pii_regex_v1",
        "PiiRegexV2": "pii_regex_v2",
        "PiiRegexWithCountV2": "pii_regex_with_counts_v2",
    },
    "punctuation": {
        "NotAlphanumParagraphV1": "not_alphanum_paragraph_v1",
    },
    "quality": {
        "DclmQualityClassifier": "dclm-oh-eli5",
        "Dolma17QualityClassifier": "dolma17-quality",
    },
    "repetitions": {
        "ParagraphRepetitionsTagger": "paragraph_repetitions_v1",
        "ParagraphTokenizerRepetitionsTagger": "paragraph_tokenizer_repetitions_v1",
        "RepetitionsTagger": "repetitions_v1",
        "TokenizerRepetitionsSkipEmptyTagger": "tokenizer_repetitions_v2r2",
        "TokenizerRepetitionsTagger": "tokenizer_repetitions_v1",
    },
    "sampling": {
        "RandomNumberTagger": "random_number_v1",
    },
    "tokenizers": {
        "GPTNeoX20BTokenizer": "tokenizers_EleutherAI_GPT_NeoX_20B",
        "OLMoV1Tokenizer": "tokenizers_AI2_OLMo_v1",
    },
    "url": {
        "AllowlistWikidataCleanedTagger": "allowlist_wikidata_cleaned_v1",
        "AllowlistWikidataTagger": "allowlist_wikidata_v1",
        "BlocklistFirebogAdsTagger": "blocklist_firebog_ads_v1",
        "BlocklistFirebogCryptoTagger": "blocklist_firebog_crypto_v1",
        "BlocklistFirebogMaliciousTagger": "blocklist_firebog_malicious_v1",
        "BlocklistFirebogNsfwTagger": "blocklist_firebog_nsfw_v1",
        "BlocklistFirebogSocialTagger": "blocklist_firebog_social_v1",
        "BlocklistFirebogSuspiciousTagger": "blocklist_firebog_suspicious_v1",
        "BlocklistFirebogTrackersTagger": "blocklist_firebog_trackers_v1",
        "BlocklistHostsAdwareMalwareTagger": "blocklist_hosts_adware_malware_v1",
        "BlocklistHostsFakenewsTagger": "blocklist_hosts_fakenews_v1",
        "BlocklistHostsGamblingTagger": "blocklist_hosts_gambling_v1",
        "BlocklistHostsPornTagger": "blocklist_hosts_porn_v1",
        "BlocklistHostsSocialTagger": "blocklist_hosts_social_v1",
        "BlocklistProjectAdsTagger": "blocklist_project_ads_v1",
        "BlocklistProjectCrimeTagger": "blocklist_project_crime_v1",
        "BlocklistProjectNsfwTagger": "blocklist_project_nsfw_v1",
        "BlocklistProjectSocialTagger": "blocklist_project_social_v1",
        "BlocklistProjectViceTagger": "blocklist_project_vice_v1",
        "BraveCoreAdblockPlusTagger": "brave_core_abp_v1",
        "BraveNSFWAdblockPlusTagger": "brave_nsfw_abp_v1",
        "DomainBlocklistPhishingTagger": "domain_blocklist_phishing_v1",
        "DomainBlocklistUniversiteToulouseCapitoleTagger": "domain_blocklist_utp_v1",
        "LinkBlocklistPhishingTagger": "link_blocklist_phishing_v1",
        "OISDBigAdblockPlusTagger": "oisd_big_abp_v1",
        "OISDNSFWAdblockPlusTagger": "oisd_nsfw_abp_v1",
        "OISDSmallAdblockPlusTagger": "oisd_small_abp_v1",
    },
}

#: Modules that were packages, with where in them their classes were.
PACKAGES = {"code": "code_taggers", "repetitions": "repetitions_taggers"}

_CLASSES = {tagger: (module, name) for module, names in MODULES.items() for name, tagger in names.items()}


class BuiltIn(BaseTagger):
    """A built-in tagger as a class; arguments are the options that it has under `tagger_options`."""

    with_metadata = True
    #: Its name.
    tagger: ClassVar[str]
    # Subclasses need not call `__init__`.
    _options: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, **options: Any) -> None:
        """Raises `DolmaConfigError` for an unknown or missing option, `DolmaAssetError` when a model
        cannot be had."""
        self._options = options
        self._trial  # noqa: B018

    @cached_property
    def _trial(self) -> Trial:
        from .plan import plan
        from .trial import Trial

        options = {self.tagger: dict(self._options)} if self._options else {}
        return Trial(plan([self.tagger], (), options, None))

    @cached_property
    def defaults(self) -> list[str]:
        return [kind for kind, spans in self._found([Document("", "", "")])[0].items() if not spans]

    def predict(self, doc: Document) -> DocResult:
        # Not by `predict_batch`, which a subclass may have overridden by way of this.
        return self._results([doc])[0]

    def predict_batch(self, docs: Sequence[Document]) -> list[DocResult]:
        if type(self).predict is not BuiltIn.predict:
            return super().predict_batch(docs)
        return self._results(docs)

    def tag(self, row: Any) -> SpanLists:
        """The spans by type of a document or of anything with its fields, with or without metadata."""
        metadata = getattr(row, "metadata", None)
        return self.group_output(
            self.predict(DocumentWithMetadata(row.source, row.id, row.text, row.version, metadata=metadata))
        )

    def _results(self, docs: Sequence[Document]) -> list[DocResult]:
        results = []
        for doc, found in zip(docs, self._found(docs), strict=True):
            spans = [
                Span(span.start, span.end, kind, span.score)
                for kind, spans in found.items()
                for span in spans
            ]
            results.append(DocResult(doc, spans))
        return results

    def _found(self, docs: Sequence[Document]) -> list[dict[str, Any]]:
        rows = [{**doc.to_json(), "metadata": getattr(doc, "metadata", {})} for doc in docs]
        return [found[self.tagger] for found in self._trial.documents(rows)]


@cache
def built_in(tagger: str) -> type[BuiltIn]:
    """The class of a tagger."""
    from .catalogue import BUILTIN

    module, name = _CLASSES.get(tagger, ("published", tagger))
    fields = {"__module__": f"{__package__}.{module}", "__doc__": BUILTIN[tagger].doc, "tagger": tagger}
    return type(name, (BuiltIn,), fields)


def export(module: str, name: str) -> type[BuiltIn]:
    """The class called `name` of a module; raises `AttributeError` where it has none."""
    taggers = MODULES[module]
    if name not in taggers:
        raise AttributeError(f"module '{__package__}.{module}' has no attribute {name!r}")
    return built_in(taggers[name])


def find_spec(name: str) -> ModuleSpec | None:
    """The module of a published path, or None if it is none."""
    package, _, part = name.removeprefix(f"{__package__}.").partition(".")
    if package not in MODULES or part not in ("", PACKAGES.get(package)):
        return None
    return ModuleSpec(name, _Loader(package), is_package=package in PACKAGES and not part)


class _Loader(Loader):
    """Fills a module with the classes of a published one."""

    def __init__(self, published: str) -> None:
        self.published = published

    def create_module(self, spec: ModuleSpec) -> None:
        """The usual one."""

    def exec_module(self, module: ModuleType) -> None:
        classes = {name: built_in(tagger) for name, tagger in MODULES[self.published].items()}
        module.__dict__.update(classes, __all__=sorted(classes))
