"""A sampler inside transformers, in both ways, on a batch of prompts of different lengths: the same texts each time."""

import sortilege
from sortilege.integrations.transformers import SamplerLogitsProcessor, custom_generate

PROMPTS = ["It was a dark night, and", "The old house by the sea had been empty for years when"]

loaded = sortilege.load("tiny-ar")
model, tokenizer = loaded.model, loaded.tokenizer
inputs = tokenizer(PROMPTS, return_tensors="pt", padding=True, padding_side="left")
sampler = sortilege.AdaptiveDirichlet(truncation=sortilege.MinP(0.05))

by_function = model.generate(
    **inputs, custom_generate=custom_generate, sampler=sampler, seed=1, max_new_tokens=40, return_dict_in_generate=True
).sequences
processor = SamplerLogitsProcessor(sampler, seed=1, pad_token_id=tokenizer.pad_token_id)
by_processor = model.generate(**inputs, logits_processor=[processor], max_new_tokens=40)
by_our_loop = sortilege.generate(loaded, PROMPTS, sampler, seed=1, max_new_tokens=40)

for first, second, third in zip(by_function, by_processor, by_our_loop, strict=True):
    text = tokenizer.decode(first, skip_special_tokens=True)
    assert text == tokenizer.decode(second, skip_special_tokens=True)
    assert text == third.prompt + third.text
    print(text, end="\n\n")
