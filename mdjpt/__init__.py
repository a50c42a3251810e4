"""mdJPT: the science. Arrays in, arrays out; no LSL, no Qt, and torch only where the network is.

The public names, listed in ``__init__.pyi``, resolve on first use: importing this package costs
nothing, and a process that needs no network never imports torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
