$for(b BLOCKS)    let block$(b) = id.z * $(BLOCKS)u + $(b)u;
$for(i NUMBERS)    let number$(b)_$(i) = vec4<f32>(weights[head + $(BLOCKS)u * ($(i)u + 1u) + $(b)u]);
$end$for(row ROWS)    if (y + $(row)u < output.y) {
        let value = activate(s$(b)_$(row)$for(i NUMBERS), number$(b)_$(i)$end);
        result_store(block$(b), y + $(row)u, x, value$for(_ ADD) + a$(ADDED)_load(block$(b), y + $(row)u, x)$end);
    }
$end$end}
