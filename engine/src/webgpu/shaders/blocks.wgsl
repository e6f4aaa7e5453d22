
// [channels / 4, h, w] of four channels each.
@group(0) @binding($(BINDING)) var<storage, read$for(_ WRITTEN)_write$end> $(NAME): array<vec4<T>>;

// Index of a block's first pixel; index 0 is a zero.
fn $(NAME)_base(block: u32) -> u32 {
    return 1u + block * $(NAME)_plane();
}

// The pixel at an index, or zeros where the mask is 0.
fn $(NAME)_at(i: u32, mask: u32) -> vec4<T> {
    return $(NAME)[i & mask];
}
