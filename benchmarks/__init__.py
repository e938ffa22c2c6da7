"""Figures: `python -m benchmarks NAME --json`; each prints one JSON object as its last line."""
