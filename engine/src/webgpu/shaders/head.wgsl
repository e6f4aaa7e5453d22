$for(_ HALF)enable f16;
alias T = f16;
$end$for(_ FULL)alias T = f32;
$end// Width and height of the network's input.
@group(0) @binding(0) var<uniform> size: vec2<u32>;
$for(_ WEIGHTS)@group(0) @binding(1) var<storage, read> weights: array<vec4<T>>;
$end
