
fn result_store(block: u32, y: u32, x: u32, value: vec4<f32>) {
    let first = result_base(block) + y * result_size().x + x;
    for (var lane = 0u; lane < 4u; lane++) {
        if (4u * block + lane < $(CHANNELS)u) {
            result[first + lane * result_plane()] = value[lane];
        }
    }
}
