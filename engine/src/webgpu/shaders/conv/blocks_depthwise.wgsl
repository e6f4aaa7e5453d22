    for (var block = id.z; block <= id.z; block++) {
