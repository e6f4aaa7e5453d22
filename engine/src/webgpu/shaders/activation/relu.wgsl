
fn activate(z: vec4<f32>) -> vec4<f32> {
    return max(z, vec4<f32>());
}
