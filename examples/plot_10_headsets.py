"""
What the model sees of a headset
================================

The model has 60 channels. Those that a cap lacks are the mean of the nearest that it has, so fewer
electrodes mean fewer independent channels, not fewer channels. The four electrodes of a Muse make
60 copies of little.
"""

import matplotlib.pyplot as plt
import numpy as np

import mdjpt
from streaming.sources.boards import board_rows

EPOC = ("AF3", "F7", "F3", "FC5", "T7", "P7", "O1", "O2", "P8", "T8", "FC6", "F4", "F8", "AF4")
caps = {
    "Muse 2": board_rows("muse_2").labels,
    "OpenBCI Cyton": board_rows("cyton").labels,
    "Unicorn": board_rows("unicorn").labels,
    "Emotiv EPOC": EPOC,
    "all 60": mdjpt.STANDARD_CHANNELS,
}

# %%
# ``montage_matrix`` makes the 60 channels of a window: one row a channel, one column an
# electrode. Its rank says how many of the 60 can differ; the common average takes one more away.

figure, axes = plt.subplots(1, len(caps), figsize=(10, 5), layout="constrained", sharey=True)
for axis, (name, labels) in zip(axes, caps.items(), strict=True):
    matrix = mdjpt.montage_matrix(labels)
    measured = sum(label.upper() in mdjpt.STANDARD_CHANNELS for label in labels)
    rank = np.linalg.matrix_rank(matrix)
    print(f"{name}: {len(labels)} electrodes, {measured} of the 60, rank {rank}")
    axis.imshow(matrix, aspect="auto", cmap="Greys", vmin=0, vmax=1)
    axis.set(title=name, xlabel="electrode")
axes[0].set(ylabel="channel of the model")
