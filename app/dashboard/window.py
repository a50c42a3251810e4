"""The main window: polls the session thirty times a second and hands each view its part."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMainWindow, QStackedWidget

from app.dashboard.arrangement import ScrolledPage, arrange, fit_the_screen
from app.dashboard.calibration_overlay import CalibrationOverlay
from app.dashboard.connection import Connection
from app.dashboard.display_filter import warm_up_filter
from app.dashboard.electrodes_card import ElectrodesCard
from app.dashboard.emotion_view import EmotionView
from app.dashboard.felt_menu import felt_menu
from app.dashboard.header import Header, application_icon
from app.dashboard.health_strip import HealthStrip
from app.dashboard.history_view import HistoryView
from app.dashboard.key_reasons import why_not
from app.dashboard.learning import SessionLearning
from app.dashboard.leaving import Leaving
from app.dashboard.recording import OPEN_FOLDER, RecordingControl
from app.dashboard.recording_panel import N_MARKS, RecordingPanel, mark_name
from app.dashboard.remembering import Remembering
from app.dashboard.session_feed import RECONNECT, SessionFeed, trouble
from app.dashboard.shortcuts import ShortcutsDialog, add_shortcuts
from app.dashboard.signals_view import SignalsView
from app.dashboard.source_dialog import SourceDialog
from app.dashboard.welcome import Welcome
from app.recording_files import default_recordings
from app.settings import Settings
from app.source_choice import SourceChoice
from app.widgets.background import Background
from app.widgets.badges import Badges
from app.widgets.message_bar import MessageBar
from app.widgets.theme import DARK, LIGHT, Palette, class_colours, set_theme, style_sheet
from app.widgets.words import for_the_window, silence
from streaming.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QCloseEvent, QResizeEvent

    from app.dashboard.source_report import SourceReport
    from app.session import LiveSession
    from app.source_choice import FoundSource
    from app.wizard.tools import CalibrationTools
    from streaming.stream import StreamInfo

__all__ = ["Dashboard"]

FRAME_MS = 33
SIMULATED = SourceChoice("sim:")
LEAST_SIZE = (640, 480)


class Dashboard(QMainWindow):
    """Signals, emotions and health of one session.

    Parameters
    ----------
    session_factory : callable
        Makes a session of the user's choice; called in a worker thread.
    initial : SourceChoice or None
        What to connect to as soon as the window is painted.
    discover : callable
        Lists the streams that answer; called in a thread.
    look_at : callable or None
        Says what a choice would bring to the model; called in a thread.
    settings : Settings, optional
        What is remembered; only until the end by default.
    palette : Palette, optional
        Theme to begin with; by default that of last time.
    recordings : Path, optional
        Folder of recordings; one for the user's data by default.
    calibration : CalibrationTools or None
        Profiles and training; None where calibrating is not offered.
    """

    painted = Signal()
    first_signal = Signal()

    def __init__(
        self,
        session_factory: Callable[[SourceChoice], LiveSession],
        initial: SourceChoice | None = None,
        *,
        discover: Callable[[], Sequence[FoundSource]] = list,
        look_at: Callable[[SourceChoice], SourceReport] | None = None,
        settings: Settings | None = None,
        palette: Palette | None = None,
        recordings: Path | None = None,
        calibration: CalibrationTools | None = None,
    ) -> None:
        super().__init__()
        self.setWindowTitle("mdJPT Live")
        self.setWindowIcon(application_icon())
        self.setMinimumSize(*LEAST_SIZE)
        self._initial = initial
        self._discover, self._look_at = discover, look_at
        self.settings = settings or Settings()
        self._remembering = Remembering(self.settings)
        if not self._remembering.restore_size(self):
            fit_the_screen(self)
        self._background = Background(self)
        self.connection = Connection(session_factory, self)
        self.header, self.badges, self.messages = Header(), Badges(), MessageBar()
        self.recording = RecordingControl(
            self.header.record_button, self.messages, recordings or default_recordings()
        )
        self.signals, self.history = SignalsView(), HistoryView()
        self.emotion, self.electrodes, self.health = EmotionView(), ElectrodesCard(), HealthStrip()
        kept = self.settings.get("folders", "recordings", "")
        if kept and recordings is None:
            self.recording.target = Path(kept)
        self.panel = RecordingPanel(self.recording, self.settings, self)
        self.welcome = Welcome(self.signals.canvas)
        self._feed = SessionFeed()
        self._info: StreamInfo | None = None
        self._then: Callable[[], object] | None = None
        self._frame_at = time.perf_counter()
        self._dashboard, self._right = arrange(
            top=(self.header, self.badges, self.messages),
            left=(self.signals, self.history),
            right=(self.emotion, self.electrodes),
            foot=self.health,
        )
        pages = QStackedWidget()
        self._dashboard.installEventFilter(self)
        self.scroll_area = ScrolledPage(self._dashboard)
        pages.addWidget(self.scroll_area)
        self.setCentralWidget(pages)
        self.calibration = CalibrationOverlay(
            pages, self.connection, self.messages, calibration, self._background
        )
        self.leaving = Leaving(
            self, self.connection, self.messages, self.calibration, lambda: self._feed.snapshot
        )
        self.learning = SessionLearning(self.messages, calibration, self._background)
        self._wire()
        self.header.show_connected(False)
        self.apply_palette(palette or self._remembering.palette)
        self._remembering.restore_history(self.history)
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)
        self._timer.start(FRAME_MS)

    # What a user does.

    def connect_source(self, choice: SourceChoice) -> None:
        """Begin a session; the window stays usable while it opens."""
        if self.connection.state != "idle":
            return
        self.leaving.stay()
        self.messages.clear()
        self.welcome.hide()
        self._forget()
        self.connection.open(choice)

    def disconnect_source(self) -> None:
        """End the session; the last picture of the signals stays."""
        self.connection.close()

    def choose_source(self) -> None:
        """Ask for a source."""
        if self.connection.state == "idle":
            dialog = SourceDialog(
                self._discover,
                self._background,
                self.connection.choice or self._remembering.last_choice(),
                self,
                look_at=self._look_at,
                settings=self.settings,
            )
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.chosen.connect(self.connect_source)
            dialog.open()

    def mark(self, label: str = "mark") -> None:
        """Set an event at this moment."""
        if self.connection.session is not None:
            self.connection.session.mark(label)

    def ask_what_was_felt(self) -> None:
        """Offer the emotions at the button that asks for them."""
        session, feed = self.connection.session, self._feed
        if session is None or not self.learning.offered:
            return
        snapshot = feed.snapshot
        menu = felt_menu(
            self,
            feed.class_names,
            self.learning.stretch_s(feed),
            recorded=snapshot is not None and bool(snapshot.recording),
            felt=lambda name: self.learning.felt(session, feed, name),
            record=self.toggle_recording,
            go_back=partial(self.learning.go_back, session) if self.learning.can_go_back else None,
        )
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.history.felt.mapToGlobal(QPoint(0, self.history.felt.height())))

    def toggle_recording(self) -> None:
        """Begin a recording, or end the one that is being written."""
        self.recording.toggle(self.connection.session)

    def apply_palette(self, palette: Palette) -> None:
        """Take a theme."""
        self._palette = palette
        self.setStyleSheet(style_sheet(palette))
        set_theme(self._dashboard, palette)
        self.calibration.apply_palette(palette)
        self._show_state()

    def toggle_palette(self) -> None:
        """Switch between dark and light."""
        self.apply_palette(LIGHT if self._palette.dark else DARK)
        self._remembering.keep_palette(self._palette)

    # What time does.

    def tick(self) -> None:
        """Poll the session and update the views; called 30 times a second, about 3 ms."""
        now = time.perf_counter()
        self.emotion.bars.advance(now - self._frame_at)
        self._frame_at = now
        session = self.connection.session
        if session is None:
            return
        self._follow(session)
        wizard, snapshot = self.calibration.wizard, self._feed.snapshot
        if wizard is not None and snapshot is not None:
            # What is covered is not drawn: the processor is the decoder's.
            self.signals.poll(session, draw=False)
            wizard.follow(snapshot)
            return
        self.signals.poll(session)
        self.electrodes.spectrum.poll(session, now)
        self._show_state()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Begin what had to wait for the first picture."""
        if event.type() == QEvent.Type.Paint:
            self._dashboard.removeEventFilter(self)
            QTimer.singleShot(0, self, self._begin)
        return super().eventFilter(watched, event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Close once the session has stopped, without blocking."""
        if not self.leaving.may_close():
            event.ignore()
            return
        self._timer.stop()
        self._remembering.keep_size(self)
        self.connection.shut_down()
        event.accept()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the right column its share."""
        super().resizeEvent(event)
        self._right.setFixedWidth(max(290, min(400, round(self.width() * 0.27))))

    # Inside.

    def _begin(self) -> None:
        """Run right after the first paint: connect, and import what is slow to import."""
        self.painted.emit()
        if self._initial is not None:
            self.connect_source(self._initial)
        self._background.run(
            warm_up_filter,
            self.signals.offer_filter,
            self.messages.show_message,
            "import of the display filter",
        )
        QTimer.singleShot(0, self, self._add_plots)

    def _add_plots(self) -> None:
        """Import pyqtgraph, half a second of work while the source opens.

        In the GUI thread: PySide completes Qt's classes when they are first touched, and no two
        threads shall do so at once.
        """
        from app.dashboard.history_plot import HistoryPlot
        from app.dashboard.spectrum_plot import SpectrumPlot

        self.history.add_plot(HistoryPlot())
        self.electrodes.spectrum.add_plot(SpectrumPlot())
        set_theme(self._dashboard, self._palette)
        self._show_state()

    def _forget(self) -> None:
        self._feed.forget()
        self._info = None
        self.signals.clear()
        self.electrodes.connect_stream(None)
        self._show_state()

    def _follow(self, session: LiveSession) -> None:
        """Take what the session tells, and hand it to the views that draw it as it comes."""
        feed, before = self._feed, self._feed.newest
        events = feed.poll(session)
        snapshot, newest = feed.snapshot, feed.newest
        assert snapshot is not None, "it was just taken"
        if snapshot.info is not None and snapshot.info != self._info:
            first, self._info = self._info is None, snapshot.info
            self.signals.connect_stream(snapshot.info)
            if first and self.connection.choice is not None:
                self._remembering.restore_view(self.connection.choice, self.signals)
            self.electrodes.connect_stream(snapshot.info)
        self.learning.follow(session, snapshot, self.connection.choice)
        said, tone, action = trouble(snapshot)
        if said:
            self.messages.show_message(said, tone, action)
        colours = class_colours(feed.class_names, self._palette)
        for event in events:
            colour = colours.get(event.label) if event.truth else None
            self.signals.mark(event.sample, event.label, colour)
        if newest is not None and newest is not before and newest.status != "gap":
            self.signals.set_bad(newest.quality.bad)
            self.electrodes.set_quality(newest.quality)

    def _show_state(self) -> None:
        feed, choice = self._feed, self.connection.choice
        snapshot = feed.snapshot
        if snapshot is None and self.connection.state == "opening":
            snapshot = Snapshot()
        self.header.show_snapshot(snapshot)
        self._show_main_button()
        publishes = choice is not None and choice.publish_lsl
        self.badges.show_snapshot(snapshot, publishes=publishes)
        self.emotion.show_state(snapshot, feed.newest)
        self.emotion.show_agreement(feed.timeline.agreement)
        self.health.show_snapshot(snapshot)
        self.recording.show_snapshot(snapshot)
        self.panel.show_snapshot(snapshot)
        self.history.show_timeline(feed.timeline, feed.class_names, feed.now_s)
        if self._info is not None:
            self.signals.set_silent(silence(snapshot))
            self.electrodes.set_silent(silence(snapshot))

    def _connection_changed(self) -> None:
        state, snapshot = self.connection.state, self._feed.snapshot
        self._show_main_button()
        if state == "opening":
            self._show_state()
        if state == "closing" and snapshot is not None and snapshot.recording:
            self.messages.show_message("Finishing the recording…", "calm")
        if state == "idle":
            if self._info is not None and self.connection.choice is not None:
                self._remembering.keep_view(self.connection.choice, self.signals)
            self._feed.end()
            self.learning.end()
            self._show_state()
            self._go_on()

    def _connection_failed(self, error: str) -> None:
        self.recording.give_up()
        self.messages.show_message(for_the_window(error), action=RECONNECT)
        self.leaving.tell_first()

    @property
    def _has_failed(self) -> bool:
        """Whether there is a session from which nothing will come."""
        snapshot = self._feed.snapshot
        return snapshot is not None and snapshot.state == "failed"

    def _show_main_button(self) -> None:
        state = self.connection.state
        connected = state == "open" and not self._has_failed
        self.header.show_connected(connected, busy=state in ("opening", "closing"))

    def _do_what_a_message_offers(self, action: str) -> None:
        if action == RECONNECT:
            self._reconnect()
        elif action == OPEN_FOLDER:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.recording.folder)))

    def _press(self, name: str, action: Callable[[], object]) -> None:
        """Do what a key stands for, or say why not."""
        snapshot, state = self._feed.snapshot, self.connection.state
        why = why_not(name, state, snapshot, can_calibrate=self.calibration.offered)
        if why:
            self.messages.show_message(why, "calm")
        else:
            action()

    def _connect_or_disconnect(self) -> None:
        if self._has_failed:
            self._then = self.choose_source
        if self.connection.state == "open":
            self.disconnect_source()
        else:
            self.choose_source()

    def _reconnect(self) -> None:
        """Close the failed session, then open the same choice again."""
        choice = self.connection.choice
        if choice is None:
            return
        if self.connection.state == "idle":
            self.connect_source(choice)
        else:
            self._then = partial(self.connect_source, choice)
            self.disconnect_source()

    def _go_on(self) -> None:
        """Do what waited for the session to end."""
        then, self._then = self._then, None
        if self.leaving.wanted:
            self.close()
        elif then is not None:
            then()

    def _named_mark(self, number: int) -> None:
        self.mark(mark_name(self.settings, number))

    def _note(self, label: str) -> None:
        """Take a mark of the panel, or say why it goes nowhere."""
        self._press("mark", partial(self.mark, label))

    def _show_panel(self) -> None:
        self.panel.show()
        self.panel.raise_()
        self.panel.activateWindow()

    def _show_shortcuts(self) -> None:
        dialog = ShortcutsDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _toggle_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def _wire(self) -> None:
        self.connection.changed.connect(self._connection_changed)
        self.connection.failed.connect(self._connection_failed)
        self.header.connect_button.clicked.connect(self._connect_or_disconnect)
        self.header.calibrate_button.setVisible(self.calibration.offered)
        self.header.calibrate_button.clicked.connect(self.calibration.open)
        self.emotion.can_calibrate = self.calibration.offered
        self.emotion.calibrate.clicked.connect(self.calibration.open)
        self.header.record_button.clicked.connect(self.toggle_recording)
        self.header.theme_button.clicked.connect(self.toggle_palette)
        self.header.help_button.clicked.connect(self._show_shortcuts)
        self.signals.looked_back.connect(self.history.show_past)
        self.history.back.clicked.connect(lambda: self.signals.look_back(-1))
        self.history.forward.clicked.connect(lambda: self.signals.look_back(1))
        self.history.mark_wanted.connect(partial(self._press, "mark", self.mark))
        self.panel.mark_wanted.connect(self._note)
        self.header.panel_button.clicked.connect(self._show_panel)
        self.history.felt.setVisible(self.learning.offered)
        self.history.felt_wanted.connect(partial(self._press, "felt", self.ask_what_was_felt))
        self.messages.action_wanted.connect(self._do_what_a_message_offers)
        self.signals.first_signal.connect(self.first_signal)
        self.signals.first_signal.connect(self.calibration.warm_up)
        self.welcome.try_button.clicked.connect(lambda: self.connect_source(SIMULATED))
        self.welcome.choose_button.clicked.connect(self.choose_source)
        signals = self.signals
        shortcuts = add_shortcuts(
            self,
            {
                "connect": self.choose_source,
                "calibrate": self.calibration.open,
                "disconnect": self.disconnect_source,
                "back": lambda: signals.look_back(-1),
                "forward": lambda: signals.look_back(1),
                "freeze": signals.toggle_frozen,
                "filter": signals.toggle_filter,
                "fit": signals.fit_scale,
                "larger": lambda: signals.step_scale(-1),
                "smaller": lambda: signals.step_scale(1),
                "window_5": lambda: signals.span.choose(5.0),
                "window_10": lambda: signals.span.choose(10.0),
                "window_20": lambda: signals.span.choose(20.0),
                "felt": self.ask_what_was_felt,
                "mark": self.mark,
                **{f"mark_{n}": partial(self._named_mark, n) for n in range(1, N_MARKS + 1)},
                "panel": self._show_panel,
                "record": self.toggle_recording,
                "theme": self.toggle_palette,
                "dismiss": self.messages.dismiss,
                "full_screen": self._toggle_full_screen,
                "help": self._show_shortcuts,
                "quit": self.close,
            },
            self._press,
        )
        # The wizard has keys of its own: Space, Esc and digits mean something else there.
        for name, shortcut in shortcuts:
            if name not in ("quit", "full_screen", "theme"):
                self.calibration.closed.connect(partial(shortcut.setEnabled, True))
                self.calibration.opened.connect(partial(shortcut.setEnabled, False))
