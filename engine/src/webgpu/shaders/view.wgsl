
fn $(NAME)_size() -> vec2<u32> {
    return (size * $(UP)u + $(DOWN)u - 1u) / $(DOWN)u * $(MULTIPLE)u + 2u * $(MARGIN)u;
}

fn $(NAME)_plane() -> u32 {
    return $(NAME)_size().x * $(NAME)_size().y;
}

fn $(NAME)_load(block: u32, y: u32, x: u32) -> vec4<f32> {
    return vec4<f32>($(NAME)_at($(NAME)_base(block) + y * $(NAME)_size().x + x, 0xffffffffu));
}
