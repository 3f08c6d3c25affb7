"""Taggers: what they are, which there are, and which of them a run uses."""
