
fn value(block: u32, y: u32, x: u32) -> vec4<f32> {
    var sum = vec4<f32>(weights[0]);
$for(_ CONTINUED)    sum += result_load(block, y, x);
$end$for(i TERMS)    sum += vec4<f32>(weights[1u + $(i)u]) * a$(i)_load(block, y, x);
$end    return sum;
}
