"""The benchmarks of chapters 9 and 10 at tiny sizes: they measure what they say."""

import hashlib
import importlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from unrolled.attention import released
from unrolled.search import decode

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def one_thread(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.chdir(tmp_path)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def number_words(monkeypatch):
    script = importlib.import_module("number_words")
    parts, german, english = script.load()
    few = {part: pairs[:120] for part, pairs in parts.items()}
    monkeypatch.setattr(script, "load", lambda: (few, german, english))
    monkeypatch.setitem(script.TRAINING, "rounds", 2)
    return script


def test_three_frameworks_train_alike_from_one_start(number_words):
    runs = [number_words.train("general", f, 0) for f in ("numpy", "pytorch")]
    assert runs[0]["parameters"] == runs[1]["parameters"]
    batches = number_words.pair_batches(*number_words.tokens("train"), 40, np.random.default_rng(0))
    _, german, english = number_words.load()
    sizes = len(german), len(english), 5, 6
    weights = number_words.numpy_attention_seq2seq(*sizes, rng=np.random.default_rng(0)).params
    source, inputs, _ = batches[0]
    learned = {}
    for framework, Learner in number_words.LEARNERS.items():
        learner = Learner({name: w.copy() for name, w in weights.items()}, sizes, 0.01)
        before, _ = learner.model.step(inputs[:, 0], learner.model.start(source))
        learner.epoch(batches, 0.01)
        learned[framework], _ = learner.model.step(inputs[:, 0], learner.model.start(source))
        assert np.abs(learned[framework] - before).max() > 0.05
    for framework, found in learned.items():
        np.testing.assert_allclose(found, learned["numpy"], atol=2e-3, err_msg=framework)


@pytest.mark.parametrize("kind", ["both", "forward", "turned"])
def test_models_without_attention_have_as_many_weights(number_words, kind):
    plain = number_words.train(kind, "pytorch", 0)
    with_attention = number_words.train("general", "pytorch", 0)
    assert 0.98 <= plain["parameters"] / with_attention["parameters"] < 1.03
    assert sum(count for *_, count in plain["test_by_length"]) == 120
    assert 0 < plain["letters_wrong"]


def test_a_source_is_turned_around_and_its_target_is_not(number_words):
    sources, targets = number_words.tokens("test", turned=True)
    straight, same = number_words.tokens("test")
    assert [s[:-1][::-1].tolist() for s in sources] == [s[:-1].tolist() for s in straight]
    assert all(s[-1] == 2 for s in sources)
    assert [t.tolist() for t in targets] == [t.tolist() for t in same]


@pytest.mark.parametrize("kind", ["dot", "scaled", "additive", "general, fed", "additive, fed"])
def test_every_score_is_the_one_it_is_called(number_words, kind):
    model = number_words.torch_model(kind, (9, 8, 5, 6))
    score = type(model.decoder.attention.score).__name__
    wanted = {"dot": "Dot", "scaled": "Dot", "general": "General", "additive": "Additive"}
    assert score == f"Torch{wanted[kind.partition(',')[0]]}Score"
    assert getattr(model.decoder.attention.score, "scaled", None) == {
        "dot": False,
        "scaled": True,
    }.get(kind)
    assert ("Feeding" in type(model.decoder).__name__) == kind.endswith("fed")
    assert len(decode(model, [np.array([4, 5, 2])], max_steps=4)) == 1


@pytest.fixture
def g2p(monkeypatch, tmp_path):
    script = importlib.import_module("g2p")
    words = ["".join(letters) for letters in np.random.default_rng(0).choice(list("abc"), (60, 4))]
    pairs = [(word, tuple(word.upper())) for word in words]
    references = {word: [tuple("Q"), tuple(word.upper())] for word in set(words[:10])}
    monkeypatch.setattr(script, "load", lambda: (pairs, references, references))
    few = {"batch_size": 8, "rounds": 25, "rate": 0.02, "dropout": 0.0}
    few |= {"warmup": 10}
    for part in ("compare", "full"):
        sizes = {kind: [8, 16] for kind in script.RECIPES[part]["models"]}
        monkeypatch.setitem(script.RECIPES, part, script.RECIPES[part] | few | {"models": sizes})
    monkeypatch.setattr(script, "PATH", tmp_path / "g2p.safetensors")
    return script


@pytest.mark.parametrize("kind", ["attention", "none"])
def test_a_model_learns_to_spell_aloud(g2p, kind):
    result = g2p.compare(kind, 0)
    assert len(result["validation_by_round"]) == 25
    assert result["wer"] < 0.5 < result["validation_by_round"][0]
    assert result["per"] <= result["wer"]
    ((*lengths, wer, words),) = result["wer_by_length"]
    assert (lengths, wer, words) == ([1, 5], result["wer"], len(g2p.load()[2]))


def test_training_goes_on_where_it_stopped(g2p, monkeypatch, tmp_path):
    whole, wanted = g2p.train("compare", "attention", 0)
    kept, asked = tmp_path / "kept.pt", []

    def stop(model, references, **options):
        asked.append(model)
        if len(asked) == 4:
            raise KeyboardInterrupt
        return (0.5, 0.5, 0.0)

    with monkeypatch.context() as patch:
        patch.setattr(g2p, "score", stop)
        with pytest.raises(KeyboardInterrupt):
            g2p.train("compare", "attention", 0, kept)
    again, found = g2p.train("compare", "attention", 0, kept)
    assert found["validation_by_round"][3:] == wanted["validation_by_round"][3:]
    for (name, a), (_, b) in zip(whole.named_parameters(), again.named_parameters(), strict=True):
        np.testing.assert_array_equal(a.detach(), b.detach(), err_msg=name)


def test_what_is_written_says_the_same_in_three_frameworks(g2p, monkeypatch):
    result = g2p.full()
    assert result["sha256"] == hashlib.sha256(g2p.PATH.read_bytes()).hexdigest()
    assert result["bytes"] < 8e6
    loaded = released.load_released(g2p.PATH, result["sha256"])
    monkeypatch.setattr(g2p, "load_released", lambda: loaded)
    letters, phonemes = g2p.vocabularies()
    assert (loaded.letters.symbols, loaded.phonemes.symbols) == (letters.symbols, phonemes.symbols)
    rows = [g2p.decode_all(f, w) for f in ("numpy", "keras", "pytorch") for w in (1, 5)]
    assert {(row["wer"], row["per"]) for row in rows if row["width"] == 1} == {
        (rows[0]["wer"], rows[0]["per"])
    }
    assert rows[0]["wer"] < 0.5
    json.dumps(rows)


def test_another_file_is_refused(g2p, tmp_path):
    result = g2p.full()
    with pytest.raises(ValueError, match="it is another file"):
        released.load_released(g2p.PATH, "0" * 64)
    with pytest.raises(FileNotFoundError, match="benchmarks/g2p.py writes it"):
        released.load_released(tmp_path / "none.safetensors", "0" * 64)
    loaded = released.load_released(g2p.PATH, result["sha256"])
    for name, weight in loaded.weights.items():
        wrong = loaded.weights | {name: np.concatenate([weight, weight])}
        with pytest.raises(ValueError, match="not the weights of the model"):
            released.check_released(loaded._replace(weights=wrong))
    less = {name: weight for name, weight in loaded.weights.items() if name != "W_a"}
    with pytest.raises(ValueError, match="W_a has shape None"):
        released.check_released(loaded._replace(weights=less))


@pytest.fixture
def translate(monkeypatch, tmp_path):
    script = importlib.import_module("translate")
    german = ["ein Hund läuft im Schnee", "zwei Hunde schlafen", "eine Katze sitzt auf dem Dach"]
    english = ["a dog runs in the snow", "two dogs are asleep", "a cat sits on the roof"]
    pairs = list(zip(german * 20, english * 20, strict=True))
    monkeypatch.setattr(script, "load", lambda: {p: pairs for p in ("train", "valid", "test")})
    small = {"subwords": 290, "embedding": 8, "hidden": 16, "batch_size": 6, "rounds": 50}
    small |= {"dropout": 0.0, "rate": 0.02, "warmup": 10}
    monkeypatch.setitem(script.RECIPES, "train", script.RECIPES["train"] | small)
    monkeypatch.setattr(script, "KEPT", tmp_path / "_build" / "translate.pt")
    script.subwords.cache_clear()
    yield script
    script.subwords.cache_clear()


def test_a_few_captions_are_learned_and_translated_alike(translate):
    result = translate.train()
    assert result["validation"] > 90 > result["validation_by_round"][0]
    found = translate.test()
    for way in ("greedy", "beam"):
        assert found[way]["bleu"] == found[way]["keras_bleu"] > 90
        assert found[way]["same_in_keras"] == 60
        assert "version:" in found[way]["bleu_signature"]


def test_subwords_begin_with_the_book_s_own_tokens(translate):
    model = translate.subwords(0)
    assert [model.pad_id(), model.bos_id(), model.eos_id(), model.unk_id()] == [0, 1, 2, 3]
    source = translate.tokens("train", 0)[0]
    assert source[-1] == translate.END and 3 not in model.encode("Füße 漢")
    assert model.decode(source[:-1].tolist()) == "ein Hund läuft im Schnee"
