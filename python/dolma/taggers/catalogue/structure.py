"""Declarations of the taggers of what a text is made of besides prose."""

from __future__ import annotations

from math import inf

from ..declaration import AttributeType, Kernel

__all__ = ["TAGGERS"]

_MATH = """
How mathematical a text is: LaTeX commands, formulas, symbols.

Over the document: `latex_command_count` (a backslash and two letters or more), `formula_count` and
`fraction_of_characters_in_formulas` (`$…$` within a line, `$$…$$`, `\\(…\\)`, `\\[…\\]`; amounts of money are none),
`symbol_count` (operators, arrows and mathematical alphabets of Unicode, outside ASCII).

The signals by which OpenWebMath (Paster et al. 2023) looks for mathematics before its classifier does; no
published threshold applies. One LaTeX command is a good sign, symbols alone are weak.
"""

_STRUCTURE = """
Headings, lists, tables, code and dates.

Over the document: `heading_count` (`# …` of Markdown), `list_count` (runs of list items), `fraction_of_list_lines`
(`- `, `* `, `+ `, `•`, `1. `, `1) `), `fraction_of_table_lines` (two `|` or more), `fraction_of_code_lines` (lines
that end in `{`, `}`, `;` or begin like a comment or a declaration), `date_count` (2024-01-31, 31.1.2024, 1/31/2024,
31 January 2024, January 31, 2024; month names in English). Lines are those that are not blank.

No published threshold applies: `fraction_of_list_lines` above 0.9 is close to Gopher's rule for bullets, and many
dates by few words mark archives and calendars.
"""


def _count(name: str, meaning: str) -> AttributeType:
    return AttributeType(name=name, unit="document", meaning=meaning, high=inf, always=True)


def _share(name: str, meaning: str) -> AttributeType:
    return AttributeType(name=name, unit="document", meaning=meaning, always=True)


TAGGERS = (
    Kernel(
        name="math_density_v1",
        family="structure",
        cost="light",
        outputs=(
            _count("latex_command_count", "LaTeX commands"),
            _count("formula_count", "formulas between delimiters of LaTeX"),
            _share("fraction_of_characters_in_formulas", "their code points, by those of the text"),
            _count("symbol_count", "mathematical symbols outside ASCII"),
        ),
        doc=_MATH,
    ),
    Kernel(
        name="structure_v1",
        family="structure",
        cost="moderate",
        outputs=(
            _count("{heading,list,date}_count", "headings of Markdown, runs of list items, dates"),
            _share("fraction_of_{list,table,code}_lines", "lines of this kind, by lines that are not blank"),
        ),
        doc=_STRUCTURE,
    ),
)
