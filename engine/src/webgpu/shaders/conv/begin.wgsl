
// A thread computes ROWS pixels, one below the other, of BLOCKS blocks of output channels: neighbours in x
// read and write neighbouring memory, and a pixel that is read serves all rows whose kernels reach it.
@compute @workgroup_size(16, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let x = id.x;
    let y = id.y * $(ROWS)u;
    let output = result_size();
    if (x >= output.x || y >= output.y) {
        return;
    }
    let input = a0_size();
    // Biases, numbers of the activation, then the weights in the order of the sums.
    let head = id.z * $(LENGTH)u;
    var n = head + $(HEAD)u;
$for(b BLOCKS)$for(row ROWS)    var s$(b)_$(row) = vec4<f32>(weights[head + $(b)u]);
$end$end
