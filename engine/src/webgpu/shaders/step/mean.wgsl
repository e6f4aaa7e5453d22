
// Along one axis: 0 is x, 1 is y.
fn value(block: u32, y: u32, x: u32) -> vec4<f32> {
    var at = vec2(x, y);
    let center = at[$(AXIS)];
    let first = max(center, $(REACH)u) - $(REACH)u;
    let last = min(center + $(REACH)u, a0_size()[$(AXIS)] - 1u);
    var sum = vec4<f32>();
    for (var i = first; i <= last; i++) {
        at[$(AXIS)] = i;
        sum += a0_load(block, at.y, at.x);
    }
    return sum / f32(last - first + 1u);
}
