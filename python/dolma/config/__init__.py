"""Every option of every command: names, types, defaults, limits and help texts, once.

The Structs are frozen and refuse unknown keys. They are filled from a recipe and from flags by
`dolma.recipes`, become the command line in `dolma.cli`, and are handed to the engine as objects
whose attributes it reads. Nothing else in the project holds a default.

There is a module for each of `dolma.commands`: a start makes the Structs of one command.
"""
