    for (var block = $firstu; block < $lastu; block++) {
        let base = a_base(block);
        for (var k = 0u; k < K; k++) {
            // Wraps around left of the picture.
            let column = x + k - PAD;
            if (column < input.x) {
$sums            }
            n += $lengthu;
        }
    }
