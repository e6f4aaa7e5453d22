    for (var block = $(BEGIN)u; block < $(END)u; block++) {
