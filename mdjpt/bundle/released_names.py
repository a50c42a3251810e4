"""What the published checkpoint calls the weights."""

from __future__ import annotations

import re

__all__ = ["FLAT", "released_name"]

_BLOCK = {
    "cpe1": "cpe1",
    "norm": "norm1",
    "in_proj": "in_proj",
    "dwc": "dwc",
    "gate": "act_proj",
    "attention.query": "self_attn.W_Q",
    "attention.key": "self_attn.W_K",
    "attention.value": "self_attn.W_V",
    "attention.out": "self_attn.to_out.0",
    "out_proj": "out_proj",
    "cpe2": "cpe2",
    "ffn_in": "ff.0",
    "ffn_out": "ff.3",
}
_WHOLE = {
    "channel_encoder.read_in": "MLLA.encoder.read_in",
    "channel_encoder.read_out": "MLLA.encoder.read_out",
    "mixing": "uni_mlp.fc",
    "spatiotemporal.attention_conv": "cnn_encoder.att_conv",
    "spatiotemporal.attention_point": "cnn_encoder.att_pointConv",
    "projector.conv1": "cnn_encoder.timeConv1",
    "projector.conv2": "cnn_encoder.timeConv2",
}
FLAT = tuple(name for name in _WHOLE if name.startswith(("spatiotemporal", "projector")))
"""Layers whose weights have an axis of length 1 more there."""


def released_name(name: str) -> str:
    """Return what the published checkpoint calls an array of `MdjptNetwork.state_dict`."""
    layer, _, part = name.rpartition(".")
    if layer in _WHOLE:
        return f"{_WHOLE[layer]}.{part}"
    parent, number, rest = re.split(r"\.(\d+)\.?", layer, maxsplit=1)
    if parent == "channel_encoder.blocks":
        return f"MLLA.encoder.blocks.{number}.{_BLOCK[rest]}.{part}"
    return f"cnn_encoder.msConv{int(number) + 1}.{part}"
