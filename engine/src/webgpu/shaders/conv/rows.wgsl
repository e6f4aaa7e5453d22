    // Wraps around above the image.
$for(row WINDOW)    let row$(row) = (y + $(row)u - $(PAD)u) * input.x;
    let mask$(row) = select(0u, 0xffffffffu, y + $(row)u - $(PAD)u < input.y);
$end
