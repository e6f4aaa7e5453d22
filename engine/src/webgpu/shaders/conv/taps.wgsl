        let base = a$(INPUT)_base(block);
        for (var k = 0u; k < $(K)u; k++) {
            // Wraps around left of the image.
            let column = x + k - $(PAD)u;
            if (column < input.x) {
$for(row WINDOW)                let v$(row) = a$(INPUT)_at(base + column + row$(row), mask$(row));
$end$for(_ HALF)$for(b BLOCKS)$for(row ROWS)                var t$(b)_$(row) = vec4<T>();
$end$end$end$for(tap K)$for(lane LANES)$for(b BLOCKS)                {
                    let w = weights[n + ($(tap)u * $(LANES)u + $(lane)u) * $(BLOCKS)u + $(b)u];
$for(row ROWS)                    $for(_ HALF)t$end$for(_ FULL)s$end$(b)_$(row) += w * v$(row+tap)$for(_ DENSE)[$(lane)]$end;
$end                }
$end$end$end$for(_ HALF)$for(b BLOCKS)$for(row ROWS)                s$(b)_$(row) += vec4<f32>(t$(b)_$(row));
$end$end$end            }
            n += $(K)u * $(LANES)u * $(BLOCKS)u;
        }
    }
