
fn result_store(block: u32, y: u32, x: u32, value: vec4<f32>) {
    result[result_base(block) + y * result_size().x + x] = vec4<T>(value);
}
