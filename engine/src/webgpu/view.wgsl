
// $name: $channels channels of $scale pixels a pixel of the network's input and a margin of $margin.
@group(0) @binding($binding) var<storage, $access> $name: array<$element>;

fn $name_size() -> vec2<u32> {
    return size * $scaleu + 2u * $marginu;
}

// Where a block of four channels begins; before it there are zeros.
fn $name_base(block: u32) -> u32 {
    let pixels = $name_size();
    return $originu + block * $stepu * pixels.x * pixels.y;
}

// The block's pixel at an index, or zeros where the mask is 0.
fn $name_at(i: u32, mask: u32) -> vec4<T> {
    let plane = $name_size().x * $name_size().y;
    return $at;
}

fn $name_load(block: u32, y: u32, x: u32) -> vec4<f32> {
    return vec4<f32>($name_at($name_base(block) + y * $name_size().x + x, 0xffffffffu));
}
