"""Pure decisions: values and `now` in, values out; no database, network or files."""
