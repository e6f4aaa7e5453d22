        let base = a$(INPUT)_base(block);
        for (var k = 0u; k < $(K)u; k++) {
            // Wraps around left of the image and above it.
            let column = x + k * $(DILATION)u - $(PAD)u;
            for (var tap = 0u; tap < $(K)u; tap++) {
                let line = y + tap * $(DILATION)u - $(PAD)u;
                if (column < input.x) {
$for(row ROWS)                    let v$(row) = a$(INPUT)_at(
                        base + column + (line + $(row)u) * input.x,
                        select(0u, 0xffffffffu, line + $(row)u < input.y),
                    );
$end$for(_ HALF)$for(b BLOCKS)$for(row ROWS)                    var t$(b)_$(row) = vec4<T>();
$end$end$end$for(lane LANES)$for(b BLOCKS)                    {
                        let w = weights[n + $(lane)u * $(BLOCKS)u + $(b)u];
$for(row ROWS)                        $for(_ HALF)t$end$for(_ FULL)s$end$(b)_$(row) += w * v$(row)$for(_ DENSE)[$(lane)]$end;
$end                    }
$end$end$for(_ HALF)$for(b BLOCKS)$for(row ROWS)                    s$(b)_$(row) += vec4<f32>(t$(b)_$(row));
$end$end$end                }
                n += $(LANES)u * $(BLOCKS)u;
            }
        }
    }
