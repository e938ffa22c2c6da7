"""The wire: a small contract, and one file per vendor; the only network calls and the only vendor words."""
