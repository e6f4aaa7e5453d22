
fn value(block: u32, y: u32, x: u32) -> vec4<f32> {
    return vec4<f32>(weights[0]) * a0_load(block, y, x) * a1_load(block, y, x);
}
