"""What each decoding method buys: the one command that makes docs/evidence.md, ``python -m benchmarks.evidence``."""
