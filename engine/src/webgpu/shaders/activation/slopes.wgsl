
fn activate(z: vec4<f32>, slope: vec4<f32>) -> vec4<f32> {
    return select(slope * z, z, z > vec4<f32>());
}
