"""The electrodes of each dataset in the order of the rows of its files."""

from __future__ import annotations

__all__ = [
    "DEAP_32",
    "DEAP_32_BY_HEMISPHERE",
    "EMOEEG_MC_64",
    "EMOTIV_14",
    "FACED_32",
    "SEED_60",
    "SEED_62",
]


def _ordered(names: str) -> tuple[str, ...]:
    return tuple(names.split())


# The SEED family. CB1 and CB2 lie below PO7 and PO8 and have no name in the 10-05 system.
SEED_62 = _ordered("""
    FP1 FPZ FP2 AF3 AF4 F7 F5 F3 F1 FZ F2 F4 F6 F8 FT7 FC5 FC3 FC1 FCZ FC2 FC4 FC6 FT8 T7 C5 C3 C1
    CZ C2 C4 C6 T8 TP7 CP5 CP3 CP1 CPZ CP2 CP4 CP6 TP8 P7 P5 P3 P1 PZ P2 P4 P6 P8 PO7 PO5 PO3 POZ
    PO4 PO6 PO8 CB1 O1 OZ O2 CB2
""")
SEED_60 = tuple(name for name in SEED_62 if not name.startswith("CB"))

# DEAP's preprocessed files are in Geneva's order; mdJPT's authors go down the left side, then up
# the right one.
DEAP_32 = _ordered("""
    FP1 AF3 F3 F7 FC5 FC1 C3 T7 CP5 CP1 P3 P7 PO3 O1 OZ PZ FP2 AF4 FZ F4 F8 FC6 FC2 CZ C4 T8 CP6
    CP2 P4 P8 PO4 O2
""")
DEAP_32_BY_HEMISPHERE = _ordered("""
    FP1 AF3 F7 F3 FC1 FC5 T7 C3 CP1 CP5 P7 P3 PZ PO3 O1 OZ O2 PO4 P4 P8 CP6 CP2 C4 T8 FC6 FC2 F4 F8
    AF4 FP2 FZ CZ
""")

# The mastoids last.
FACED_32 = _ordered("""
    FP1 FP2 FZ F3 F4 F7 F8 FC1 FC2 FC5 FC6 CZ C3 C4 T7 T8 CP1 CP2 CP5 CP6 PZ P3 P4 P7 P8 PO3 PO4 OZ
    O1 O2 A2 A1
""")

# DREAMER and AMIGOS.
EMOTIV_14 = _ordered("AF3 F7 F3 FC5 T7 P7 O1 O2 P8 T8 FC6 F4 F8 AF4")

EMOEEG_MC_64 = _ordered("""
    FP1 FPZ FP2 AF7 AF3 AF4 AF8 F7 F5 F3 F1 FZ F2 F4 F6 F8 FT7 FC5 FC3 FC1 FCZ FC2 FC4 FC6 FT8 T7
    C5 C3 C1 CZ C2 C4 C6 T8 TP7 CP5 CP3 CP1 CPZ CP2 CP4 CP6 TP8 P7 P5 P3 P1 PZ P2 P4 P6 P8 PO7 PO3
    POZ PO4 PO8 O1 OZ O2 F9 F10 TP9 TP10
""")
