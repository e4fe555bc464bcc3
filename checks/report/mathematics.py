"""Mathematics of the claims, written as ``w_0``, ``m^{−1/2}``, ``√(yᵀK⁻¹y)``, as HTML whose text is what was written.

Marks and brackets that typesetting makes superfluous stay in the page, out of sight: copied, searched or read aloud the formula
is as in the source. Only what has one reading is typeset: of ``h_new`` and ``teacher_student`` the line stays a line.
"""

import re
from html import escape

WORDS = "min|max|cert|lin|ijk|ij|ik|ii|jj|jk"  # subscripts of several letters
PAIRS = "lw|iv"  # one letter and what stands behind it, as in wᵀK^lw; of other pairs of small letters both readings are open
SCRIPT = re.compile(
    rf"(?:{WORDS})(?![A-Za-z])|[−+]?(?:\d+(?:\.\d+)?|½)|[−+](?!\w)|[∞⋆]|(?={PAIRS})[a-z]|[^\W\d_](?![a-z\u0300-\u036f])"
)
LETTERS = re.compile(r"[A-Za-zȳ\u0300-\u036f]+|[α-ορ-ω][α-ορ-ω\u0300-\u036f]*")
PRODUCTS = set("mn Dh DhDh XX JJ nR tR NB sK rl sw au Wx Kt ms".split())  # of variables, written without a space
TOUCHING = set("_^·()=/²|‖√ᵀ+−⟨⟩[]")  # of a letter that is also an English word
CLOSING = {"(": ")", "{": "}"}


def typeset(text: str) -> str:
    """``text`` as HTML with subscripts, superscripts, roots and italic letters; its tags taken out, it is ``text`` again."""
    found, k = [], 0
    while k < len(text):
        if text[k] in "_^" and (end := _script_end(text, k)):
            tag, body = "sub" if text[k] == "_" else "sup", text[k + 1 : end]
            inner, marks = (body[1:-1], (text[k] + "{", "}")) if body[0] == "{" else (body, (text[k], ""))
            found.append(f"{_hidden(marks[0])}<{tag}>{typeset(inner)}</{tag}>{_hidden(marks[1])}")
        elif text.startswith("√(", k) and (end := _closing(text, k + 1)):
            inside = typeset(text[k + 2 : end - 1])
            found.append(f'√{_hidden("(")}<span class="root">{inside}</span>{_hidden(")")}')
        elif letters := LETTERS.match(text, k):
            end = letters.end()
            found.append(f"<i>{letters[0]}</i>" if _variable(text, k, end) else letters[0])
        else:
            end = k + 1
            found.append(escape(text[k]))
        k = end
    return "".join(found).replace("</i><i>", "")


def _script_end(text: str, k: int) -> int:
    """Where the subscript or superscript ends whose mark is at ``k``; 0 if it is none, or may be read in two ways."""
    if not text[:k].strip() or text[k - 1].isspace():
        return 0
    if text.startswith("{", k + 1):
        return _closing(text, k + 1)
    body = SCRIPT.match(text, k + 1)
    return body.end() if body else 0


def _closing(text: str, k: int) -> int:
    """Behind the bracket that closes the one at ``k``; 0 if none does."""
    depth = 0
    for end in range(k, len(text)):
        depth += (text[end] == text[k]) - (text[end] == CLOSING[text[k]])
        if depth == 0:
            return end + 1 if end > k + 1 else 0
    return 0


def _variable(text: str, start: int, end: int) -> bool:
    """Whether letters are variables: Greek, a listed product, or one Latin letter that is no word and names no part."""
    word, before, after = text[start:end], text[max(0, start - 1) : start], text[end : end + 1]
    if not word[0].isascii() or word in PRODUCTS:
        return True
    if len(re.sub(r"[\u0300-\u036f]", "", word)) > 1 or before in ("'", "’", ".") or re.match(r"\.\w", text[end:]):
        return False
    if before.isdigit() and re.match(r"e[-+−]\d", text[start:]):
        return False  # 1e-09
    if before == "(" and re.match(r"′?\)", text[end:]) and not re.match(r"[\w})]", text[max(0, start - 2) : start]):
        return False
    return word not in ("a", "A", "I") or bool(TOUCHING & {before, after})


def _hidden(mark: str) -> str:
    return f'<span class="h">{mark}</span>' if mark else ""
