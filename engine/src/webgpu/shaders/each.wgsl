
@compute @workgroup_size(16, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (all(id.xy < result_size())) {
        result_store($(FIRST)u + id.z, id.y, id.x, value(id.z, id.y, id.x));
    }
}
