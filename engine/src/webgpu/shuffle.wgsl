
fn value(block: u32, y: u32, x: u32) -> vec4<f32> {
    var pixel = $skip;
    for (var lane = 0u; lane < LANES; lane++) {
        let channel = ((4u * block + lane) * S + y % S) * S + x % S;
        pixel[lane] += a_load(channel / 4u, y / S, x / S)[channel % 4u];
    }
    return pixel;
}
