"""`ngtbench fpga`: its verbs, each a file of its own."""

VERBS = {
    "estimate": "Print what a network takes of a part, layer by layer, with bands and rules.",
    "verify": "Build circuits of a network, count their cells, and compare their outputs bit for bit.",
}
