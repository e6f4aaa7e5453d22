
// [channels, h, w]
@group(0) @binding($(BINDING)) var<storage, read$for(_ WRITTEN)_write$end> $(NAME): array<f32>;

// Index of a block's first pixel; index 0 is a zero.
fn $(NAME)_base(block: u32) -> u32 {
    return 4u + 4u * block * $(NAME)_plane();
}

// The pixel at an index, or zeros where the mask is 0.
fn $(NAME)_at(i: u32, mask: u32) -> vec4<T> {
    var pixel = vec4<T>();
$for(lane LANES)    pixel[$(lane)] = T($(NAME)[(i + $(lane)u * $(NAME)_plane()) & mask]);
$end    return pixel;
}
