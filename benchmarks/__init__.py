"""Benchmarks of sortilege: ``python -m benchmarks``. How to read them is in docs/benchmarks.md."""
