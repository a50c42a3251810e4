"""The engine's and the decoder's processes, and who looks after them."""
