"""What a claim declares before anything runs, printed from its parts: rules, cases with their sizes, draws, controls."""

from collections.abc import Sequence
from itertools import combinations

from checks.claim import Case, Claim, Control, Part
from checks.judges import Judge

SHOWN, LONGEST = 4, 80  # values of one setting that are listed, and their characters; of more the first and the last
NAMES = {"hidden_layers": "L"}
DOT, MANY = " · ", " … "


def declared(claim: Claim, tier: str) -> list[dict]:
    """For every part its letter, ``says``, status, rules, sizes, draws, controls and reason, as text."""
    return [declared_part(part, tier) for part in claim.parts]


def declared_part(part: Part, tier: str) -> dict:
    """The declaration of one part; what is empty is left out."""
    cases = tuple(part.cases(tier))
    found = {
        "kind": part.letter,
        "says": part.says,
        "status": part.status,
        "rules": rules(part.judge, cases),
        "cases": len(cases),
        "sizes": sizes(cases),
        "draws": draws(part, cases),
        "controls": [
            _filled({"kind": f"{part.letter}.{k}", "says": c.says, "rule": control_rule(c, part, cases, tier)})
            for k, c in enumerate(part.controls, start=1)
        ],
        "why": part.why,
        "needs": part.needs,
    }
    return _filled(found)


def _filled(found: dict) -> dict:
    return {key: value for key, value in found.items() if value or key == "cases"}


def rules(judge: object, cases: Sequence[Case]) -> list[str]:
    """The rule of the judge; where it depends on the case every rule with what tells its cases from the others."""
    found: dict[str, list[str]] = {}
    for case in cases:
        found.setdefault(str(_judge_of(judge, case)), []).append(case.name)
    if len(found) <= 1:
        return list(found)
    texts = {rule: told_apart(names, [case.name for case in cases]) for rule, names in found.items()}
    longest = max(texts, key=lambda rule: len(texts[rule]))
    if MANY in texts[longest]:
        texts[longest] = "all others"
    return [f"{rule} ({text})" for rule, text in texts.items()]


def told_apart(names: Sequence[str], everything: Sequence[str]) -> str:
    """What tells these names from the others: pieces between dots, alone or two together, one for each; else the names."""
    # a range of sizes, a..b, is no reason for a rule
    pieces = {name: dict.fromkeys(piece for piece in name.split(DOT) if ".." not in piece) for name in everything}
    has = lambda name, few: pieces[name].keys() >= {*few}  # noqa: E731
    others, left, found = set(everything).difference(names), list(names), []
    while left and len(found) < SHOWN:
        sets = [few for count in (1, 2) for few in combinations(pieces[left[0]], count)]
        sets = [few for few in sets if not any(has(name, few) for name in others)]
        if not sets:
            break
        found.append(max(sets, key=lambda few: sum(has(name, few) for name in left)))
        left = [name for name in left if not has(name, found[-1])]
    return _listed(names) if left else " or ".join(map(DOT.join, found))


def _judge_of(judge: object, case: Case) -> Judge:
    return judge if hasattr(judge, "side") else judge({**case.config, **case.select})


def settings(cases: Sequence[Case]) -> dict[str, str]:
    """Every setting of the configurations and the values it takes over the cases."""
    found: dict[str, dict[str, None]] = {}
    for case in cases:
        for key, value in case.config.items():
            found.setdefault(NAMES.get(key, key.replace("_", " ")), {})[setting_text(value)] = None
    return {key: _listed(list(values), " or ") for key, values in found.items()}


def sizes(cases: Sequence[Case], known: Sequence[Case] = ()) -> str:
    """The settings of the cases as text, without those that are as in the ``known`` cases."""
    elsewhere = settings(known)
    return "; ".join(f"{key} {text}" for key, text in settings(cases).items() if elsewhere.get(key) != text)


def setting_text(value: object) -> str:
    """A value of a configuration: numbers short, long lists by their ends."""
    if isinstance(value, dict):
        return " ".join(
            setting_text(item) if isinstance(item, str) else f"{k} = {setting_text(item)}" for k, item in value.items()
        )
    if isinstance(value, list | tuple):
        items = [f"({setting_text(v)})" if isinstance(v, list | tuple) else setting_text(v) for v in value]
        nested = len(items) > 2 and isinstance(value[0], list | tuple)
        return f"{items[0]} … {items[-1]}" if nested else _listed(items)
    if isinstance(value, float):
        return f"{value:.6g}" if value.is_integer() else f"{value:.4g}"
    return str(value)


def _listed(values: Sequence[str], joint: str = ", ") -> str:
    text = joint.join(values)
    if len(values) <= 2 or (len(values) <= SHOWN and len(text) <= LONGEST):
        return text
    return f"{values[0]}{MANY}{values[-1]} ({len(values)})"


def draws(part: Part, cases: Sequence[Case]) -> str:
    """How many draws decide, and in how many looks."""
    counts = sorted({case.draws for case in cases})
    if not counts or counts[-1] == 0:
        return "none"
    looks = part.looks if _judge_of(part.judge, cases[0]).random else 1
    text = _listed([str(count) for count in counts], " or ")
    return text if looks == 1 else f"{text}, up to {counts[-1] << (looks - 1)} in {looks} looks"


def control_rule(control: Control, part: Part, cases: Sequence[Case], tier: str) -> str:
    """The rule, sizes and draws of a control where they are not those of the part."""
    own = cases if control.cases is None else tuple(control.cases(tier))
    own = [case for case in own if control.when({**case.config, **case.select})]
    if not own:
        return "not at this tier"
    text = [] if control.judge is None else rules(control.judge, own)
    if control.cases is not None:
        text.append(sizes(own, cases))
        if (drawn := draws(part, own)) != draws(part, cases):
            text.append(f"draws {drawn}")
    if control.cases is None and len(own) < len(cases):
        text.append(f"in {cases_text(len(own))}")
    return "; ".join(filter(None, text))


def cases_text(count: int) -> str:
    """How many cases."""
    return f"{count} case{'s' * (count != 1)}"


def kinds(record: dict) -> dict[str, str]:
    """What every kind of row of a record measures, or what is false in it, by its key."""
    found = {}
    for part in record["declared"]:
        found[part["kind"]] = f"({part['kind']}) {part['says']}"
        found |= {control["kind"]: f"({part['kind']}) {control['says']}" for control in part.get("controls", ())}
    return found
