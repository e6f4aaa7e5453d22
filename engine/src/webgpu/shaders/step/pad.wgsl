
fn inside(i: u32, length: u32) -> u32 {
    let n = i32(length);
    let at = i32(i) - $(MARGIN);
$for(_ SYMMETRIC)    let period = 2 * n;
    let turned = ((at % period) + period) % period;
    return u32(min(turned, period - 1 - turned));
$end$for(_ REFLECT)    let period = max(2 * n - 2, 1);
    let turned = ((at % period) + period) % period;
    return u32(min(turned, period - turned));
$end$for(_ REPLICATE)    return u32(clamp(at, 0, n - 1));
$end}

fn value(block: u32, y: u32, x: u32) -> vec4<f32> {
    return a0_load(block, inside(y, a0_size().y), inside(x, a0_size().x));
}
