
fn activate(z: vec4<f32>, low: vec4<f32>, high: vec4<f32>) -> vec4<f32> {
    return clamp(z, low, high);
}
