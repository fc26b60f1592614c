"""Pretraining of location encoders with torch; nothing outside this package imports torch.

The rooms, from the ground up; each imports only from floors below its own:

    distributed, settings       processes of a run; what a run is told, and the files it names
    images                      imagery, frozen features, their cache
    places                      places sampled or read, land masks, batches
    objectives, evaluation      the trainable encoder and what it is trained against; probes
    export, zoo                 model file, card, checkpoint; every encoding with every network
    run, inaturalist            one run from settings to model file; the iNaturalist task
    probe, fine                 linear probes as a command; encoders of two parts, field and smooth
"""
