
// For each BLOCKS blocks of output channels: biases, slopes, then what follows the order of the sums.
@group(0) @binding(1) var<storage, read> weights: array<vec4<T>>;

fn activate(z: vec4<f32>, slope: vec4<f32>) -> vec4<f32> {
    return $activation;
}

// A column of ROWS pixels of BLOCKS blocks: neighbours in x read and write neighbouring memory, and
// each pixel that a thread has read serves all the rows whose kernels reach it.
@compute @workgroup_size(16, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let x = id.x;
    let y = id.y * ROWS;
    let first = id.z * BLOCKS;
    let output = result_size();
    if (x >= output.x || y >= output.y) {
        return;
    }
    let input = a_size();
    let head = id.z * GROUP_LENGTH;
    var n = head + HEAD_LENGTH;
$begin$taps$end}
