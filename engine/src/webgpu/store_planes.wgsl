
fn result_store(block: u32, y: u32, x: u32, value: vec4<f32>) {
    let pixels = result_size();
    for (var lane = 0u; lane < 4u; lane++) {
        if (4u * block + lane < RESULT_CHANNELS) {
            result[result_base(block) + (lane * pixels.y + y) * pixels.x + x] = value[lane];
        }
    }
}
