
fn value(block: u32, y: u32, x: u32) -> vec4<f32> {
    return a0_load(block, y, x);
}
