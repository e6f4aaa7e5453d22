
fn value(block: u32, y: u32, x: u32) -> vec4<f32> {
    let z = a0_load(block, y, x);
    let n = block * $(NUMBERS)u;
    return activate(z$for(i NUMBERS), vec4<f32>(weights[n + $(i)u])$end);
}
