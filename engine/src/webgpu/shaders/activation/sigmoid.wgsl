
fn activate(z: vec4<f32>) -> vec4<f32> {
    // exp() may overflow; the function has saturated there.
    return 1.0 / (1.0 + exp(-clamp(z, vec4<f32>(-30.0), vec4<f32>(30.0))));
}
