"""Persistence: each noun's table and its statements in one file; the only SQL."""
