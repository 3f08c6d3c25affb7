"""The commands: each turns its config into shards, has the engine work on them, and reports."""
