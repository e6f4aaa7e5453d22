
fn activate(z: vec4<f32>) -> vec4<f32> {
    // exp() may overflow; the divisor has saturated there.
    return z / (1.0 + exp(-clamp(z, vec4<f32>(-60.0), vec4<f32>(60.0))));
}
