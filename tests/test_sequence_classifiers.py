"""What dolma adds to sequence classifiers of Hugging Face: order, options, refusals, devices; with a stand-in for
the library, so that it is tested everywhere.
"""

from __future__ import annotations

import math
import sys
import types
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from dolma.document import Document
from dolma.errors import DolmaAssetError, DolmaConfigError
from dolma.taggers.catalogue import BUILTIN

NAME = "hf_classifier_v1"


def test_a_classifier_needs_a_model() -> None:
    with pytest.raises(DolmaConfigError, match=r"tagger_options\.hf_classifier_v1\.model"):
        BUILTIN[NAME].resolve({})


class Numbers:
    """Logits, as far as the tagger asks them."""

    def __init__(self, rows: list[list[float]]) -> None:
        self.rows = rows

    def float(self) -> Numbers:
        return self

    cpu = float

    def tolist(self) -> list[list[float]]:
        return self.rows

    def sigmoid(self) -> Numbers:
        return Numbers([[1 / (1 + math.exp(-x)) for x in row] for row in self.rows])

    def softmax(self, dim: int) -> Numbers:
        powers = [[math.exp(x) for x in row] for row in self.rows]
        return Numbers([[x / sum(row) for x in row] for row in powers])


class Padded(dict[str, Any]):
    def to(self, device: str) -> Padded:
        self["device"] = device
        return self


class Tokenizer:
    """A token for each letter, and one before them."""

    pad_token_id: int | None = 0
    model_max_length = 10**30
    entries = 100

    def __len__(self) -> int:
        return self.entries

    def __call__(
        self, texts: list[str], *, truncation: bool, max_length: int, padding: bool
    ) -> dict[str, Any]:
        assert truncation
        assert not padding
        return {"input_ids": [[1, *map(ord, text)][: max(2, max_length)] for text in texts]}

    def pad(self, batch: dict[str, Any], *, return_tensors: str) -> Padded:
        longest = max(map(len, batch["input_ids"]))
        return Padded(input_ids=[[*ids, *[0] * (longest - len(ids))] for ids in batch["input_ids"]])


class Classifier:
    """The number of tokens, and its negative as a second output."""

    def __init__(self, **config: Any) -> None:
        found = {"num_labels": 2, "id2label": {0: "long", 1: "short"}, "problem_type": None, **config}
        self.config = types.SimpleNamespace(
            **{"pad_token_id": None, "vocab_size": 100, "max_position_embeddings": 64, **found}
        )
        self.batches: list[list[int]] = []
        self.at: Any = None

    def to(self, device: Any) -> Classifier:
        self.at = device
        return self

    def eval(self) -> Classifier:
        return self

    def __call__(self, input_ids: list[list[int]], device: Any = None) -> Any:
        lengths = [sum(token != 0 for token in ids) for ids in input_ids]
        if max(map(len, input_ids)) > 64:
            raise IndexError("index out of range\nin self")
        self.batches.append(lengths)
        outputs = [[length / 10, -length / 10][: self.config.num_labels] for length in lengths]
        return types.SimpleNamespace(logits=Numbers(outputs))


class Library:
    """What the stand-in has, and what was asked of it."""

    def __init__(self) -> None:
        self.tokenizer = Tokenizer()
        self.classifier = Classifier()
        self.missing: set[str] = set()
        self.gpus = 0
        self.transformers = types.SimpleNamespace(__version__="5.1.0")
        self.asked: dict[str, Any] = {}
        self.constants = types.SimpleNamespace(HF_HUB_OFFLINE=False)
        self.offline: list[bool] = []

    def load_tokenizer(self, model: str, **options: Any) -> Tokenizer:
        self.offline.append(self.constants.HF_HUB_OFFLINE)
        return self.tokenizer

    def load_classifier(self, model: str, **options: Any) -> tuple[Classifier, dict[str, Any]]:
        self.asked = options
        if model == "broken":
            raise RuntimeError("Error(s) in loading:\n\tsize mismatch")
        return self.classifier, {"missing_keys": self.missing}

    def download(self, model: str, file: str, *, revision: str | None, local_files_only: bool) -> str:
        self.offline.append(self.constants.HF_HUB_OFFLINE)
        if local_files_only:
            raise OSError("not in the cache")
        return f"/hub/snapshots/commit-of-{revision}/{file}"


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Library:
    """Modules that look like torch, transformers and huggingface_hub to the tagger."""
    here = Library()

    def device(name: str, index: int | None = None) -> Any:
        if name.partition(":")[0] not in ("cpu", "cuda"):
            raise RuntimeError("Expected one of cpu, cuda")
        return types.SimpleNamespace(type=name, index=index)

    class Logging(types.SimpleNamespace):
        def __getattr__(self, name: str) -> Any:
            return lambda *_: False

    cuda = types.SimpleNamespace(is_available=lambda: here.gpus > 0, device_count=lambda: here.gpus)
    torch = types.SimpleNamespace(
        cuda=cuda,
        device=device,
        inference_mode=nullcontext,
        set_num_threads=lambda count: None,
        tensor=lambda rows, device: rows,
        **{name: name for name in ("float32", "bfloat16", "float16")},
    )
    transformers = here.transformers
    transformers.AutoTokenizer = types.SimpleNamespace(from_pretrained=here.load_tokenizer)
    loader = types.SimpleNamespace(from_pretrained=here.load_classifier)
    transformers.AutoModelForSequenceClassification = loader
    transformers.utils = types.SimpleNamespace(logging=Logging())
    hub = types.SimpleNamespace(hf_hub_download=here.download, constants=here.constants)
    modules = {"torch": torch, "transformers": transformers, "transformers.utils": transformers.utils}
    for name, module in {**modules, "huggingface_hub": hub}.items():
        monkeypatch.setitem(sys.modules, name, module)
    return here


def made(**options: Any) -> Any:
    from dolma.taggers.sequence_classifier import SequenceClassifier

    return SequenceClassifier("m", **options)


def scores(tagger: Any, *texts: str) -> list[dict[str, float]]:
    found = tagger.predict_batch([Document("s", "1", text) for text in texts])
    return [{span.type: span.score for span in result.spans} for result in found]


def test_texts_are_run_by_length_and_answered_in_their_order(stand_in: Library) -> None:
    stand_in.classifier = Classifier(num_labels=1)
    texts = ["aa", "a" * 30, "", "aaa", "a" * 100, "aa"]
    expected = [0.3, 3.1, 0.1, 0.4, 6.4, 0.3]
    for size, batches in ((2, [[64, 31], [4, 3], [3, 1]]), (4, [[64, 31, 4, 3], [3, 1]]), (99, None)):
        tagger = made(batch_size=size)
        stand_in.classifier.batches.clear()
        assert [row["score"] for row in scores(tagger, *texts)] == expected
        assert batches is None or stand_in.classifier.batches == batches
    assert scores(made()) == []


def test_a_tokenizer_that_cannot_pad_gets_texts_one_by_one(stand_in: Library) -> None:
    stand_in.tokenizer.pad_token_id = None
    tagger = made()
    stand_in.classifier.batches.clear()
    scores(tagger, "aa", "a", "aaa")
    assert stand_in.classifier.batches == [[4], [3], [2]]


def test_a_text_without_a_token_has_no_span(stand_in: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    tagger = made()
    monkeypatch.setattr(
        Tokenizer, "__call__", lambda self, texts, **_: {"input_ids": [[*map(ord, t)] for t in texts]}
    )
    assert [set(row) for row in scores(tagger, "", "a", "")] == [set(), {"long", "short"}, set()]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, {"long": 1 / (1 + math.exp(-0.4)), "short": 1 / (1 + math.exp(0.4))}),
        ({"problem_type": "single_label_classification", "num_labels": 1}, {"score": 0.2}),
        ({"problem_type": "regression"}, {"long": 0.2, "short": -0.2}),
        ({"problem_type": "regression", "num_labels": 1}, {"score": 0.2}),
        (
            {"problem_type": "multi_label_classification"},
            {"long": 1 / (1 + math.exp(-0.2)), "short": 1 / (1 + math.exp(0.2))},
        ),
        (
            {"problem_type": "multi_label_classification", "num_labels": 1},
            {"score": 1 / (1 + math.exp(-0.2))},
        ),
    ],
)
def test_the_kind_of_the_model_says_what_a_score_is(
    stand_in: Library, config: dict[str, Any], expected: dict[str, float]
) -> None:
    stand_in.classifier = Classifier(**config)
    assert scores(made(), "a") == [pytest.approx(expected)]


def test_some_labels_may_be_asked_for(stand_in: Library) -> None:
    assert set(scores(made(labels=["short"]), "a")[0]) == {"short"}
    with pytest.raises(DolmaConfigError, match="no label 'shrot'; did you mean 'short'"):
        made(labels=["shrot"])
    with pytest.raises(DolmaConfigError, match="no label '7'; it has long, short"):
        made(labels=["7"])
    stand_in.classifier = Classifier(num_labels=1)
    with pytest.raises(DolmaConfigError, match="a single output: the option labels has no effect"):
        made(labels=["long"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size is a whole number above 0, not 0"),
        ({"batch_size": "many"}, "batch_size is a whole number above 0, not 'many'"),
        ({"threads": 1.5}, "threads is a whole number above 0, not 1.5"),
        ({"dtype": "int8"}, "dtype is one of float32, bfloat16, float16, not 'int8'"),
        ({"device": "gpu"}, "device is one of PyTorch's, such as cpu or cuda:0, not 'gpu'"),
        ({"max_length": 1}, "max_length: the tokenizer adds more than 1 tokens to every text"),
        (
            {"max_length": 65},
            "max_length: a text of 65 tokens does not go through the model: index out of range in self",
        ),
    ],
)
def test_wrong_options_are_refused(stand_in: Library, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DolmaConfigError) as error:
        made(**options)
    assert str(error.value) == message


def test_texts_are_cut_at_what_the_model_takes(stand_in: Library) -> None:
    tagger = made()
    assert scores(tagger, "a" * 1000) == scores(tagger, "a" * 63) != scores(tagger, "a" * 62)
    stand_in.tokenizer.model_max_length = 20
    assert scores(made(), "a" * 1000) == scores(tagger, "a" * 19)
    assert scores(made(max_length=7), "a" * 1000) == scores(tagger, "a" * 6)


def test_what_is_not_all_there_is_refused(stand_in: Library) -> None:
    stand_in.missing = {"classifier.weight", "classifier.bias"}
    with pytest.raises(DolmaAssetError, match=r"it lacks 2 weights, such as classifier\.bias"):
        made()
    stand_in.missing = set()
    stand_in.tokenizer.entries = 5
    with pytest.raises(DolmaAssetError, match="knows 100 tokens and its tokenizer 5"):
        made()


def test_what_the_library_says_is_one_line(stand_in: Library) -> None:
    from dolma.taggers.hugging_face import load

    with pytest.raises(DolmaAssetError) as error:
        load("broken", None, "float32")
    assert str(error.value) == "the model broken cannot be loaded: Error(s) in loading: size mismatch"


@pytest.mark.parametrize(("version", "name"), [("4.57.6", "torch_dtype"), ("5.0.0", "dtype")])
def test_numbers_are_those_that_are_asked_for(stand_in: Library, version: str, name: str) -> None:
    stand_in.transformers.__version__ = version
    made()
    assert stand_in.asked[name] == "float32"
    made(dtype="bfloat16")
    assert stand_in.asked[name] == "bfloat16"
    assert stand_in.asked["trust_remote_code"] is False


def test_processes_take_turns_at_gpus(stand_in: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen(**options: Any) -> tuple[str, int | None]:
        made(**options)
        return stand_in.classifier.at.type, stand_in.classifier.at.index

    assert chosen() == ("cpu", None)
    stand_in.gpus = 2
    assert chosen() == ("cuda", 0)
    monkeypatch.setenv("DOLMA_WORKER", "3")
    assert chosen() == ("cuda", 1)
    assert chosen(device="cpu") == ("cpu", None)


def test_a_name_is_pinned_by_its_commit_and_only_downloaded_where_that_is_allowed(
    stand_in: Library, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tagger = BUILTIN["fineweb_edu_v1"]
    monkeypatch.setattr(type(tagger), "missing", lambda self: [])
    with pytest.raises(DolmaAssetError, match=r"fineweb_edu_v1: the model .* DOLMA_FETCH=1 downloads it"):
        tagger.resolve({})
    made()
    assert stand_in.offline == [True, True]
    monkeypatch.setenv("DOLMA_FETCH", "1")
    assert tagger.resolve({"revision": "v2"})["revision"] == "commit-of-v2"
    made()
    assert stand_in.offline == [True, True, False, False]
    assert stand_in.constants.HF_HUB_OFFLINE is False
    with pytest.raises(DolmaAssetError, match=r"has no config\.json: it is not one of a model"):
        tagger.resolve({"model": str(tmp_path)})
    (tmp_path / "config.json").write_text("{}")
    assert tagger.resolve({"model": str(tmp_path)}) == {"model": str(tmp_path)}
    with pytest.raises(DolmaConfigError, match=r"model is a folder or a name on the Hub, not \[1\]"):
        tagger.resolve({"model": [1]})
