
const S = $(S)u;

fn value(block: u32, y: u32, x: u32) -> vec4<f32> {
    var pixel = vec4<f32>();
    for (var lane = 0u; lane < 4u; lane++) {
        let phase = 4u * block + lane;
        let at = vec2(x, y) * S + vec2(phase % S, phase / S % S);
        let channel = phase / (S * S);
        if (phase < $(CHANNELS)u && all(at < a0_size())) {
            pixel[lane] = a0_load(channel / 4u, at.y, at.x)[channel % 4u];
        }
    }
    return pixel;
}
