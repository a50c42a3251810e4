"""A calibration session in a terminal: lines that say what to do, lines that the person types."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, TextIO

from app.calibration.session import Phase, Rating

if TYPE_CHECKING:
    from app.calibration.session import CalibrationSession, View

__all__ = ["LineReader", "TerminalGuide"]

KEYS = "Enter goes on, p pauses and goes on again, r repeats a trial, q ends"


class LineReader:
    """Reads lines on a thread of its own, so that nobody waits for the keyboard."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        # Nothing can interrupt a read from a terminal: the thread ends with the program.
        threading.Thread(target=self._read, name="keyboard", daemon=True).start()

    def lines(self) -> list[str]:
        """Return what was typed since the last call."""
        return [self._lines.get() for _ in range(self._lines.qsize())]

    def _read(self) -> None:
        for line in self._file:
            self._lines.put(line)


class TerminalGuide:
    """Says what to do when the phase changes, and passes on what the person types.

    When nobody can type, ratings are left out and breaks last as long as a rest.
    """

    def __init__(self, session: CalibrationSession, out: TextIO, *, interactive: bool) -> None:
        self._session = session
        self._out = out
        self._interactive = interactive
        self._shown: tuple[Phase, int, bool] | None = None

    def show(self, view: View) -> None:
        """Write what is new."""
        number = 0 if view.trial is None else view.trial.number
        key = (view.phase, number, view.paused)
        if key == self._shown:
            return
        self._shown = key
        text = "paused: p goes on" if view.paused else self._text(view)
        if text:
            self._say(text)
        if not self._interactive and view.phase in (Phase.RATING, Phase.BREAK):
            self._session.go_on()

    def take(self, line: str) -> None:
        """Do what a line asks for; a line that says nothing gets an answer."""
        session, view = self._session, self._session.view()
        word = line.strip().lower()
        if word == "q":
            session.abort()
        elif word == "p":
            if view.paused:
                session.resume()
            else:
                session.pause()
        elif word == "r":
            self._shown = None
            session.repeat()
        elif view.phase is Phase.READY:
            session.start()
        elif not word:
            session.go_on()
        elif view.phase is Phase.RATING:
            self._rate(line)
        else:
            self._say(KEYS)

    def _rate(self, line: str) -> None:
        rating = self._rating(line.split(maxsplit=2))
        if rating is None:
            self._say("two numbers from 1 to 9, then the emotion or its number; Enter: no rating")
        else:
            self._session.rate(rating)

    def _rating(self, words: list[str]) -> Rating | None:
        """Read ``6 4``, ``6 4 joy`` or ``6 4 2``; None when it is none of these."""
        if len(words) < 2 or not (words[0].isdecimal() and words[1].isdecimal()):
            return None
        felt = None
        if len(words) == 3:
            felt = self._class(words[2].strip())
            if felt is None:
                return None
        try:
            return Rating(int(words[0]), int(words[1]), felt)
        except ValueError:
            return None

    def _class(self, word: str) -> str | None:
        names = self._session.plan.class_names
        if word.isdecimal() and 1 <= int(word) <= len(names):
            return names[int(word) - 1]
        return next((name for name in names if name.lower() == word.lower()), None)

    def _text(self, view: View) -> str:
        plan, trial = self._session.plan, view.trial
        seconds = f"{view.remaining_s or 0.0:.0f} s"
        if trial is not None and view.phase is Phase.COUNTDOWN:
            media = "" if trial.prompt.media is None else f" {trial.prompt.media}"
            return (
                f"trial {trial.number} of {view.n_trials}, {trial.label}: "
                f"{trial.prompt.text}{media}"
            )
        if view.phase is Phase.RATING and self._interactive:
            names = ", ".join(f"{k} {name}" for k, name in enumerate(plan.class_names, 1))
            return f"how pleasant (1-9), how excited (1-9), what did you feel ({names})?"
        texts = {
            Phase.BASELINE_OPEN: f"rest with your eyes open, {seconds}",
            Phase.BASELINE_CLOSED: f"close your eyes, {seconds}",
            Phase.TRIAL: f"  now, {seconds}",
            Phase.REST: f"  rest, {seconds}",
            Phase.BREAK: "a break: Enter goes on" if self._interactive else "",
            Phase.DONE: "done, thank you",
            Phase.ABORTED: "ended before its time",
        }
        return texts.get(view.phase, "")

    def _say(self, text: str) -> None:
        self._out.write(f"{text}\n")
        self._out.flush()
