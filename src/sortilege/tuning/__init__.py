"""Tuning: the space of a sampler's knobs, objectives with guards, and studies that survive interruption."""
