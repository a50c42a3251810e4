"""From raw electrodes to the encoder's input: filters, quality, scale, montage, windows."""
