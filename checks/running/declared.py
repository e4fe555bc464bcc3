"""What a claim declares before anything runs, printed from its parts: rules, cases with their sizes, draws, controls."""

from collections.abc import Sequence

from checks.claim import Case, Claim, Control, Part
from checks.judges import Judge

SHOWN = 4  # values of one setting that are listed; of more the first and the last


def declared(claim: Claim, tier: str) -> list[dict]:
    """For every part its letter, ``says``, status, rules, sizes, draws, controls and reason, as text."""
    return [declared_part(part, tier) for part in claim.parts]


def declared_part(part: Part, tier: str) -> dict:
    """The declaration of one part."""
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
            {"kind": f"{part.letter}.{k}", "says": control.says, "rule": control_rule(control, part, cases, tier)}
            for k, control in enumerate(part.controls, start=1)
        ],
        "why": part.why,
    }
    if part.needs:
        found["needs"] = part.needs
    return found


def rules(judge: object, cases: Sequence[Case]) -> list[str]:
    """The rule of the judge; where it depends on the case every rule with the cases it is for."""
    found: dict[str, list[str]] = {}
    for case in cases:
        found.setdefault(str(_judge_of(judge, case)), []).append(case.name)
    if len(found) <= 1:
        return list(found)
    return [f"{rule} ({_listed(names)})" for rule, names in found.items()]


def _judge_of(judge: object, case: Case) -> Judge:
    return judge if hasattr(judge, "side") else judge({**case.config, **case.select})


def sizes(cases: Sequence[Case]) -> str:
    """Every setting of the configurations with the values it takes over the cases."""
    settings: dict[str, list[str]] = {}
    for case in cases:
        for key, value in case.config.items():
            shown = setting_text(value)
            if shown not in settings.setdefault(key, []):
                settings[key].append(shown)
    return "; ".join(f"{key.replace('_', ' ')} {_listed(values, ' or ')}" for key, values in settings.items())


def setting_text(value: object) -> str:
    """A value of a configuration: numbers short, long lists by their ends."""
    if isinstance(value, dict):
        return " ".join(
            setting_text(item) if isinstance(item, str) else f"{k} = {setting_text(item)}" for k, item in value.items()
        )
    if isinstance(value, list | tuple):
        return _listed([setting_text(item) for item in value])
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _listed(values: Sequence[str], joint: str = ", ") -> str:
    if len(values) <= SHOWN:
        return joint.join(values)
    return f"{values[0]} … {values[-1]} ({len(values)} values)"


def draws(part: Part, cases: Sequence[Case]) -> str:
    """How many draws decide, and in how many looks."""
    counts = sorted({case.draws for case in cases})
    if not counts or counts[-1] == 0:
        return "none"
    looks = part.looks if _judge_of(part.judge, cases[0]).random else 1
    text = _listed([str(count) for count in counts], " or ")
    return text if looks == 1 else f"{text} at the first of {looks} looks, {counts[-1] << (looks - 1)} at most"


def control_rule(control: Control, part: Part, cases: Sequence[Case], tier: str) -> str:
    """The rule and sizes of a control where they are not those of the part."""
    own = cases if control.cases is None else tuple(control.cases(tier))
    own = [case for case in own if control.when({**case.config, **case.select})]
    if not own:
        return "not at this tier"
    text = [] if control.judge is None else rules(control.judge, own)
    if control.cases is not None:
        text += [sizes(own), f"draws {draws(part, own)}"]
    elif len(own) < len(cases):
        text.append(f"in {len(own)} cases")
    return "; ".join(text)


def kinds(record: dict) -> dict[str, str]:
    """What every kind of row of a record measures, or what is false in it, by its key."""
    found = {}
    for part in record["declared"]:
        found[part["kind"]] = f"({part['kind']}) {part['says']}"
        found |= {control["kind"]: f"({part['kind']}) {control['says']}" for control in part["controls"]}
    return found
