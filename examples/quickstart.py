"""The README's first lines: a bundled model, a sampler, text."""

import sortilege

sampler = sortilege.AdaptiveDirichlet(truncation=sortilege.MinP(0.05))
results = sortilege.generate("tiny-ar", "It was a dark night, and", sampler, seed=1, max_new_tokens=40)
print(results[0].text)
