
fn value(block: u32, y: u32, x: u32) -> vec4<f32> {
    return a0_load(block, min(y, a0_size().y - 1u), min(x, a0_size().x - 1u));
}
