"""Patches a second of training the network of tests/src/bin/bench-train.rs in PyTorch.

Usage: train.py nchw|nhwc BATCH PATCH_PX WARM_UP_STEPS STEPS
"""
import sys
import time

import torch
from torch import nn

layout, batch, patch_px, warm_up_steps, steps = sys.argv[1], *map(int, sys.argv[2:])
memory = torch.channels_last if layout == "nhwc" else torch.contiguous_format
channels = [3, 16, 16, 16, 16, 16, 16, 12]


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        layers = []
        for i, (a, b) in enumerate(zip(channels, channels[1:])):
            layers.append(nn.Conv2d(a, b, 3, padding=1))
            if i < 6:
                layers.append(nn.PReLU(b))
        self.body = nn.Sequential(*layers)
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, x):
        return self.shuffle(self.body(x) + x.repeat_interleave(4, dim=1))


network = Network().to(memory_format=memory)
adam = torch.optim.Adam(network.parameters(), 1e-3)
x = torch.rand(batch, 3, patch_px, patch_px).to(memory_format=memory)
target = torch.rand(batch, 3, 2 * patch_px, 2 * patch_px).to(memory_format=memory)
for step in range(warm_up_steps + steps):
    if step == warm_up_steps:
        start = time.perf_counter()
    adam.zero_grad()
    (network(x) - target).abs().mean().backward()
    adam.step()
print(batch * steps / (time.perf_counter() - start))
