"""Patches a second of training a network of tests/src/bin/bench-train.rs in PyTorch.

Usage: train.py nchw|nhwc NAME BATCH PATCH_PX WARM_UP_STEPS STEPS
"""
import sys
import time

import torch
from torch import nn

layout, name, batch, patch_px, warm_up_steps, steps = *sys.argv[1:3], *map(int, sys.argv[3:])
memory = torch.channels_last if layout == "nhwc" else torch.contiguous_format


class Plain(nn.Module):
    """3x3 convolutions with PReLU, a shuffle by 2, and the nearest pixels added."""

    def __init__(self, width, depth):
        super().__init__()
        channels = [3] + [width] * (depth + 1) + [12]
        layers = []
        for a, b in zip(channels, channels[1:]):
            layers += [nn.Conv2d(a, b, 3, padding=1), nn.PReLU(b)]
        self.body = nn.Sequential(*layers[:-1])
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, x):
        return self.shuffle(self.body(x) + x.repeat_interleave(4, dim=1))


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.PReLU(width),
            nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width))

    def forward(self, x):
        return x + self.body(x)


class SrResNet(nn.Module):
    def __init__(self, width, blocks):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, width, 9, padding=4), nn.PReLU(width))
        self.body = nn.Sequential(
            *[Block(width) for _ in range(blocks)],
            nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width))
        up = [nn.Conv2d(width, 4 * width, 3, padding=1), nn.PixelShuffle(2), nn.PReLU(width)]
        again = [nn.Conv2d(width, 4 * width, 3, padding=1), nn.PixelShuffle(2), nn.PReLU(width)]
        self.up = nn.Sequential(*up, *again, nn.Conv2d(width, 3, 9, padding=4))

    def forward(self, x):
        x = self.first(x)
        return self.up(x + self.body(x))


make, scale = {
    "plain 16×5": (lambda: Plain(16, 5), 2),
    "plain 32×6": (lambda: Plain(32, 6), 2),
    "compact 64×8": (lambda: Plain(64, 8), 2),
    "srresnet 32×4": (lambda: SrResNet(32, 4), 4),
}[name]
network = make().to(memory_format=memory)
adam = torch.optim.Adam(network.parameters(), 1e-3)
x = torch.rand(batch, 3, patch_px, patch_px).to(memory_format=memory)
side = scale * patch_px
target = torch.rand(batch, 3, side, side).to(memory_format=memory)
for step in range(warm_up_steps + steps):
    if step == warm_up_steps:
        start = time.perf_counter()
    adam.zero_grad()
    (network(x) - target).abs().mean().backward()
    adam.step()
print(batch * steps / (time.perf_counter() - start))
