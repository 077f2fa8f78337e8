import numpy as np
import pytest
import torch
from scipy import stats
from tiny import Fatigue, Greedy, Plain, byte_model, llama
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    Lfm2Config,
    Lfm2ForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
)

from sortilege._text import TextStream
from sortilege.generate import DecodingError, generate, stream
from sortilege.models import Model
from sortilege.numerics.random import Key, draw
from sortilege.samplers import AdaptiveDirichlet, MinP
from sortilege.samplers.terminal import terminal

PROMPTS = ["Hello", "A rather longer prompt", "é", "mid-length 7"]


def same_texts(first, second, tolerance=2e-5):
    assert [r.tokens for r in first] == [r.tokens for r in second]
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one.raw_log_probs, other.raw_log_probs, atol=tolerance)
        np.testing.assert_allclose(one.processed_log_probs, other.processed_log_probs, atol=tolerance)


def greedy_by_transformers(model, text, count):
    ids = torch.tensor([model.encode(text)])
    mask = torch.ones_like(ids)
    out = model.model.generate(ids, attention_mask=mask, do_sample=False, max_new_tokens=count, pad_token_id=257)
    return tuple(out[0, ids.shape[1] :].tolist())


def test_greedy_equals_transformers():
    results = generate(byte_model(), PROMPTS, Greedy(), max_new_tokens=24)
    assert [r.tokens for r in results] == [greedy_by_transformers(byte_model(), text, 24) for text in PROMPTS]


SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "initializer_range": 0.3, "vocab_size": 258}
HEADS = {"intermediate_size": 32, "num_attention_heads": 2, "num_key_value_heads": 1}
OTHERS = {
    "learned positions": lambda: GPT2LMHeadModel(GPT2Config(**SMALL, num_attention_heads=2)),
    "no positions": lambda: BloomForCausalLM(BloomConfig(**SMALL, num_attention_heads=2)),
    "sliding window": lambda: MistralForCausalLM(MistralConfig(**SMALL, **HEADS, sliding_window=8)),
    "recurrent": lambda: MambaForCausalLM(MambaConfig(**SMALL, state_size=8)),
    "hybrid": lambda: Lfm2ForCausalLM(Lfm2Config(**SMALL, **HEADS, layer_types=["conv", "full_attention"])),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_models_of_other_builds(kind):
    # Some texts end early, so that every kind of cache has rows taken out of it.
    torch.manual_seed(2)
    model, ends = OTHERS[kind]().eval(), list(range(0, 256, 8))
    results = generate(
        Model(model, byte_model().tokenizer, kind), PROMPTS, Greedy(), max_new_tokens=12, end_token_ids=ends
    )
    assert len({len(result.tokens) for result in results}) > 1
    for text, result in zip(PROMPTS, results, strict=True):
        ids = torch.tensor([byte_model().encode(text)])
        settings = {"attention_mask": torch.ones_like(ids), "eos_token_id": ends, "pad_token_id": 257}
        out = model.generate(ids, do_sample=False, max_new_tokens=12, **settings)
        assert result.tokens == tuple(out[0, ids.shape[1] :].tolist())


def test_log_probs_are_those_of_a_forward_pass_over_the_whole_text():
    model = byte_model()
    for result in generate(model, PROMPTS, Fatigue(0.7), max_new_tokens=20, seed=5):
        ids = [*result.prompt_tokens, *result.tokens]
        with torch.no_grad():
            logits = model.model(torch.tensor([ids])).logits[0].double()
        uses = torch.zeros(logits.shape[1], dtype=torch.float64)
        for token in result.prompt_tokens:
            uses[token] += 1
        start = len(result.prompt_tokens)
        for i, token in enumerate(result.tokens):
            row = logits[start + i - 1]
            assert result.raw_log_probs[i] == pytest.approx(row.log_softmax(0)[token].item(), abs=1e-5)
            tired = (row - 0.7 * uses).log_softmax(0)
            assert result.processed_log_probs[i] == pytest.approx(tired[token].item(), abs=1e-5)
            uses[token] += 1
        assert result.nll == pytest.approx(-np.mean(result.raw_log_probs))
        assert result.perplexity == pytest.approx(np.exp(-np.mean(result.raw_log_probs)))


def test_samplers_written_out_and_the_default():
    written = generate(byte_model(), PROMPTS, "min-p(0.05)", max_new_tokens=8)
    same_texts(written, generate(byte_model(), PROMPTS, MinP(0.05), max_new_tokens=8))
    default = generate(byte_model(), PROMPTS, max_new_tokens=8)
    same_texts(default, generate(byte_model(), PROMPTS, AdaptiveDirichlet(), max_new_tokens=8))
    with pytest.raises(ValueError, match="no-such-sampler"):
        generate(byte_model(), PROMPTS, "no-such-sampler")


@pytest.mark.parametrize("warm", [False, True])
def test_a_batch_of_many_equals_batches_of_one(warm):
    # Rows finish at different times, so that this also covers dropping rows in the middle of a batch.
    ends = tuple(range(0, 256, 32))
    settings = {"max_new_tokens": 30, "warm": warm, "end_token_ids": ends}
    together = generate(byte_model(), PROMPTS, Fatigue(), seed=[9, 4, 4, 2**40], num_samples=3, **settings)
    apart = [
        generate(byte_model(), text, Fatigue(), seed=seed, num_samples=3, **settings)
        for text, seed in zip(PROMPTS, [9, 4, 4, 2**40], strict=True)
    ]
    same_texts(together, [result for results in apart for result in results])
    assert len({len(result.tokens) for result in together}) > 3
    assert {result.finish_reason for result in together} == {"end", "length"}


def test_an_integer_seed_counts_up_over_the_texts():
    results = generate(byte_model(), PROMPTS[:2], Plain(), seed=7, num_samples=2, max_new_tokens=5)
    assert [r.seed for r in results] == [7, 8, 9, 10]
    assert [r.prompt for r in results] == [PROMPTS[0], PROMPTS[0], PROMPTS[1], PROMPTS[1]]
    same_texts(results, generate(byte_model(), PROMPTS[:2], Plain(), seed=[7, 9], num_samples=2, max_new_tokens=5))
    assert results[0].tokens != results[1].tokens


def test_texts_follow_the_distribution_of_the_model():
    # Pairs of tokens from a vocabulary of 6 against their exact probabilities. Error rate 1e-3, seeds fixed.
    vocabulary, count = 6, 4000
    model = Model(llama(vocabulary, seed=3), byte_model().tokenizer, "six")
    results = generate(model, [1, 2, 3], Plain(), num_samples=count, max_new_tokens=2, end_token_ids=())
    seen = np.zeros((vocabulary, vocabulary))
    for result in results:
        seen[result.tokens] += 1
    with torch.no_grad():
        first = model.model(torch.tensor([[1, 2, 3]])).logits[0, -1].double().softmax(0)
        texts = torch.tensor([[1, 2, 3, token] for token in range(vocabulary)])
        second = model.model(texts).logits[:, -1].double().softmax(1)
    expected = (first[:, None] * second).numpy().ravel() * count
    seen = seen.ravel()
    rare = expected < 5
    cells = np.append(seen[~rare], seen[rare].sum()), np.append(expected[~rare], expected[rare].sum())
    assert len(cells[0]) > 15
    assert stats.chisquare(*cells).pvalue > 1e-3
    wrong = np.full_like(expected, count / vocabulary**2)
    assert stats.chisquare(seen, wrong).pvalue < 1e-6


def test_warming_is_the_same_as_being_forced_along_the_prompt():
    # Fatigue's uses after the prompt are the same either way: read at once, or observed one by one.
    model = byte_model()
    same_texts(
        generate(model, PROMPTS, Fatigue(), max_new_tokens=10, warm=True),
        generate(model, PROMPTS, Fatigue(), max_new_tokens=10),
    )


def test_warming_shows_the_sampler_the_prompts_logits_in_order():
    class Recorder(Plain):
        def __init__(self):
            object.__setattr__(self, "calls", [])

        def adjust(self, logits, state, key):
            self.calls.append((key.position.tolist(), logits))
            return logits, state

        def observe(self, tokens, state):
            self.calls[-1] += (tokens.tolist(),)
            return state

    model, sampler = byte_model(), Recorder()
    ids = model.encode("abcd")
    result = generate(model, "abcd", sampler, max_new_tokens=1, warm=True)[0]
    with torch.no_grad():
        logits = model.model(torch.tensor([ids])).logits[0]
    assert [positions for positions, *_ in sampler.calls] == [[2**30], [2**30 + 1], [2**30 + 2], [0]]
    assert [tokens for *_, tokens in sampler.calls] == [[ids[1]], [ids[2]], [ids[3]], [result.tokens[0]]]
    for i, (_, seen, _) in enumerate(sampler.calls):
        torch.testing.assert_close(seen[0], logits[i], atol=1e-5, rtol=0)


def test_terminal_draws_what_the_loop_would_have_drawn():
    deferred = generate(byte_model(), PROMPTS, Fatigue(), max_new_tokens=15, seed=11)
    drawn = generate(byte_model(), PROMPTS, terminal(Fatigue()), max_new_tokens=15, seed=11)
    assert [r.tokens for r in deferred] == [r.tokens for r in drawn]
    assert {p for r in drawn for p in r.processed_log_probs} == {0.0}
    logits = torch.randn(5, 11, dtype=torch.float16)
    key = Key.of(range(5), [3] * 5, like=logits)
    row, _ = terminal(Plain()).adjust(logits, (), key)
    assert row.dtype == logits.dtype
    assert row.argmax(-1).tolist() == draw(logits, key).tolist()
    assert (row == -torch.inf).sum().item() == 50
    bad = torch.full((1, 3), -torch.inf)
    assert torch.equal(terminal(Plain()).adjust(bad, (), Key.of([0], [0], like=bad))[0], bad)


@pytest.mark.parametrize("num_samples", [1, 3])
def test_the_pieces_of_a_stream_join_to_its_texts(num_samples):
    arguments = {"max_new_tokens": 40, "num_samples": num_samples, "stop": ["E", "\x1e"], "seed": 2}
    results = generate(byte_model(), PROMPTS, Fatigue(0.3), **arguments)
    pieces, tokens = [""] * len(results), [[] for _ in results]
    for event in stream(byte_model(), PROMPTS, Fatigue(0.3), **arguments):
        assert event.position == len(tokens[event.request])
        pieces[event.request] += event.text
        tokens[event.request].append(event.token)
    assert pieces == [r.text for r in results]
    assert [tuple(t) for t in tokens] == [r.tokens for r in results]


def test_text_is_what_the_tokenizer_decodes():
    results = generate(byte_model(), PROMPTS, Plain(), max_new_tokens=40, num_samples=5)
    for result in results:
        assert result.text == byte_model().tokenizer.decode(result.tokens, skip_special_tokens=True)


def pieces(text, stop=(), *, keep_stop=False):
    tokenizer = byte_model().tokenizer
    written = TextStream(tokenizer, stop, keep_stop=keep_stop)
    found = []
    for token in tokenizer(text)["input_ids"] if isinstance(text, str) else text:
        found.append(written.add(token))
        if written.stopped:
            break
    found.append(written.close())
    assert "".join(found) == written.text
    return found


def test_a_character_comes_whole():
    assert pieces("aé€😀!") == ["a", "", "é", "", "", "€", "", "", "", "😀", "!", ""]


def test_bytes_that_form_no_character_come_at_the_end_as_replacements():
    tokenizer = byte_model().tokenizer
    assert pieces(tokenizer("a😀")["input_ids"][:-1]) == ["a", "", "", "", "\ufffd"]


def test_stop_strings_across_tokens():
    assert pieces("one\n\ntwo", ["\n\n"]) == ["o", "n", "e", "", "", ""]
    assert pieces("one\n\ntwo", ["\n\n"], keep_stop=True) == ["o", "n", "e", "", "\n\n", ""]
    assert pieces("one\ntwo", ["\n\n"]) == ["o", "n", "e", "", "\nt", "w", "o", ""]
    assert pieces("aab", ["aaa"]) == ["", "", "aab", ""]
    assert pieces("aa", ["aaa"]) == ["", "", "aa"]
    assert "".join(pieces("xyzzy", ["zy", "yz"])) == "x"
    assert "".join(pieces("né stop", ["é s"])) == "n"


def test_stop_string_ends_the_text():
    full = generate(byte_model(), "Hello", Plain(), max_new_tokens=40, seed=4)[0]
    stop = next(piece for i in range(5, 40) if (piece := full.text[i : i + 3]).isprintable() and "\ufffd" not in piece)
    result = generate(byte_model(), "Hello", Plain(), max_new_tokens=40, seed=4, stop=stop)[0]
    assert result.finish_reason == "stop"
    assert result.text == full.text[: full.text.index(stop)]
    assert result.tokens == full.tokens[: len(result.tokens)]
    assert stop in byte_model().tokenizer.decode(result.tokens)
    assert stop not in byte_model().tokenizer.decode(result.tokens[:-1])


def test_end_token_ends_the_text_and_has_no_text():
    free = generate(byte_model(), "Hello", Plain(), max_new_tokens=20, end_token_ids=())[0]
    end = free.tokens[7]
    result = generate(byte_model(), "Hello", Plain(), max_new_tokens=20, end_token_ids=[end])[0]
    first = free.tokens.index(end)
    assert (result.finish_reason, result.tokens) == ("end", free.tokens[: first + 1])
    assert len(result.raw_log_probs) == first + 1
    forced = generate(byte_model(), [256, 65], Only(256), max_new_tokens=5)[0]
    assert (forced.finish_reason, forced.tokens, forced.text) == ("end", (256,), "")


class Only(Plain):
    """Leaves one token, whatever the model says."""

    def __init__(self, token):
        object.__setattr__(self, "token", token)

    def adjust(self, logits, state, key):
        shaped = torch.full_like(logits, -torch.inf)
        shaped[:, self.token] = 0.0
        return shaped, state


def test_the_empty_text_starts_from_the_first_token():
    empty = generate(byte_model(), "", Plain(), max_new_tokens=5)[0]
    assert empty.prompt == ""
    assert empty.prompt_tokens == (256,)
    same_texts([empty], generate(byte_model(), [256], Plain(), max_new_tokens=5))


def test_prompts_of_tokens():
    ids = [byte_model().encode(text) for text in PROMPTS]
    by_text = generate(byte_model(), PROMPTS, Plain(), max_new_tokens=5)
    same_texts(by_text, generate(byte_model(), ids, Plain(), max_new_tokens=5))
    same_texts(by_text[:1], generate(byte_model(), torch.tensor(ids[0]), Plain(), max_new_tokens=5))
    assert generate(byte_model(), ids, Plain(), max_new_tokens=5)[0].prompt is None


class Breaks(Plain):
    """Gives the second of its rows NaN, or nothing to draw from, at the third token."""

    def __init__(self, value):
        object.__setattr__(self, "value", value)

    def adjust(self, logits, state, key):
        at = (key.seed == 1) & (key.position == 2)
        return torch.where(at[:, None], torch.full_like(logits, self.value), logits), state


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_rows_that_cannot_be_drawn_from_are_named(value):
    with pytest.raises(DecodingError, match=r"the sampler's logits in row 1 at position 2") as caught:
        generate(byte_model(), PROMPTS, Breaks(value), max_new_tokens=5)
    assert (caught.value.row, caught.value.position) == (1, 2)


def test_a_model_that_gives_nan_is_named():
    model = llama(258)
    with torch.no_grad():
        model.model.embed_tokens.weight[70] = torch.nan
    broken = Model(model, byte_model().tokenizer, "broken")
    with pytest.raises(DecodingError, match=r"the model's logits in row 1 at position 0"):
        generate(broken, [[1, 2], [3, 70]], Plain(), max_new_tokens=5)
    with pytest.raises(DecodingError, match=r"the model's logits in row 0 at position 1"):
        generate(broken, [[1, 2]], Only(70), max_new_tokens=5)


def test_dropout_is_off_while_decoding_and_the_model_left_as_it_was():
    model = llama(258)
    model.config.attention_dropout = 0.9
    for layer in model.model.layers:
        layer.self_attn.attention_dropout = 0.9
    trained = Model(model.train(), byte_model().tokenizer, "training")
    same_texts(
        generate(trained, PROMPTS, Plain(), max_new_tokens=5),
        generate(byte_model(), PROMPTS, Plain(), max_new_tokens=5),
    )
    assert model.training


def test_half_precision_logits_are_read_in_float32():
    model = Model(llama(258).bfloat16(), byte_model().tokenizer, "half")
    result = generate(model, "Hello", Plain(), max_new_tokens=8)[0]
    with torch.no_grad():
        ids = torch.tensor([[*result.prompt_tokens, *result.tokens]])
        logits = model.model(ids).logits[0, 4:-1].float().log_softmax(-1)
    expected = logits[range(8), result.tokens]
    np.testing.assert_allclose(result.raw_log_probs, expected, atol=0.1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompt": []}, r"prompt must be a text, a list of token ids, or a list of those, got \[\]"),
        ({"prompt": 7}, r"prompt must be .* got 7"),
        ({"prompt": ["a", 7]}, r"prompt must be .* got \['a', 7\]"),
        ({"prompt": [[]]}, r"prompt must have at least one token, got \[\]"),
        ({"prompt": [[1, 258]]}, r"prompt token must be an integer in \[0, 257\], got 258"),
        ({"prompt": "x" * 60}, r"together be at most 64 tokens, the model's context, got 60 \+ 5"),
        ({"max_new_tokens": 0}, r"max_new_tokens must be an integer >= 1, got 0"),
        ({"num_samples": 0}, r"num_samples must be an integer >= 1, got 0"),
        ({"candidates": -1}, r"candidates must be an integer >= 0, got -1"),
        ({"seed": -1}, r"seed must be an integer in \[0, \d+\], got -1"),
        ({"seed": 1.5}, r"seed must be an integer >= 0 or a list of 1, one for each prompt, got 1.5"),
        ({"seed": [1, 2]}, r"seed must be an integer >= 0 or a list of 1, .* got \[1, 2\]"),
        ({"seed": [2**63]}, r"seed must be an integer in"),
        ({"stop": ["a", ""]}, r"stop must be strings of at least one character, got \['a', ''\]"),
        ({"sampler": 3}, r"sampler must be a Sampler or one written out, got 3"),
        ({"model": 3}, r"model must be a name, a Model or a \(model, tokenizer\) pair, got int"),
    ],
)
def test_bad_input_is_refused_before_the_model_runs(change, message, monkeypatch):
    monkeypatch.setattr(byte_model().model, "forward", lambda *_, **__: pytest.fail("the model ran"))
    arguments = {"model": byte_model(), "prompt": "Hello", "sampler": Plain(), "max_new_tokens": 5} | change
    with pytest.raises(ValueError, match=message):
        stream(**arguments)
