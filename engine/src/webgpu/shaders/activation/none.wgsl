
fn activate(z: vec4<f32>) -> vec4<f32> {
    return z;
}
