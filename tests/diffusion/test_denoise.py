"""Prompts and templates, end tokens, samplers as filters, seeds, array libraries, and what is refused."""

import random
from typing import Any

import numpy as np
import pytest
import torch
from diffusion.laws import canvases
from diffusion.oracles import Chain, Independent, Joint, TorchChain, chain, lumpy
from roster import ROSTER, Line

from sortilege.diffusion import denoise, denoise_each
from sortilege.generate import DecodingError
from sortilege.numerics import Key, draw, log_softmax
from sortilege.numerics.random import fold
from sortilege.samplers import Sampler, TopK

PROMPTS = ["", "ab", "a_c__d", "dcba"]


# Prompts


def test_prompts_and_templates() -> None:
    texts = denoise(chain(), PROMPTS, length=8, policy="random", num_samples=2)
    assert [text.prompt for text in texts] == ["", "", "ab", "ab", "a_c__d", "a_c__d", "dcba", "dcba"]
    assert [text.seed for text in texts] == list(range(8))
    for text in texts:
        assert text.prompt is not None
        template = text.prompt.ljust(8, "_")
        whole = chain().decode(text.tokens)
        assert all(one in ("_", other) for one, other in zip(template, whole, strict=True))
        assert text.fixed == tuple(letter != "_" for letter in template)
        prefix = template.index("_")
        assert text.prompt_tokens == text.tokens[:prefix]
        assert text.text == whole[prefix:]
        assert (text.finish_reason, text.steps) == ("length", template.count("_"))


def test_prompts_as_token_ids() -> None:
    written = denoise(chain(), PROMPTS, length=8)
    ids = [chain().encode(prompt) for prompt in PROMPTS]
    for given in (ids, tuple(map(tuple, ids))):
        texts = denoise(chain(), given, length=8)
        assert [text.tokens for text in texts] == [text.tokens for text in written]
        assert [text.prompt for text in texts] == [None] * 4
    for one in (ids[2], np.asarray(ids[2]), torch.tensor(ids[2])):
        [text] = denoise(chain(), one, length=8, seed=[2])
        assert text.tokens == written[2].tokens


def test_texts_come_as_they_are_finished() -> None:
    oracle = chain()
    settings: Any = {"length": None, "policy": "random", "batch_size": 2}
    prompts = ["______", "_", "__", "_"]
    listed = denoise(oracle, prompts, **settings)
    came = list(denoise_each(oracle, prompts, **settings))
    assert [index for index, _ in came] == [1, 2, 3, 0]
    for index, text in came:
        assert text.tokens == listed[index].tokens
    assert max(map(len, [text.tokens for text in listed])) == 6
    assert all(text.seconds > 0 for text in listed)


def test_the_first_text_is_there_before_the_last_is_begun() -> None:
    oracle = chain()
    texts = denoise_each(oracle, "", length=3, policy="random", num_samples=50, batch_size=1)
    assert oracle.seen == []  # the arguments are checked at once, the work is done when asked for
    next(texts)
    assert len(oracle.seen) == 3


def test_seeds() -> None:
    settings: Any = {"length": 12, "policy": "random", "num_samples": 2}
    plain = [text.tokens for text in denoise(chain(), ["", "ab"], seed=7, **settings)]
    listed = [text.tokens for text in denoise(chain(), ["", "ab"], seed=[7, 9], **settings)]
    assert plain == listed
    assert len({tokens for text in range(2) for tokens in [plain[text]]}) == 2
    far = denoise(chain(), "", seed=2**63 - 2, **settings)
    assert [text.seed for text in far] == [2**63 - 2, 2**63 - 1]


# End tokens


def certain(text: str, tokens: int = 4, ends: tuple[int, ...] = (3,)) -> Independent:
    """A denoiser that knows one text only."""
    return Independent(np.eye(tokens)[[ord(letter) - ord("a") for letter in text]], ends)


@pytest.mark.parametrize("policy", ["ancestral", "first-hitting", "margin", "blocks(2)", "remdm-cap(0.3)", "klass"])
def test_a_text_ends_at_its_first_end_token(policy: str) -> None:
    steps = 12 if policy in ("ancestral", "remdm-cap(0.3)") else None
    for seed in range(5):
        [text] = denoise(certain("abcdabcd"), length=8, policy=policy, steps=steps, seed=seed)
        assert (text.tokens, text.finish_reason, text.text) == ((0, 1, 2, 3), "end", "abcd")
        assert text.fixed == (False,) * 4
        assert text.denoiser_calls <= len(text.history)
        [text] = denoise(certain("abcdabcd"), length=8, policy=policy, steps=steps, seed=seed, stop_at_end=False)
        assert (text.text, text.finish_reason) == ("abcdabcd", "end")
        [text] = denoise(certain("abcdabca"), length=8, policy=policy, steps=steps, seed=seed, stop_at_end=False)
        assert (text.text, text.finish_reason) == ("abcdabca", "length")


def test_end_tokens_that_were_given_end_nothing() -> None:
    [text] = denoise(certain("dbdcabcd"), "d_d__b", length=8, policy="random")
    assert (text.text, text.finish_reason, text.prompt_tokens) == ("bdcabcd", "end", (3,))
    assert text.fixed == (True, False, True, False, False, True, False, False)
    # But one that is revealed ends the text, whatever had been given after it.
    [text] = denoise(certain("dbdcddcd"), "d_d__b", length=8, policy="random")
    assert (text.text, text.fixed) == ("bdcd", (True, False, True, False, False))


def test_what_is_dropped_is_never_looked_at_again() -> None:
    oracle = certain("abcdabcd")
    [text] = denoise(oracle, length=8, policy="random", seed=3)
    lengths = [len(canvas) for canvas in oracle.seen]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] == 8
    assert text.tokens == (0, 1, 2, 3)


def test_an_end_token_that_ended_the_text_is_not_masked_again() -> None:
    for seed in range(5):
        [text] = denoise(certain("abd"), length=3, policy="remdm-cap(1.0)", steps=30, seed=seed)
        assert any(record.masked for record in text.history)
        assert all(2 not in record.masked for record in text.history)


# Samplers


@pytest.mark.parametrize("line", ROSTER, ids=repr)
def test_every_sampler_filters_x_theta(line: Line) -> None:
    settings: Any = {"length": 8, "steps": 4, "policy": "random", "sampler": line.make(), "num_samples": 2}
    together = [text.tokens for text in denoise(chain(6), PROMPTS, **settings)]
    assert [text.tokens for text in denoise(chain(6), PROMPTS, batch_size=3, **settings)] == together
    in_torch = denoise(chain(6, kind=TorchChain), PROMPTS, **settings)
    assert [text.tokens for text in in_torch] == together


@pytest.mark.parametrize("line", ROSTER, ids=repr)
def test_a_sampler_reads_the_text_in_the_order_in_which_it_is_written(line: Line) -> None:
    # By hand: one slot at a time, from what the oracle says of the canvas as it is.
    oracle, sampler, seed = chain(6), line.make(), 11
    template = oracle.encode("ab_c") + [oracle.mask_id] * 8
    [text] = denoise(oracle, template, length=None, policy="first-hitting", sampler=sampler, seed=seed)

    def logits_at(canvas: np.ndarray, slot: int) -> np.ndarray:
        p = oracle.conditional(canvas)[slot : slot + 1]
        return np.concatenate([np.log(p), np.full((1, 2), -np.inf)], axis=1)

    state = sampler.init(logits_at(np.asarray(template), 2))  # the leftmost slot to write
    state = sampler.read(np.asarray([[0, 1, 2]]), np.ones((1, 3), dtype=bool), state)
    for record, canvas in zip(text.history, canvases(text, oracle.mask_id, template)[:-1], strict=True):
        [(slot, token)] = record.revealed
        logits = logits_at(canvas, slot)
        key = Key.of(fold([seed], [record.step]), [slot], like=logits)
        shaped, state = sampler.adjust(log_softmax(logits), state, key)
        assert draw(shaped, key).tolist() == [token]
        state = sampler.observe(np.asarray([token]), state)
    assert len(text.history) == 9


@pytest.mark.parametrize("policy", ["first-hitting", "ancestral", "threshold(0.5)"])
def test_greedy_reveals_the_most_probable(policy: str) -> None:
    oracle = Joint(lumpy(4, 4, seed=7) + 1e-6)
    [text] = denoise(oracle, length=4, policy=policy, sampler=TopK(1))
    for record, canvas in zip(text.history, canvases(text, oracle.mask_id, [4] * 4)[:-1], strict=True):
        p = oracle.conditional(canvas)
        assert all(token == p[slot].argmax() for slot, token in record.revealed)


def test_impossible_tokens_are_never_drawn() -> None:
    step = np.asarray([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])  # no letter twice in a row
    oracle = Chain(np.full(3, 1 / 3), step)
    for text in denoise(oracle, ["", "a__a"], length=10, policy="first-hitting", num_samples=20):
        assert all(one != other for one, other in zip(text.tokens, text.tokens[1:], strict=False))


# Array libraries and randomness


@pytest.mark.parametrize(
    "policy",
    ["ancestral", "first-hitting", "low-confidence", "margin(0.5)", "entropy-bounded(1)", "klass", "remdm-conf"],
)
def test_torch_writes_the_same_texts(policy: str) -> None:
    settings: Any = {"length": 10, "policy": policy, "sampler": "top-p(0.95)", "steps": 12}
    texts = denoise(chain(kind=TorchChain), PROMPTS, **settings)
    assert [text.history for text in texts] == [text.history for text in denoise(chain(), PROMPTS, **settings)]


def test_global_generators_are_left_alone() -> None:
    def states() -> tuple[Any, ...]:
        return torch.get_rng_state().tolist(), repr(np.random.get_state()), random.getstate()

    before = states()
    denoise(chain(kind=TorchChain), length=8, policy="remdm-cap(0.2)", steps=8, sampler="xtc(0.5, 0.1)")
    assert states() == before
    torch.manual_seed(1)
    first = denoise(chain(kind=TorchChain), length=8)
    torch.manual_seed(2)
    assert [text.tokens for text in denoise(chain(kind=TorchChain), length=8)] == [text.tokens for text in first]


# Bad input


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"prompt": "abcab", "length": 4}, r"prompt must fit the canvas of 4 tokens, got 5: 'abcab'"),
        ({"prompt": "abcd", "length": 4}, r"prompt must leave a slot of the 4 to write, got 4 tokens"),
        ({"prompt": "abcd", "length": None}, r"prompt must leave a slot of the 4 to write"),
        ({"prompt": "", "length": None}, r"prompt must leave a slot of the 0 to write"),
        (
            {"prompt": "a" * 5 + "_" * 5, "length": None},
            r"prompt must have at most 6 tokens, the longest canvas, got 10",
        ),
        ({"length": 7}, r"length must be an integer in \[1, 6\], got 7"),
        ({"length": 0}, r"length must be an integer in \[1, 6\], got 0"),
        ({"prompt": []}, r"prompt must be a text, a list of token ids, or a list of those, got \[\]"),
        ({"prompt": 3}, r"prompt must be a text, .* got 3"),
        ({"prompt": [0, 9]}, r"prompt token must be an integer in \[0, 5\], got 9"),
        ({"prompt": ["a", [0, -1]]}, r"prompt token must be an integer in \[0, 5\], got -1"),
        ({"policy": "nothing"}, r"unknown policy 'nothing'"),
        ({"schedule": "linear"}, r"schedule must be one of 'loglinear', 'cosine', got 'linear'"),
        ({"sampler": "top-q(0.9)"}, r"unknown sampler 'top-q', did you mean"),
        ({"steps": 0}, r"steps must be an integer in \[1, .*, got 0"),
        ({"steps": 2.5}, r"steps must be an integer"),
        ({"num_samples": 0}, r"num_samples must be an integer >= 1, got 0"),
        ({"batch_size": 0}, r"batch_size must be an integer >= 1, got 0"),
        ({"seed": -1}, r"seed must be an integer"),
        ({"seed": [1, 2]}, r"seed must be an integer >= 0 or a list of 1"),
    ],
)
def test_what_is_refused(settings: Any, message: str) -> None:
    oracle = Independent(np.full((6, 4), 0.25))
    with pytest.raises(ValueError, match=message):
        denoise_each(oracle, **{"length": 4, **settings})
    assert oracle.seen == []  # before any work


class Broken(Independent):
    """Returns ``value`` for a token of one slot, once the slot beside it is known."""

    def __init__(self, value: float) -> None:
        super().__init__(np.full((6, 3), 1 / 3))
        self.value = value

    def conditional(self, canvas: np.ndarray) -> np.ndarray:
        p = super().conditional(canvas).copy()
        if len(canvas) == 6 and canvas[2] != self.mask_id:
            p[3, :] = self.value
        return p


@pytest.mark.parametrize("value", [np.inf, 0.0])
@pytest.mark.parametrize("policy", ["ancestral", "low-confidence", "entropy"])
def test_logits_that_cannot_be_drawn_from(policy: str, value: float) -> None:
    with pytest.raises(DecodingError, match="the model's logits in row 1 at position 3 hold") as caught:
        denoise(Broken(value), [[3, 3], [0, 1, 2, 3, 3, 3]], length=None, policy=policy)
    assert (caught.value.row, caught.value.position) == (1, 3)


def test_nan_logits() -> None:
    class NaN(Chain):
        def predict(self, tokens: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Any:
            logits = super().predict(tokens, valid, time)
            logits[-1, 2, 1] = np.nan
            return logits

    with pytest.raises(DecodingError, match="the model's logits in row 2 at position 2 hold NaN"):
        denoise(chain(kind=NaN), ["", "ab", "c"], length=5)


def test_a_sampler_that_leaves_nothing() -> None:
    class Nothing(Sampler):
        def adjust(self, logits: Any, state: Any, key: Any) -> Any:
            return np.where(key.position[:, None] == 4, -np.inf, logits), state

    with pytest.raises(DecodingError, match="the sampler's logits in row 0 at position 4 hold"):
        denoise(chain(), ["ab"], length=6, sampler=Nothing())


def test_tokens_that_the_tokenizer_does_not_know() -> None:
    with pytest.raises(ValueError, match="5 is no token"):
        denoise(Independent(np.full((6, 4), 0.25)), [[0, 4, 5, 4]], length=None)


def test_a_model_of_another_kind() -> None:
    wrong: Any = 7
    with pytest.raises(ValueError, match="model must be a name, a Denoiser or"):
        denoise(wrong)
