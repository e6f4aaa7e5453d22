
// Shifts the channels within the blocks; earlier channels of the first block stay.
fn value(block: u32, y: u32, x: u32) -> vec4<f32> {
$for(_ ALIGNED)    return a0_load(block, y, x);
$end$for(_ SHIFTED)    var pixel = vec4<f32>();
    if (block == 0u) {
        pixel = result_load($(FIRST)u, y, x);
    }
    for (var lane = 0u; lane < 4u; lane++) {
        // Wraps around for the earlier channels.
        let channel = 4u * block + lane - $(SHIFT)u;
        if (channel < $(PART)u) {
            pixel[lane] = a0_load(channel / 4u, y, x)[channel % 4u];
        }
    }
    return pixel;
$end}
