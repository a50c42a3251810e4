"""What a bundle tells whoever is to use it: its data, licence, people, hours and accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mdjpt.errors import printable
from mdjpt.guard.cells import markdown_text

if TYPE_CHECKING:
    from mdjpt.bundle.bundle import Bundle

__all__ = ["card_markdown", "missing_facts"]

FACTS = ("data", "people", "hours", "licence", "accuracy")
"""What a card is checked for."""
NOT_SAID, NOT_MEASURED = "not said", "not measured"


def missing_facts(bundle: Bundle) -> tuple[str, ...]:
    """Return which of data, people, hours, licence and accuracy a bundle does not say."""
    facts = _facts(bundle)
    return tuple(name for name in FACTS if facts[name] in (NOT_SAID, NOT_MEASURED))


def card_markdown(bundle: Bundle, name: str) -> str:
    """Return the card of a bundle in Markdown; what it does not say stands there as not said."""
    facts = _facts(bundle)
    warning = ["", "**Simulated: it says nothing about people.**"] if bundle.simulated else []
    rows = [f"| {markdown_text(what)} | {markdown_text(said)} |" for what, said in facts.items()]
    return "\n".join(
        [
            f"# {markdown_text(name)}",
            *warning,
            "",
            "| | |",
            "|---|---|",
            *rows,
            "",
            *(f"- {markdown_text(text)}" for text in bundle.warnings),
            "- For research; not a medical device.",
            "",
        ]
    )


def _facts(bundle: Bundle) -> dict[str, str]:
    said = bundle.provenance
    return {
        "answers": ", ".join(bundle.class_names) or "none: features only, until calibrated",
        "simulated": "yes" if bundle.simulated else "no",
        "data": _listed(said.get("datasets")),
        "people": _number(said.get("people")),
        "hours": _number(said.get("hours")),
        "licence": bundle.licence,
        "accuracy": _measured(said.get("accuracy")),
        **_adapted(said.get("adapted")),
        "network": f"{bundle.variant} variant, "
        f"{sum(array.size for array in bundle.weights.values()):,} weights",
        "made": f"{said.get('created', NOT_SAID)}, mdjpt-live {said.get('code_version', NOT_SAID)}",
        "sha256": bundle.sha256,
    }


def _adapted(said: Any) -> dict[str, str]:
    if not isinstance(said, dict):
        return {}
    on, people, hours = _listed(said.get("on")), said.get("people"), said.get("hours")
    return {"statistics of": f"{on}: {_number(people)} people, {_number(hours)} h"}


def _listed(said: Any) -> str:
    names = [printable(str(name)) for name in said] if isinstance(said, list) else []
    return ", ".join(names) or NOT_SAID


def _number(said: Any) -> str:
    known = isinstance(said, (int, float)) and not isinstance(said, bool)
    return f"{said:,}" if known else NOT_SAID


def _measured(said: Any) -> str:
    """Return each measurement: what it was, on what, of how many people, and chance."""
    entries = [entry for entry in said if isinstance(entry, dict)] if isinstance(said, list) else []
    return "; ".join(map(_one, entries)) or NOT_MEASURED


def _one(entry: dict[str, Any]) -> str:
    keys = ("what", "dataset", "accuracy", "chance", "people")
    what, dataset, accuracy, chance, people = (entry.get(key, "?") for key in keys)
    of = " (SIMULATED)" if entry.get("simulated") else ""
    return f"{what} on {dataset}{of}: {accuracy}, chance {chance}, {people} people"
