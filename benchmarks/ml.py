"""Machine learning."""

from ngtbench.adapters.asv import door

JetMlp = door("ml/jet_mlp")
Deepsets = door("ml/deepsets")
Train = door("ml/train")
Infer = door("ml/infer")
ParticleNet = door("ml/particle_net")
TrackGnn = door("ml/track_gnn")
Loader = door("ml/loader")
Draw = door("ml/draw")
Part = door("ml/part")
InteractionNet = door("ml/interaction_net")
CaloAe = door("ml/calo_ae")
CaloVae = door("ml/calo_vae")
Tagger = door("ml/tagger")
CaloFlow = door("ml/calo_flow")
Gpt = door("ml/gpt")
