"""Edits of what was revealed: only at the end, only at free slots, only by what is possible there."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from diffusion.laws import canvases
from diffusion.oracles import Chain, Joint, Oracle, chain, lumpy
from search.scorers import Arbitrary, Letters

from sortilege.diffusion import Denoised, denoise
from sortilege.properties import Bound
from sortilege.search import Search, search


def narrow(ends: tuple[int, ...] = ()) -> Chain:
    """After each letter only some may follow: aa, bb, ca, db and the like never."""
    step = np.asarray([[0, 3, 2, 1], [1, 0, 3, 2], [0, 2, 1, 3], [3, 0, 2, 1]], dtype=float)
    return Chain(np.ones(4) / 4, step / step.sum(axis=1, keepdims=True), ends)


def possible(oracle: Chain, tokens: tuple[int, ...]) -> bool:
    return all(oracle.transition[here, there] > 0 for here, there in pairwise(tokens))


def edited(oracle: Oracle, bounds: list[Bound], prompt: str = "", **settings: Any) -> list[Denoised]:
    others: Any = {"length": 12, "policy": "random", "num_samples": 10, **settings.pop("others", {})}
    searching = {"last": 0.0, "num_x_theta_samples": 1, "sweeps": None, "edit_revealed": "remask", **settings}
    return search(oracle, prompt, bounds, Search(**searching), **others)


@pytest.mark.parametrize("prompt", ["", "ab__c____d__"])
def test_edits_come_last_and_leave_the_text_possible(prompt: str) -> None:
    oracle = narrow()
    bounds = [Bound("c", Letters("c"), upper=2), Bound("b", Letters("b"), lower=4)]
    without = edited(oracle, bounds, prompt, edit_revealed="never")
    texts = edited(oracle, bounds, prompt)
    template = oracle.encode(prompt.ljust(12, "_"))
    moved = 0
    for text, other in zip(texts, without, strict=True):
        assert possible(oracle, text.tokens)
        assert all(one in (oracle.mask_id, there) for one, there in zip(template, text.tokens, strict=True))
        *before, last = text.history
        assert not any(record.edited for record in before)
        # Up to then it is the same text.
        seen = canvases(text, oracle.mask_id, template)
        if not last.edited:
            assert (text.tokens, text.search.moves) == (other.tokens, other.search.moves)
            continue
        assert (last.revealed, last.masked) == ((), ())
        assert tuple(seen[-2].tolist()) == other.tokens
        assert last.values == text.search.values
        assert text.search.moves >= len(last.edited)
        # Nearer in the order of the bounds; and each slot once more predicted for each look at it.
        assert tuple(text.search.distances.values()) < tuple(other.search.distances.values())
        assert text.search.denoiser_calls > 0
        moved += 1
    assert moved >= 3
    assert sum(text.search.satisfied for text in texts) > sum(text.search.satisfied for text in without)


def test_predictions_for_edits_are_counted_and_are_of_one_masked_slot() -> None:
    oracle = narrow()
    [text] = edited(oracle, [Bound("a", Letters("a"), lower=100)], others={"num_samples": 1, "batch_size": 1})
    seen = [canvas for canvas in oracle.seen if (canvas == oracle.mask_id).any()]
    extra = seen[text.denoiser_calls :]
    assert len(oracle.seen) == text.denoiser_calls + text.search.denoiser_calls
    assert all((canvas == oracle.mask_id).sum() == 1 for canvas in extra)
    assert {int(np.flatnonzero(canvas == oracle.mask_id)[0]) for canvas in extra} == set(range(12))


def test_nothing_is_edited_where_the_bounds_hold() -> None:
    plain = denoise(narrow(), length=12, policy="random", num_samples=4)
    for text, other in zip(
        edited(narrow(), [Bound("a", Letters("a"), upper=99)], others={"num_samples": 4}), plain, strict=True
    ):
        assert text.tokens == other.tokens
        assert text.search.denoiser_calls == 0
        assert not any(record.edited for record in text.history)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_edits_do_not_depend_on_the_batch(batch_size: int) -> None:
    bounds = [Bound("one", Arbitrary(1000), upper=10)]
    prompts = ["", "ab", "_b__c_______d"]
    others: Any = {"length": 14, "num_samples": 2}
    many = edited(narrow(), bounds, prompts, k=2, others={**others, "batch_size": 16})  # type: ignore[arg-type]
    few = edited(narrow(), bounds, prompts, k=2, others={**others, "batch_size": batch_size})  # type: ignore[arg-type]
    assert [(text.tokens, text.search) for text in many] == [(text.tokens, text.search) for text in few]


def test_no_single_substitution_that_is_possible_is_better() -> None:
    """Of a joint distribution with holes: the end is a local optimum by enumeration."""
    oracle = Joint(lumpy(3, 5))
    for seed in range(8):
        scorer = Arbitrary(50, seed)
        [text] = edited(oracle, [Bound("one", scorer, upper=-1)], k=3,
                        others={"length": 5, "num_samples": 1, "seed": seed})  # fmt: skip
        assert oracle.table[text.tokens] > 0
        for slot in range(5):
            for token in range(3):
                near = (*text.tokens[:slot], token, *text.tokens[slot + 1 :])
                if oracle.table[near] > 0:
                    assert scorer.value(oracle.decode(near)) >= scorer.value(text.text)


def test_end_tokens_are_neither_edited_nor_written() -> None:
    oracle = narrow(ends=(3,))
    ended = 0
    for text in edited(oracle, [Bound("a", Letters("a"), lower=100)], "_____d"):
        assert 3 not in text.tokens[:-1] or text.tokens[5] == 3
        assert (text.finish_reason == "end") == (text.tokens[-1] == 3)
        for record in text.history:
            assert all(3 not in edit[1:] for edit in record.edited)
        ended += text.finish_reason == "end"
    assert ended > 0


@pytest.mark.parametrize("policy", ["remdm-cap(0.3)", "remdm-loop(0.3)", "threshold(0.6)", "blocks(4, remdm-conf)"])
def test_edits_wait_for_the_last_step_of_any_policy(policy: str) -> None:
    steps = 8 if "remdm" in policy else None
    texts = edited(chain(), [Bound("a", Letters("a"), lower=100)], others={"policy": policy, "steps": steps})
    for text in texts:
        assert [bool(record.edited) for record in text.history[:-1]] == [False] * (len(text.history) - 1)
    assert any(text.history[-1].edited for text in texts)
