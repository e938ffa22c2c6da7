"""Ways in for time and queue: the clock, the worker, and jobs of a few lines that call one verb."""
