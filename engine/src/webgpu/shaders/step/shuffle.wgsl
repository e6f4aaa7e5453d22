
const S = $(S)u;

fn value(block: u32, y: u32, x: u32) -> vec4<f32> {
    var pixel = vec4<f32>();
$for(_ SKIP)    pixel = a1_load(block, y / S, x / S);
$end    for (var lane = 0u; lane < 4u; lane++) {
        let channel = 4u * block + lane;
        if (channel < $(CHANNELS)u) {
            let phase = (channel * S + y % S) * S + x % S;
            pixel[lane] += a0_load(phase / 4u, y / S, x / S)[phase % 4u];
        }
    }
    return pixel;
}
