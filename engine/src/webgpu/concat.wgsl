
// Moves channels by SHIFT within the blocks; what was there before them stays.
fn value(block: u32, y: u32, x: u32) -> vec4<f32> {
    if (SHIFT == 0u) {
        return a_load(block, y, x);
    }
    var moved = result_load(FIRST_BLOCK + block, y, x);
    for (var lane = 0u; lane < 4u; lane++) {
        let channel = 4u * block + lane - SHIFT;
        if (channel < CHANNELS) {
            moved[lane] = a_load(channel / 4u, y, x)[channel % 4u];
        }
    }
    return moved;
}
