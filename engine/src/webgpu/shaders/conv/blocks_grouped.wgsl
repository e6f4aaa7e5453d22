    // The input's blocks that the groups of these outputs lie in.
    let begin = id.z * $(OUTPUTS)u / $(GROUP_OUT)u * $(GROUP_IN)u / 4u;
    for (var block = begin; block < min(begin + $(SPAN)u, $(END)u); block++) {
