"""What a person is asked to remember, for every emotion that the label sets know."""

from __future__ import annotations

from mdjpt.calibration.label_sets import plain_label

__all__ = ["MEDIA_TEXT", "recall_prompts"]

_RECALL: dict[str, tuple[str, ...]] = {
    "negative": (
        "Remember a day on which little went well.",
        "Think of something that has troubled you lately.",
        "Remember a moment that you would rather not live through again.",
        "Think of a disappointment, and of how it felt.",
    ),
    "neutral": (
        "Think of the way from your door to the nearest shop.",
        "Picture the objects on your desk, one after another.",
        "Go through what you do in the morning, step by step.",
        "Picture a plain wall, its colour and its edges.",
    ),
    "positive": (
        "Remember a day on which everything went well.",
        "Think of something that you look forward to.",
        "Remember a moment that you would like to live through again.",
        "Think of somebody who is glad to see you.",
    ),
    "happy": (
        "Remember good news that you were given.",
        "Think of an afternoon with people you like.",
        "Remember a wish that came true.",
        "Think of a place where you are happy.",
    ),
    "sad": (
        "Remember a parting.",
        "Think of something that you have lost and still miss.",
        "Remember a day on which you felt alone.",
        "Think of a time that will not come back.",
    ),
    "fear": (
        "Remember a moment in which you were frightened.",
        "Imagine steps behind you on a dark and empty street.",
        "Imagine that you stand at the edge of a high roof.",
        "Remember waiting for a result that you were afraid of.",
    ),
    "disgust": (
        "Remember a smell that made you turn away.",
        "Imagine food that has gone bad, seen from close by.",
        "Think of something sticky that you had to touch.",
        "Remember a place that was too dirty to stay in.",
    ),
    "anger": (
        "Remember a time when you were treated unfairly.",
        "Think of a promise to you that was broken.",
        "Remember an argument in which nobody listened to you.",
        "Think of somebody who got away with what was wrong.",
    ),
    "surprise": (
        "Remember a moment that nobody could have expected.",
        "Imagine a loud bang right behind you, now.",
        "Remember meeting somebody where you least expected it.",
        "Imagine opening a parcel and finding what you never ordered.",
    ),
    "calm": (
        "Imagine that you lie in warm grass and watch the clouds.",
        "Think of slow waves on a beach.",
        "Remember an evening with nothing left to do.",
        "Follow your breath, in and out, without changing it.",
    ),
    "amusement": (
        "Remember the last time you could not stop laughing.",
        "Think of the funniest scene that you know.",
        "Remember a joke that still works.",
        "Think of a mishap that makes everybody laugh today.",
    ),
    "inspiration": (
        "Think of a person whose courage you admire.",
        "Remember an idea that you could not wait to try.",
        "Think of music or words that make you want to begin something.",
        "Remember something difficult that you managed in the end.",
    ),
    "joy": (
        "Remember a moment in which you could have danced.",
        "Think of a celebration with people you love.",
        "Remember winning something that you had worked for.",
        "Think of the best surprise you ever had.",
    ),
    "tenderness": (
        "Think of holding somebody you love.",
        "Remember a small child or an animal asleep next to you.",
        "Remember somebody who took care of you.",
        "Think of a kind word that you still keep.",
    ),
    "rest": (
        "Let your thoughts come and go; there is nothing to do.",
        "Look at one point and breathe quietly.",
        "Let your shoulders and your jaw go loose.",
    ),
}
_RECALL |= {
    "low valence": _RECALL["negative"],
    "high valence": _RECALL["positive"],
    "low arousal": (*_RECALL["calm"], "Imagine that you are warm, heavy and nearly asleep."),
    "high arousal": (
        "Imagine the last metres of a race that you can win.",
        "Remember being so excited that you could not sit still.",
        "Imagine that you must catch a train that is leaving now.",
        "Remember the moment before you had to step on a stage.",
    ),
}

MEDIA_TEXT = {
    "picture": "Look at the picture and let the feeling come.",
    "video": "Watch, and let the feeling come.",
    "sound": "Listen, and let the feeling come.",
}
"""What is asked for with a file, by its kind."""


def recall_prompts(label: str) -> tuple[str, ...]:
    """Return what to ask for, several sentences; general ones for an emotion nobody knows."""
    known = _RECALL.get(plain_label(label))
    if known is not None:
        return known
    return (
        f"Remember a moment in which you felt this: {label}.",
        f"Imagine something that brings this about in you: {label}.",
        f"Think of the last time that you felt this: {label}.",
    )
