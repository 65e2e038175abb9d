"""Event processing as a graph of algorithms: what oracle, engines and the model of a machine agree on."""
