"""The README's first lines: a bundled model, a sampler, text."""

import sortilege

sampler = sortilege.AdaptiveDirichlet(truncation=sortilege.MinP(0.05))
for result in sortilege.generate("tiny-ar", "It was a dark night, and", sampler, seed=1, num_samples=2):
    print(result.text)
