
// erf by Abramowitz and Stegun (1964), 7.1.26: off by 1.5e-7 at most.
fn activate(z: vec4<f32>) -> vec4<f32> {
    // exp() may underflow; erf has saturated there.
    let x = min(abs(z) * 0.70710678, vec4<f32>(9.0));
    let t = 1.0 / (1.0 + 0.3275911 * x);
    let series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    // (1 − erf x) / 2
    let tail = 0.5 * series * exp(-x * x);
    return z * select(tail, 1.0 - tail, z > vec4<f32>());
}
