
fn NAME_size() -> vec2<u32> {
    return (size * $(UP)u + $(DOWN)u - 1u) / $(DOWN)u * $(MULTIPLE)u + 2u * $(MARGIN)u;
}

fn NAME_plane() -> u32 {
    return NAME_size().x * NAME_size().y;
}

fn NAME_load(block: u32, y: u32, x: u32) -> vec4<f32> {
    return vec4<f32>(NAME_at(NAME_base(block) + y * NAME_size().x + x, 0xffffffffu));
}
