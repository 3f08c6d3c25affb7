"""Sequence classifiers against the library that they come from, with tiny models that are built here.

They are skipped where it is not installed; what dolma itself adds is tested with a stand-in, elsewhere.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from command import PACKAGE, dolma, succeed
from shards import put, spans_of

for module in ("torch", "transformers"):
    pytest.importorskip(module, reason="needs `pip install 'dolma[hf]'`")

NAME = "hf_classifier_v1"


def flags(**options: Any) -> list[str]:
    return [f"--tagger_options.{NAME}.{name}={json.dumps(value)}" for name, value in options.items()]


WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", "on", "mat", "."]
TEXTS = [
    "the cat sat on the mat .",
    "",
    "cat " * 600,
    "the mat",
    "\U00013000\ua66e \x00",
    " \n",
    "unknown words",
    "the cat sat on the mat .",
]


def classifier(folder: Path, kind: str = "Bert", **config: Any) -> Path:
    """A tiny classifier with random weights, always the same."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    words = Tokenizer(models.WordPiece({word: at for at, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.normalizer = normalizers.BertNormalizer()
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    words.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    special = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, model_input_names=["input_ids", "attention_mask"], **special
    ).save_pretrained(folder)
    torch.manual_seed(1)
    small: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    small |= {"intermediate_size": 16, "initializer_range": 0.5}
    if kind == "DistilBert":
        small = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 16, "initializer_range": 0.5}
    if kind == "ModernBert":
        small |= {
            "pad_token_id": 0,
            "bos_token_id": 2,
            "eos_token_id": 3,
            "cls_token_id": 2,
            "sep_token_id": 3,
        }
    settings = getattr(transformers, f"{kind}Config")(vocab_size=len(WORDS), **{**small, **config})
    getattr(transformers, f"{kind}ForSequenceClassification")(settings).save_pretrained(folder)
    return folder


def alone(model: Path, text: str) -> list[float]:
    """What a program makes of one text that uses the library as its documentation does."""
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    network = transformers.AutoModelForSequenceClassification.from_pretrained(model).float().eval()
    read = tokenizer(text, truncation=True, max_length=512, return_tensors="pt")
    with torch.no_grad():
        logits = network(**read).logits[0]
    if network.config.problem_type == "multi_label_classification":
        logits = logits.sigmoid()
    elif network.config.num_labels > 1 and network.config.problem_type != "regression":
        logits = logits.softmax(-1)
    return [float(value) for value in logits]


def tag(folder: Path, model: Path, texts: list[str], *more: object, **options: Any) -> list[dict[str, Any]]:
    put(folder / "documents" / "d.jsonl.gz", *texts)
    where = ["--documents", folder / "documents", "--experiment", "e", "--taggers", NAME, "--force"]
    done = succeed("tag", *where, *flags(model=str(model), **options), *more)
    assert [line for line in done.err.splitlines() if not line.startswith("tag: ")] == []
    return spans_of(folder / "attributes" / "e" / "d.jsonl.gz")


NAMES = {0: "good", 1: "bad", 2: "odd one"}


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("Bert", {"num_labels": 1, "problem_type": "regression"}),
        ("ModernBert", {"num_labels": 3, "id2label": NAMES}),
        ("DistilBert", {"num_labels": 3, "id2label": NAMES, "problem_type": "multi_label_classification"}),
        ("Bert", {"num_labels": 3, "id2label": NAMES, "problem_type": "regression"}),
    ],
)
def test_values_are_those_of_the_library_one_text_at_a_time(
    tmp_path: Path, kind: str, config: dict[str, Any]
) -> None:
    model = classifier(tmp_path / "m", kind, **config)
    names = ["score"] if config["num_labels"] == 1 else [name.replace(" ", "_") for name in NAMES.values()]
    expected = [dict(zip(names, alone(model, text), strict=True)) for text in TEXTS]
    for order, more, size in ((1, [], 32), (-1, [], 3), (1, ["--debug"], 1)):
        found = tag(tmp_path, model, TEXTS[::order], *more, batch_size=size)
        for text, row, values in zip(TEXTS[::order], found, expected[::order], strict=True):
            assert {name: spans[0][:2] for name, spans in row.items()} == {
                key: [0, len(text)] for key in names
            }
            assert {name: spans[0][2] for name, spans in row.items()} == pytest.approx(values, abs=2e-5)


def test_numbers_of_fewer_bits_are_near(tmp_path: Path) -> None:
    model = classifier(tmp_path / "m", num_labels=1)
    exact = tag(tmp_path, model, TEXTS)
    rough = tag(tmp_path, model, TEXTS, dtype="bfloat16")
    assert exact != rough
    for row, other in zip(exact, rough, strict=True):
        assert row["score"][0][2] == pytest.approx(other["score"][0][2], abs=0.1)


def test_processes_write_the_same_bytes(tmp_path: Path) -> None:
    model = classifier(tmp_path / "m", num_labels=1)
    for name in "ab":
        put(tmp_path / "documents" / f"{name}.jsonl.gz", *TEXTS)
    written = []
    for processes in (1, 2):
        tag(tmp_path, model, TEXTS, "--processes", processes)
        written.append([path.read_bytes() for path in sorted((tmp_path / "attributes/e").glob("*.gz"))])
    assert written[0] == written[1]


#: Python runs this at its start, in worker processes too: it writes down every attempt to reach the network.
WATCH = """
import os, sys

def hook(event, details):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        with open(os.environ["NETWORK_LOG"], "a") as log:
            log.write(f"{event} {details}\\n")

sys.addaudithook(hook)
"""


def test_a_model_of_the_hub_comes_from_its_cache_without_a_look_at_the_network(tmp_path: Path) -> None:
    model = classifier(tmp_path / "m", num_labels=1)
    cached = tmp_path / "home/hub/models--me--edu"
    (cached / "refs").mkdir(parents=True)
    for commit in ("a" * 40, "b" * 40):
        shutil.copytree(model, cached / "snapshots" / commit)
    (cached / "refs/main").write_text("a" * 40)
    put(tmp_path / "documents/d.jsonl.gz", *TEXTS)
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(WATCH)
    env = {"HF_HOME": str(tmp_path / "home"), "NETWORK_LOG": str(tmp_path / "log")}
    env["PYTHONPATH"] = f"{tmp_path}/site:{PACKAGE}"
    where = ["tag", "--documents", tmp_path / "documents", "--experiment", "e", "--taggers", NAME]
    line = [*where, *flags(model="me/edu")]
    assert "0 done before" in succeed(*line, env=env).err
    assert "1 done before" in succeed(*line, env=env).err
    (cached / "refs/main").write_text("b" * 40)
    assert "0 done before" in succeed(*line, env=env).err
    assert "1 done before" in succeed(*line, *flags(revision="main"), env=env).err
    lost = dolma(*where, *flags(model="me/other"), env=env)
    assert lost.code == 6
    assert lost.err == (
        f"error: tagger {NAME}: the model me/other is neither a folder nor in the cache of Hugging Face; "
        "DOLMA_FETCH=1 downloads it\n"
    )
    assert not (tmp_path / "log").exists()


def spoil(folder: Path, how: str) -> None:
    if how == "headless":
        import transformers

        small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
        settings = transformers.BertConfig(vocab_size=len(WORDS), **small)
        transformers.BertModel(settings).save_pretrained(folder)
    elif how == "cut":
        path = folder / "model.safetensors"
        path.write_bytes(path.read_bytes()[:3000])
    elif how == "no config":
        (folder / "config.json").unlink()
    elif how == "no weights":
        (folder / "model.safetensors").unlink()
    elif how == "no words":
        settings = json.loads((folder / "tokenizer.json").read_text())
        settings["model"]["vocab"] = {"[UNK]": 0}
        settings["added_tokens"], settings["post_processor"] = [], None
        (folder / "tokenizer.json").write_text(json.dumps(settings))
        (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (
            "headless",
            "is no sequence classifier, or not a whole one: it lacks 2 weights, such as classifier.bias",
        ),
        ("cut", "cannot be loaded: "),
        ("no config", "has no config.json: it is not one of a model"),
        ("no weights", "cannot be loaded: "),
        ("no words", "knows 11 tokens and its tokenizer 1: are the tokenizer's files there?"),
    ],
)
def test_a_model_that_is_not_whole_is_refused_before_any_work(tmp_path: Path, how: str, message: str) -> None:
    model = classifier(tmp_path / "m", num_labels=1)
    spoil(model, how)
    put(tmp_path / "documents/d.jsonl.gz", "text")
    done = dolma("tag", "--documents", tmp_path / "documents", "--taggers", NAME, *flags(model=str(model)))
    assert done.code == 6
    assert message in done.err.splitlines()[-1]
    assert done.err.splitlines()[-1].startswith(f"error: tagger {NAME}: the ")
    assert not (tmp_path / "attributes").exists()


def test_more_tokens_than_the_model_takes_are_refused_before_any_work(tmp_path: Path) -> None:
    model = classifier(tmp_path / "m", num_labels=1)
    put(tmp_path / "documents/d.jsonl.gz", "text")
    options = flags(model=str(model), max_length=513)
    done = dolma("tag", "--documents", tmp_path / "documents", "--taggers", NAME, *options)
    assert done.code == 2
    assert done.err.splitlines()[-1].startswith(
        f"error: tagger {NAME}: max_length: a text of 513 tokens does not go through the model: "
    )
