"""Pages for people who were written to: no sign-in, no cookies, no tracking, and they work without scripts."""
