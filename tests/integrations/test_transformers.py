import copy

import numpy as np
import pytest
import torch
from tiny import Fatigue, Plain, byte_model, llama
from traces import hold, like
from transformers import GenerationConfig, LogitsProcessorList
from transformers.generation.logits_process import LogitsProcessor

from sortilege.generate import DecodingError, generate
from sortilege.integrations.transformers import SamplerLogitsProcessor, custom_generate
from sortilege.samplers import AdaptiveDirichlet, MinP
from sortilege.trace import read_trace, request_of, write_trace

PROMPTS = ["Hello", "A rather longer prompt", "é", "mid-length 7"]
SEEDS = [9, 4, 4, 2**40]
ENDS = [*range(0, 256, 16)]  # so many end tokens that some rows end early
PAD = 257
FATIGUE = Fatigue(0.7)


def padded(prompts=PROMPTS):
    return dict(byte_model().tokenizer(prompts, padding=True, return_tensors="pt"))


def run(*, inputs=None, **settings):
    """New tokens of each row, padding after the end taken off."""
    inputs = padded() if inputs is None else inputs
    settings = {"max_new_tokens": 24, "eos_token_id": ENDS, "pad_token_id": PAD} | settings
    out = byte_model().model.generate(**inputs, **settings)[:, inputs["input_ids"].shape[1] :].tolist()
    ends = {settings["eos_token_id"]} if isinstance(settings["eos_token_id"], int) else {*settings["eos_token_id"]}
    cut = []
    for row in out:
        end = next((i for i, token in enumerate(row) if token in ends), len(row))
        assert set(row[end + 1 :]) <= {PAD}
        cut.append(tuple(row[: end + 1]))
    return cut


def processed(sampler=FATIGUE, *, settings=None, **options):
    processor = SamplerLogitsProcessor(sampler, **{"seed": SEEDS, "end_token_ids": ENDS, "pad_token_id": PAD} | options)
    return run(logits_processor=[processor], **settings or {})


def ours(sampler=FATIGUE, prompts=PROMPTS, seed=SEEDS, **settings):
    settings = {"max_new_tokens": 24, "end_token_ids": ENDS} | settings
    return [r.tokens for r in generate(byte_model(), prompts, sampler, seed=seed, **settings)]


def test_rows_end_at_different_times():
    assert len({len(tokens) for tokens in ours()}) > 1


HOSTILE = {
    "temperature": 0.3,
    "top_k": 2,
    "top_p": 0.4,
    "min_p": 0.3,
    "typical_p": 0.3,
    "epsilon_cutoff": 0.05,
    "eta_cutoff": 0.05,
    "renormalize_logits": True,
}


@pytest.mark.parametrize("settings", [{"do_sample": False}, {"do_sample": True}, {"do_sample": True, **HOSTILE}])
@pytest.mark.parametrize("sampler", [FATIGUE, AdaptiveDirichlet(truncation=MinP(0.01))], ids=["fatigue", "adaptive"])
def test_both_ways_emit_the_tokens_of_our_loop(sampler, settings):
    expected = ours(sampler)
    assert processed(sampler, settings=settings) == expected
    assert run(custom_generate=custom_generate, sampler=sampler, seed=SEEDS, **settings) == expected


def test_top_h_leaves_the_token_too():
    assert processed(settings={"do_sample": True, "top_h": 0.2, "top_k": 0}) == ours()


def test_warming_is_that_of_our_loop():
    sampler = AdaptiveDirichlet()
    warm = run(custom_generate=custom_generate, sampler=sampler, seed=SEEDS, warm=True, max_new_tokens=8)
    assert warm == ours(sampler, warm=True, max_new_tokens=8)
    assert warm != ours(sampler, max_new_tokens=8)


def test_several_texts_a_prompt_and_integer_seeds():
    inputs = padded(PROMPTS[:2])
    expected = ours(prompts=PROMPTS[:2], seed=[5, 50], num_samples=3)
    for seed, wanted in (([5, 50], expected), (7, ours(prompts=PROMPTS[:2], seed=7, num_samples=3))):
        processor = SamplerLogitsProcessor(FATIGUE, seed=seed, pad_token_id=PAD)
        for way in (
            {"logits_processor": [processor]},
            {"custom_generate": custom_generate, "sampler": FATIGUE, "seed": seed},
        ):
            assert run(inputs=inputs, num_return_sequences=3, do_sample=True, **way) == wanted


def test_samplers_written_out():
    assert processed("min-p(0.05)") == ours(MinP(0.05))
    assert run(custom_generate=custom_generate, sampler="min-p(0.05)", seed=SEEDS) == ours(MinP(0.05))


def test_deferred_mode_gives_the_samplers_logits_and_learns_the_token():
    # Without do_sample the draw is the most probable token, which makes the whole a function of the logits alone.
    tokens = processed(mode="deferred", settings={"do_sample": False})
    for prompt, row in zip(PROMPTS, tokens, strict=True):
        ids = byte_model().encode(prompt)
        uses = torch.zeros(258).index_add_(0, torch.tensor(ids), torch.ones(len(ids)))
        for token in row:
            with torch.no_grad():
                logits = byte_model().model(torch.tensor([ids])).logits[0, -1]
            assert token == int((logits - 0.7 * uses).argmax())
            uses[token] += 1
            ids.append(token)


def test_deferred_mode_leaves_the_draw_to_transformers():
    # Each step's distribution must be softmax(our logits): mean rank statistics over many rows, fixed seed.
    torch.manual_seed(0)
    ids = torch.tensor([[1, 2, 3]]).repeat(4000, 1)
    model = llama(6, seed=3)
    settings = {"attention_mask": torch.ones_like(ids), "eos_token_id": None, "max_new_tokens": 1, "pad_token_id": 5}
    processor = SamplerLogitsProcessor(Plain(), mode="deferred")
    out = model.generate(ids, logits_processor=[processor], do_sample=True, top_k=0, **settings)
    with torch.no_grad():
        p = model(ids[:1]).logits[0, -1].softmax(0).numpy()
    seen = np.bincount(out[:, -1].numpy(), minlength=6)
    assert np.all(np.abs(seen - 4000 * p) < 4.5 * np.sqrt(4000 * p * (1 - p)) + 1)


def test_every_call_of_generate_starts_afresh():
    processor = SamplerLogitsProcessor(FATIGUE, seed=3, pad_token_id=PAD)
    inputs = padded(PROMPTS[:1])
    settings = {"max_new_tokens": 6, "eos_token_id": [], "pad_token_id": PAD}
    model = byte_model().model
    first = model.generate(**inputs, logits_processor=[processor], **settings)
    assert torch.equal(first, model.generate(**inputs, logits_processor=[processor], **settings))
    # The text so far as a prompt: its tensors are those of a next step.
    onward = {"input_ids": first, "attention_mask": torch.ones_like(first)}
    again = model.generate(**onward, logits_processor=[processor], **settings)
    fresh = SamplerLogitsProcessor(FATIGUE, seed=3)
    assert torch.equal(again, model.generate(**onward, logits_processor=[fresh], **settings))
    # And a prompt of another shape.
    assert run(inputs=padded(), logits_processor=[processor]) == ours(seed=3)


def test_by_hand_a_text_goes_on_while_it_grows_by_one():
    processor = SamplerLogitsProcessor(FATIGUE, seed=3)
    ids = torch.tensor([byte_model().encode("Hello")])
    first = ids
    for _ in range(6):
        with torch.no_grad():
            scores = byte_model().model(ids).logits[:, -1]
        kept = scores.clone()
        ids = torch.cat([ids, processor(ids, scores).argmax(-1, keepdim=True)], dim=1)
        assert torch.equal(scores, kept)
    assert tuple(ids[0, 5:].tolist()) == ours(prompts="Hello", seed=3, max_new_tokens=6, end_token_ids=[])[0]
    assert processor.report()["heaviest"].shape == (1,)
    with torch.no_grad():
        scores = byte_model().model(first).logits[:, -1]
    assert processor(first, scores).argmax() == ids[0, 5]
    processor.reset()
    assert processor.report() == {}


def test_padding_on_the_left_is_not_part_of_the_prompt():
    sampler = Fatigue(50.0)  # a token read once is never drawn again
    inputs = padded(["HHHH", "H"])
    settings = {"inputs": inputs, "eos_token_id": PAD + 1, "max_new_tokens": 1}
    seen = []

    class Watch(LogitsProcessor):
        def __call__(self, input_ids, scores):
            seen.append(processor._run.state.counts[:, PAD].tolist())
            return scores

    for pad_token_id, counts in ((PAD, [0.0, 0.0]), (None, [0.0, 3.0])):
        processor = SamplerLogitsProcessor(sampler, pad_token_id=pad_token_id)
        run(logits_processor=[processor, Watch()], **settings)
        assert seen.pop() == counts


@pytest.mark.parametrize("settings", [{"num_beams": 2}, {"num_beams": 3, "do_sample": True}])
def test_beams_are_refused(settings):
    with pytest.raises(ValueError, match="SamplerLogitsProcessor does not work with beam search"):
        processed(settings=settings)
    with pytest.raises(ValueError, match="custom_generate does not work with beam s"):
        run(custom_generate=custom_generate, sampler=FATIGUE, **settings)


def test_rows_that_change_places_are_refused():
    processor = SamplerLogitsProcessor(FATIGUE)
    scores = torch.randn(2, 258)
    processor(torch.tensor([[1, 2], [3, 4]]), scores)
    with pytest.raises(ValueError, match="the rows of input_ids have changed places, as in beam search"):
        processor(torch.tensor([[3, 4, 5], [1, 2, 5]]), scores)
    processor(torch.tensor([[3, 4, 5], [1, 9, 5]]), scores)  # another text
    assert processor._run.key.position.tolist() == [0, 0]


def test_assisted_generation_is_refused():
    one = padded(["abcabcabc"])
    for settings in ({"assistant_model": llama(258, seed=1)}, {"prompt_lookup_num_tokens": 3}):
        with pytest.raises(ValueError, match="SamplerLogitsProcessor does not work with assisted generation"):
            run(inputs=one, logits_processor=[SamplerLogitsProcessor(FATIGUE)], **settings)
    with pytest.raises(ValueError, match="custom_generate does not work with assisted generation"):
        run(inputs=one, custom_generate=custom_generate, sampler=FATIGUE, prompt_lookup_num_tokens=3)


def test_continuous_batching_is_refused():
    assert SamplerLogitsProcessor.supports_continuous_batching is False


class Breaks(Plain):
    """Gives the row with seed 1 nothing to draw from at its third token."""

    def adjust(self, logits, state, key):
        at = (key.seed == 1) & (key.position == 2)
        return torch.where(at[:, None], torch.full_like(logits, -torch.inf), logits), state


def test_rows_that_cannot_be_drawn_from_are_named():
    for way in (
        {"logits_processor": [SamplerLogitsProcessor(Breaks(), seed=0)]},
        {"custom_generate": custom_generate, "sampler": Breaks(), "seed": 0},
    ):
        with pytest.raises(DecodingError, match="the sampler's logits in row 1 at position 2") as caught:
            run(eos_token_id=[], **way)
        assert (caught.value.row, caught.value.position) == (1, 2)
    with pytest.raises(DecodingError, match="the model's logits in row 1 at position 0"):
        SamplerLogitsProcessor(FATIGUE)(torch.tensor([[1], [2]]), torch.tensor([[0.0, 1.0], [0.0, torch.nan]]))


def test_rows_past_their_end_are_left_alone():
    processor = SamplerLogitsProcessor(FATIGUE, end_token_ids=3)
    processor(torch.tensor([[1], [2]]), torch.randn(2, 5))
    ids = torch.tensor([[1, 3], [2, 1]])
    processor(ids, torch.randn(2, 5))
    state = copy.deepcopy(processor._run.state)
    broken = torch.cat([torch.full((1, 5), torch.nan), torch.randn(1, 5)])
    processor(torch.cat([ids, torch.tensor([[4], [4]])], dim=1), broken)
    assert torch.equal(processor._run.state.counts[0], state.counts[0])
    assert not torch.equal(processor._run.state.counts[1], state.counts[1])
    assert state.counts[0].tolist() == [0, 1, 0, 1, 0]


def test_penalties_and_constraints_run_before_the_sampler():
    banned = {"bad_words_ids": [[token] for token in range(128)]}
    for way in (
        {"logits_processor": [SamplerLogitsProcessor(FATIGUE, seed=SEEDS)]},
        {"custom_generate": custom_generate, "sampler": FATIGUE, "seed": SEEDS},
    ):
        assert all(token >= 128 for row in run(eos_token_id=[], **banned, **way) for token in row)


def test_raw_logits_and_scores_are_what_they_say():
    settings = {"return_dict_in_generate": True, "output_scores": True, "output_logits": True, "max_new_tokens": 5}
    inputs = padded()
    plain = byte_model().model.generate(
        **inputs, custom_generate=custom_generate, sampler=Fatigue(0.7), seed=SEEDS, pad_token_id=PAD, **settings
    )
    through = byte_model().model.generate(
        **inputs,
        logits_processor=[SamplerLogitsProcessor(Fatigue(0.7), seed=SEEDS, pad_token_id=PAD)],
        pad_token_id=PAD,
        **settings,
    )
    results = generate(byte_model(), PROMPTS, Fatigue(0.7), seed=SEEDS, max_new_tokens=5)
    assert torch.equal(plain.sequences, through.sequences)
    assert len(plain.scores) == len(plain.logits) == len(through.scores) == 5
    for row, result in enumerate(results):
        for i, token in enumerate(result.tokens):
            raw = [output.logits[i][row].log_softmax(-1)[token].item() for output in (plain, through)]
            np.testing.assert_allclose(raw, result.raw_log_probs[i], atol=1e-5)
            processed_log_prob = plain.scores[i][row].log_softmax(-1)[token].item()
            assert processed_log_prob == pytest.approx(result.processed_log_probs[i], abs=1e-5)
            assert through.scores[i][row].isfinite().sum() == 1
    sequences = byte_model().model.generate(
        **inputs, custom_generate=custom_generate, sampler=FATIGUE, pad_token_id=PAD, max_new_tokens=2
    )
    assert isinstance(sequences, torch.Tensor)


@pytest.mark.parametrize("ends", [[], ENDS], ids=["no ends", "ends"])
@pytest.mark.parametrize("sampler", [FATIGUE, AdaptiveDirichlet(truncation=MinP(0.01))], ids=["fatigue", "adaptive"])
def test_the_trace_is_that_of_our_loop(sampler, ends):
    """Every name and value, but for the times it took."""
    results = generate(byte_model(), PROMPTS, sampler, seed=SEEDS, end_token_ids=ends, max_new_tokens=24, trace=True)
    expected = [[like(record) for record in result.trace] for result in results]
    tokenizer, through, inside = byte_model().tokenizer, [], []
    processed(
        sampler,
        trace=through,
        text=lambda token: tokenizer.decode([token]),
        end_token_ids=ends,
        settings={"eos_token_id": ends},
    )
    run(custom_generate=custom_generate, sampler=sampler, seed=SEEDS, trace=inside, text=tokenizer, eos_token_id=ends)
    for trace in (through, inside):
        hold(trace, "token")
        assert expected == [[r for r in trace if r["request"] == row] for row in range(len(PROMPTS))]
        assert all(record["seconds"] >= record["sampler_seconds"] > 0 for record in trace)
    assert {name for record in through for name in record} == {name for record in results[0].trace for name in record}


def test_the_file_is_that_of_our_loop(tmp_path):
    tokenizer, files = byte_model().tokenizer, {}
    results = generate(byte_model(), PROMPTS, FATIGUE, seed=7, max_new_tokens=6, trace=True)
    inside = []
    run(custom_generate=custom_generate, sampler=FATIGUE, seed=7, trace=inside, text=tokenizer, max_new_tokens=6)
    for driver, records in (
        ("sortilege.generate", [record for result in results for record in result.trace]),
        ("transformers.generate", inside),
    ):
        files[driver] = tmp_path / driver
        requests = [request_of(prompt, 7 + row, tokenizer) for row, prompt in enumerate(PROMPTS)]
        written = {"sampler": "fatigue", "model": "random", "requests": requests, "driver": driver}
        write_trace(files[driver], records, **written)
    ours, theirs = (read_trace(path) for path in files.values())
    hold([ours.header, theirs.header], "token_header")
    assert {**ours.header, "driver": "transformers.generate"} == theirs.header
    for row, result in enumerate(results):
        assert ours.header["requests"][row] == {
            "prompt": result.prompt,
            "prompt_tokens": list(result.prompt_tokens),
            "text": result.prompt,
            "seed": result.seed,
        }
        assert [like(record) for record in ours.of(row)] == theirs.of(row)


def test_write_trace_takes_samplers(tmp_path):
    requests = [request_of([72, 105], 0, byte_model().tokenizer)]
    written = {"model": "m", "requests": requests, "driver": "some.engine", "steps_ahead": 3}
    write_trace(tmp_path / "t", [], sampler=MinP(0.02), **written)
    head = read_trace(tmp_path / "t").header
    assert (head["sampler"], head["driver"], head["steps_ahead"]) == ("min-p(0.02)", "some.engine", 3)
    assert head["requests"] == [
        {"prompt": None, "prompt_tokens": [72, 105], "text": head["requests"][0]["text"], "seed": 0}
    ]
    with pytest.raises(ValueError, match=r"line 1: requests\[0\] lacks prompt, prompt_tokens, text, seed"):
        write_trace(tmp_path / "no", [], sampler=None, model="m", requests=[{}], driver="some.engine")
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "end"}, "mode must be one of 'terminal', 'deferred', got 'end'"),
        ({"seed": -1}, "seed must be an integer in"),
        ({"seed": [1, -1]}, "seed must be an integer in"),
        ({"end_token_ids": [-1]}, "end_token_ids must be an integer >= 0, got -1"),
        ({"mode": "deferred", "trace": []}, "trace must be None in deferred mode"),
        ({"sampler": "no-such-sampler"}, "no-such-sampler"),
    ],
)
def test_bad_input_is_refused_when_the_processor_is_made(options, message):
    with pytest.raises(ValueError, match=message):
        SamplerLogitsProcessor(**{"sampler": FATIGUE} | options)


def test_as_many_seeds_as_prompts():
    with pytest.raises(ValueError, match="seed must be an integer >= 0 or a list of 4, one for each prompt"):
        processed(seed=[1, 2, 3])


def test_processors_can_be_copied_and_listed():
    # generate copies configurations and lists around; a processor is an ordinary object in both.
    processor = SamplerLogitsProcessor(FATIGUE, seed=SEEDS, end_token_ids=ENDS, pad_token_id=PAD)
    settings = GenerationConfig(max_new_tokens=24, eos_token_id=ENDS, pad_token_id=PAD)
    inputs = padded()
    out = byte_model().model.generate(
        **inputs, generation_config=settings, logits_processor=LogitsProcessorList([copy.deepcopy(processor)])
    )
    assert torch.equal(
        out, byte_model().model.generate(**inputs, generation_config=settings, logits_processor=[processor])
    )
