"""What the wizard's pages look like beyond the dashboard: larger type, more air."""

from __future__ import annotations

from string import Template

__all__ = ["WIZARD_SHEET"]

WIZARD_SHEET = Template("""
#wizard { background: $window; }
#wizardTop, #wizardFoot { background: $card; }
#wizardTop { border: 0; border-bottom: 1px solid $border; }
#wizardFoot { border: 0; border-top: 1px solid $border; }
QLabel[role="page"] { font-size: 25px; font-weight: 600; }
QLabel[role="lead"] { font-size: 14px; color: $muted; }
QLabel[role="group"] { font-size: 12px; font-weight: 600; color: $muted; }
QLabel[role="body"] { font-size: 14px; }
QLabel[role="big"] { font-size: 34px; font-weight: 600; }
QLabel[role="prompt"] { font-size: 30px; font-weight: 600; }
QLabel[role="number"] { font-size: 22px; font-weight: 600; }
QLabel[role="verdict"] { font-size: 15px; font-weight: 600; }
QLabel[role="verdict"][tone="good"] { color: $good; }
QLabel[role="verdict"][tone="warn"] { color: $warn; }
QLabel[role="verdict"][tone="bad"] { color: $bad; }
QLabel[role="recording"] { color: $bad; font-weight: 600; font-size: 12px; }
QPushButton { padding: 6px 14px; }
#question { background: $card; border: 1px solid $border; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 2px; }
QScrollBar::handle:vertical { background: $faint; border-radius: 3px; min-height: 24px; }
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {
  background: transparent; height: 0;
}
QPushButton[danger="true"] { color: $bad; border-color: $bad; }
QPushButton[danger="true"]:hover { background: $bad; color: $window; }
QPushButton[link="true"] {
  background: transparent; border: 1px solid transparent; color: $accent; padding: 4px 6px;
  text-align: left;
}
QPushButton[link="true"]:focus, QPushButton[link="true"]:hover { border-color: $accent; }
QPushButton[link="true"]:disabled { color: $faint; }
QProgressBar {
  background: $raised; border: 1px solid $border; border-radius: 5px; max-height: 8px;
  min-height: 8px;
}
QProgressBar::chunk { background: $accent; border-radius: 4px; }
#stage[light="dim"] { background: #000000; }
#stage[light="bright"] { background: #ffffff; }
#stage[light="dim"] QLabel { color: #b9c3cf; }
#stage[light="bright"] QLabel { color: #16202c; }
QPushButton[answer="true"] { text-align: left; padding: 7px 12px; font-size: 14px; }
QPushButton[answer="true"]:checked {
  background: $chosen; color: $accent; border-color: $accent; font-weight: 600;
}
#segments QToolButton { padding: 5px 12px; font-size: 13px; }
""")
