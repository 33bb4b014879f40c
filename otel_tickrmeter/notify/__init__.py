"""Telling people what happened: which notices go out, by which channels, and what became of them."""
